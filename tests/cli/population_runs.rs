//! Which checkpoints of a run are compared, and which bins are left out.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{SMALL_STUDY, expect, write_checkpoint};

/// Checkpoints of a catalog: file, run, step, accuracy.
type Rows<'a> = &'a [(&'a str, &'a str, u32, &'a str)];

/// Writes the catalog `zoo.csv`, and a network for every file that is not called `broken`.
fn write_zoo(here: &Path, rows: Rows<'_>) {
    std::fs::create_dir_all(here.join("zoo")).unwrap();
    let mut catalog = "path,run,step,test_accuracy\n".to_owned();
    for (i, (file, run, step, accuracy)) in rows.iter().enumerate() {
        let path = format!("zoo/{file}.safetensors");
        writeln!(catalog, "{path},{run},{step},{accuracy}").unwrap();
        let values = |n: usize| (0..n).map(|k| (k as f32 - 1.5) * (i + 1) as f32).collect();
        let tensors: [(&str, &[usize], Vec<f32>); 2] = [
            ("fc1.weight", &[3, 4], values(12)),
            ("fc2.weight", &[2, 3], values(6)),
        ];
        if *file == "broken" {
            std::fs::write(here.join(path), "no checkpoint").unwrap();
        } else if !here.join(&path).exists() {
            write_checkpoint(&here.join(path), &tensors, &[]);
        }
    }
    std::fs::write(here.join("zoo.csv"), catalog).unwrap();
}

fn write_study(here: &Path, section: &str) {
    let study = format!(
        "[study]\nname = 's'\n[measure]\nsources = ['zoo.csv']\n[populations]\n\
         metrics = ['link_weights']\n{section}\n"
    );
    std::fs::write(here.join("s.toml"), study).unwrap();
}

/// Runs the study and returns what it says of populations.
#[track_caller]
fn populations(code: i32, here: &Path, arguments: &[&str]) -> Value {
    let run = ["run", "s.toml", "--json"];
    let output = expect(code, here, &[&run[..], arguments].concat()).json();
    output["populations"].clone()
}

/// Bins of the first layer of links: index, networks, runs, values.
#[track_caller]
fn bins(here: &Path, out: &str) -> Vec<[u64; 4]> {
    let sql = "SELECT DISTINCT bin, n_networks, n_runs, count FROM densities WHERE layer = 1 ORDER BY bin";
    let rows = expect(0, here, &["query", out, sql, "--format", "json"]).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        ["bin", "n_networks", "n_runs", "count"].map(|column| row[column].as_u64().unwrap())
    })
    .collect()
}

/// Two runs of two checkpoints each, in two bins.
const TWO_RUNS: Rows<'_> = &[
    ("a1", "a", 1, "0.31"),
    ("a2", "a", 2, "0.9"),
    ("b1", "b", 1, "0.31"),
    ("b2", "b", 2, "0.31"),
];

#[test]
fn the_last_checkpoint_of_each_run_is_compared_unless_all_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_zoo(here, TWO_RUNS);
    write_study(here, "min_runs = 1");
    let made = populations(0, here, &[]);
    assert_eq!(bins(here, "runs/s"), [[12, 1, 1, 12], [36, 1, 1, 12]]);
    assert_eq!(made["left_out"]["earlier_checkpoints"], 2, "{made}");
    write_study(here, "min_runs = 1\ncheckpoints = 'all'");
    let made = populations(0, here, &["--out", "all"]);
    assert_eq!(bins(here, "all"), [[12, 3, 2, 36], [36, 1, 1, 12]]);
    assert_eq!(made["left_out"]["earlier_checkpoints"], 0, "{made}");
    let sql = "SELECT n_runs_a, n_networks_a, n_runs_b FROM divergences WHERE layer = 1";
    let pairs = expect(0, here, &["query", "all", sql, "--format", "json"]).json();
    let pair = json!([{"n_runs_a": 2, "n_networks_a": 3, "n_runs_b": 1}]);
    assert_eq!(pairs, pair);
}

#[test]
fn a_run_whose_last_checkpoint_failed_is_in_no_population() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_zoo(here, &[TWO_RUNS, &[("broken", "a", 3, "0.9")]].concat());
    write_study(here, "min_runs = 1");
    let made = populations(3, here, &[]);
    assert_eq!(bins(here, "runs/s"), [[12, 1, 1, 12]]);
    assert_eq!(made["left_out"]["runs_not_measured"], 1, "{made}");
    assert_eq!(made["left_out"]["earlier_checkpoints"], 3, "{made}");
}

