//! Reading catalog files: all forms alike, and errors that name the line and the column.

use std::io::Write;
use std::path::Path;

use cntflow_catalog::{Label, read_catalog, write_catalog};
use cntflow_storage::FullMessage;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

#[test]
fn catalogs_of_every_form_are_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "path,run,step,seed,rate,name\nx/a.pt,007,3,1,0.5,relu\n/abs/b.pt,8,4,2,,true\ns3://b//c.pt,9,0,,,\n";
    let lines = concat!(
        r#"{"path": "x/a.pt", "run": "007", "step": 3, "seed": 1, "rate": 0.5, "name": "relu"}"#,
        "\n\n",
        r#"{"path": "/abs/b.pt", "run": 8, "step": 4, "seed": 2, "name": true}"#,
        "\n",
        r#"{"path": "s3://b//c.pt", "run": 9, "rate": null}"#,
    );
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let entries = read_catalog(&path).unwrap();
        entries.into_catalog().unwrap().into_entries()
    };
    let entries = write("a.csv", csv.as_bytes());
    let [absolute, relative, object] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(relative.location.path, folder.path().join("x/a.pt"));
    assert_eq!(absolute.location.path, Path::new("/abs/b.pt"));
    assert_eq!(object.location.url(), Some("s3://b//c.pt"));
    assert_eq!((relative.run.as_str(), relative.step), ("007", 3));
    assert_eq!(relative.labels["rate"], Label::Real(0.5));
    assert_eq!(absolute.labels.len(), 2);
    assert_eq!(write("a.csv.gz", &gzip(csv.as_bytes())), entries);
    assert_eq!(write("a.jsonl", lines.as_bytes()), entries);
    assert_eq!(write("a.jsonl.gz", &gzip(lines.as_bytes())), entries);
    let catalog = cntflow_catalog::Catalog::new(entries.clone()).unwrap();
    let path = folder.path().join("a.parquet");
    write_catalog(&path, &catalog).unwrap();
    let read = read_catalog(&path).unwrap();
    let mut read = read.into_catalog().unwrap().into_entries();
    for entry in &mut read {
        // A column has one type.
        entry.labels.remove("name");
    }
    let mut expected = catalog.into_entries();
    for entry in &mut expected {
        entry.labels.remove("name");
    }
    assert_eq!(read, expected);
}

#[test]
fn broken_rows_name_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &str, expected: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let text = read_catalog(&path).unwrap_err().full_message();
        for part in expected.iter().chain([&name]) {
            assert!(text.contains(part), "{text}");
        }
    };
    check(
        "a.csv",
        "path,step\na,1\nb,x\n",
        &["line 3", "'step' must hold a whole number, but holds 'x'"],
    );
    check(
        "a.csv",
        "run,step\na,1\n",
        &["line 2", "'path' is empty or missing"],
    );
    check("a.csv", "path,step\na,1,2\n", &["line: 2"]);
    check(
        "a.csv",
        "path,step,step\na,1,2\n",
        &["column 'step' is there twice"],
    );
    check(
        "a.csv",
        "path,row\na,-1\n",
        &["line 2", "'row' is negative"],
    );
    check(
        "a.jsonl",
        "{\"path\": \"a\"}\n{\"path\": \n",
        &["line 2", "no JSON"],
    );
    check("a.jsonl", "[1]\n", &["line 1", "no JSON object"]);
    check("a.parquet", "PAR1", &[]);
}
