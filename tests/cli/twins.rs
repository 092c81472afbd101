//! Twins: measured beside the networks, in tables of their own.

use crate::support::{SMALL_STUDY, expect, study_folder, table, write_chain};

#[test]
fn a_twin_that_is_added_later_is_measured_alone() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    for (name, scale) in [("a", 1.0), ("b", 2.0), ("bad", f32::NAN)] {
        write_chain(&here.join(format!("zoo/{name}.safetensors")), scale);
    }
    let measure = |out: &str, twins: &str, workers: &str| {
        let arguments = [
            "measure",
            "zoo",
            "--out",
            out,
            "--twin",
            twins,
            "--workers",
            workers,
        ];
        expect(3, here, &[&arguments[..], &["--json"]].concat()).json()
    };
    let query = |out: &str, sql: &str| {
        let sql = format!("SELECT {sql}");
        expect(0, here, &["query", out, &sql, "--format", "csv"]).stdout
    };
    expect(3, here, &["measure", "zoo", "--out", "later"]);
    let before = table(&here.join("later"), "layers");
    let output = measure("later", "shuffle", "1");
    assert_eq!(output["checkpoints"]["new"], 3, "{output}");
    assert!(before.equals_missing(&table(&here.join("later"), "layers")));
    let output = measure("later", "shuffle", "1");
    assert_eq!(output["checkpoints"]["new"], 0, "{output}");
    measure("later", "shuffle,sign", "1");

    measure("at-once", "shuffle,sign", "2");
    for twin in ["shuffle", "sign"] {
        let sql = format!("* FROM layers_{twin} ORDER BY checkpoint, layer, name, metric");
        assert_eq!(query("later", &sql), query("at-once", &sql));
    }
    let failed = query(
        "later",
        "checkpoint, reason FROM networks_shuffle WHERE status = 'failed'",
    );
    assert!(failed.contains("bad") && failed.contains("NaN"), "{failed}");
    expect(0, here, &["query", "later", "--schema", "layers_shuffle"]);
}

#[test]
fn renamed_neurons_change_no_number_and_permuted_weights_do() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let study = format!("{SMALL_STUDY}twins = [\"neurons\", \"shuffle\"]\n");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml"]);
    // The largest difference of a statistic from the twin's, for each metric.
    let differences = |twin: &str, statistic: &str| {
        let sql = format!(
            "SELECT r.metric AS metric, max(abs(r.{statistic} - t.{statistic})) AS difference, \
             max(abs(r.{statistic})) AS scale, count(*) AS n \
             FROM layers AS r JOIN layers_{twin} AS t ON r.checkpoint = t.checkpoint \
             AND r.layer = t.layer AND r.name = t.name AND r.metric = t.metric GROUP BY r.metric"
        );
        let output = expect(0, here, &["query", "runs/small", &sql, "--format", "json"]);
        output.json().as_array().unwrap().clone()
    };
    for statistic in [
        "mean", "std", "skewness", "kurtosis", "min", "q25", "q50", "max", "l2",
    ] {
        let rows = differences("neurons", statistic);
        assert!(rows.len() > 15, "{statistic}: {rows:?}");
        for row in rows {
            let metric = row["metric"].as_str().unwrap();
            // Outputs are computed in f32, whose sums depend on the order of the neurons.
            let is_of_inputs = metric.starts_with("neurons_") || metric.starts_with("probe_");
            let Some(difference) = row["difference"].as_f64() else {
                continue;
            };
            let limit = if is_of_inputs { 1e-4 } else { 1e-12 };
            let scale = row["scale"].as_f64().unwrap().max(1.0);
            assert!(
                difference <= limit * scale,
                "{metric} {statistic}: {difference}"
            );
        }
    }
    let rows = differences("shuffle", "std");
    let of = |metric: &str| {
        let row = rows.iter().find(|row| row["metric"] == metric).unwrap();
        row["difference"].as_f64().unwrap()
    };
    assert!(of("link_weights") < 1e-12, "the same weights");
    assert!(of("nodes_strength") > 1e-3, "at other places");
}
