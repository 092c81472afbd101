//! Populations by accuracy bins: the tables `densities` and `divergences`, and the layers of one
//! network.

use std::path::Path;

use cntflow_tables::scan_parquet;
use polars::prelude::{DataFrame, SortMultipleOptions};

use crate::support::{
    SMALL_STUDY, expect, parts, start, study_folder, wait_until, write_chain, write_checkpoint,
};

/// The small study with populations in wide bins.
fn study_with_populations(here: &Path, section: &str) {
    let study = format!("{SMALL_STUDY}\n[populations]\n{section}\n");
    std::fs::write(here.join("study.toml"), study).unwrap();
}

/// A table of a single part, sorted by its key.
fn sorted_table(out: &Path, name: &str) -> DataFrame {
    let paths = parts(out, name);
    assert_eq!(paths.len(), 1, "{name} in {}", out.display());
    let mut keys = vec!["architecture", "layer", "name", "metric"];
    keys.extend(match name {
        "densities" => ["bin", "point"],
        _ => ["bin_a", "bin_b"],
    });
    let scan = scan_parquet(&paths).unwrap();
    let sorted = scan.sort(keys, SortMultipleOptions::default());
    sorted.collect().unwrap()
}

#[track_caller]
fn assert_same(a: &Path, b: &Path) {
    for name in ["densities", "divergences"] {
        let (left, right) = (sorted_table(a, name), sorted_table(b, name));
        assert!(left.height() > 0, "{name} is empty");
        assert!(
            left.equals_missing(&right),
            "{name} differs:\n{left:?}\n{right:?}"
        );
        let bytes = [a, b].map(|out| std::fs::read(&parts(out, name)[0]).unwrap());
        assert!(bytes[0] == bytes[1], "{name}: same rows, other bytes");
    }
}

#[test]
fn a_study_with_populations_writes_both_tables() {
    let folder = study_folder();
    let here = folder.path();
    study_with_populations(here, "width = 0.25\ncheckpoints = 'all'\nmin_runs = 1");
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let made = &output["populations"];
    assert_eq!(
        (&made["networks"], &made["without_label"]),
        (&36.into(), &0.into()),
        "{output}"
    );
    // Two shapes, with 3 and 4 layers of neurons. Every layer has node strengths; every layer but
    // the first has link weights, neuron strengths and activations.
    assert_eq!(made["groups"], 3 + 2 * 3 + 4 + 3 * 3, "{output}");

    let sql = "SELECT d.architecture, d.bin, max(d.count) AS values, sum(d.density) * (max(d.x) - min(d.x)) / 999 AS mass \
               FROM densities d WHERE metric = 'link_weights' AND layer = 1 GROUP BY d.architecture, d.bin";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    for row in rows.as_array().unwrap() {
        let mass = row["mass"].as_f64().unwrap();
        assert!((0.9..1.01).contains(&mass), "{row}");
    }
    let sql = "SELECT count(*) AS n FROM divergences WHERE jensen_shannon < 0 OR jensen_shannon > 1 OR wasserstein < 0";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    assert_eq!(rows[0]["n"], 0);
    // Networks that are stored together cannot change places.
    assert_eq!(made["pairs_tested"], 0, "{output}");
    let sql = "SELECT DISTINCT p_value, null_mean, null_reason FROM divergences";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    assert!(rows[0]["p_value"].is_null() && rows[0]["null_mean"].is_null());
    let reason = rows[0]["null_reason"].as_str().unwrap();
    assert!(reason.contains("stored together"), "{rows}");
    let sql = "SELECT sum(n_networks) AS n FROM (SELECT DISTINCT architecture, bin, n_networks FROM densities \
               WHERE metric = 'link_weights' AND layer = 1)";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    assert_eq!(rows[0]["n"], 36, "every network is in one bin");
    let hidden = expect(
        2,
        here,
        &["query", "runs/small", "SELECT * FROM populations"],
    );
    assert!(
        hidden.stderr.contains("densities, divergences"),
        "{hidden:?}"
    );
}

