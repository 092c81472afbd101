//! Limits on what a file may ask for: `--limit`, and `[limits]` of a study.

use std::path::Path;

use crate::support::{expect, table, write_chain};

/// A folder `zoo` with one valid checkpoint.
fn zoo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("zoo")).unwrap();
    write_chain(&folder.path().join("zoo/good.safetensors"), 1.0);
    folder
}

/// The reason of the only checkpoint.
fn reason(out: &Path) -> Option<String> {
    let networks = table(out, "networks");
    let reasons = networks.column("reason").unwrap().str().unwrap();
    reasons.get(0).map(str::to_owned)
}

const TOO_LARGE: &str = "the limit header_bytes allows 20; --limit header_bytes=VALUE, or [limits] of a study, raises it";

#[test]
fn a_file_that_exceeds_a_limit_is_a_row_that_says_how_to_raise_it() {
    let folder = zoo();
    let here = folder.path();
    let measure = ["measure", "zoo", "--out", "out", "--limit"];
    let with = |more: &[&'static str]| [&measure[..], more].concat();
    expect(3, here, &with(&["header_bytes=20"]));
    let why = reason(&here.join("out")).unwrap_or_default();
    assert!(
        why.contains("good.safetensors: ") && why.ends_with(TOO_LARGE),
        "{why}"
    );
    expect(
        0,
        here,
        &with(&["header_bytes=1MB", "--limit", "depth=8", "--retry-failed"]),
    );
    assert_eq!(reason(&here.join("out")), None);
}

#[test]
fn every_command_that_opens_files_takes_limits() {
    let folder = zoo();
    let here = folder.path();
    let file = "zoo/good.safetensors";
    let output = expect(1, here, &["inspect", file, "--limit", "header_bytes=20"]);
    assert!(output.stderr.contains(TOO_LARGE), "{output:?}");
    expect(0, here, &["inspect", file, "--limit", "header_bytes=20KB"]);
    let catalog = ["catalog", "zoo", "--digest", "--limit", "header_bytes=20"];
    let output = expect(0, here, &catalog);
    assert!(output.stdout.contains(TOO_LARGE), "{output:?}");
}

#[test]
fn a_study_sets_limits() {
    let folder = zoo();
    let here = folder.path();
    let study = |limits: &str| {
        let study =
            format!("[study]\nname = \"s\"\n[measure]\nsources = [\"zoo\"]\n[limits]\n{limits}");
        std::fs::write(here.join("s.toml"), study).unwrap();
    };
    study("header_bytes = 20");
    expect(3, here, &["run", "s.toml"]);
    let why = reason(&here.join("runs/s")).unwrap_or_default();
    assert!(why.ends_with(TOO_LARGE), "{why}");
    // Limits are not part of a study's identity: the same folder is used.
    study("header_bytes = \"1MB\"");
    expect(0, here, &["run", "s.toml", "--retry-failed"]);
    assert_eq!(reason(&here.join("runs/s")), None);
}

#[test]
fn an_unknown_limit_is_a_usage_error_that_lists_the_limits() {
    let folder = zoo();
    let here = folder.path();
    let output = expect(2, here, &["measure", "zoo", "--limit", "header=1"]);
    let known = "unknown limit 'header'; the limits are header_bytes, tensors, depth";
    assert!(output.stderr.contains(known), "{output:?}");
    let output = expect(2, here, &["inspect", "zoo", "--limit", "depth=deep"]);
    assert!(
        output.stderr.contains("'deep' is not a whole number"),
        "{output:?}"
    );
    for (limits, expected) in [
        ("header = 1", known),
        ("depth = \"x\"", "'x' is not a whole number"),
        ("depth = -1", "200MB"),
    ] {
        let study =
            format!("[study]\nname = \"s\"\n[measure]\nsources = [\"zoo\"]\n[limits]\n{limits}");
        std::fs::write(here.join("s.toml"), study).unwrap();
        let output = expect(2, here, &["run", "s.toml"]);
        assert!(output.stderr.contains(expected), "{output:?}");
    }
}

/// A file whose weights take longer to measure than the limit: most of it is a hole.
#[test]
fn a_checkpoint_beyond_the_limit_of_time_is_a_failed_row() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    write_chain(&here.join("zoo/small.safetensors"), 0.1);
    let (n_out, n_in) = (16_000, 14_000);
    let bytes = 4 * n_out * n_in;
    let mut header = format!(
        r#"{{"fc.weight":{{"dtype":"F32","shape":[{n_out},{n_in}],"data_offsets":[0,{bytes}]}}}}"#
    );
    header.push_str(&" ".repeat(8 - header.len() % 8));
    let path = here.join("zoo/large.safetensors");
    let mut start = (header.len() as u64).to_le_bytes().to_vec();
    start.extend(header.as_bytes());
    std::fs::write(&path, start).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(8 + header.len() as u64 + bytes).unwrap();
    let arguments = [
        "measure",
        "zoo",
        "--out",
        "out",
        "--task-limit",
        "1",
        "--workers",
        "1",
    ];
    let output = expect(3, here, &arguments);
    assert!(
        output.stderr.contains("not measured within 1 s"),
        "{output:?}"
    );
    let networks = table(&here.join("out"), "networks");
    assert_eq!(networks.height(), 2);
}
