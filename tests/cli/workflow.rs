//! The whole workflow: from a study file to tables, classifiers and predictions.

use crate::support::{
    SMALL_STUDY, TWO_CLASSES, cntflow, expect, parts, study_folder, table, write_chain,
};

#[test]
fn a_study_is_trained_measured_and_queried() {
    let folder = study_folder();
    let here = folder.path();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(output["runs"]["trained"], 12);
    assert_eq!(
        output["checkpoints"]["ok"], 36,
        "12 runs, checkpoints 0, 1 and the last: {output}"
    );

    let out = here.join("runs/small");
    assert!(out.join("catalog.parquet").exists());
    assert_eq!(
        std::fs::read_dir(out.join("checkpoints")).unwrap().count(),
        12
    );
    let networks = table(&out, "networks");
    assert_eq!(networks.height(), 36);
    for column in [
        "digest",
        "run",
        "step",
        "status",
        "test_accuracy",
        "learning_rate",
        "n_links",
    ] {
        assert_eq!(networks.column(column).unwrap().null_count(), 0, "{column}");
    }

    let sql = "SELECT metric, count(*) AS n FROM layers WHERE role = 'output' GROUP BY metric ORDER BY metric";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "json"]).json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["metric"] == "nodes_strength")
        .unwrap();
    assert_eq!(row["n"], 36);
    let csv = expect(
        0,
        here,
        &[
            "query",
            "runs/small",
            "SELECT count(*) AS n FROM neurons",
            "--format",
            "csv",
        ],
    );
    assert_eq!(csv.stdout.lines().next(), Some("n"));
    let count = "SELECT count(*) AS n FROM layers";
    expect(
        0,
        here,
        &["query", "runs/small", count, "--output", "n.csv"],
    );
    assert!(
        std::fs::read_to_string(here.join("n.csv"))
            .unwrap()
            .starts_with("n\n")
    );
    let wrong = expect(2, here, &["query", "runs/small", "SELECT x FROM nowhere"]);
    assert!(
        wrong
            .stderr
            .contains("tables here: networks, layers, neurons, coverage"),
        "{wrong:?}"
    );
}

#[test]
fn train_alone_leaves_a_catalog_that_measure_reads() {
    let folder = study_folder();
    let here = folder.path();
    let output = expect(0, here, &["train", "study.toml", "--json"]).json();
    assert_eq!(output["checkpoints"]["done"], 0);
    let output = expect(
        0,
        here,
        &[
            "measure",
            "runs/small/catalog.parquet",
            "--out",
            "m",
            "--json",
        ],
    )
    .json();
    assert_eq!(output["checkpoints"]["ok"], 36);
    assert!(
        parts(&here.join("m"), "neurons").is_empty(),
        "neurons were not asked for"
    );
    // The study itself resumes after the training.
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        (&output["runs"]["trained"], &output["runs"]["resumed"]),
        (&0.into(), &12.into())
    );
    assert_eq!(output["checkpoints"]["new"], 36);
}

#[test]
fn classifiers_are_evaluated_saved_and_applied() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["run", "study.toml", "--json"]);
    let study = format!("{SMALL_STUDY}{TWO_CLASSES}");
    std::fs::write(here.join("study.toml"), study).unwrap();
    let output = expect(0, here, &["discriminate", "study.toml", "--json"]).json();
    assert_eq!(output[0]["experiment"], "two_classes", "{output}");
    assert_eq!(output[0]["evaluated_now"], true);
    assert_eq!(output[0]["description"]["counts"]["groups"], 12);
    let out = here.join("runs/small");
    assert_eq!(parts(&out, "experiments/two_classes/scores").len(), 1);
    let model = "runs/small/classifiers/two_classes/cnt.json";
    let checkpoints = "runs/small/checkpoints";
    let arguments = ["predict", model, checkpoints, "--force", "--json"];
    let rows = expect(0, here, &arguments).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 36);
    let n_predicted = rows
        .iter()
        .filter(|row| row["prediction"] == "low" || row["prediction"] == "high")
        .count();
    // Networks of step 0 may lack features: biases that are zero have no kurtosis.
    assert!(n_predicted >= 24, "{rows:?}");
}

