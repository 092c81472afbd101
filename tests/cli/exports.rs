//! `cntflow export`: the tables of a study as a few small files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cntflow_tables::scan_parquet;
use polars::prelude::{DataFrame, DataType, SortMultipleOptions};
use serde_json::Value;

use crate::support::{SMALL_STUDY, expect, files_below, table, write_chain};

/// A folder with the output of the small study and its shuffled twins in `runs/small`.
fn measured_folder(workers: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let study = format!("{SMALL_STUDY}twins = [\"shuffle\"]\n");
    std::fs::write(folder.path().join("study.toml"), study).unwrap();
    let arguments = ["run", "study.toml", "--workers", workers];
    expect(0, folder.path(), &arguments);
    folder
}

/// The rows of a table of an export or output folder, sorted by its key.
fn rows(out: &Path, name: &str) -> DataFrame {
    let folder = out.join("tables").join(name);
    let paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let key: &[&str] = if name.ends_with("layers") {
        &["checkpoint", "layer", "name", "metric"]
    } else {
        &["checkpoint"]
    };
    let sorted = scan_parquet(&paths)
        .unwrap()
        .sort(key.to_vec(), SortMultipleOptions::default());
    sorted.collect().unwrap()
}

fn manifest(export: &Path) -> Value {
    let text = std::fs::read_to_string(export.join("MANIFEST.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_export_has_every_number_of_the_study() {
    let folder = measured_folder("2");
    let here = folder.path();
    expect(0, here, &["export", "runs/small", "--to", "export"]);
    let (study, export) = (here.join("runs/small"), here.join("export"));
    for name in ["layers", "twins/shuffle/layers"] {
        let (left, right) = (rows(&study, name), rows(&export, name));
        assert!(left.height() > 500 && left.equals_missing(&right), "{name}");
    }
    assert!(table(&study, "networks").equals_missing(&table(&export, "networks")));
    let seconds = rows(&export, "networks").column("seconds").unwrap().clone();
    assert_eq!(seconds.null_count(), seconds.len());
    let catalog = scan_parquet(&[export.join("catalog.parquet")]).unwrap();
    let catalog = catalog.collect().unwrap();
    let paths = catalog.column("path").unwrap().str().unwrap().clone();
    assert!(
        paths
            .iter()
            .all(|path| path.unwrap().starts_with("checkpoints/"))
    );
    let sql = "SELECT count(*) AS n FROM layers_shuffle";
    let counted = expect(0, here, &["query", "export", sql, "--format", "json"]).json();
    assert_eq!(
        counted[0]["n"],
        rows(&study, "twins/shuffle/layers").height()
    );
}

#[test]
fn an_export_has_the_same_bytes_whoever_made_the_tables() {
    let exports: Vec<BTreeMap<PathBuf, Vec<u8>>> = ["1", "3"]
        .iter()
        .map(|workers| {
            let folder = measured_folder(workers);
            let here = folder.path();
            let arguments = [
                "export",
                "runs/small",
                "--to",
                "out",
                "--last",
                "--digits",
                "4",
            ];
            expect(0, here, &arguments);
            let files = files_below(&here.join("out"));
            let machine = here.to_string_lossy().into_owned();
            for (path, bytes) in &files {
                let text = String::from_utf8_lossy(bytes);
                assert!(!text.contains(&machine), "{}", path.display());
            }
            files
        })
        .collect();
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&exports[0]), names(&exports[1]));
    for (path, bytes) in &exports[0] {
        assert!(*bytes == exports[1][path], "{} differs", path.display());
    }
}

#[test]
fn the_manifest_names_every_file_with_its_digest() {
    let folder = measured_folder("2");
    let here = folder.path();
    let arguments = [
        "export",
        "runs/small",
        "--to",
        "out",
        "--last",
        "--digits",
        "3",
    ];
    expect(0, here, &arguments);
    let manifest = manifest(&here.join("out"));
    let mut files = files_below(&here.join("out"));
    files.remove(Path::new("MANIFEST.json")).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.len(), "{manifest}");
    for file in listed {
        let bytes = &files[Path::new(file["path"].as_str().unwrap())];
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["blake3"], blake3::hash(bytes).to_hex().as_str());
    }
    let command = "cntflow export runs/small --to out --last --digits 3";
    assert_eq!(manifest["command"], command);
    assert_eq!(manifest["study"], "small");
    assert_eq!(manifest["significant_bits"], 8);
    assert_eq!(manifest["n_networks"], 12);
    assert_eq!(manifest["source_tables"].as_array().unwrap().len(), 4);
}

#[test]
fn statistics_are_rounded_and_labels_are_not() {
    let folder = measured_folder("2");
    let here = folder.path();
    let arguments = ["export", "runs/small", "--to", "out", "--digits", "3"];
    expect(0, here, &arguments);
    let (study, export) = (here.join("runs/small"), here.join("out"));
    assert!(table(&study, "networks").equals_missing(&table(&export, "networks")));
    let (exact, rounded) = (rows(&study, "layers"), rows(&export, "layers"));
    let mut n_changed = 0;
    for column in exact.columns() {
        let other = rounded.column(column.name()).unwrap();
        if *column.dtype() != DataType::Float64 {
            assert!(column.equals_missing(other), "{}", column.name());
            continue;
        }
        let pairs = column
            .f64()
            .unwrap()
            .iter()
            .zip(other.f64().unwrap().iter());
        for (exact, rounded) in pairs {
            assert_eq!(exact.is_some(), rounded.is_some(), "{}", column.name());
            let (exact, rounded) = (exact.unwrap_or(0.0), rounded.unwrap_or(0.0));
            assert!(
                (exact - rounded).abs() <= 5e-3 * exact.abs(),
                "{exact} {rounded}"
            );
            n_changed += usize::from(exact != rounded);
        }
    }
    assert!(n_changed > 1_000, "{n_changed}");
}

