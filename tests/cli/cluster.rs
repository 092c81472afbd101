//! One worker, two workers, two processes: the same tables.

use std::net::TcpListener;
use std::path::Path;

use crate::support::{Said, assert_same_tables, expect, parts, start, study_folder, wait_until};

/// Writes a hosts file with two free addresses of this machine.
fn hosts(here: &Path) {
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

fn both(here: &Path, first: &[&str], second: &[&str]) -> [Said; 2] {
    let cluster = ["--hosts", "hosts", "--workers", "1", "--json", "--process"];
    let start =
        |arguments: &[&str], process| start(here, &[arguments, &cluster, &[process]].concat());
    let children = [start(second, "1"), start(first, "0")];
    let [second, first] = children.map(|child| Said::from(child.wait_with_output().unwrap()));
    [first, second]
}

#[test]
fn workers_and_processes_give_the_same_tables() {
    let folder = study_folder();
    let here = folder.path();
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
    hosts(here);
    let run = ["run", "study.toml", "--out", "cluster"];
    let [first, second] = both(here, &run, &run);
    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{first:?}\n{second:?}"
    );
    let said = first.json();
    assert_eq!(
        (&said["runs"]["trained"], &said["checkpoints"]["new"]),
        (&12.into(), &36.into()),
        "both processes are counted"
    );
    assert_same_tables(&here.join("one"), &here.join("two"));
    assert_same_tables(&here.join("one"), &here.join("cluster"));
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
    hosts(here);
    let outcome = both(
        here,
        &["run", "study.toml", "--out", "a"],
        &["run", "other.toml", "--out", "a"],
    );
    for said in outcome {
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.stderr.contains("runs something else: the study is"),
            "{said:?}"
        );
    }
}

#[test]
fn a_process_that_is_killed_ends_the_other_and_the_same_commands_go_on() {
    let folder = study_folder();
    let here = folder.path();
    let study = crate::support::SMALL_STUDY
        .replace("runs = 12", "runs = 60")
        .replace("epochs = 2", "epochs = 12");
    let study = study.replace("training_fraction = 0.05", "training_fraction = 1.0");
    std::fs::write(here.join("study.toml"), study).unwrap();
    hosts(here);
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
    let said = Said::from(first.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr
            .contains("another process of the cluster failed or was lost"),
        "{said:?}"
    );

    let [first, second] = both(here, &run, &run);
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
