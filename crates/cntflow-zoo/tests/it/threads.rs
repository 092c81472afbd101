//! Training starts no threads. The test runs itself in a process of its own, where no other test
//! starts any.

use cntflow_zoo::{Dataset, PopulationSpec, Split, TrainingData, train};

/// Set in the process that trains and counts.
const ALONE: &str = "CNTFLOW_ZOO_TEST_ALONE";

/// Layers of up to 46,080 values for one image, and kernels of up to 784,000 weights.
const POPULATION: &str = "
    dataset = \"mnist-6k\"
    [[group]]
    name = \"wide\"
    draw = \"grid\"
    architecture = [{ convolutional = [{ filters = 80, kernel = 5 }], dense = [2] }, { dense = [1000, 100] }]
    activation = \"relu\"
    initialisation = { kind = \"normal\", scale = 0.01 }
    optimiser = \"adam\"
    learning_rate = 1e-3
    batch_size = 20
    epochs = 1
    [[group]]
    name = \"wide-others\"
    draw = \"grid\"
    architecture = [
        { lstm = { units = 300, layers = 2 } }, { autoencoder = { hidden = [1000], code = 100 } },
        { convolutional_autoencoder = [{ filters = 80, kernel = 5 }, { filters = 4, kernel = 3, stride = 2 }] },
    ]
    activation = \"tanh\"
    initialisation = { kind = \"normal\", scale = 0.01 }
    optimiser = \"adam\"
    learning_rate = 1e-3
    batch_size = 20
    epochs = 1";

#[test]
#[cfg(target_os = "linux")]
fn training_starts_no_threads() {
    if std::env::var_os(ALONE).is_some() {
        return train_and_count_threads();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "threads::training_starts_no_threads"])
        .env(ALONE, "yes")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && report.contains("1 passed"),
        "{report}"
    );
}

#[cfg(target_os = "linux")]
fn train_and_count_threads() {
    let open = |split| Dataset::open("mnist-6k", split).unwrap();
    let data = TrainingData::new(open(Split::Train).sample(40), open(Split::Test).sample(20));
    let folder = tempfile::tempdir().unwrap();
    let n_threads = || fs_err::read_dir("/proc/self/task").unwrap().count();
    let before = n_threads();
    let population: PopulationSpec = toml::from_str(POPULATION).unwrap();
    for run in population.draw().unwrap() {
        train(&run, &data, folder.path(), &|| false).unwrap();
        assert_eq!(n_threads(), before, "{}", run.run);
    }
}