#[test]
fn a_run_that_diverged_is_in_no_population() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let study = format!("{}\n[populations]\nmin_runs = 1\n", SMALL_STUDY);
    let wild = "[[population.group]]\nname = \"wild\"\nruns = 2\narchitecture = { dense = [8] }\n\
                activation = \"relu\"\noptimiser = \"sgd\"\nlearning_rate = 1e30\nepochs = 2\n\
                initialisation = { kind = \"normal\", scale = 1e-3 }\nbatch_size = 32\n\
                training_fraction = 0.05\n\n[measure]";
    let study = study.replace("[measure]", wild);
    std::fs::write(here.join("s.toml"), study).unwrap();
    let made = populations(0, here, &[]);
    // The diverged runs have a checkpoint of step 0, which was measured.
    assert_eq!(made["networks"], 12, "{made}");
    assert_eq!(made["left_out"]["runs_not_measured"], 2, "{made}");
    assert_eq!(made["left_out"]["earlier_checkpoints"], 24 + 2, "{made}");
}

#[test]
fn bins_of_few_runs_are_left_out_and_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let names: Vec<String> = (0..9).map(|i| format!("n{i}")).collect();
    // Five runs in one bin; four in the next, of which one has two checkpoints.
    let accuracy = |i| ["0.31", "0.9"][i / 5];
    let rows = (0..9).map(|i| (&*names[i], &*names[i], 1, accuracy(i)));
    let rows: Vec<_> = rows.chain([("again", "n8", 0, "0.9")]).collect();
    write_zoo(here, &rows);
    write_study(here, "");
    let run = expect(0, here, &["run", "s.toml"]);
    let said =
        "left out     1 bins with fewer than 5 runs, holding 4 networks; 1 earlier checkpoints";
    assert!(run.stdout.contains(said), "{run:?}");
    assert_eq!(bins(here, "runs/s"), [[12, 5, 5, 60]]);

    // Another number compares what is stored already.
    write_study(here, "min_runs = 4");
    let made = populations(0, here, &[]);
    assert_eq!((&made["networks"], &made["runs"]), (&9.into(), &9.into()));
    assert_eq!(made["left_out"]["bins"], 0, "{made}");
    assert_eq!(bins(here, "runs/s"), [[12, 5, 5, 60], [36, 4, 4, 48]]);

    // Five networks are not five runs.
    write_study(here, "checkpoints = 'all'");
    let made = populations(0, here, &["--out", "all"]);
    assert_eq!(bins(here, "all"), [[12, 5, 5, 60]]);
    assert_eq!(made["left_out"]["networks_in_bins"], 5, "{made}");

    write_study(here, "min_runs = 100");
    let made = populations(0, here, &[]);
    assert_eq!((&made["networks"], &made["pairs"]), (&0.into(), &0.into()));
    assert!(bins(here, "runs/s").is_empty());
}

#[test]
fn a_later_checkpoint_found_by_a_later_run_takes_the_place_of_the_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_study(here, "min_runs = 1");
    write_zoo(here, TWO_RUNS);
    populations(0, here, &[]);
    let grown = [TWO_RUNS, &[("a3", "a", 3, "0.6"), ("c1", "c", 1, "0.31")]].concat();
    write_zoo(here, &grown);
    let made = populations(0, here, &[]);
    assert_eq!(made["left_out"]["earlier_checkpoints"], 3, "{made}");
    let expected = [[12, 2, 2, 24], [24, 1, 1, 12]];
    assert_eq!(bins(here, "runs/s"), expected);
    // The same as measured at once.
    populations(0, here, &["--out", "once"]);
    assert_eq!(bins(here, "once"), expected);
    for table in ["densities", "divergences"] {
        let [grown, once] = ["runs/s", "once"]
            .map(|out| std::fs::read(here.join(out).join(format!("tables/{table}/all.parquet"))));
        assert!(grown.unwrap() == once.unwrap(), "{table}");
    }
    // A later checkpoint that fails takes its place as well.
    write_zoo(here, &[&grown[..], &[("broken", "c", 2, "0.31")]].concat());
    let made = populations(3, here, &[]);
    assert_eq!(bins(here, "runs/s"), [[12, 1, 1, 12], [24, 1, 1, 12]]);
    assert_eq!(made["left_out"]["runs_not_measured"], 1, "{made}");
}