#[test]
fn the_architecture_of_dense_layers_is_inferred_from_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_chain(&here.join("a.safetensors"), 0.5);
    std::fs::write(here.join("notes.txt"), "not a checkpoint").unwrap();
    let output = expect(
        0,
        here,
        &[
            "measure",
            ".",
            "--out",
            "out",
            "--neurons",
            "full",
            "--json",
        ],
    )
    .json();
    assert_eq!(
        (
            &output["checkpoints"]["ok"],
            &output["checkpoints"]["passed_over"]
        ),
        (&1.into(), &1.into())
    );
    let neurons = table(&here.join("out"), "neurons");
    let strengths: Vec<f64> = neurons
        .column("s_in")
        .unwrap()
        .f64()
        .unwrap()
        .into_no_null_iter()
        .collect();
    // Kernel rows 0.5 * (i - 1.5) for i = 0..4, 4..8, 8..12; biases 0.5 * (-1.5, -0.5, 0.5).
    assert_eq!(strengths[..7], [1.0, 1.0, 1.0, 1.0, -0.75, 7.75, 16.25]);

    let output = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    assert_eq!(output["network"]["architecture_from"], "names and shapes");
    let catalog = expect(0, here, &["catalog", ".", "--json"]).json();
    assert_eq!(catalog["checkpoints"].as_array().unwrap().len(), 1);
    assert!(
        catalog["passed_over"][0]["path"]
            .as_str()
            .unwrap()
            .ends_with("notes.txt")
    );
}

#[test]
fn every_command_has_help_and_the_data_sets_are_intact() {
    let here = std::env::temp_dir();
    for command in [
        "run",
        "train",
        "measure",
        "discriminate",
        "predict",
        "query",
        "report",
        "serve",
        "inspect",
        "catalog",
        "datasets",
    ] {
        let output = cntflow(&here, &[command, "--help"]);
        assert_eq!(output.code, Some(0));
        assert!(
            output.stdout.contains("Usage: cntflow"),
            "{command}: {}",
            output.stdout
        );
    }
    let list = expect(0, &here, &["datasets", "list", "--json"]).json();
    assert_eq!(
        (&list[0]["name"], &list[0]["n_train"]),
        (&"mnist-6k".into(), &5000.into())
    );
    assert_eq!(list[1]["name"], "fashion-mnist-6k");
    expect(0, &here, &["datasets", "verify"]);
}

#[test]
fn a_log_and_a_trace_say_what_was_done_when() {
    let folder = study_folder();
    let here = folder.path();
    let arguments = [
        "run",
        "study.toml",
        "--out",
        "out",
        "--log",
        "json",
        "--trace",
        "trace.json",
        "--workers",
        "2",
    ];
    let output = expect(0, here, &arguments);
    let log: Vec<serde_json::Value> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let progress = log
        .iter()
        .rfind(|line| line["event"] == "progress")
        .unwrap();
    assert_eq!(progress["runs"]["done"], 12, "{progress}");
    assert_eq!(progress["checkpoints"]["done"], 36, "{progress}");
    assert!(
        progress["bytes_per_second"].as_f64().unwrap() > 0.0,
        "{progress}"
    );
    assert_eq!(progress["processes"][0]["tasks"], 48, "{progress}");

    let trace = std::fs::read_to_string(here.join("trace.json")).unwrap();
    let trace: Vec<serde_json::Value> = serde_json::from_str(&trace).unwrap();
    let count = |name: &str| trace.iter().filter(|event| event["name"] == name).count();
    assert_eq!(
        ["train", "read", "measure", "checkpoint"].map(count),
        [12, 36, 36, 36]
    );
    assert!(count("save") >= 1);
    // What is read is within its checkpoint, on the same worker.
    let read = trace.iter().find(|event| event["name"] == "read").unwrap();
    let span = |event: &serde_json::Value| {
        let start = event["ts"].as_u64().unwrap();
        (start, start + event["dur"].as_u64().unwrap())
    };
    let of = trace
        .iter()
        .find(|event| event["name"] == "checkpoint" && event["args"] == read["args"]);
    let (outer, inner) = (span(of.unwrap()), span(read));
    assert!(
        outer.0 <= inner.0 && inner.1 <= outer.1 + 1,
        "{outer:?} {inner:?}"
    );
    assert_eq!(of.unwrap()["tid"], read["tid"]);
    // An error is a line of the log, too.
    let wrong = expect(2, here, &["measure", "nothing", "--log", "json"]);
    let error: serde_json::Value =
        serde_json::from_str(wrong.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["event"], "error");
}
