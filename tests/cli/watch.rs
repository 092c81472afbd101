//! `cntflow watch`: tables that follow their sources.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cntflow_tables::scan_parquet;
use polars::prelude::SortMultipleOptions;
use serde_json::Value;

use crate::support::{
    TWO_CLASSES, assert_same_experiments, assert_same_tables, cntflow, expect, parts, send_signal,
    start, study_folder, table, write_chain,
};

/// Options with which a watched folder is looked at soon and often.
const QUICK: [&str; 6] = ["--quiet", "0.05", "--poll", "0.3", "--progress", "none"];

/// A study of checkpoints with labels; each run has two steps.
const STUDY: &str = r#"
[study]
name = "watched"

[measure]
sources = ["zoo"]
metadata = "labels.csv"
run = "training"
step = "epoch"
neurons = "full"
twins = ["sign"]

[populations]
label = "accuracy"
width = 0.25
min_runs = 1
"#;

/// The lines of one watched study.
struct Watched {
    child: Child,
    lines: Receiver<Value>,
}

impl Watched {
    fn start(here: &Path, arguments: &[&str]) -> Self {
        let mut child = start(here, &[&["watch"], arguments, &QUICK].concat());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.unwrap();
                let document = serde_json::from_str(&line);
                let document = document.unwrap_or_else(|error| panic!("{error}: {line}"));
                if send.send(document).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line of this kind.
    #[track_caller]
    fn next(&self, event: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|error| panic!("no line '{event}': {error}"));
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Stops it, and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        send_signal(self.child.id(), "-TERM");
        self.child.wait().unwrap().code()
    }
}

/// Every line that a watch with `--once` prints.
#[track_caller]
fn once(code: i32, here: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = expect(
        code,
        here,
        &[&["watch", "--once"], arguments, &QUICK].concat(),
    );
    let lines = output.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The sum of a number over all updates.
fn sum(lines: &[Value], key: &str) -> u64 {
    lines.iter().filter_map(|line| line[key].as_u64()).sum()
}

/// Six checkpoints of three runs.
fn zoo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("zoo")).unwrap();
    for run in 0..3 {
        for epoch in 0..2 {
            write_chain(
                &checkpoint(here, run, epoch),
                0.1 * (run + 3 * epoch + 1) as f32,
            );
        }
    }
    fs::write(here.join("study.toml"), STUDY).unwrap();
    write_labels(here, 4, 0.4);
    folder
}

fn checkpoint(here: &Path, run: usize, epoch: usize) -> std::path::PathBuf {
    here.join(format!("zoo/r{run}-{epoch}.safetensors"))
}

/// Labels of all checkpoints that there may be; `accuracy` is that of the first run.
fn write_labels(here: &Path, runs: usize, accuracy: f64) {
    let mut text = "path,training,epoch,accuracy\n".to_owned();
    for run in 0..runs {
        for epoch in 0..3 {
            let accuracy = if run == 0 { accuracy } else { 0.3 * run as f64 };
            text += &format!("zoo/r{run}-{epoch}.safetensors,r{run},{epoch},{accuracy}\n");
        }
    }
    fs::write(here.join("labels.csv"), text).unwrap();
}

/// Runs the study anew, and compares.
#[track_caller]
fn assert_as_fresh(here: &Path, out: &str) {
    let fresh = [
        "run",
        "study.toml",
        "--out",
        "fresh",
        "--fresh",
        "--progress",
        "none",
    ];
    let code = cntflow(here, &fresh).code;
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    assert_same_tables(&here.join("fresh"), &here.join(out));
    for name in ["densities", "divergences", "twins/sign/layers"] {
        let read = |out: &str| {
            let frame = scan_parquet(&parts(&here.join(out), name)).unwrap();
            let keys = frame.clone().collect_schema().unwrap();
            let keys: Vec<_> = keys.iter_names().cloned().collect();
            let sorted = frame.sort(keys, SortMultipleOptions::default());
            sorted.collect().unwrap()
        };
        let (fresh, watched) = (read("fresh"), read(out));
        assert!(fresh.height() > 0, "{name}");
        assert!(
            fresh.equals_missing(&watched),
            "{name}:\n{fresh:?}\n{watched:?}"
        );
    }
}

