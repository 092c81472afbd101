//! One worker, two workers, two processes: the same tables.

use std::path::Path;

use cntflow_dataflow::free_addresses;

use crate::support::{
    CommandOutput, RANKING, SMALL_STUDY, TWO_CLASSES, assert_same_experiments, assert_same_tables,
    expect, parts, send_signal, start, study_folder, wait_for_first_commit, wait_until,
    write_chain, write_checkpoint, write_longer_study,
};

/// Writes a hosts file with two free addresses of this machine.
fn write_hosts_file(here: &Path) {
    let lines = free_addresses(2).unwrap().join("\n");
    std::fs::write(here.join("hosts"), lines).unwrap();
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

/// Runs a study with one worker, with two, and in two processes, and compares all tables. Returns
/// what process 0 has printed.
#[track_caller]
fn run_every_way(here: &Path, study: &str) -> serde_json::Value {
    std::fs::write(here.join("study.toml"), study).unwrap();
    for (out, n_workers) in [("one", "1"), ("two", "2")] {
        let arguments = ["run", "study.toml", "--out", out, "--workers", n_workers];
        expect(0, here, &arguments);
    }
    write_hosts_file(here);
    let run = ["run", "study.toml", "--out", "cluster"];
    let [first, second] = run_both(here, &run, &run);
    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{first:?}\n{second:?}"
    );
    for out in ["two", "cluster"] {
        assert_same_tables(&here.join("one"), &here.join(out));
        assert_same_experiments(&here.join("one"), &here.join(out));
        for table in ["densities", "divergences"] {
            let [one, other] = ["one", out].map(|out| {
                let path = format!("{out}/tables/{table}/all.parquet");
                std::fs::read(here.join(path)).unwrap()
            });
            assert!(one == other, "{table} of {out}");
        }
    }
    first.json()
}

#[test]
fn workers_and_processes_give_the_same_tables() {
    let folder = study_folder();
    let here = folder.path();
    let study = format!(
        "{SMALL_STUDY}twins = [\"shuffle\"]\n\n[populations]\nmin_runs = 1\n\
         {TWO_CLASSES}controls = [\"shuffle\"]\n{RANKING}"
    );
    let output = run_every_way(here, &study);
    assert_eq!(
        (&output["runs"]["trained"], &output["checkpoints"]["new"]),
        (&12.into(), &36.into()),
        "both processes are counted"
    );
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

/// The keys and designs of the studies in `pipelines`.
const DESIGNS: &str = r#"
[study]
name = "designs"

[population]
dataset = ["mnist-6k+sample400", "fashion-mnist-6k+permuted+sample400"]
seed = 5
checkpoints = [1]

[[population.group]]
name = "dense"
runs = 16
architecture = { dense = [12, 8] }
activation = ["relu", "tanh"]
initialisation = [{ kind = "orthogonal", scale = 1.0 }]
optimiser = ["rmsprop", "sgd"]
learning_rate = { min = 1e-3, max = 1e-2, scale = "log" }
l2 = 1e-4
dropout = 0.2
label_noise = { min = 0.0, max = 0.3 }
batch_size = 32
epochs = 2
training_fraction = 0.5

[[population.group]]
name = "convolutional"
runs = 16
architecture = { convolutional = [{ filters = 4, kernel = 3, stride = 3, pool = { kind = "average", window = "all" } }] }
activation = ["relu", "tanh"]
initialisation = [{ kind = "normal", scale = { min = 0.1, max = 1.0, scale = "log" } }]
bias_initialisation = "like_kernels"
optimiser = ["rmsprop", "sgd"]
learning_rate = { min = 1e-3, max = 1e-2, scale = "log" }
dropout = 0.2
batch_size = 32
epochs = 2
training_fraction = 0.5

[measure]
probe = "own:train:50"
neurons = "full"
twins = ["shuffle"]

[populations]
label = "dataset"
by = "value"
shapes = "any"
normalise = true
min_runs = 1

[[experiment]]
name = "matched"
target = { label = "dataset", classes = "values" }
match = [{ label = "test_accuracy", width = 0.5 }]
features = ["counts", "global_7", "cnt"]
models = ["random_forest"]
controls = ["shuffle"]
learning_curve = [12]
permutations = 9
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }

[[experiment]]
name = "transfer"
target = { kind = "ranking" }
transfer = { column = "dataset" }
features = ["tensor_7", "cnt"]
models = ["elastic_net"]
controls = ["shuffle"]
permutations = 0
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }

[[experiment]]
name = "early"
where = "layer_type = 'dense'"
checkpoints = { step = 1 }
target = { label = "test_accuracy", rule = "median", at = "last" }
layers = "inner"
features = ["cnt"]
models = ["logistic_regression"]
permutations = 0
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"#;

