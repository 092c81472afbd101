//! One worker, two workers, two processes: the same tables.

use std::net::TcpListener;
use std::path::Path;

use crate::support::{
    CommandOutput, RANKING, SMALL_STUDY, TWO_CLASSES, assert_same_experiments, assert_same_tables,
    expect, parts, start, study_folder, wait_until,
};

/// Writes a hosts file with two free addresses of this machine.
fn write_hosts_file(here: &Path) {
    let free = |_| {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let lines: Vec<String> = (0..2).map(free).collect();
    std::fs::write(here.join("hosts"), lines.join("\n")).unwrap();
}

fn run_both(here: &Path, first: &[&str], second: &[&str]) -> [CommandOutput; 2] {
    let cluster = ["--hosts", "hosts", "--workers", "1", "--json", "--process"];
    let start =
        |arguments: &[&str], process| start(here, &[arguments, &cluster, &[process]].concat());
    let children = [start(second, "1"), start(first, "0")];
    let [second, first] =
        children.map(|child| CommandOutput::from(child.wait_with_output().unwrap()));
    [first, second]
}

#[test]
fn workers_and_processes_give_the_same_tables() {
    let folder = study_folder();
    let here = folder.path();
    let study = format!(
        "{SMALL_STUDY}twins = [\"shuffle\"]\n\n[populations]\nmin_runs = 1\n\
         {TWO_CLASSES}controls = [\"shuffle\"]\n{RANKING}"
    );
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(
        0,
        here,
        &["run", "study.toml", "--out", "one", "--workers", "1"],
    );
    expect(
        0,
        here,
        &["run", "study.toml", "--out", "two", "--workers", "2"],
    );
    write_hosts_file(here);
    let run = ["run", "study.toml", "--out", "cluster"];
    let [first, second] = run_both(here, &run, &run);
    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{first:?}\n{second:?}"
    );
    let output = first.json();
    assert_eq!(
        (&output["runs"]["trained"], &output["checkpoints"]["new"]),
        (&12.into(), &36.into()),
        "both processes are counted"
    );
    assert_same_tables(&here.join("one"), &here.join("two"));
    assert_same_tables(&here.join("one"), &here.join("cluster"));
    assert_same_experiments(&here.join("one"), &here.join("two"));
    assert_same_experiments(&here.join("one"), &here.join("cluster"));
    for table in ["densities", "divergences"] {
        let [one, two, cluster] = ["one", "two", "cluster"].map(|out| {
            let path = format!("{out}/tables/{table}/all.parquet");
            std::fs::read(here.join(path)).unwrap()
        });
        assert!(one == two && one == cluster, "{table}");
    }
    let parts = parts(&here.join("cluster"), "networks");
    let of = |process: &str| {
        parts
            .iter()
            .any(|part| part.to_string_lossy().contains(process))
    };
    assert!(
        of("-p000-") && of("-p001-"),
        "both processes have measured: {parts:?}"
    );
}

#[test]
fn processes_of_different_studies_refuse_each_other() {
    let folder = study_folder();
    let here = folder.path();
    let other = crate::support::SMALL_STUDY.replace("seed = 3", "seed = 4");
    std::fs::write(here.join("other.toml"), other).unwrap();
    write_hosts_file(here);
    let outcome = run_both(
        here,
        &["run", "study.toml", "--out", "a"],
        &["run", "other.toml", "--out", "a"],
    );
    for output in outcome {
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(
            output
                .stderr
                .contains("does not match this one: the study is"),
            "{output:?}"
        );
    }
}

#[test]
fn a_killed_process_ends_the_other_and_the_same_commands_resume() {
    let folder = study_folder();
    let here = folder.path();
    let study = crate::support::SMALL_STUDY
        .replace("runs = 12", "runs = 60")
        .replace("epochs = 2", "epochs = 12");
    let study = study.replace("training_fraction = 0.05", "training_fraction = 1.0");
    std::fs::write(here.join("study.toml"), study).unwrap();
    write_hosts_file(here);
    let run = [
        "run",
        "study.toml",
        "--out",
        "cluster",
        "--commit-every",
        "1",
    ];
    let process = |index| {
        [
            "--hosts",
            "hosts",
            "--workers",
            "1",
            "--json",
            "--process",
            index,
        ]
    };
    let mut second = start(here, &[&run[..], &process("1")].concat());
    let first = start(here, &[&run[..], &process("0")].concat());
    let cluster = here.join("cluster");
    wait_until("a first commit", || !parts(&cluster, "networks").is_empty());
    second.kill().unwrap();
    second.wait().unwrap();
    let output = CommandOutput::from(first.wait_with_output().unwrap());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("another process of the cluster failed or was lost"),
        "{output:?}"
    );

    let [first, second] = run_both(here, &run, &run);
    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{first:?}\n{second:?}"
    );
    let counts = &first.json()["checkpoints"];
    assert!(counts["resumed"].as_u64().unwrap() > 0, "{first:?}");
    assert_eq!(counts["done"], 180);
    expect(0, here, &["run", "study.toml", "--out", "undisturbed"]);
    assert_same_tables(&cluster, &here.join("undisturbed"));
}
