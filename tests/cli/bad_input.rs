//! Wrong input: the error names file, tensor and numbers, and nothing else fails because of it.

use std::path::Path;
use std::process::Command;

use crate::support::{
    SMALL_STUDY, cntflow, expect, study_folder, table, write_chain, write_checkpoint,
};

/// Status and reason of the checkpoint whose name ends like this.
fn row(out: &Path, checkpoint: &str) -> (String, String) {
    let networks = table(out, "networks");
    let text = |column: &str, row: usize| {
        networks
            .column(column)
            .unwrap()
            .str()
            .unwrap()
            .get(row)
            .unwrap_or_default()
            .to_owned()
    };
    let row = (0..networks.height())
        .find(|&row| text("checkpoint", row).ends_with(checkpoint))
        .unwrap_or_else(|| panic!("no row of {checkpoint}"));
    (text("status", row), text("reason", row))
}

#[test]
fn a_broken_checkpoint_is_a_row_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    for good in 0..5 {
        write_chain(&zoo.join(format!("good{good}.safetensors")), good as f32);
    }
    let complete = std::fs::read(zoo.join("good1.safetensors")).unwrap();
    std::fs::write(
        zoo.join("cut.safetensors"),
        &complete[..complete.len() - 10],
    )
    .unwrap();
    std::fs::write(zoo.join("stub.safetensors"), [1, 2, 3]).unwrap();
    std::fs::write(zoo.join("noise.safetensors"), vec![0xA5; 300]).unwrap();
    let nan = vec![0.5, f32::NAN, 1.0, f32::INFINITY];
    write_checkpoint(
        &zoo.join("nan.safetensors"),
        &[("fc.weight", &[2, 2], nan)],
        &[],
    );
    let architecture =
        r#"{"input": [3], "layers": [{"kind": "dense", "name": "fc", "units": 2, "bias": false}]}"#;
    let values = vec![0.0; 8];
    write_checkpoint(
        &zoo.join("shape.safetensors"),
        &[("fc.weight", &[2, 4], values)],
        &[("architecture", architecture)],
    );

    let output = expect(3, here, &["measure", "zoo", "--out", "out", "--json"]).json();
    assert_eq!(
        (
            &output["checkpoints"]["ok"],
            &output["checkpoints"]["failed"]
        ),
        (&5.into(), &5.into()),
        "{output}"
    );
    let check = |checkpoint: &str, expected: &[&str]| {
        let (status, reason) = row(&here.join("out"), checkpoint);
        assert_eq!(status, "failed", "{checkpoint}");
        for text in expected {
            assert!(reason.contains(text), "{checkpoint}: {reason}");
        }
    };
    let (cut, length) = (
        (complete.len() - 10).to_string(),
        complete.len().to_string(),
    );
    check(
        "cut.safetensors",
        &["cut.safetensors", &cut, &length, "cut short"],
    );
    check("stub.safetensors", &["not a format that cntflow reads"]);
    check("noise.safetensors", &["not a format that cntflow reads"]);
    check(
        "nan.safetensors",
        &["nan.safetensors: tensor fc.weight: 2 of 4 values are NaN or infinite"],
    );
    check("shape.safetensors", &["fc.weight", "[2, 3]", "[2, 4]"]);
    assert_eq!(row(&here.join("out"), "good3.safetensors").0, "ok");
}

#[test]
fn a_missing_checkpoint_is_a_row_with_the_reason() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["train", "study.toml"]);
    let catalog = "runs/small/catalog.parquet";
    let run = std::fs::read_dir(here.join("runs/small/checkpoints"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    std::fs::remove_file(run.path().join("step-00001.safetensors")).unwrap();
    let output = expect(3, here, &["measure", catalog, "--out", "out", "--json"]).json();
    assert_eq!(
        (
            &output["checkpoints"]["ok"],
            &output["checkpoints"]["failed"]
        ),
        (&35.into(), &1.into())
    );
    let name = format!("{}/step-00001", run.file_name().to_string_lossy());
    assert!(
        row(&here.join("out"), &name)
            .1
            .contains("step-00001.safetensors")
    );
}

#[test]
fn a_diverging_run_is_a_row_and_does_not_stop_the_others() {
    let folder = study_folder();
    let here = folder.path();
    let wild = "\n[[population.group]]\nname = \"wild\"\nruns = 2\narchitecture = { dense = [8] }\nactivation = \"relu\"\n\
                initialisation = { kind = \"normal\", scale = 1e20 }\noptimiser = \"sgd\"\nlearning_rate = 1e30\nbatch_size = 32\n\
                epochs = 2\ntraining_fraction = 0.05\n";
    std::fs::write(
        here.join("study.toml"),
        SMALL_STUDY.replace("\n[measure]", &format!("{wild}\n[measure]")),
    )
    .unwrap();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        (
            &output["runs"]["diverged"],
            &output["checkpoints"]["skipped"]
        ),
        (&2.into(), &2.into()),
        "{output}"
    );
    let (status, reason) = row(&here.join("runs/small"), "wild-00001/end");
    assert_eq!(status, "skipped");
    assert!(reason.starts_with("diverged: "), "{reason}");
}