#[test]
fn designs_give_the_same_tables_on_workers_and_processes() {
    let folder = study_folder();
    let here = folder.path();
    let output = run_every_way(here, DESIGNS);
    assert_eq!(output["runs"]["trained"], 32);
    let experiments = output["experiments"].as_array().unwrap();
    // The transfer has one experiment for each data set.
    assert_eq!(experiments.len(), 4);
    let transfers = experiments
        .iter()
        .filter_map(|experiment| experiment["transfer"].as_array());
    let rows = transfers.flatten();
    let away: Vec<&serde_json::Value> = rows
        .filter(|row| row["trained_on"] != row["tested_on"])
        .collect();
    assert_eq!(away.len(), 4, "{away:?}");
    for row in away {
        assert!(row["graph_gain"].is_number(), "{row}");
        assert_eq!(row["difference"].is_null(), row["features"] == "tensor_7");
    }
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
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_longer_study(here, 60, 12);
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
    wait_for_first_commit(&cluster);
    second.kill().unwrap();
    second.wait().unwrap();
    let output = CommandOutput::from(first.wait_with_output().unwrap());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("process 1 at 127.0.0.1:")
            && output
                .stderr
                .contains("was lost: it has closed its connection"),
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

#[test]
fn processes_with_other_options_refuse_each_other() {
    let folder = study_folder();
    let here = folder.path();
    write_chain(&here.join("net.safetensors"), 1.0);
    for (option, value, what) in [
        ("--digest", "none", "the digest is"),
        ("--limit", "tensors=7", "the limits is"),
    ] {
        write_hosts_file(here);
        let first = ["measure", "net.safetensors", "--out", "a"];
        let second = [&first[..], &[option, value]].concat();
        for output in run_both(here, &first, &second) {
            assert_eq!(output.code, Some(1), "{output:?}");
            assert!(output.stderr.contains(what), "{output:?}");
        }
    }
}

#[test]
fn every_process_ends_with_the_same_code() {
    let folder = study_folder();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    write_chain(&zoo.join("good.safetensors"), 1.0);
    std::fs::write(zoo.join("broken.safetensors"), [0xA5; 300]).unwrap();
    write_hosts_file(here);
    let run = ["measure", "zoo", "--out", "out"];
    for output in run_both(here, &run, &run) {
        assert_eq!(output.code, Some(3), "{output:?}");
    }
    // One that cannot write ends both with its error.
    std::fs::write(here.join("file"), "").unwrap();
    write_hosts_file(here);
    let run = ["measure", "zoo", "--out", "file/out"];
    let [first, second] = run_both(here, &run, &run);
    assert_eq!((first.code, second.code), (Some(1), Some(1)));
    assert!(
        second.stderr.contains("process 0 at") && second.stderr.contains("file/out"),
        "{second:?}"
    );
}

#[test]
fn a_secret_is_needed_on_addresses_that_others_reach_and_must_be_the_same() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::write(here.join("hosts"), "0.0.0.0:2101\n0.0.0.0:2102\n").unwrap();
    let run = ["run", "study.toml", "--hosts", "hosts", "--process", "0"];
    let output = expect(1, here, &run);
    assert!(
        output.stderr.contains("the cluster needs a secret"),
        "{output:?}"
    );
    write_hosts_file(here);
    for (name, secret) in [
        ("one", "a secret for this test"),
        ("other", "another secret ..."),
    ] {
        std::fs::write(here.join(name), secret).unwrap();
    }
    let run = ["run", "study.toml", "--out", "a", "--hosts", "hosts"];
    let with =
        |process, secret| [&run[..], &["--process", process, "--secret-file", secret]].concat();
    let mut first = start(here, &with("0", "one"));
    let second = expect(1, here, &with("1", "other"));
    assert!(
        second.stderr.contains("it has another secret"),
        "{second:?}"
    );
    // The first one still waits for the right one.
    assert!(first.try_wait().unwrap().is_none());
    expect(0, here, &with("1", "one"));
    let first = CommandOutput::from(first.wait_with_output().unwrap());
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(
        first.stderr.contains("refused a connection from 127.0.0.1"),
        "{first:?}"
    );
}

#[test]
fn processes_of_this_machine_are_started_and_end_with_the_tables_of_one() {
    let folder = study_folder();
    let here = folder.path();
    let study = ["run", "study.toml", "--workers", "1", "--json"];
    expect(0, here, &[&study[..], &["--out", "one"]].concat());
    let cluster = ["--out", "cluster", "--processes", "2"];
    let output = expect(0, here, &[&study[..], &cluster].concat()).json();
    assert_eq!(output["runs"]["trained"], 12, "{output}");
    assert_same_tables(&here.join("one"), &here.join("cluster"));
    let workers = output["workers"].as_array().unwrap();
    let processes: Vec<_> = workers.iter().map(|worker| &worker["process"]).collect();
    assert_eq!(processes, [0, 1], "{output}");
    let tasks: f64 = workers.iter().map(|w| w["tasks"].as_f64().unwrap()).sum();
    assert!(tasks > 0.0, "{output}");
    // Wrong usage is told once, with its code.
    let wrong = ["measure", "nothing-here", "--processes", "2"];
    let output = expect(2, here, &wrong);
    assert!(output.stderr.contains("nothing-here"), "{output:?}");
}

