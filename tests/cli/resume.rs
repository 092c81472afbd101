//! Killed, stopped and repeated runs: they give the same tables and do nothing twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cntflow_tables::{Table, TableStore, scan_parquet};
use polars::prelude::{col, lit};

use crate::support::{
    RANKING, SMALL_STUDY, TWO_CLASSES, assert_same_experiments, assert_same_tables, expect,
    experiment_files, parts, send_signal, start, study_folder, wait_until, write_longer_study,
};

/// More and longer runs than the small study, so that there is time to kill it in the middle.
fn n_catalog_parts(out: &Path) -> usize {
    let Ok(folder) = std::fs::read_dir(out) else {
        return 0;
    };
    folder
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("catalog.")
        })
        .count()
}

#[test]
fn a_run_killed_while_training_resumes_to_the_same_tables() {
    let folder = study_folder();
    let here = folder.path();
    write_longer_study(here, 40, 12);
    let arguments = [
        "run",
        "study.toml",
        "--out",
        "killed",
        "--commit-every",
        "1",
        "--workers",
        "1",
        "--progress",
        "none",
    ];
    let mut child = start(here, &arguments);
    let killed = here.join("killed");
    wait_until("a first commit", || {
        n_catalog_parts(&killed) > 0 && !parts(&killed, "networks").is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    // A killed writer leaves a temporary file, and a part whose batch was not committed.
    std::fs::write(killed.join("tables/layers/.x.parquet.abc.part"), "half").unwrap();
    std::fs::write(killed.join("tables/layers/uncommitted.parquet"), "half").unwrap();

    let output = expect(0, here, &[&arguments[..], &["--json"]].concat()).json();
    let (resumed, trained) = (
        output["runs"]["resumed"].as_u64().unwrap(),
        output["runs"]["trained"].as_u64().unwrap(),
    );
    assert!(resumed > 0 && trained > 0, "{output}");
    assert_eq!(resumed + trained, 40);
    let counts = &output["checkpoints"];
    assert!(counts["resumed"].as_u64().unwrap() > 0, "{output}");
    assert_eq!(
        counts["resumed"].as_u64().unwrap() + counts["new"].as_u64().unwrap(),
        120
    );
    assert!(!killed.join("tables/layers/uncommitted.parquet").exists());

    expect(
        0,
        here,
        &[
            "run",
            "study.toml",
            "--out",
            "undisturbed",
            "--progress",
            "none",
        ],
    );
    assert_same_tables(&killed, &here.join("undisturbed"));
}

/// Checkpoint files of the runs whose training is committed, with the time they were written.
fn committed_files(out: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let parts = std::fs::read_dir(out).unwrap();
    let parts: Vec<PathBuf> = parts
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("catalog.") && name.ends_with(".parquet")
        })
        .collect();
    let runs = scan_parquet(&parts).unwrap().select([col("run")]);
    let runs = runs.collect().unwrap();
    let runs = runs.column("run").unwrap().str().unwrap().clone();
    let mut files = BTreeMap::new();
    for run in runs.iter().flatten() {
        let path = out
            .join("checkpoints")
            .join(run)
            .join("step-00001.safetensors");
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        files.insert(path, written);
    }
    files
}

