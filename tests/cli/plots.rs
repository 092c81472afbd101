//! `--plots`: small plots beside the text of `inspect` and `predict`.

use std::path::Path;

use crate::support::{CommandOutput, SMALL_STUDY, TWO_CLASSES, command, expect, write_chain};

/// Blocks of which plots are made.
const BLOCKS: [char; 4] = ['▁', '█', '▌', '┊'];

/// Runs the program with a locale of UTF-8, or with none.
fn with_locale(here: &Path, locale: &str, arguments: &[&str]) -> CommandOutput {
    let mut command = command(here, arguments);
    command.env("LC_ALL", locale).env("TERM", "xterm");
    let output: CommandOutput = command.output().unwrap().into();
    assert_eq!(output.code, Some(0), "{output:?}");
    output
}

#[test]
fn inspect_plots_each_layer_where_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_chain(&here.join("a.safetensors"), 0.5);
    let inspect = ["inspect", "a.safetensors"];
    let plain = with_locale(here, "C.UTF-8", &inspect).stdout;
    assert!(
        !plain.contains(BLOCKS) && !plain.contains("density"),
        "{plain}"
    );

    let always = [&inspect[..], &["--plots", "always"]].concat();
    let blocks = with_locale(here, "C.UTF-8", &always).stdout;
    assert!(
        blocks.contains('█') && blocks.contains("density"),
        "{blocks}"
    );
    let ascii = with_locale(here, "C", &always).stdout;
    assert!(ascii.contains('@') && ascii.is_ascii(), "{ascii}");
    let n_rows = |text: &str| {
        text.lines()
            .filter(|line| line.contains(['@', '█']))
            .count()
    };
    // Two layers of links, and the strengths of three layers of neurons.
    assert_eq!((n_rows(&blocks), n_rows(&ascii)), (5, 5), "{ascii}");
    for line in plain.lines() {
        assert!(blocks.contains(line), "the text stays: {line}");
    }
}

#[test]
fn documents_have_no_plots() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_chain(&here.join("a.safetensors"), 0.5);
    let plain = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    let arguments = ["inspect", "a.safetensors", "--json", "--plots", "always"];
    assert_eq!(expect(0, here, &arguments).json(), plain);
}

#[test]
fn predict_shows_a_bar_for_each_probability() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(
        here.join("study.toml"),
        format!("{SMALL_STUDY}{TWO_CLASSES}"),
    )
    .unwrap();
    expect(0, here, &["run", "study.toml", "--out", "out"]);
    let model = "out/classifiers/two_classes/cnt.json";
    let predict = ["predict", model, "out/checkpoints", "--force"];
    let plain = with_locale(here, "C.UTF-8", &predict).stdout;
    assert!(!plain.contains(BLOCKS), "{plain}");
    let always = [&predict[..], &["--plots", "always"]].concat();
    let bars = with_locale(here, "C.UTF-8", &always).stdout;
    assert!(bars.starts_with(plain.trim_end()), "the text stays: {bars}");
    let rows = expect(0, here, &[&predict[..], &["--json"]].concat()).json();
    let rows = rows.as_array().unwrap().iter();
    let n_predicted = rows.filter(|row| row["probability"].is_number()).count();
    let (_, bars) = bars.split_once("\n\n").unwrap();
    assert!(n_predicted > 0);
    assert_eq!(bars.lines().count() - 1, n_predicted, "{bars}");
    assert!(bars.contains(BLOCKS), "{bars}");
    let ascii = with_locale(here, "C", &always).stdout;
    let (_, ascii) = ascii.split_once("\n\n").unwrap();
    assert!(ascii.is_ascii() && ascii.contains(['#', '|']), "{ascii}");
}
