//! Checkpoints that were made from others: the column `parent`, and metrics against it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{assert_same_tables, expect, table, write_chain, write_checkpoint};

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

const CHANGES: &str = "SELECT checkpoint, layer, name, metric, count, mean, max FROM layers \
                       WHERE metric IN ('weights_change', 'relative_change', 'strength_change') \
                       ORDER BY checkpoint, layer, name, metric";

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

#[test]
fn metadata_and_folders_of_hugging_face_name_parents() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let write = |model: &str, file: &str, text: &str| {
        let folder = here.join("hub").join(model);
        std::fs::create_dir_all(&folder).unwrap();
        write_chain(&folder.join("model.safetensors"), 1.0);
        std::fs::write(folder.join(file), text).unwrap();
    };
    write(
        "base",
        "config.json",
        r#"{"_name_or_path": "org/base", "depth": 2}"#,
    );
    write("by-path", "config.json", r#"{"_name_or_path": "../base"}"#);
    write("by-card", "README.md", "---\nbase_model: hub/base\n---\n");
    write(
        "by-adapter",
        "adapter_config.json",
        r#"{"base_model_name_or_path": "org/other"}"#,
    );
    write("by-labels", "config.json", r#"{"_name_or_path": "."}"#);
    std::fs::write(
        here.join("labels.csv"),
        "path,parent\nhub/by-labels/model.safetensors,hub/base/model.safetensors\n",
    )
    .unwrap();
    let arguments = ["measure", "hub", "--metadata", "labels.csv", "--out", "out"];
    expect(
        0,
        here,
        &[&arguments[..], &["--against", "parent"]].concat(),
    );
    let rows = query(here, "out", NETWORKS);
    let base = json!("hub/base/model.safetensors");
    let expected = [
        ("base", Value::Null, true),
        ("by-adapter", json!("org/other"), false),
        ("by-card", base.clone(), true),
        ("by-labels", base.clone(), true),
        ("by-path", base, true),
    ];
    for (row, (model, parent, is_there)) in rows.as_array().unwrap().iter().zip(expected) {
        assert_eq!(row["checkpoint"], format!("hub/{model}/model.safetensors"));
        assert_eq!(
            (&row["parent"], &row["status"]),
            (&parent, &json!("ok")),
            "{row}"
        );
        let reason = row["reason"].as_str().unwrap_or_default();
        assert_eq!(
            reason.contains("not compared with its parent"),
            !is_there,
            "{row}"
        );
    }
    let sql = "SELECT count(*) AS n FROM layers WHERE metric = 'relative_change' AND mean = 0";
    assert_eq!(
        query(here, "out", sql)[0]["n"],
        6,
        "three models of two layers"
    );
}

#[test]
fn changes_against_the_parent_are_those_worked_by_hand_with_any_number_of_workers() {
    let folder = sweep();
    let here = folder.path();
    for (workers, out) in [("1", "one"), ("2", "two")] {
        let arguments = ["measure", "catalog.csv", "--neurons", "full", "--out", out];
        let options = ["--against", "parent", "--workers", workers];
        expect(0, here, &[&arguments[..], &options].concat());
    }
    assert_same_tables(&here.join("one"), &here.join("two"));
    let rows = query(here, "one", CHANGES);
    let rows: Vec<&Value> = rows.as_array().unwrap().iter().collect();
    // 2 kernels with two metrics each, and 3 layers of neurons; the base has no parent.
    assert_eq!(rows.len(), 2 * 7);
    let mean = |checkpoint: &str, layer: u32, metric: &str| -> f64 {
        let mut rows = rows.iter();
        let row = rows.find(|row| {
            row["checkpoint"] == checkpoint && row["layer"] == layer && row["metric"] == metric
        });
        row.unwrap()["mean"].as_f64().unwrap()
    };
    assert_eq!(mean("a", 1, "weights_change"), 1.25);
    assert_eq!(mean("a", 1, "relative_change"), 1.0);
    assert_eq!(mean("a", 1, "strength_change"), 2.5);
    assert_eq!(mean("a", 0, "strength_change"), 2.5);
    assert_eq!(mean("a", 2, "relative_change"), 0.0);
    assert_eq!(mean("b", 1, "relative_change"), 0.0);
    // The other rows are those that there are without.
    expect(
        0,
        here,
        &[
            "measure",
            "catalog.csv",
            "--neurons",
            "full",
            "--out",
            "plain",
        ],
    );
    let sql = "SELECT * FROM layers WHERE metric NOT LIKE '%\\_change' \
               ORDER BY checkpoint, layer, name, metric";
    let sql = sql.replace("'%\\_change'", "'%_change'");
    assert_eq!(query(here, "one", &sql), query(here, "plain", &sql));
}

#[test]
fn what_cannot_be_compared_is_a_reason_and_no_failure() {
    let folder = sweep();
    let here = folder.path();
    write_tuned(
        &here.join("zoo/c.safetensors"),
        [1.0, 2.0, 2.0, 4.0],
        "head",
    );
    write_tuned(&here.join("zoo/outside.safetensors"), [0.0; 4], "fc2");
    std::fs::write(here.join("zoo/broken.safetensors"), b"{}").unwrap();
    std::fs::create_dir(here.join("zoo/empty")).unwrap();
    let catalog = "path,checkpoint,parent\n\
                   zoo/a.safetensors,gone,zoo/nothing.pt\n\
                   zoo/a.safetensors,broken,zoo/broken.safetensors\n\
                   zoo/a.safetensors,empty,zoo/empty\n\
                   zoo/c.safetensors,head,zoo/base.safetensors\n\
                   zoo/a.safetensors,zeros,zoo/outside.safetensors\n";
    std::fs::write(here.join("catalog.csv"), catalog).unwrap();
    let arguments = [
        "measure",
        "catalog.csv",
        "--against",
        "parent",
        "--out",
        "out",
    ];
    expect(0, here, &arguments);
    let rows = query(here, "out", NETWORKS);
    let expected = [
        ("broken", "broken.safetensors"),
        ("empty", "zoo/empty: not a file with weights"),
        ("gone", "zoo/nothing.pt"),
        (
            "head",
            "1 of 2 layers with a kernel, which it does not have in the same shape: head",
        ),
        ("zeros", ""),
    ];
    for (row, (checkpoint, reason)) in rows.as_array().unwrap().iter().zip(expected) {
        assert_eq!(
            (&row["checkpoint"], &row["status"]),
            (&json!(checkpoint), &json!("ok"))
        );
        let text = row["reason"].as_str().unwrap_or_default();
        assert!(
            text.contains(reason) && text.is_empty() == reason.is_empty(),
            "{row}"
        );
    }
    let changes = query(here, "out", CHANGES);
    let of = |checkpoint: &str| {
        let rows = changes.as_array().unwrap().iter();
        rows.filter(|row| row["checkpoint"] == checkpoint).count()
    };
    assert_eq!(
        [of("broken"), of("gone"), of("head"), of("zeros")],
        [0, 0, 4, 7]
    );
}

#[test]
fn networks_that_are_known_in_parts_are_compared_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let write = |name: &str, prefix: &str, last: f32| {
        let names = [format!("{prefix}a.weight"), format!("{prefix}b.weight")];
        let tensors: [(&str, &[usize], Vec<f32>); 2] = [
            (&names[0], &[3, 2], vec![1.0; 6]),
            (&names[1], &[1, 2], vec![3.0, last]),
        ];
        write_checkpoint(&here.join(name), &tensors, &[]);
    };
    write("base.safetensors", "module.", 4.0);
    write("tuned.safetensors", "", 9.0);
    let catalog = "path,parent\ntuned.safetensors,base.safetensors\n";
    std::fs::write(here.join("catalog.csv"), catalog).unwrap();
    let arguments = [
        "measure",
        "catalog.csv",
        "--against",
        "parent",
        "--out",
        "out",
    ];
    expect(0, here, &arguments);
    let sql = "SELECT name, mean FROM layers WHERE metric = 'relative_change' ORDER BY layer";
    let expected = json!([{"name": "a", "mean": 0.0}, {"name": "b", "mean": 1.0}]);
    assert_eq!(query(here, "out", sql), expected);
}

