//! `--scale`: values of a study file that are written for several scales.

use std::path::Path;

use serde_json::Value;

use crate::support::{SMALL_STUDY, expect, study_folder};

/// The small study with another number of runs for each scale.
fn scaled_study(runs: &str) -> String {
    SMALL_STUDY.replace("runs = 12", &format!("runs = {runs}"))
}

fn write_study(here: &Path, study: &str) {
    std::fs::write(here.join("study.toml"), study).unwrap();
}

/// The runs that a command trains, as it prints them.
#[track_caller]
fn trained(here: &Path, arguments: &[&str]) -> Value {
    let output = expect(0, here, &[arguments, &["--json"]].concat()).json();
    output["runs"]["trained"].clone()
}

#[test]
fn each_scale_has_a_folder_of_its_own() {
    let folder = study_folder();
    let here = folder.path();
    write_study(here, &scaled_study("{ small = 2, medium = 3 }"));
    assert_eq!(trained(here, &["train", "study.toml"]), 2);
    let medium = ["train", "study.toml", "--scale", "medium"];
    assert_eq!(trained(here, &medium), 3);
    assert_eq!(
        trained(here, &["train", "study.toml", "--scale", "full"]),
        3
    );
    for (name, n_runs) in [("small", 2), ("small-medium", 3), ("small-full", 3)] {
        let checkpoints = here.join("runs").join(name).join("checkpoints");
        assert_eq!(checkpoints.read_dir().unwrap().count(), n_runs, "{name}");
    }
    assert_eq!(trained(here, &medium), 0);
}

#[test]
fn small_is_the_same_study_as_without_scales() {
    let folder = study_folder();
    let here = folder.path();
    write_study(here, &scaled_study("2"));
    assert_eq!(trained(here, &["train", "study.toml"]), 2);
    write_study(here, &scaled_study("{ small = 2, full = 9 }"));
    let small = ["train", "study.toml", "--scale", "small"];
    assert_eq!(trained(here, &small), 0);
}

#[test]
fn a_folder_of_another_scale_is_refused() {
    let folder = study_folder();
    let here = folder.path();
    // The same runs, so that nothing but the scale differs.
    let study = scaled_study("2") + "[populations]\nmin_runs = { small = 1, full = 2 }\n";
    write_study(here, &study);
    expect(0, here, &["run", "study.toml", "--out", "out"]);
    for command in ["run", "train"] {
        let other = [command, "study.toml", "--scale", "full", "--out", "out"];
        let refused = expect(2, here, &other);
        let expected = "output of study 'small' at scale small, and this is scale full";
        assert!(refused.stderr.contains(expected), "{refused:?}");
    }
    let other = [
        "discriminate",
        "study.toml",
        "--scale",
        "full",
        "--out",
        "out",
    ];
    let refused = expect(2, here, &other);
    assert!(refused.stderr.contains("scale full"), "{refused:?}");
}

#[test]
fn an_experiment_may_have_scales() {
    let folder = study_folder();
    let here = folder.path();
    let experiment = "[[experiment]]\nname = \"scaled\"\npermutations = { small = 0, full = 200 }\n\
                      features = [\"tensor_7\"]\ntarget = { kind = \"ranking\" }\n\
                      models = [\"elastic_net\"]\n\
                      protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }\n";
    write_study(here, &format!("{SMALL_STUDY}\n{experiment}"));
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let spec = &output["experiments"][0]["description"]["spec"];
    assert_eq!(spec["permutations"], 0, "{spec}");
    let again = expect(0, here, &["discriminate", "study.toml", "--json"]).json();
    assert_eq!(again[0]["evaluated_now"], false);
    let refused = expect(2, here, &["discriminate", "runs/small", "--scale", "full"]);
    assert!(refused.stderr.contains("needs a study file"), "{refused:?}");
}

#[test]
fn a_wrong_scale_is_an_error_before_any_work() {
    let folder = study_folder();
    let here = folder.path();
    let check = |study: &str, scale: &str, expected: &[&str]| {
        write_study(here, study);
        let refused = expect(2, here, &["run", "study.toml", "--scale", scale]);
        for text in expected {
            assert!(refused.stderr.contains(text), "{text}: {refused:?}");
        }
    };
    check(
        SMALL_STUDY,
        "medium",
        &["study.toml", "the study has no scales"],
    );
    let line = SMALL_STUDY.lines().position(|line| line == "runs = 12");
    let line = format!("line {}", line.unwrap() + 1);
    check(
        &scaled_study("{ medium = 3 }"),
        "medium",
        &[&line, "missing field `small`"],
    );
    let unknown = scaled_study("{ small = 2, large = 3 }");
    check(&unknown, "small", &[&line]);
    check(
        &scaled_study("{ small = 2, medium = \"many\" }"),
        "medium",
        &[&line],
    );
    assert!(!here.join("runs").exists());
}