#[test]
fn an_unknown_key_is_reported_with_its_line_and_the_allowed_keys() {
    let folder = study_folder();
    let here = folder.path();
    let check = |study: String, expected: &[&str]| {
        std::fs::write(here.join("bad.toml"), study).unwrap();
        let output = expect(2, here, &["run", "bad.toml"]);
        for text in expected {
            assert!(output.stderr.contains(text), "{}", output.stderr);
        }
        assert!(!here.join("runs").exists(), "nothing was started");
    };
    let line = SMALL_STUDY
        .lines()
        .position(|line| line.starts_with("probe"))
        .unwrap()
        + 1;
    check(
        SMALL_STUDY.replace("probe =", "prob ="),
        &[
            "bad.toml",
            &format!("line {line}"),
            "unknown field `prob`",
            "`probe`",
            "`neurons`",
        ],
    );
    check(
        SMALL_STUDY.replace("runs = 12", "run = 12"),
        &["bad.toml", "unknown field `run`", "`runs`"],
    );
    check(
        SMALL_STUDY.replace("\"adam\"", "\"adamw\""),
        &["bad.toml", "adamw", "sgd"],
    );
    check(
        SMALL_STUDY.replace("mnist-6k:train:50", "mnist-6k:trian"),
        &["trian"],
    );
    check(
        "[study]\nname = \"x\"\n".to_owned(),
        &["[population]", "sources"],
    );
    expect(2, here, &["run", "absent.toml"]);
    expect(2, here, &["measure", ".", "--metrics", "link_weight"]);
    expect(2, here, &["no-such-command"]);
}

#[test]
fn the_folder_of_another_study_is_refused_and_not_changed() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["run", "study.toml", "--out", "out"]);
    let listing = || {
        let list = Command::new("find")
            .args(["out", "-type", "f", "-printf", "%p %s %T@\n"])
            .current_dir(here)
            .output();
        let mut lines: Vec<String> = String::from_utf8(list.unwrap().stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let before = listing();
    std::fs::write(
        here.join("other.toml"),
        SMALL_STUDY.replace("seed = 3", "seed = 4"),
    )
    .unwrap();
    let output = expect(2, here, &["run", "other.toml", "--out", "out"]);
    assert!(
        output.stderr.contains("holds the output of another study")
            && output
                .stderr
                .contains("differs in: [population] seed 4 instead of 3.")
            && output.stderr.contains("--fresh"),
        "{output:?}"
    );
    assert_eq!(listing(), before);

    std::fs::create_dir(here.join("photos")).unwrap();
    std::fs::write(here.join("photos/a.jpg"), "precious").unwrap();
    let output = expect(
        2,
        here,
        &["run", "study.toml", "--out", "photos", "--fresh"],
    );
    assert!(
        output.stderr.contains("files that cntflow did not write"),
        "{output:?}"
    );
    assert_eq!(std::fs::read_dir(here.join("photos")).unwrap().count(), 1);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_in_the_message() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::write(here.join("file"), "in the way").unwrap();
    let output = expect(1, here, &["run", "study.toml", "--out", "file/out"]);
    assert!(output.stderr.contains("file/out"), "{output:?}");
    let output = cntflow(here, &["run", "study.toml", "--out", "/proc/cntflow"]);
    assert!(
        output.code == Some(1) && output.stderr.contains("/proc/cntflow"),
        "{output:?}"
    );
}

/// A limit on the size of files stands in for a full disk: writing fails in the middle of a part.
#[test]
fn a_full_disk_is_an_error_with_the_path_and_committed_rows_stay() {
    let folder = study_folder();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    write_chain(&zoo.join("first.safetensors"), 1.0);
    let measure = "measure zoo --out out --neurons full --probe mnist-6k:train:20 --progress none";
    expect(0, here, &measure.split(' ').collect::<Vec<_>>());
    expect(0, here, &["train", "study.toml", "--out", "zoo/trained"]);

    let limited = |blocks: u32| {
        let program = env!("CARGO_BIN_EXE_cntflow");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} {measure}");
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(here)
            .output()
            .unwrap()
    };
    let failed = limited(16);
    let text = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(
        text.contains("out/tables/") && text.contains(".parquet"),
        "{text}"
    );
    let sql = "SELECT checkpoint FROM networks";
    let rows = expect(0, here, &["query", "out", sql, "--format", "json"]).json();
    assert_eq!(
        rows.as_array().unwrap().len(),
        1,
        "what was committed stays readable: {rows}"
    );
    assert!(
        limited(1 << 20).status.success(),
        "with room again the same command resumes"
    );
    let rows = expect(0, here, &["query", "out", sql, "--format", "json"]).json();
    assert_eq!(rows.as_array().unwrap().len(), 37);
}