#[test]
fn after_every_change_the_tables_are_those_of_a_fresh_run() {
    let folder = zoo();
    let here = folder.path();
    let out = ["study.toml", "--out", "out"];
    let lines = once(0, here, &out);
    assert_eq!(sum(&lines, "new"), 6, "{lines:?}");
    assert_as_fresh(here, "out");

    // A later checkpoint, which is the last of its run now; one that changes; one that goes; and
    // labels of a run.
    write_chain(&checkpoint(here, 0, 2), 0.9);
    write_chain(&checkpoint(here, 1, 0), 0.8);
    fs::remove_file(checkpoint(here, 2, 1)).unwrap();
    write_labels(here, 4, 0.6);
    let lines = once(0, here, &out);
    let counts = ["new", "changed", "relabelled", "deleted"].map(|key| sum(&lines, key));
    assert_eq!(counts, [1, 1, 2, 1], "{lines:?}");
    assert_as_fresh(here, "out");

    // What cannot be read is a row that says why, and the exit code is 3.
    fs::write(checkpoint(here, 3, 0), "no checkpoint").unwrap();
    let lines = once(3, here, &out);
    let update = &lines[lines.len() - 2];
    assert_eq!(update["checkpoints"]["failed"], 1, "{lines:?}");
    assert_as_fresh(here, "out");

    // Nothing has changed: nothing is measured, though every file has another time.
    for run in 0..2 {
        let path = checkpoint(here, run, 0);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let lines = once(3, here, &out);
    assert_eq!(lines[0]["event"], "update");
    assert_eq!(sum(&lines, "measured"), 0, "{lines:?}");
}

#[test]
fn a_study_is_followed_until_it_is_stopped() {
    let folder = zoo();
    let here = folder.path();
    let watched = Watched::start(
        here,
        &["study.toml", "--out", "out", "--results-after", "0.2"],
    );
    assert_eq!(watched.next("update")["checkpoints"]["ok"], 6);
    let populations = || watched.next("results")["populations"].take();
    let pairs = |made: &Value| ["pairs", "pairs_from_before"].map(|key| made[key].as_u64());
    let [Some(first), Some(0)] = pairs(&populations()) else {
        panic!("nothing was compared before");
    };
    write_chain(&checkpoint(here, 3, 0), 0.5);
    let update = watched.next("update");
    assert_eq!(update["new"], 1);
    // .9 is alone in its bin.
    let bin = &update["bins"][0];
    assert_eq!(
        (&bin["before"], &bin["now"]),
        (&0.into(), &1.into()),
        "{update}"
    );
    // The pair of the two other bins is as it was.
    let made = populations();
    assert_eq!(made["networks"], 4);
    assert_eq!(pairs(&made), [Some(3 * first), Some(first)], "{made}");
    // No population has this one.
    fs::remove_file(checkpoint(here, 0, 0)).unwrap();
    assert_eq!(watched.next("update")["deleted"], 1);
    assert_eq!(pairs(&populations()), [Some(3 * first); 2]);
    assert_eq!(watched.stop(), Some(143));
    assert_as_fresh(here, "out");
}

#[test]
fn a_source_that_becomes_empty_does_not_empty_the_tables() {
    let folder = zoo();
    let here = folder.path();
    let watched = Watched::start(here, &["zoo", "--out", "out"]);
    assert_eq!(watched.next("update")["checkpoints"]["ok"], 6);
    // As if the disk had been unmounted.
    fs::rename(here.join("zoo"), here.join("elsewhere")).unwrap();
    fs::create_dir(here.join("zoo")).unwrap();
    // A look between the two finds no folder at all, which is a problem of its own.
    loop {
        let problem = watched.next("problem");
        let message = problem["message"].as_str().unwrap();
        if message.starts_with("zoo: had files, and has none now") {
            break;
        }
        assert!(message.starts_with("zoo: no such file"), "{message}");
    }
    fs::remove_dir(here.join("zoo")).unwrap();
    fs::rename(here.join("elsewhere"), here.join("zoo")).unwrap();
    write_chain(&checkpoint(here, 3, 0), 0.5);
    let update = watched.next("update");
    assert_eq!((&update["new"], &update["deleted"]), (&1.into(), &0.into()));
    assert_eq!(update["checkpoints"]["ok"], 7);
    assert_eq!(watched.stop(), Some(143));
}

#[test]
fn an_idle_study_ends_by_itself() {
    let folder = zoo();
    let here = folder.path();
    let arguments = ["watch", "zoo", "--out", "out", "--until-idle=0.3"];
    let output = expect(0, here, &[&arguments[..], &QUICK].concat());
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert_eq!(table(&here.join("out"), "networks").height(), 6);
}

#[test]
fn new_checkpoints_are_predicted_and_experiments_follow() {
    let folder = study_folder();
    let here = folder.path();
    let study = fs::read_to_string(here.join("study.toml")).unwrap();
    fs::write(here.join("study.toml"), study + TWO_CLASSES).unwrap();
    expect(
        0,
        here,
        &["run", "study.toml", "--out", "run", "--progress", "none"],
    );
    // Watching the study trains the same population.
    let lines = once(0, here, &["study.toml", "--out", "watched"]);
    let results = lines.last().unwrap();
    assert_eq!(results["event"], "results", "{results}");
    assert_eq!(
        results["experiments"][0]["experiment"], "two_classes",
        "{results}"
    );
    assert_same_tables(&here.join("run"), &here.join("watched"));
    assert_same_experiments(&here.join("run"), &here.join("watched"));
    let thresholds = &lines[lines.len() - 2]["thresholds"][0];
    assert_eq!(thresholds["experiment"], "two_classes", "{thresholds}");
    assert_eq!(thresholds["networks"], 12);

    let models = here.join("run/classifiers/two_classes");
    let model = fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let model = model.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let model = model.min().unwrap().to_string_lossy().into_owned();
    let probe = ["--probe", "mnist-6k:train:50", "--predict", &model];
    let lines = once(
        0,
        here,
        &[&["run/checkpoints", "--out", "new"], &probe[..]].concat(),
    );
    let update = lines.iter().find(|line| line["new"] != 0).unwrap();
    let predictions = update["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), update["new"].as_u64().unwrap() as usize);
    assert!(predictions[0]["checkpoint"].is_string(), "{predictions:?}");
    // A model of networks that were measured otherwise is refused at once.
    let refused = [
        "watch",
        "run/checkpoints",
        "--predict",
        &model,
        "--out",
        "other",
    ];
    let output = expect(2, here, &refused);
    let expected = "measured: probe none instead of \"mnist-6k:train:50\"; measure";
    assert!(output.stderr.contains(expected), "{output:?}");
}

#[test]
fn one_study_or_sources_but_not_both() {
    let folder = zoo();
    let here = folder.path();
    let output = expect(2, here, &["watch", "study.toml", "zoo"]);
    assert!(
        output.stderr.contains("either one study file, or sources"),
        "{output:?}"
    );
    let output = expect(2, here, &["watch", "study.toml", "--neurons", "full"]);
    assert!(
        output.stderr.contains("a study file says how to measure"),
        "{output:?}"
    );
    let output = expect(2, here, &["watch", "nothing-here"]);
    assert!(
        output.stderr.contains("no such file or folder"),
        "{output:?}"
    );
}

#[test]
fn a_source_that_is_unmounted_at_the_start_keeps_its_rows() {
    let folder = zoo();
    let here = folder.path();
    once(0, here, &["zoo", "--out", "out"]);
    fs::rename(here.join("zoo"), here.join("elsewhere")).unwrap();
    fs::create_dir(here.join("zoo")).unwrap();
    fs::create_dir(here.join("other")).unwrap();
    write_chain(&here.join("other/a.safetensors"), 0.3);
    // One source of two is there: it is another study, so it has a folder of its own.
    fs::rename(here.join("elsewhere"), here.join("zoo2")).unwrap();
    let both = ["zoo2", "other", "--out", "both"];
    once(0, here, &both);
    assert_eq!(table(&here.join("both"), "networks").height(), 7);
    fs::rename(here.join("zoo2"), here.join("elsewhere")).unwrap();
    fs::create_dir(here.join("zoo2")).unwrap();
    // What could not be looked at is no success.
    let lines = once(1, here, &both);
    assert_eq!(lines[0]["event"], "problem", "{lines:?}");
    assert_eq!(table(&here.join("both"), "networks").height(), 7);
}

#[test]
fn a_file_that_cannot_be_looked_at_keeps_its_row() {
    let folder = zoo();
    let here = folder.path();
    // Files that a catalog names, in a folder that goes.
    fs::write(
        here.join("list.csv"),
        "path\nzoo/r0-0.safetensors\nzoo/r1-0.safetensors\n",
    )
    .unwrap();
    once(0, here, &["list.csv", "--out", "out"]);
    fs::rename(here.join("zoo"), here.join("elsewhere")).unwrap();
    let lines = once(0, here, &["list.csv", "--out", "out"]);
    assert_eq!(
        sum(&lines, "deleted") + sum(&lines, "measured"),
        0,
        "{lines:?}"
    );
    let networks = table(&here.join("out"), "networks");
    let statuses = networks.column("status").unwrap().str().unwrap().clone();
    assert!(
        statuses.iter().all(|status| status == Some("ok")),
        "{networks:?}"
    );
    // A file that is gone from a folder that is there is gone.
    fs::rename(here.join("elsewhere"), here.join("zoo")).unwrap();
    fs::remove_file(checkpoint(here, 0, 0)).unwrap();
    let lines = once(3, here, &["list.csv", "--out", "out"]);
    assert_eq!(sum(&lines, "measured"), 1, "{lines:?}");
}

#[test]
fn a_label_of_another_type_is_a_problem_and_not_the_end() {
    let folder = zoo();
    let here = folder.path();
    let watched = Watched::start(here, &["study.toml", "--out", "out"]);
    assert_eq!(watched.next("update")["checkpoints"]["ok"], 6);
    let labels = fs::read_to_string(here.join("labels.csv")).unwrap();
    fs::write(
        here.join("labels.csv"),
        labels.replace(",0.4\n", ",unknown\n"),
    )
    .unwrap();
    let problem = watched.next("problem");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("label 'accuracy' has type Real"),
        "{message}"
    );
    fs::write(here.join("labels.csv"), labels).unwrap();
    write_chain(&checkpoint(here, 3, 0), 0.5);
    assert_eq!(watched.next("update")["new"], 1);
    assert_eq!(watched.stop(), Some(143));
}

#[test]
fn a_fresh_study_keeps_what_it_trains_and_hidden_folders_can_be_sources() {
    let folder = study_folder();
    let here = folder.path();
    let lines = once(0, here, &["study.toml", "--out", "out", "--fresh"]);
    assert_eq!(sum(&lines, "measured"), 36, "{lines:?}");
    assert!(here.join("out/checkpoints").is_dir() && here.join("out/catalog.parquet").is_file());
    let hidden = here.join(".cache");
    fs::create_dir(&hidden).unwrap();
    let watched = Watched::start(here, &[".cache", "--out", "hidden"]);
    watched.next("problem");
    write_chain(&hidden.join("a.safetensors"), 0.1);
    assert_eq!(watched.next("update")["new"], 1);
    write_chain(&hidden.join("b.safetensors"), 0.2);
    assert_eq!(watched.next("update")["new"], 1);
    assert_eq!(watched.stop(), Some(143));
}

#[test]
fn a_source_without_checkpoints_ends_when_it_is_idle() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("zoo")).unwrap();
    let arguments = ["watch", "zoo", "--out", "out", "--until-idle=0.3"];
    let ended = expect(1, here, &[&arguments[..], &QUICK].concat());
    assert!(ended.stdout.contains("no checkpoints"), "{ended:?}");
    assert!(!here.join("out").exists());
}

