//! `--reuse`: rows of the same content from other folders; `cntflow check`: what a run would do.

use std::fs;
use std::path::Path;

use crate::support::{assert_same_tables, expect, table, write_chain, write_checkpoint};

const STUDY: &str = r#"
[study]
name = "reusing"

[measure]
sources = ["zoo"]
metadata = "labels.csv"
neurons = "full"

[populations]
label = "accuracy"
width = 0.5
min_runs = 1
"#;

/// Four checkpoints, and a study with labels for them.
fn zoo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("zoo")).unwrap();
    for index in 0..4 {
        write_chain(
            &here.join(format!("zoo/net{index}.safetensors")),
            0.1 * (index + 1) as f32,
        );
    }
    fs::write(here.join("study.toml"), STUDY).unwrap();
    write_labels(here, 0.2);
    // Files that were written to during a run are not on its list.
    std::thread::sleep(std::time::Duration::from_millis(20));
    folder
}

fn write_labels(here: &Path, first: f64) {
    let mut text = "path,accuracy\n".to_owned();
    for index in 0..6 {
        text += &format!(
            "zoo/net{index}.safetensors,{}\n",
            first + 0.12 * f64::from(index)
        );
    }
    fs::write(here.join("labels.csv"), text).unwrap();
}

fn run(here: &Path, out: &str, more: &[&str]) -> serde_json::Value {
    let arguments = [
        "run",
        "study.toml",
        "--out",
        out,
        "--json",
        "--progress",
        "none",
    ];
    expect(0, here, &[&arguments, more].concat()).json()
}

#[test]
fn rows_of_the_same_content_are_taken_over_with_the_labels_of_now() {
    let folder = zoo();
    let here = folder.path();
    run(here, "first", &[]);
    // Another study: other labels and bins, names and one file more.
    fs::rename(
        here.join("zoo/net0.safetensors"),
        here.join("zoo/net4.safetensors"),
    )
    .unwrap();
    write_chain(&here.join("zoo/net5.safetensors"), 3.0);
    write_labels(here, 0.35);
    let checked = [
        "check",
        "study.toml",
        "--out",
        "second",
        "--reuse",
        "first",
        "--json",
    ];
    let checked = expect(0, here, &checked).json();
    assert_eq!(checked["checkpoints"]["to_reuse"], 4, "{checked}");
    assert_eq!(checked["checkpoints"]["to_measure"], 1, "{checked}");
    assert!(checked["seconds"].as_f64().unwrap() > 0.0, "{checked}");
    assert!(!here.join("second").exists(), "check writes nothing");

    let summary = run(here, "second", &["--reuse", "first"]);
    assert_eq!(summary["checkpoints"]["reused"], 4, "{summary}");
    assert_eq!(summary["checkpoints"]["new"], 1, "{summary}");
    let fresh = run(here, "fresh", &[]);
    assert_eq!(fresh["checkpoints"]["new"], 5);
    assert_same_tables(&here.join("fresh"), &here.join("second"));
    assert_eq!(fresh["populations"], summary["populations"]);
    // What was taken over can be taken over again.
    let third = run(here, "third", &["--reuse", "second"]);
    assert_eq!(third["checkpoints"]["reused"], 5, "{third}");
    assert_same_tables(&here.join("fresh"), &here.join("third"));
}

#[test]
fn only_what_was_measured_in_the_same_way_is_reused() {
    let folder = zoo();
    let here = folder.path();
    let measure = |out: &str, more: &[&str]| {
        let arguments = [
            "measure",
            "zoo",
            "--out",
            out,
            "--json",
            "--progress",
            "none",
        ];
        expect(0, here, &[&arguments, more].concat())
    };
    measure("first", &[]);
    // Other options.
    let other = measure("probed", &["--reuse", "first", "--metrics", "link_weights"]);
    assert_eq!(other.json()["checkpoints"]["reused"], 0);
    assert!(
        other.stderr.contains("first: not reused: measured with"),
        "{other:?}"
    );
    // Rows that the first run did not write.
    let neurons = measure("neurons", &["--reuse", "first", "--neurons", "full"]);
    assert_eq!(neurons.json()["checkpoints"]["reused"], 0);
    // By the look of the files; one has changed since.
    write_chain(&here.join("zoo/net1.safetensors"), 7.0);
    let lenient = measure("lenient", &["--reuse", "first", "--lenient"]);
    assert_eq!(lenient.json()["checkpoints"]["reused"], 3);
    let fresh = measure("fresh", &[]);
    assert_eq!(fresh.json()["checkpoints"]["new"], 4);
    let (left, right) = (
        table(&here.join("fresh"), "layers"),
        table(&here.join("lenient"), "layers"),
    );
    assert!(left.equals_missing(&right));
    // No tables at all.
    let wrong = expect(2, here, &["measure", "zoo", "--reuse", "zoo", "--out", "x"]);
    assert!(
        wrong
            .stderr
            .contains("--reuse zoo: no output of cntflow here"),
        "{wrong:?}"
    );
}