#[test]
fn a_repaired_checkpoint_is_measured_again_with_retry_failed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/good.safetensors"), 1.0);
    std::fs::write(here.join("zoo/bad.safetensors"), "cut short").unwrap();
    let output = expect(3, here, &["measure", "zoo", "--out", "out"]);
    assert!(output.stdout.contains("--retry-failed"), "{output:?}");
    write_chain(&here.join("zoo/bad.safetensors"), 2.0);
    expect(3, here, &["measure", "zoo", "--out", "out"]);
    let output = expect(
        0,
        here,
        &[
            "measure",
            "./zoo/",
            "--out",
            "out",
            "--retry-failed",
            "--json",
        ],
    )
    .json();
    assert_eq!(
        (
            &output["checkpoints"]["resumed"],
            &output["checkpoints"]["new"]
        ),
        (&1.into(), &1.into()),
        "{output}"
    );
    assert_eq!(table(&here.join("out"), "networks").height(), 2);
    assert_eq!(row(&here.join("out"), "bad.safetensors").0, "ok");
}

#[test]
fn nothing_to_measure_is_an_error_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    let output = expect(2, here, &["measure", "zoo", "--out", "out"]);
    assert!(
        output
            .stderr
            .contains("zoo: no checkpoints here (no files)"),
        "{output:?}"
    );
    std::fs::write(here.join("zoo/readme.md"), "text").unwrap();
    std::os::unix::fs::symlink("gone", here.join("zoo/dangling.safetensors")).unwrap();
    std::fs::write(here.join("zoo/.a.safetensors.x.part"), "half").unwrap();
    let output = expect(2, here, &["measure", "zoo", "--out", "out"]);
    assert!(output.stderr.contains("2 files skipped"), "{output:?}");
    assert!(!here.join("out").exists());
    expect(
        2,
        here,
        &[
            "measure",
            "zoo",
            "--out",
            "out",
            "--hosts",
            "none",
            "--process",
            "0",
        ],
    );
    let catalog = here.join("catalog.csv");
    std::fs::write(catalog, "run,step\na,1\n").unwrap();
    let output = expect(1, here, &["measure", "catalog.csv"]);
    assert!(
        output
            .stderr
            .contains("line 2: column 'path' is empty or missing"),
        "{output:?}"
    );
}

#[test]
fn too_few_runs_for_a_classifier_leave_the_tables_intact() {
    let folder = study_folder();
    let here = folder.path();
    let study = SMALL_STUDY.replace("runs = 12", "runs = 3") + "\n[[experiment]]\nname = \"few\"\n";
    std::fs::write(here.join("study.toml"), study).unwrap();
    let output = expect(1, here, &["run", "study.toml", "--json"]);
    assert_eq!(output.json()["checkpoints"]["ok"], 9, "{output:?}");
    assert!(output.stderr.contains("experiment 'few'"), "{output:?}");
    assert!(output.stderr.contains("3 groups"), "{output:?}");
}

