//! The inputs over which networks are measured.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{SMALL_STUDY, cntflow, expect, write_chain, write_checkpoint};

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

#[test]
fn the_summary_says_how_many_networks_the_probe_does_not_reach() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    // The activation of these is not known, so the probe ends behind the first layer.
    for name in ["a", "b"] {
        let values = |n: usize| (0..n).map(|i| (i % 7) as f32 - 3.0).collect();
        write_checkpoint(
            &here.join(format!("zoo/{name}.safetensors")),
            &[
                ("fc1.weight", &[3, 784], values(3 * 784)),
                ("fc1.bias", &[3], values(3)),
                ("fc2.weight", &[2, 3], values(6)),
                ("fc2.bias", &[2], values(2)),
            ],
            &[],
        );
    }
    // This one takes no images of the probe.
    write_chain(&here.join("zoo/c.safetensors"), 1.0);
    let measure = ["measure", "zoo", "--probe", "mnist-6k:train:5"];
    let output = expect(0, here, &measure);
    let expected = "probe        of 3 networks, 2 have results over the probe for a part of their layers, \
                    and 1 have none; most often: data-dependent metrics were computed only up to some \
                    layer";
    assert!(output.stdout.contains(expected), "{output:?}");
    let gaps = expect(0, here, &[&measure[..], &["--json"]].concat()).json();
    assert_eq!(gaps["probe_gaps"]["in_part"], 2, "{gaps}");
    assert_eq!(gaps["probe_gaps"]["none"], 1, "{gaps}");
    // Without a probe there is nothing to say.
    let without = expect(0, here, &["measure", "zoo", "--out", "without"]);
    assert!(!without.stdout.contains("probe  "), "{without:?}");
}