#[test]
fn an_unfinished_study_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("study.toml"), SMALL_STUDY).unwrap();
    expect(0, here, &["train", "study.toml"]);
    let arguments = ["export", "runs/small", "--to", "out"];
    let refused = expect(1, here, &arguments);
    assert!(
        refused
            .stderr
            .contains("0 of its trained checkpoints are measured, 36 are not"),
        "{refused:?}"
    );
    assert!(!here.join("out").exists());
    expect(0, here, &["run", "study.toml"]);
    expect(0, here, &arguments);
}

#[test]
fn last_exports_one_checkpoint_of_each_run() {
    let folder = measured_folder("2");
    let here = folder.path();
    expect(0, here, &["export", "runs/small", "--to", "out", "--last"]);
    for name in ["networks", "twins/shuffle/networks"] {
        let networks = rows(&here.join("out"), name);
        assert_eq!(networks.height(), 12, "{name}");
        let steps = networks.column("step").unwrap().i64().unwrap().clone();
        assert!(steps.iter().all(|step| step == Some(2)), "{name}");
    }
    let layers = rows(&here.join("out"), "layers");
    assert_eq!(
        3 * layers.height(),
        rows(&here.join("runs/small"), "layers").height()
    );
}

#[test]
fn some_runs_are_exported_with_all_of_their_checkpoints() {
    let folder = measured_folder("1");
    let here = folder.path();
    let runs_of = |out: &str| -> BTreeSet<String> {
        let networks = rows(&here.join(out), "networks");
        let runs = networks.column("run").unwrap().str().unwrap();
        runs.iter().flatten().map(str::to_owned).collect()
    };
    let all: Vec<String> = runs_of("runs/small").into_iter().collect();
    let n_checkpoints = rows(&here.join("runs/small"), "networks").height() / all.len();
    let export = ["export", "runs/small", "--to", "export", "--runs"];
    expect(0, here, &[&export[..], &["3"]].concat());
    let third = all.len() / 3;
    let expected = [0, third, 2 * third].map(|index| all[index].clone());
    assert_eq!(runs_of("export"), BTreeSet::from(expected));
    let exported = rows(&here.join("export"), "networks");
    assert_eq!(exported.height(), 3 * n_checkpoints);
    assert!(
        manifest(&here.join("export"))["command"]
            .as_str()
            .unwrap()
            .ends_with("--runs 3")
    );
    let refused = expect(1, here, &[&export[..], &["9999", "--fresh"]].concat());
    let message = format!("--runs 9999: the study has {} runs", all.len());
    assert!(refused.stderr.contains(&message), "{refused:?}");
}

#[test]
fn nothing_but_an_earlier_export_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/a.safetensors"), 1.0);
    expect(0, here, &["measure", "zoo", "--out", "measured"]);
    std::fs::create_dir(here.join("mine")).unwrap();
    std::fs::write(here.join("mine/notes.txt"), "mine").unwrap();
    let export = |code: i32, from: &str, to: &str, fresh: bool| {
        let arguments = ["export", from, "--to", to, "--fresh"];
        expect(code, here, &arguments[..if fresh { 5 } else { 4 }])
    };
    export(0, "measured", "out", false);
    export(1, "measured", "out", false);
    export(0, "measured", "out", true);
    for to in ["mine", "measured"] {
        let before = files_below(&here.join(to));
        let refused = export(2, "measured", to, true);
        assert!(
            refused.stderr.contains("Nothing was changed")
                || refused.stderr.contains("nothing was changed"),
            "{refused:?}"
        );
        assert!(before == files_below(&here.join(to)), "{to}");
    }
    let refused = export(2, "out", "again", false);
    assert!(refused.stderr.contains("an export"), "{refused:?}");
    export(1, "zoo", "again", false);
    // An export is never written to by other commands.
    let before = files_below(&here.join("out"));
    let refused = expect(2, here, &["measure", "zoo", "--out", "out", "--fresh"]);
    assert!(refused.stderr.contains("an export"), "{refused:?}");
    assert!(before == files_below(&here.join("out")));
}

#[test]
fn a_study_whose_twins_are_not_measured_yet_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/a.safetensors"), 1.0);
    expect(
        0,
        here,
        &["measure", "zoo", "--out", "out", "--twin", "shuffle"],
    );
    write_chain(&here.join("zoo/b.safetensors"), 2.0);
    expect(0, here, &["measure", "zoo", "--out", "out"]);
    let refused = expect(1, here, &["export", "out", "--to", "export"]);
    let expected = "twin shuffle has 1 checkpoints, the study 2";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    assert!(!here.join("export").exists());
}
