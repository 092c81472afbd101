//! `cntflow catalog`: what is opened, and holes in the steps of runs.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{command, expect, write_chain};

/// Three runs of five steps; the second lacks one, the third ends early. One checkpoint is cut
/// short, one is empty, and one is not there.
fn write_zoo(here: &Path) {
    let mut catalog = "path,run,step,absent\n".to_owned();
    for (run, steps) in [
        ("zoo/a", &[0, 10, 20, 30, 40][..]),
        ("zoo/b", &[0, 10, 30, 40]),
        ("zoo/c", &[0, 10]),
    ] {
        std::fs::create_dir_all(here.join(run)).unwrap();
        for step in steps {
            let path = format!("{run}/{step}.safetensors");
            write_chain(&here.join(&path), 1.0);
            writeln!(catalog, "{path},{run},{step},").unwrap();
        }
    }
    writeln!(
        catalog,
        "zoo/c/20.safetensors,zoo/c,20,diverged: loss is NaN"
    )
    .unwrap();
    std::fs::write(here.join("zoo.csv"), catalog).unwrap();
    let cut = here.join("zoo/a/20.safetensors");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    std::fs::write(here.join("zoo/a/30.safetensors"), "").unwrap();
    std::fs::remove_file(here.join("zoo/b/0.safetensors")).unwrap();
}

fn lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn holes_are_steps_that_most_runs_have_and_files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_zoo(here);
    let output = expect(0, here, &["catalog", "zoo.csv", "--holes"]).stdout;
    for line in [
        "3 runs in 1 group: 0 without holes, 3 with holes",
        "steps: 12 are there, 3 are missing; runs that end early: 1",
        "of the steps that are there, 2 cannot be read, 1 have no weights",
        "no checkpoint was opened",
        "zoo: 3 runs, 0 without holes",
        "expected, 5 steps: 0 to 40 by 10",
        "not in all runs, 3 of them: 20 (2 of 3), 30 (2 of 3), 40 (2 of 3)",
    ] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let row = |run: &str| {
        let mut rows = output
            .lines()
            .filter(|line| line.trim_start().starts_with(run));
        rows.next().unwrap_or_else(|| panic!("{run}: {output}"))
    };
    assert!(row("zoo/a").contains("###!#") && row("zoo/a").ends_with("unreadable: 30"));
    assert!(row("zoo/b").contains("!#.##") && row("zoo/b").ends_with("  20; unreadable: 0"));
    assert!(row("zoo/c").contains("##-.."));
    assert!(row("zoo/c").ends_with("30, 40; ends early; no weights: 20"));
}

#[test]
fn opening_finds_checkpoints_that_are_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_zoo(here);
    let output = expect(
        0,
        here,
        &["catalog", "zoo.csv", "--holes", "--open", "--json"],
    );
    let lines = lines(&output.stdout);
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["summary", "group", "run", "run", "run"]);
    assert_eq!(lines[0]["opened"], true);
    assert_eq!(lines[0]["unreadable"], 3);
    assert_eq!(lines[1]["expected"][3], json!({"step": 30, "runs": 2}));
    let expected = json!({
        "kind": "run", "group": "zoo", "run": "zoo/a", "steps": 5, "first": 0, "last": 40,
        "ends_early": false, "n_missing": 0, "missing": [], "gaps": [], "unreadable": [20, 30],
        "without_weights": [],
    });
    assert_eq!(lines[2], expected);
    // Without --holes each has its reason.
    let output = expect(0, here, &["catalog", "zoo", "--open", "--json"]).json();
    let failed = output["failed"].to_string();
    assert!(failed.contains("cut short"), "{failed}");
    assert_eq!(output["duplicates"], json!([]), "nothing was hashed");
}

#[test]
fn the_middle_of_many_runs_with_holes_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let mut catalog = "path,run,step\n".to_owned();
    for run in 0..300 {
        let steps = (0..4).filter(|step| run % 3 != 0 || *step != 2);
        for step in steps {
            writeln!(catalog, "s3://zoo/{run}/{step}.pt,zoo/run-{run:03},{step}").unwrap();
        }
    }
    std::fs::write(here.join("zoo.csv"), catalog).unwrap();
    let output = expect(0, here, &["catalog", "zoo.csv", "--holes"]).stdout;
    assert!(
        output.contains("200 without holes, 100 with holes"),
        "{output}"
    );
    assert!(output.contains("... 88 more runs ..."), "{output}");
    let rows = output.lines().filter(|line| line.contains("zoo/run-"));
    assert_eq!(rows.count(), 12, "{output}");
    let too_wide: Vec<&str> = output.lines().filter(|line| line.len() > 100).collect();
    assert!(too_wide.is_empty(), "{too_wide:?}");
}

/// Memory that a child process took at most, in bytes.
#[cfg(target_os = "linux")]
fn peak_bytes(here: &Path, arguments: &[&str]) -> u64 {
    use std::process::Stdio;
    let mut child = command(here, arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
        text
    });
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(1024 * kib.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(reader.join().unwrap().contains("\"summary\""));
    peak
}

/// Twice the rows take little more memory: they are never all there at once.
#[cfg(target_os = "linux")]
#[test]
fn a_row_of_a_large_catalog_takes_few_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let peak = |rows: usize| {
        let mut catalog = "path,run,step,accuracy,note\n".to_owned();
        for row in 0..rows {
            let (run, step) = (row / 10, row % 10);
            if run % 50 != 7 || step != 5 {
                writeln!(
                    catalog,
                    "s3://zoo/of/many/runs/run-{run:06}/step-{step}.safetensors,zoo/run-{run:06},{step},0.{row},text {run}"
                )
                .unwrap();
            }
        }
        std::fs::write(here.join("zoo.csv"), catalog).unwrap();
        peak_bytes(here, &["catalog", "zoo.csv", "--holes", "--json"])
    };
    let (some, many) = (peak(100_000), peak(400_000));
    let bytes_per_row = many.saturating_sub(some) / 300_000;
    assert!(
        bytes_per_row < 200,
        "{bytes_per_row} bytes a row: {some}, then {many}"
    );
}