#[test]
fn what_is_compared_is_part_of_a_study() {
    let folder = sweep();
    let here = folder.path();
    let arguments = ["measure", "catalog.csv", "--metrics", "relative_change"];
    let output = expect(2, here, &arguments);
    assert!(output.stderr.contains("add --against parent"), "{output:?}");
    expect(0, here, &["measure", "catalog.csv", "--out", "out"]);
    let arguments = [
        "measure",
        "catalog.csv",
        "--against",
        "parent",
        "--out",
        "out",
    ];
    let output = expect(2, here, &arguments);
    assert!(output.stderr.contains("weights_change"), "{output:?}");
    let study = "[study]\nname = \"lineage\"\n[measure]\nsources = [\"catalog.csv\"]\n\
                 against = \"parent\"\nmetrics = [\"kernel_weights\", \"relative_change\"]\n";
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml", "--progress", "none"]);
    let sql = "SELECT DISTINCT metric FROM layers ORDER BY metric";
    let metrics = query(here, "runs/lineage", sql);
    assert_eq!(
        metrics,
        json!([{"metric": "kernel_weights"}, {"metric": "relative_change"}])
    );
}

#[test]
fn a_watched_child_is_measured_again_when_its_parent_changes() {
    let folder = sweep();
    let here = folder.path();
    let watch = [
        "watch",
        "catalog.csv",
        "--against",
        "parent",
        "--once",
        "--quiet",
        "0",
        "--out",
        "out",
    ];
    expect(0, here, &watch);
    let sql = "SELECT mean FROM layers WHERE checkpoint = 'a' AND layer = 1 \
               AND metric = 'relative_change'";
    assert_eq!(query(here, "out", sql)[0]["mean"], 1.0);
    let again = expect(0, here, &watch);
    assert!(!again.stdout.contains("\"a\""), "{again:?}");
    write_tuned(
        &here.join("zoo/base.safetensors"),
        [1.0, 2.0, 2.0, 9.0],
        "fc2",
    );
    expect(0, here, &watch);
    assert_eq!(query(here, "out", sql)[0]["mean"], 0.0);
    // A corrected parent is a corrected row.
    let catalog = std::fs::read_to_string(here.join("catalog.csv")).unwrap();
    std::fs::write(
        here.join("catalog.csv"),
        catalog.replace("b,base,2", "b,a,2"),
    )
    .unwrap();
    expect(0, here, &watch);
    let sql = "SELECT parent FROM networks WHERE checkpoint = 'b'";
    assert_eq!(query(here, "out", sql)[0]["parent"], "a");
}

#[test]
fn twins_have_no_parent() {
    let folder = sweep();
    let here = folder.path();
    let arguments = [
        "measure",
        "catalog.csv",
        "--against",
        "parent",
        "--out",
        "out",
    ];
    expect(0, here, &[&arguments[..], &["--twin", "shuffle"]].concat());
    let sql = "SELECT count(*) AS n FROM layers_shuffle WHERE metric LIKE '%change'";
    assert_eq!(query(here, "out", sql)[0]["n"], 0);
}
