//! The table reference of the documentation, made from the declared columns.

use std::fmt::Write;

use super::{Column, LABELS};
use crate::table::{SCHEMA_VERSION, Table};

const INTRODUCTION: &str = "\
# Table reference

<!-- Made from the declarations in crates/cntflow-tables/src/schema. Do not edit: run
     cargo test -p cntflow-tables --test it -- --ignored write_table_reference -->

The tables are Parquet files in `<output folder>/tables/<table>/`. `cntflow query FOLDER --schema` prints this reference, `cntflow query
FOLDER \"SELECT ...\"` reads them. Every column may be null. A number that is not defined is null, not NaN; only label columns may have
NaN, where the catalog has it.
";

const LABELS_NOTE: &str = "\
`<labels>` stands for the label columns of the catalog: as many as it has, under the names that it gives them.
";

/// The chapter `docs/src/tables.md`, in Markdown.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing into a String cannot fail.
    let _ = writeln!(
        page,
        "Each file has the table's name and the schema version, {SCHEMA_VERSION}, in its metadata (`cntflow.table`, `cntflow.schema`)."
    );
    for table in Table::ALL.into_iter().chain(Table::OF_EXPERIMENT) {
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n\n",
            table.name(),
            table.row_meaning()
        );
        page.push_str("| column | type | unit | meaning |\n|---|---|---|---|\n");
        for column in table.columns() {
            page.push_str(&line(column));
        }
        if table.columns().iter().any(|column| column.name == LABELS) {
            page.push('\n');
            page.push_str(LABELS_NOTE);
        }
    }
    page
}

fn line(column: &Column) -> String {
    let unit = column.unit.unwrap_or_default();
    format!(
        "| `{}` | `{}` | {unit} | {} |\n",
        column.name, column.data_type, column.doc
    )
}
