//! The inputs over which networks are measured.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{SMALL_STUDY, cntflow, expect};

/// Accuracy over the probe of the networks that were trained on `dataset`, by checkpoint.
#[track_caller]
fn probe_accuracies(here: &Path, out: &str, dataset: &str) -> Value {
    let sql = format!(
        "SELECT l.checkpoint AS checkpoint, l.mean AS accuracy
         FROM layers AS l JOIN networks AS n ON l.checkpoint = n.checkpoint
         WHERE l.metric = 'probe_correct' AND n.dataset = '{dataset}' ORDER BY l.checkpoint"
    );
    expect(0, here, &["query", out, &sql, "--format", "json"]).json()
}

#[test]
fn the_probe_own_measures_each_network_over_its_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let both = SMALL_STUDY.replace(
        r#"dataset = "mnist-6k""#,
        r#"dataset = ["mnist-6k", "fashion-mnist-6k"]"#,
    );
    for name in ["own", "mnist-6k", "fashion-mnist-6k"] {
        let probe = format!(r#"probe = "{name}:train:50""#);
        let study = both.replace(r#"probe = "mnist-6k:train:50""#, &probe);
        std::fs::write(here.join("s.toml"), study).unwrap();
        expect(0, here, &["run", "s.toml", "--out", name]);
    }
    for (dataset, other) in [
        ("mnist-6k", "fashion-mnist-6k"),
        ("fashion-mnist-6k", "mnist-6k"),
    ] {
        let own = probe_accuracies(here, "own", dataset);
        assert_ne!(own, json!([]), "{dataset}");
        assert_eq!(own, probe_accuracies(here, dataset, dataset), "{dataset}");
        assert_ne!(own, probe_accuracies(here, other, dataset), "{dataset}");
    }
}

#[test]
fn the_probe_own_needs_a_population() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    let output = cntflow(here, &["measure", "zoo", "--probe", "own"]);
    assert_eq!(output.code, Some(2));
    assert!(
        output.stderr.contains("probe 'own' needs a [population]"),
        "{}",
        output.stderr
    );
}