/// A twin has no values, so its tables do not tell which networks are stored together.
#[test]
fn networks_stored_together_are_measured_again_with_their_twins() {
    let folder = zoo();
    let here = folder.path();
    let study = STUDY.replace("min_runs = 1", "min_runs = 1\ncheckpoints = \"all\"");
    fs::write(here.join("study.toml"), study).unwrap();
    let out = ["study.toml", "--out", "out"];
    once(0, here, &out);
    write_chain(&checkpoint(here, 1, 0), 0.8);
    let lines = once(0, here, &out);
    assert_eq!(sum(&lines, "changed"), 1, "{lines:?}");
    assert_as_fresh(here, "out");
}

#[test]
fn a_stop_before_the_first_checkpoint_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("zoo")).unwrap();
    let watched = Watched::start(here, &["zoo", "--out", "out"]);
    watched.next("problem");
    send_signal(watched.child.id(), "-TERM");
    let output = watched.child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(
        last.starts_with("stopped. To go on: cntflow watch zoo --out out"),
        "{stderr}"
    );
}

#[test]
fn who_uses_a_folder_is_named() {
    let folder = zoo();
    let here = folder.path();
    let watched = Watched::start(here, &["zoo", "--out", "out"]);
    watched.next("update");
    let refused = expect(1, here, &["measure", "zoo", "--out", "out"]);
    let expected = format!("is using this folder: process {}", watched.child.id());
    assert!(
        refused.stderr.contains(&expected) && refused.stderr.contains("wait until it has ended"),
        "{refused:?}"
    );
    assert_eq!(watched.stop(), Some(143));
}