#[test]
fn a_large_checkpoint_is_shared_by_processes_and_gives_the_tables_of_one() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    let weights: Vec<f32> = (0..1500 * 1500)
        .map(|i| (i * 7919 % 1013) as f32 - 500.0)
        .collect();
    let names: Vec<String> = (1..9).map(|layer| format!("fc{layer}.weight")).collect();
    let tensors = names
        .iter()
        .map(|name| (name.as_str(), &[1500, 1500][..], weights.clone()));
    write_checkpoint(
        &here.join("zoo/large.safetensors"),
        &tensors.collect::<Vec<_>>(),
        &[],
    );
    let measure = ["measure", "zoo", "--workers", "1", "--neurons", "full"];
    expect(0, here, &[&measure[..], &["--out", "one"]].concat());
    // On a busy machine the second process may come too late to get a part.
    let second_has_helped = (0..5).any(|round| {
        let out = format!("two{round}");
        let cluster = ["--processes", "2", "--json", "--out", &out];
        let output = expect(0, here, &[&measure[..], &cluster].concat()).json();
        assert_same_tables(&here.join("one"), &here.join(&out));
        let workers = output["workers"].as_array().unwrap();
        let tasks = workers.iter().map(|w| w["tasks"].as_f64().unwrap());
        tasks.filter(|seconds| *seconds > 0.0).count() == 2
    });
    assert!(second_has_helped);
}

/// Training replaces its checkpoint by renaming a new one, while two processes measure it.
#[cfg(unix)]
#[test]
fn layers_of_two_files_are_never_one_network() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    let names: Vec<String> = (1..13).map(|layer| format!("fc{layer}.weight")).collect();
    for (file, value) in [("one", 1.0_f32), ("two", 2.0)] {
        let tensors = names.iter().map(|name| {
            let weights = vec![value; 1500 * 1500];
            (name.as_str(), &[1500, 1500][..], weights)
        });
        write_checkpoint(&here.join(file), &tensors.collect::<Vec<_>>(), &[]);
    }
    let target = here.join("zoo/last.safetensors");
    std::fs::hard_link(here.join("one"), &target).unwrap();
    for round in 0..3 {
        let out = format!("out{round}");
        let arguments = [
            "measure",
            "zoo",
            "--workers",
            "1",
            "--processes",
            "2",
            "--out",
            &out,
        ];
        let mut child = start(here, &arguments);
        let mut files = ["two", "one"].into_iter().cycle();
        while child.try_wait().unwrap().is_none() {
            let new = here.join("new");
            std::fs::hard_link(here.join(files.next().unwrap()), &new).unwrap();
            std::fs::rename(&new, &target).unwrap();
            // A name of the same file is not renamed.
            let _ = std::fs::remove_file(&new);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(child.wait_with_output().unwrap());
        let sql = "SELECT min(mean) AS least, max(mean) AS most FROM layers \
                   WHERE metric = 'link_weights'";
        let means = expect(0, here, &["query", &out, sql, "--format", "json"]).json();
        assert_eq!(means[0]["least"], means[0]["most"], "{means}");
    }
}

/// Runs a study in two processes of this machine.
#[cfg(unix)]
const RUN_TWO: [&str; 10] = [
    "run",
    "study.toml",
    "--workers",
    "1",
    "--commit-every",
    "1",
    "--processes",
    "2",
    "--out",
    "out",
];

#[cfg(unix)]
#[test]
fn a_process_that_is_killed_is_started_again_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_longer_study(here, 40, 8);
    let supervisor = start(here, &[&RUN_TWO[..], &["--json"]].concat());
    let out = here.join("out");
    wait_for_first_commit(&out);
    let children = std::process::Command::new("pgrep")
        .args(["-P", &supervisor.id().to_string()])
        .output()
        .unwrap();
    let children = String::from_utf8(children.stdout).unwrap();
    let last = children.lines().last().unwrap();
    send_signal(last.parse().unwrap(), "-KILL");
    let output = CommandOutput::from(supervisor.wait_with_output().unwrap());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output
            .stderr
            .contains("starting all processes again (1 of 3)"),
        "{output:?}"
    );
    let checkpoints = &output.json()["checkpoints"];
    assert_eq!(checkpoints["done"], 120, "{output:?}");
    assert!(checkpoints["resumed"].as_u64().unwrap() > 0, "{output:?}");
}

/// A signal to the process that watches, and its sudden death: no process is left behind.
#[cfg(unix)]
#[test]
fn processes_end_with_the_one_that_watches_over_them() {
    for (signal, code) in [("-TERM", Some(143)), ("-KILL", None)] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        write_longer_study(here, 60, 20);
        let supervisor = start(here, &RUN_TWO);
        let out = here.join("out");
        wait_for_first_commit(&out);
        send_signal(supervisor.id(), signal);
        let output = CommandOutput::from(supervisor.wait_with_output().unwrap());
        assert_eq!(output.code, code, "{output:?}");
        // The folder is free as soon as the last process has ended.
        wait_until("all processes to end", || {
            (0..2).all(|process| {
                let lock = std::fs::File::open(out.join(format!(".lock-p{process:03}")));
                lock.is_ok_and(|lock| lock.try_lock().is_ok())
            })
        });
    }
}