#[test]
fn a_run_resumes_after_an_interrupted_removal() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    // The state after a killed `--fresh`: what says that work is done is gone, the rest is not.
    std::fs::remove_dir_all(here.join("runs/small/tables/networks")).unwrap();
    std::fs::remove_file(here.join("runs/small/catalog.parquet")).unwrap();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        (&output["runs"]["trained"], &output["checkpoints"]["new"]),
        (&12.into(), &36.into()),
        "{output}"
    );
    assert_eq!(
        table(&here.join("runs/small"), "layers")
            .column("checkpoint")
            .unwrap()
            .n_unique()
            .unwrap(),
        36
    );
    // A committed batch without one of its parts is an error with the path, not an empty answer.
    std::fs::remove_dir_all(here.join("runs/small/tables/layers")).unwrap();
    let output = expect(1, here, &["query", "runs/small", "SELECT * FROM layers"]);
    assert!(
        output.stderr.contains("tables/layers/") && output.stderr.contains("missing"),
        "{output:?}"
    );
}

#[test]
fn training_into_an_object_store_or_writing_to_http_is_a_usage_error() {
    let folder = study_folder();
    let here = folder.path();
    let output = expect(2, here, &["run", "study.toml", "--out", "s3://zoo/out"]);
    assert!(output.stderr.contains("folder on a disk"), "{output:?}");
    let output = expect(
        2,
        here,
        &["measure", ".", "--out", "https://example.org/out"],
    );
    assert!(output.stderr.contains("s3, gs or az"), "{output:?}");
}

#[test]
fn what_is_named_but_not_there_is_wrong_usage_and_says_what_to_do() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/a.safetensors"), 1.0);
    let cases: [(&[&str], &str); 17] = [
        (&["measure", "nothing"], "nothing: no such file or folder"),
        (&["watch", "nothing"], "check the name"),
        (&["inspect", "nothing"], "nothing: no such file"),
        (
            &["measure", "zoo", "--metadata", "no.csv"],
            "no.csv: no such file; --metadata",
        ),
        (
            &["watch", "zoo", "--metadata", "no.csv"],
            "no.csv: no such file; --metadata",
        ),
        (
            &["catalog", "zoo", "--metadata", "zoo"],
            "zoo: a folder; --metadata",
        ),
        (
            &["measure", "zoo", "--run", "nope"],
            "it has no label 'nope'; its labels: none; --run",
        ),
        (
            &["measure", "zoo", "--trace", "no/trace.json"],
            "--trace no/trace.json: make the folder",
        ),
        (
            &["measure", "zoo", "--reuse", "nowhere"],
            "--reuse nowhere: no output of cntflow here",
        ),
        (
            &["check", "zoo", "--reuse", "nowhere"],
            "--reuse nowhere: no output of cntflow here",
        ),
        (
            &["watch", "zoo", "--reuse", "nowhere"],
            "--reuse nowhere: no output of cntflow here",
        ),
        (
            &["watch", "zoo", "--predict", "no.json"],
            "no.json: no such model",
        ),
        (&["predict", "no.json", "zoo"], "no.json: no such model"),
        (
            &["watch", "zoo", "--until-idle", "5s"],
            "write --until-idle=5s",
        ),
        (&["measure", "study.toml"], "cntflow run study.toml"),
        (&["run", "zoo"], "cntflow measure zoo"),
        (&["run", "no.toml"], "no.toml: no such file"),
    ];
    for (arguments, expected) in cases {
        let output = expect(2, here, arguments);
        assert!(
            output.stderr.contains(expected),
            "{arguments:?}: {output:?}"
        );
        assert!(!output.stderr.contains("os error"), "{output:?}");
    }
    assert!(!here.join("runs").exists(), "nothing is made before");
}

#[test]
fn another_study_is_refused_with_the_keys_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/a.safetensors"), 1.0);
    expect(0, here, &["measure", "zoo", "--out", "out"]);
    let other = [
        "zoo",
        "--out",
        "out",
        "--neurons",
        "full",
        "--probe",
        "mnist-6k:train:5",
    ];
    let expected = "'zoo', differs in: probe \"mnist-6k:train:5\" instead of none; neurons \"full\" \
                    instead of \"none\". Nothing was changed";
    for command in ["measure", "watch", "check"] {
        let output = expect(2, here, &[&[command], &other[..]].concat());
        assert!(output.stderr.contains(expected), "{command}: {output:?}");
    }
    // Of a long list, only what differs.
    let output = expect(
        2,
        here,
        &["check", "zoo", "--out", "out", "--metrics", "link_weights"],
    );
    let expected = "differs in: metrics without \"kernel_weights\", \"biases\"";
    assert!(output.stderr.contains(expected), "{output:?}");
}
