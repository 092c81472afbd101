//! The table reference of the documentation.

use std::path::PathBuf;

use cntflow_tables::schema::reference_page;

fn page() -> PathBuf {
    PathBuf::from("../../docs/src/tables.md")
}

#[test]
fn the_table_reference_is_made_from_the_declared_columns() {
    let committed = fs_err::read_to_string(page()).unwrap();
    assert!(
        committed == reference_page(),
        "docs/src/tables.md differs from the declared columns; to write it anew: cargo test -p cntflow-tables --test it -- --ignored write_table_reference"
    );
}

#[test]
#[ignore = "writes docs/src/tables.md"]
fn write_table_reference() {
    fs_err::create_dir_all(page().parent().unwrap()).unwrap();
    fs_err::write(page(), reference_page()).unwrap();
}