#[test]
fn labels_that_fit_nothing_are_in_the_lines() {
    let folder = zoo();
    let here = folder.path();
    let labels = fs::read_to_string(here.join("labels.csv")).unwrap();
    fs::write(here.join("labels.csv"), labels + "lost,0,0,0.1\n").unwrap();
    let arguments = ["watch", "--once", "study.toml", "--out", "out"];
    let output = expect(0, here, &[&arguments[..], &QUICK].concat());
    let first: Value = serde_json::from_str(output.stdout.lines().next().unwrap()).unwrap();
    let metadata = &first["metadata"];
    assert_eq!(metadata["file"], "labels.csv", "{first}");
    assert!(
        metadata["rows_without_checkpoint"].as_u64().unwrap() > 0,
        "{first}"
    );
    assert!(
        output.stderr.contains("labels.csv match"),
        "{}",
        output.stderr
    );
}

#[test]
fn one_checkpoint_with_a_text_label_is_not_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/model.safetensors"), 1.0);
    std::fs::write(here.join("zoo/config.json"), r#"{"model_type": "mlp"}"#).unwrap();
    assert_eq!(sum(&once(0, here, &["zoo"]), "measured"), 1);
    let again = once(0, here, &["zoo"]);
    assert_eq!((sum(&again, "relabelled"), sum(&again, "measured")), (0, 0));
}