#[test]
fn two_thousand_runs_killed_in_the_middle_are_trained_once() {
    let folder = study_folder();
    let here = folder.path();
    let study = SMALL_STUDY
        .replace("runs = 12", "runs = 2000")
        .replace("checkpoints = [0, 1]", "checkpoints = []")
        .replace("[{ dense = [12] }, { dense = [16, 8] }]", "{ dense = [4] }")
        .replace("epochs = 2", "epochs = 1")
        .replace("training_fraction = 0.05", "training_fraction = 0.02");
    std::fs::write(here.join("study.toml"), study).unwrap();
    let arguments = [
        "train",
        "study.toml",
        "--out",
        "killed",
        "--commit-every",
        "1",
    ];
    let mut child = start(here, &arguments);
    let killed = here.join("killed");
    wait_until("a first commit", || n_catalog_parts(&killed) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = committed_files(&killed);
    assert!(
        !before.is_empty() && before.len() < 2000,
        "{}",
        before.len()
    );

    let output = expect(0, here, &[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(output["runs"]["resumed"], before.len(), "{output}");
    assert_eq!(output["runs"]["trained"], 2000 - before.len(), "{output}");
    let after = committed_files(&killed);
    assert_eq!(after.len(), 2000);
    for (path, written) in before {
        assert_eq!(
            after[&path],
            written,
            "{} was written again",
            path.display()
        );
    }
}

#[test]
fn a_run_killed_while_measuring_resumes_to_the_same_tables() {
    let folder = study_folder();
    let here = folder.path();
    // Larger networks with little training: most of the time goes into measuring.
    let study = SMALL_STUDY
        .replace("runs = 12", "runs = 40")
        .replace("{ dense = [12] }", "{ dense = [256, 128] }");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(
        0,
        here,
        &[
            "train",
            "study.toml",
            "--out",
            "trained",
            "--progress",
            "none",
        ],
    );
    let source = "trained/catalog.parquet";
    let slow = [
        "measure",
        source,
        "--probe",
        "mnist-6k:train:5000",
        "--neurons",
        "full",
        "--commit-every",
        "1",
        "--workers",
        "1",
    ];
    let mut child = start(here, &[&slow[..], &["--out", "killed"]].concat());
    let killed = here.join("killed");
    wait_until("a first commit", || !parts(&killed, "networks").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let output = expect(
        0,
        here,
        &[&slow[..], &["--out", "killed", "--json"]].concat(),
    )
    .json();
    let counts = &output["checkpoints"];
    assert!(
        counts["resumed"].as_u64().unwrap() > 0 && counts["new"].as_u64().unwrap() > 0,
        "{output}"
    );
    assert_eq!(
        counts["resumed"].as_u64().unwrap() + counts["new"].as_u64().unwrap(),
        120
    );
    expect(0, here, &[&slow[..], &["--out", "undisturbed"]].concat());
    assert_same_tables(&killed, &here.join("undisturbed"));
}

/// Copies tables and records of an output folder, but not what the experiments have made.
fn copy_without_experiments(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "experiments" || name == "classifiers" || name == "checkpoints" {
            continue;
        }
        if entry.path().is_dir() {
            copy_without_experiments(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn experiments_killed_among_their_fits_resume_to_the_same_bytes() {
    let folder = study_folder();
    let here = folder.path();
    // R2 is defined in every fold, however small, so that the model can be chosen.
    let slow = RANKING
        .replace("name = \"ranking\"", "name = \"slow\"")
        .replace("kind = \"ranking\"", "kind = \"regression\"")
        .replace("repeats = 1", "repeats = 6")
        .replace("draws = 50", "draws = 20000");
    let study = format!("{SMALL_STUDY}{slow}{TWO_CLASSES}");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml", "--out", "undisturbed"]);
    let killed = here.join("killed");
    copy_without_experiments(&here.join("undisturbed"), &killed);
    let arguments = [
        "discriminate",
        "study.toml",
        "--out",
        "killed",
        "--workers",
        "1",
    ];
    let mut child = start(here, &[&arguments[..], &["--commit-every", "1"]].concat());
    wait_until("a first commit", || {
        !parts(&killed, "experiments/slow/fits").is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        parts(&killed, "experiments/slow/verdicts").is_empty(),
        "killed before the end"
    );
    let output = expect(0, here, &[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(output[0]["evaluated_now"], true, "{output}");
    assert_same_experiments(&killed, &here.join("undisturbed"));
}

#[test]
fn an_experiment_goes_on_from_its_committed_fits() {
    let folder = study_folder();
    let here = folder.path();
    let study = format!("{SMALL_STUDY}{TWO_CLASSES}{RANKING}");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml"]);
    let out = here.join("runs/small");
    let finished = experiment_files(&out);
    // As a run leaves it that is killed in the cross-validation, and right after it.
    let of_folds = col("stage").eq(lit("fold"));
    let of_one = of_folds.clone().and(col("features").eq(lit("cnt")));
    for committed in [of_one, of_folds] {
        let tables = TableStore::new(&out).experiment("two_classes");
        let [whole] = &tables.part_names(Table::Fits).unwrap()[..] else {
            panic!("more than one part of fits");
        };
        let fits = tables.scan(Table::Fits).unwrap().filter(committed);
        let some = fits.collect().unwrap();
        assert!(some.height() > 0);
        let part = whole.replace("-all", "-000000000000001-p000-w000-00000");
        tables.write_part(Table::Fits, &part, &some, &[]).unwrap();
        tables.remove_part(Table::Fits, whole).unwrap();
        tables.remove_part(Table::Verdicts, "all").unwrap();
        std::fs::remove_dir_all(out.join("classifiers/two_classes")).unwrap();
        let output = expect(0, here, &["run", "study.toml", "--json"]).json();
        assert_eq!(output["experiments"][0]["evaluated_now"], true, "{output}");
        assert_eq!(output["experiments"][1]["evaluated_now"], false, "{output}");
        assert!(experiment_files(&out) == finished, "other bytes");
    }
    // Fits of another experiment of that name are not taken for its own.
    let changed = format!(
        "{SMALL_STUDY}{}{RANKING}",
        TWO_CLASSES.replace("repeats = 1", "repeats = 2")
    );
    std::fs::write(here.join("study.toml"), changed).unwrap();
    expect(0, here, &["run", "study.toml"]);
    let fits = TableStore::new(&out)
        .experiment("two_classes")
        .scan(Table::Fits);
    let fits = fits.unwrap().collect().unwrap();
    assert_eq!(
        fits.column("repeat").unwrap().n_unique().unwrap(),
        3,
        "0, 1 and null"
    );
}

#[test]
fn an_interrupt_saves_finished_work_and_the_same_command_resumes() {
    let folder = study_folder();
    let here = folder.path();
    write_longer_study(here, 40, 12);
    let child = start(
        here,
        &["run", "study.toml", "--workers", "1", "--progress", "plain"],
    );
    let out = here.join("runs/small");
    // A quarter of the runs: the first of them are trained and measured.
    wait_until("ten runs", || {
        std::fs::read_dir(out.join("checkpoints")).is_ok_and(|runs| runs.count() >= 10)
    });
    send_signal(child.id(), "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("to go on: cntflow run study.toml --workers 1 --progress plain"),
        "{output:?}"
    );
    assert!(
        !parts(&out, "networks").is_empty(),
        "finished work is committed"
    );
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert!(output["runs"]["resumed"].as_u64().unwrap() > 0, "{output}");
}

#[test]
fn a_finished_run_does_nothing_again() {
    let folder = study_folder();
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    let before = parts(&here.join("runs/small"), "networks");
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        (&output["runs"]["trained"], &output["checkpoints"]["new"]),
        (&0.into(), &0.into())
    );
    assert_eq!(parts(&here.join("runs/small"), "networks"), before);
    let output = expect(0, here, &["run", "study.toml", "--fresh", "--json"]).json();
    assert_eq!(
        (&output["runs"]["trained"], &output["checkpoints"]["new"]),
        (&12.into(), &36.into())
    );
}
