//! Checkpoints that were made from others: the column `parent`.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{expect, table, write_checkpoint};

/// The answer of `cntflow query` as JSON.
#[track_caller]
fn query(here: &Path, out: &str, sql: &str) -> Value {
    expect(0, here, &["query", out, sql, "--format", "json"]).json()
}

/// Two dense layers, 2-2-1, with names behind a prefix.
fn write_tuned(path: &Path, kernel: [f32; 4], last: &str) {
    let last = format!("{last}.weight");
    let tensors: [(&str, &[usize], Vec<f32>); 3] = [
        ("fc1.weight", &[2, 2], kernel.to_vec()),
        ("fc1.bias", &[2], vec![0.0, 1.0]),
        (&last, &[1, 2], vec![1.0, 1.0]),
    ];
    write_checkpoint(path, &tensors, &[]);
}

/// A folder with a base and two that were made from it, and a catalog of all.
fn sweep() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_tuned(
        &here.join("zoo/base.safetensors"),
        [1.0, 2.0, 2.0, 4.0],
        "fc2",
    );
    write_tuned(&here.join("zoo/a.safetensors"), [1.0, 2.0, 2.0, 9.0], "fc2");
    write_tuned(&here.join("zoo/b.safetensors"), [1.0, 2.0, 2.0, 4.0], "fc2");
    let catalog = "path,checkpoint,parent,seed\n\
                   zoo/base.safetensors,base,,0\n\
                   zoo/a.safetensors,a,zoo/base.safetensors,1\n\
                   zoo/b.safetensors,b,base,2\n";
    std::fs::write(here.join("catalog.csv"), catalog).unwrap();
    folder
}

const NETWORKS: &str =
    "SELECT checkpoint, parent, status, reason FROM networks ORDER BY checkpoint";

#[test]
fn a_catalog_names_parents_by_name_or_path_and_labels_stay_labels() {
    let folder = sweep();
    let here = folder.path();
    let listed = expect(0, here, &["catalog", "catalog.csv", "--json"]).json();
    assert_eq!(listed["checkpoints"][0]["parent"], "base", "{listed:#}");
    let text = expect(0, here, &["catalog", "catalog.csv"]).stdout;
    assert!(text.lines().next().unwrap().contains("parent"), "{text}");
    expect(0, here, &["measure", "catalog.csv", "--out", "out"]);
    let parents: Vec<Value> = query(here, "out", NETWORKS)
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["parent"].clone())
        .collect();
    assert_eq!(parents, [json!("base"), json!("base"), Value::Null]);
    let of_seed = query(
        here,
        "out",
        "SELECT count(*) AS n FROM networks WHERE seed > 0",
    );
    assert_eq!(of_seed[0]["n"], 2);
}

#[test]
fn a_parent_changes_no_other_column_and_no_row_without_against() {
    let folder = sweep();
    let here = folder.path();
    let without = std::fs::read_to_string(here.join("catalog.csv")).unwrap();
    let without = without
        .replace(",parent,", ",")
        .replace("base,,0", "base,0")
        .replace("a,zoo/base.safetensors,1", "a,1")
        .replace("b,base,2", "b,2");
    std::fs::write(here.join("plain.csv"), without).unwrap();
    for (catalog, out) in [("catalog.csv", "with"), ("plain.csv", "without")] {
        expect(
            0,
            here,
            &["measure", catalog, "--out", out, "--neurons", "full"],
        );
    }
    for name in ["layers", "neurons", "coverage"] {
        let [a, b] = ["with", "without"].map(|out| table(&here.join(out), name));
        assert!(a.equals_missing(&b), "{name}");
    }
    let [a, b] = ["with", "without"].map(|out| {
        let networks = table(&here.join(out), "networks");
        networks.drop("parent").unwrap()
    });
    assert!(a.equals_missing(&b), "{a:?} {b:?}");
}