#[test]
fn one_worker_two_workers_and_a_killed_run_give_the_same_populations() {
    let folder = study_folder();
    let here = folder.path();
    study_with_populations(here, "width = 0.1");
    let study = std::fs::read_to_string(here.join("study.toml")).unwrap();
    let longer = study
        .replace("runs = 12", "runs = 30")
        .replace("epochs = 2", "epochs = 12")
        .replace("training_fraction = 0.05", "training_fraction = 1.0");
    std::fs::write(here.join("study.toml"), longer).unwrap();
    let run = ["run", "study.toml", "--progress", "none"];
    expect(
        0,
        here,
        &[&run[..], &["--out", "one", "--workers", "1"]].concat(),
    );
    expect(
        0,
        here,
        &[&run[..], &["--out", "two", "--workers", "2"]].concat(),
    );
    assert_same(&here.join("one"), &here.join("two"));

    let slow = ["--out", "killed", "--workers", "1", "--commit-every", "1"];
    let mut child = start(here, &[&run[..], &slow].concat());
    let killed = here.join("killed");
    // The first batches may have no checkpoint that is the last of its run.
    wait_until("a first commit", || {
        let written = ["networks", "populations"].map(|table| parts(&killed, table));
        written.iter().all(|parts| !parts.is_empty())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!parts(&killed, "populations").is_empty());
    std::fs::write(
        killed.join("tables/populations/uncommitted.parquet"),
        "half",
    )
    .unwrap();
    let output = expect(0, here, &[&run[..], &slow, &["--json"]].concat()).json();
    assert!(
        output["checkpoints"]["resumed"].as_u64().unwrap() > 0,
        "{output}"
    );
    assert_same(&here.join("one"), &killed);
}

#[test]
fn each_text_is_a_population_of_all_shapes() {
    let folder = study_folder();
    let here = folder.path();
    let section = "label = 'activation'\nshapes = 'any'\nnormalise = true\nmin_runs = 2";
    study_with_populations(here, section);
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let made = &output["populations"];
    assert_eq!(made["networks"], 12, "{output}");
    // Link weights, neuron strengths and activations of hidden and output layers and of the
    // network; node strengths of the inputs as well.
    assert_eq!(made["groups"], 3 * 3 + 4, "{output}");
    assert_eq!(
        (&made["pairs"], &made["pairs_tested"]),
        (&13.into(), &13.into())
    );

    let sql = "SELECT DISTINCT architecture, bin_a, bin_a_value, bin_b, bin_b_value, bin_a_low FROM divergences";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    let expected = serde_json::json!([{
        "architecture": "any", "bin_a": 0, "bin_a_value": "relu", "bin_b": 1, "bin_b_value": "tanh", "bin_a_low": null,
    }]);
    assert_eq!(rows, expected);
    let sql = "SELECT DISTINCT layer, name, role FROM densities ORDER BY layer";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    let roles = rows.as_array().unwrap().iter().map(|row| &row["role"]);
    assert_eq!(
        roles.collect::<Vec<_>>(),
        ["input", "hidden", "output", "network"]
    );
    // Every layer was divided by its own standard deviation, so pooled ones have a spread near 1.
    let sql = "SELECT bin, sum(density * x * x) / sum(density) - power(sum(density * x) / sum(density), 2) AS variance \
               FROM densities WHERE metric = 'link_weights' AND role = 'hidden' GROUP BY bin";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    for row in rows.as_array().unwrap() {
        let variance = row["variance"].as_f64().unwrap();
        assert!((0.8..1.2).contains(&variance), "{rows}");
    }
    let summary = expect(0, here, &["run", "study.toml"]).stdout;
    assert!(
        summary.contains("of 13 pairs differ more than"),
        "{summary}"
    );
}

#[test]
fn whole_numbers_make_populations_by_value_in_the_order_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    for (i, width) in ["100", "20", "100", "20"].into_iter().enumerate() {
        let path = here.join(format!("zoo/labelled-{i}.safetensors"));
        let values = |n: usize| (0..n).map(|k| (k as f32 - 1.5) * (i + 1) as f32).collect();
        let tensors: [(&str, &[usize], Vec<f32>); 2] = [
            ("fc1.weight", &[3, 4], values(12)),
            ("fc2.weight", &[2, 3], values(6)),
        ];
        write_checkpoint(&path, &tensors, &[("nominal", width)]);
    }
    let study = "[study]\nname = 's'\n[measure]\nsources = ['zoo']\n[populations]\nlabel = 'nominal'\nby = 'value'\nmin_runs = 1\nmetrics = ['link_weights']\n";
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml"]);
    let sql = "SELECT DISTINCT bin_a, bin_a_value, bin_b_value, null_networks FROM divergences";
    let rows = expect(0, here, &["query", "runs/s", sql, "--format", "json"]).json();
    let expected = serde_json::json!([
        { "bin_a": 0, "bin_a_value": "20", "bin_b_value": "100", "null_networks": 1 }
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn populations_make_it_another_study() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    assert!(parts(&here.join("runs/small"), "populations").is_empty());
    study_with_populations(here, "");
    let refused = expect(2, here, &["run", "study.toml"]);
    let expected = "differs in: [populations], which only this study has";
    assert!(
        refused.stderr.contains(expected) && refused.stderr.contains("--fresh"),
        "{refused:?}"
    );
}

#[test]
fn a_wrong_section_is_refused_before_anything_is_done() {
    let folder = study_folder();
    let here = folder.path();
    for (section, expected) in [
        ("width = 0.0", "width 0 is not positive"),
        ("label = 'accuracy'", "no label 'accuracy'; the labels are"),
        (
            "label = 'activation'\nwidth = 0.1",
            "label 'activation' has texts or flags, which make no bins",
        ),
        (
            "by = 'value'\nwidth = 0.1",
            "width 0.1 is of bins, and by = \"value\" makes none",
        ),
        (
            "normalise = true\nmetrics = ['layers_fluctuation']",
            "metric layers_fluctuation has one value per layer",
        ),
        ("shapes = 'all'", "unknown variant `all`"),
        ("metrics = ['strength']", "unknown metric strength"),
        ("bins = 3", "unknown field `bins`"),
        ("min_runs = 0", "min_runs is 0, at least 1 is needed"),
        ("checkpoints = 'first'", "unknown variant `first`"),
    ] {
        study_with_populations(here, section);
        let refused = expect(2, here, &["run", "study.toml"]);
        assert!(refused.stderr.contains(expected), "{section}: {refused:?}");
    }
    assert!(!here.join("runs").exists());
}

#[test]
fn networks_without_the_label_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    for (i, accuracy) in ["0.31", "0.32", "0.9"].into_iter().enumerate() {
        let path = here.join(format!("zoo/labelled-{i}.safetensors"));
        let values = |n: usize| (0..n).map(|k| (k as f32 - 1.5) * (i + 1) as f32).collect();
        let tensors: [(&str, &[usize], Vec<f32>); 2] = [
            ("fc1.weight", &[3, 4], values(12)),
            ("fc2.weight", &[2, 3], values(6)),
        ];
        write_checkpoint(&path, &tensors, &[("test_accuracy", accuracy)]);
    }
    write_chain(&here.join("zoo/bare.safetensors"), 1.0);
    let study = "[study]\nname = 's'\n[measure]\nsources = ['zoo']\n[populations]\nmin_runs = 1\nmetrics = ['link_weights', 'layers_fluctuation']\n";
    std::fs::write(here.join("study.toml"), study).unwrap();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let made = &output["populations"];
    assert_eq!(
        (&made["networks"], &made["without_label"]),
        (&3.into(), &1.into()),
        "{output}"
    );
    // One value per network: a population of a single network has no density, and a reason.
    let sql = "SELECT bin, count, bandwidth, reason FROM densities WHERE metric = 'layers_fluctuation' AND layer = 1 AND bin = 36";
    let rows = expect(0, here, &["query", "runs/s", sql, "--format", "json"]).json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(rows[0]["reason"], "a single value");
    assert!(rows[0]["bandwidth"].is_null());
}

#[test]
fn inspect_compares_the_layers_of_one_network() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_chain(&here.join("a.safetensors"), 0.5);
    let plain = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    assert!(plain["network"]["densities"].is_null());
    let output = expect(
        0,
        here,
        &["inspect", "a.safetensors", "--densities", "--json"],
    )
    .json();
    let views = output["network"]["densities"].as_array().unwrap();
    let metrics: Vec<_> = views
        .iter()
        .map(|view| view["metric"].as_str().unwrap())
        .collect();
    assert_eq!(metrics, ["link_weights", "nodes_strength"]);
    assert_eq!(views[0]["x"].as_array().unwrap().len(), 1000);
    assert_eq!(views[0]["divergences"].as_array().unwrap().len(), 1);
    assert_eq!(views[1]["divergences"].as_array().unwrap().len(), 3);
    let text = expect(0, here, &["inspect", "a.safetensors", "--densities"]).stdout;
    assert!(
        text.contains("Jensen-Shannon") && text.contains("1 - 2"),
        "{text}"
    );
}