#[test]
fn a_check_says_what_is_done_and_what_would_be_refused() {
    let folder = zoo();
    let here = folder.path();
    run(here, "out", &[]);
    let done = expect(0, here, &["check", "study.toml", "--out", "out", "--json"]).json();
    assert_eq!(done["checkpoints"]["done"], 4, "{done}");
    assert_eq!(done["checkpoints"]["to_measure"], 0, "{done}");
    assert_eq!(done["seconds"], 0.0, "{done}");
    let other = expect(2, here, &["check", "zoo", "--out", "out"]);
    // None of its rows counts as done.
    assert!(
        other.stdout.contains("0 done, 0 to reuse, 4 to measure"),
        "{other:?}"
    );
    assert!(
        other.stderr.contains("another study")
            && other
                .stderr
                .contains("[populations], which only the other study has")
            && other
                .stderr
                .contains("metadata none instead of \"labels.csv\""),
        "{other:?}"
    );
}

#[test]
fn files_that_have_changed_or_gone_are_counted_and_their_rows_stay() {
    let folder = zoo();
    let here = folder.path();
    let measure = ["measure", "zoo", "--out", "out", "--progress", "none"];
    expect(0, here, &measure);
    let before = table(&here.join("out"), "layers");
    write_chain(&here.join("zoo/net1.safetensors"), 7.0);
    fs::remove_file(here.join("zoo/net2.safetensors")).unwrap();
    let again = expect(0, here, &measure);
    let note = "since they were measured, 1 files have changed and 1 are gone";
    assert!(again.stderr.contains(note), "{again:?}");
    assert!(before.equals_missing(&table(&here.join("out"), "layers")));
}

#[test]
fn a_check_counts_failed_checkpoints_and_missing_twins_apart() {
    let folder = zoo();
    let here = folder.path();
    fs::write(here.join("zoo/broken.safetensors"), "no checkpoint").unwrap();
    let out = ["zoo", "--out", "out"];
    let measure = [&["measure"], &out[..], &["--progress", "none"]].concat();
    expect(3, here, &measure);
    let check = |more: &[&str]| expect(0, here, &[&["check"], &out[..], more].concat()).stdout;
    let done = check(&[]);
    let expected = "5: 5 done (1 of them failed; --retry-failed measures these again), 0 to reuse, 0 to \
                    measure";
    assert!(done.contains(expected), "{done}");
    let again = check(&["--retry-failed"]);
    let expected = "5: 4 done, 0 to reuse, 1 to measure";
    assert!(again.contains(expected), "{again}");
    // A checkpoint that lacks a twin alone is no new one.
    let twins = check(&["--twin", "sign", "--processes", "2", "--workers", "3"]);
    for expected in [
        "5: 5 done (1 of them failed",
        "0 to reuse, 0 to measure",
        "twins        5 of those that are done lack a twin, which is to be measured: sign",
        "on 2 processes of 3 workers each",
        "for each of 2 processes",
    ] {
        assert!(twins.contains(expected), "{expected}: {twins}");
    }
}

#[test]
fn lenient_reuse_of_nothing_says_why() {
    let folder = zoo();
    let here = folder.path();
    let measure = |out: &str, more: &[&str]| {
        let arguments = ["measure", "zoo", "--out", out, "--progress", "none"];
        expect(0, here, &[&arguments, more].concat())
    };
    measure("first", &[]);
    // The same content with other times, and a file of another size.
    for index in 0..3 {
        let path = here.join(format!("zoo/net{index}.safetensors"));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let larger = (0..40).map(|value| value as f32).collect();
    write_checkpoint(
        &here.join("zoo/net3.safetensors"),
        &[("fc.weight", &[4, 10], larger)],
        &[],
    );
    let output = measure("second", &["--reuse", "first", "--lenient"]);
    let expected = "first: not reused: of 4 checkpoints, 3 with other times (copied, moved or written \
                    to), 1 with a size that no file there has";
    assert!(output.stderr.contains(expected), "{output:?}");
}

#[test]
fn rows_of_labels_that_match_nothing_are_no_skipped_files() {
    let folder = zoo();
    let here = folder.path();
    // A row for each of six checkpoints; four are there.
    let summary = run(here, "out", &[]);
    assert_eq!(summary["checkpoints"]["passed_over"], 0, "{summary}");
    assert_eq!(summary["metadata"]["rows_without_checkpoint"], 2);
    assert!(summary["metadata"]["checkpoints_without_row"].is_null());
    fs::write(here.join("other.csv"), "path,accuracy\nx,0.1\n").unwrap();
    let other = ["zoo", "--metadata", "other.csv"];
    let words = "1 row of other.csv matches no checkpoint: line 2: 'x' in column 'path' matches no \
                 checkpoint; other.csv has no row for any of the 4 checkpoints";
    for command in ["measure", "check"] {
        let output = expect(0, here, &[&[command], &other[..]].concat());
        let expected = format!("labels       {words}");
        assert!(output.stdout.contains(&expected), "{output:?}");
        assert!(!output.stdout.contains("skipped  "), "{output:?}");
    }
    let catalog = [&["catalog"], &other[..]].concat();
    let output = expect(0, here, &catalog);
    assert!(
        output
            .stdout
            .contains("other.csv has no row for any of the 4 checkpoints"),
        "{output:?}"
    );
    let listing = expect(0, here, &[&catalog[..], &["--json"]].concat()).json();
    assert_eq!(listing["passed_over"].as_array().unwrap().len(), 0);
    assert_eq!(listing["metadata"]["file"], "other.csv");
}
