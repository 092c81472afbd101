//! `--tables`: experiments on the tables of another folder, which is only read.

use std::path::Path;

use crate::support::{
    RANKING, SMALL_STUDY, TWO_CLASSES, assert_same_experiments, expect, files_below,
};

/// The two experiments, the first with the shuffled twin as a control.
fn experiments() -> String {
    let first = TWO_CLASSES.replace("models", "controls = [\"shuffle\"]\nmodels");
    format!("{first}{RANKING}")
}

fn write_study(here: &Path, population: &str, experiments: &str) {
    let study = format!("{population}twins = [\"shuffle\"]\n{experiments}");
    std::fs::write(here.join("study.toml"), study).unwrap();
}

/// A folder with the study, its output in `ordinary`, and two exports: `exact` and `rounded`.
fn exported_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_study(here, SMALL_STUDY, &experiments());
    expect(0, here, &["run", "study.toml", "--out", "ordinary"]);
    expect(0, here, &["export", "ordinary", "--to", "exact"]);
    expect(
        0,
        here,
        &["export", "ordinary", "--to", "rounded", "--digits", "3"],
    );
    folder
}

/// Names of the experiments that a run on tables has evaluated.
#[track_caller]
fn evaluated(here: &Path, options: &[&str]) -> Vec<String> {
    let arguments = ["run", "study.toml", "--json"];
    let output = expect(0, here, &[&arguments[..], options].concat()).json();
    let all = output["experiments"].as_array().unwrap().iter();
    all.filter(|experiment| experiment["evaluated_now"] == true)
        .map(|experiment| experiment["experiment"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn results_are_the_bytes_of_an_ordinary_run_and_the_tables_stay_as_they_are() {
    let folder = exported_folder();
    let here = folder.path();
    for tables in ["exact", "ordinary"] {
        let before = files_below(&here.join(tables));
        let out = format!("of-{tables}");
        let options = ["--tables", tables, "--out", &out, "--workers", "1"];
        assert_eq!(evaluated(here, &options), ["two_classes", "ranking"]);
        assert_same_experiments(&here.join("ordinary"), &here.join(&out));
        assert!(!here.join(&out).join("checkpoints").exists());
        assert!(evaluated(here, &options).is_empty());
        assert!(before == files_below(&here.join(tables)), "{tables}");
    }
    let arguments = [
        "discriminate",
        "study.toml",
        "--tables",
        "exact",
        "--out",
        "third",
    ];
    expect(0, here, &arguments);
    assert_same_experiments(&here.join("ordinary"), &here.join("third"));
}

#[test]
fn an_export_for_a_study_has_all_that_its_experiments_read() {
    let folder = exported_folder();
    let here = folder.path();
    let arguments = ["export", "ordinary", "--to", "lean", "--for", "study.toml"];
    expect(0, here, &arguments);
    let options = ["--tables", "lean", "--out", "of-lean", "--workers", "1"];
    assert_eq!(evaluated(here, &options), ["two_classes", "ranking"]);
    assert_same_experiments(&here.join("ordinary"), &here.join("of-lean"));
    let sql = "SELECT metric, count(q99) AS n_q99, count(mean) AS n_mean FROM layers
               WHERE metric IN ('kernel_weights', 'probe_entropy') GROUP BY metric ORDER BY metric";
    let query = |tables| expect(0, here, &["query", tables, sql, "--format", "json"]).json();
    let (lean, exact) = (query("lean"), query("exact"));
    for metric in 0..2 {
        assert_eq!(lean[metric]["n_mean"], exact[metric]["n_mean"]);
        assert!(exact[metric]["n_q99"].as_u64() > Some(0));
    }
    // No feature is made of this quantile of a probe's metric.
    assert_eq!(lean[1]["n_q99"], 0);
}

#[test]
fn an_export_that_lacks_what_an_experiment_reads_is_refused() {
    let folder = exported_folder();
    let here = folder.path();
    for (to, option) in [
        ("lean", &["--for", "study.toml"][..]),
        ("last", &["--last"]),
    ] {
        expect(
            0,
            here,
            &[&["export", "ordinary", "--to", to], option].concat(),
        );
    }
    let normalised = format!("{TWO_CLASSES}representation = \"role_normalised\"\n");
    let all = format!("{TWO_CLASSES}checkpoints = \"all\"\n");
    for (tables, experiments, message) in [
        (
            "lean",
            normalised,
            "statistics of the representation role, not those of role_normalised",
        ),
        (
            "last",
            all,
            "the export has the last checkpoint of each run alone",
        ),
    ] {
        write_study(here, SMALL_STUDY, &experiments);
        let arguments = ["run", "study.toml", "--tables", tables, "--out", "refused"];
        let refused = expect(2, here, &arguments);
        assert!(refused.stderr.contains(message), "{refused:?}");
        assert!(!here.join("refused").exists());
        // Whole tables have it.
        let arguments = ["run", "study.toml", "--tables", "exact", "--out", "results"];
        expect(0, here, &arguments);
    }
}

#[test]
fn other_tables_of_the_study_are_evaluated_again() {
    let folder = exported_folder();
    let here = folder.path();
    let both = ["two_classes", "ranking"];
    assert_eq!(evaluated(here, &["--tables", "exact"]), both);
    assert_eq!(evaluated(here, &["--tables", "rounded"]), both);
    assert!(evaluated(here, &["--tables", "rounded"]).is_empty());
    write_study(
        here,
        SMALL_STUDY,
        &experiments().replace("permutations = 9", "permutations = 4"),
    );
    assert_eq!(evaluated(here, &["--tables", "rounded"]), ["two_classes"]);
}

#[test]
fn what_the_tables_lack_is_an_error_before_any_work() {
    let folder = exported_folder();
    let here = folder.path();
    let check = |experiments: &str, tables: &str, expected: &str| {
        write_study(here, SMALL_STUDY, experiments);
        let refused = expect(2, here, &["run", "study.toml", "--tables", tables]);
        assert!(refused.stderr.contains(expected), "{expected}: {refused:?}");
        assert!(!here.join("runs").exists());
    };
    let experiments = experiments();
    check(
        &experiments.replace("\"shuffle\"", "\"sign\""),
        "exact",
        "sign",
    );
    let label = "name = \"ranking\"\nstrata = [\"colour\"]";
    check(
        &experiments.replace("name = \"ranking\"", label),
        "exact",
        "colour",
    );
    check("", "exact", "no [[experiment]]");
    let here = here.to_owned();
    write_study(&here, SMALL_STUDY, &experiments);
    let refused = expect(1, &here, &["run", "study.toml", "--tables", "nowhere"]);
    assert!(
        refused.stderr.contains("no output of cntflow here"),
        "{refused:?}"
    );
}

#[test]
fn results_never_get_into_a_folder_of_another_kind() {
    let folder = exported_folder();
    let here = folder.path();
    let run = |code: i32, tables: &str, out: &str| {
        let arguments = [
            "run",
            "study.toml",
            "--tables",
            tables,
            "--out",
            out,
            "--fresh",
        ];
        let before = files_below(&here.join(out));
        let output = expect(code, here, &arguments);
        assert!(code == 0 || before == files_below(&here.join(out)), "{out}");
        output
    };
    run(2, "exact", "./exact");
    run(2, "ordinary", "ordinary");
    let refused = run(2, "exact", "ordinary");
    assert!(
        refused.stderr.contains("the output of a study"),
        "{refused:?}"
    );
    run(2, "exact", "rounded");
    run(0, "exact", "results");
    // Nor does anything else get into the results.
    let refused = expect(
        2,
        here,
        &["run", "study.toml", "--out", "results", "--fresh"],
    );
    assert!(
        refused
            .stderr
            .contains("experiments on the tables in exact"),
        "{refused:?}"
    );
    let refused = run(2, "results", "more");
    assert!(
        refused.stderr.contains("no tables of networks here"),
        "{refused:?}"
    );
    expect(1, here, &["discriminate", "results"]);
    expect(1, here, &["discriminate", "exact"]);
}

#[test]
fn results_of_another_study_are_refused() {
    let folder = exported_folder();
    let here = folder.path();
    expect(
        0,
        here,
        &["run", "study.toml", "--tables", "exact", "--out", "results"],
    );
    let other = SMALL_STUDY.replace("seed = 3", "seed = 4");
    write_study(here, &other, &experiments());
    expect(0, here, &["run", "study.toml", "--out", "other"]);
    let arguments = ["run", "study.toml", "--tables", "other", "--out", "results"];
    let refused = expect(2, here, &arguments);
    assert!(refused.stderr.contains("another study"), "{refused:?}");
    // The study file is another than the one of the tables: said, and no error.
    let arguments = ["run", "study.toml", "--tables", "exact", "--out", "results"];
    let output = expect(0, here, &arguments);
    assert!(
        output.stderr.contains("trains or measures something else"),
        "{output:?}"
    );
    // Unless it says itself whose tables it uses.
    let other = other.replace(
        "name = \"small\"",
        "name = \"other\"\ntables_of = \"small\"",
    );
    write_study(here, &other, &experiments());
    let arguments = ["run", "study.toml", "--tables", "exact", "--out", "says_so"];
    let output = expect(0, here, &arguments);
    assert!(!output.stderr.contains("something else"), "{output:?}");
}

#[test]
fn the_scale_is_that_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let population = SMALL_STUDY.replace("runs = 12", "runs = { small = 3, medium = 12 }");
    write_study(here, &population, &experiments());
    let medium = [
        "run",
        "study.toml",
        "--scale",
        "medium",
        "--out",
        "ordinary",
    ];
    expect(0, here, &medium);
    expect(0, here, &["export", "ordinary", "--to", "medium", "--last"]);
    let output = expect(0, here, &["run", "study.toml", "--tables", "medium"]);
    assert!(!output.stderr.contains("something else"), "{output:?}");
    let other = [
        "run",
        "study.toml",
        "--tables",
        "medium",
        "--scale",
        "small",
    ];
    let refused = expect(2, here, &other);
    assert!(
        refused.stderr.contains("are of scale medium"),
        "{refused:?}"
    );
}
