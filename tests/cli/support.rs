//! Helpers: run cntflow, write small checkpoints, read tables.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cntflow_tables::scan_parquet;
use polars::prelude::{DataFrame, SortMultipleOptions};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A population that trains in about a second: 12 dense runs on a twentieth of the images.
pub(crate) const SMALL_STUDY: &str = r#"
[study]
name = "small"

[population]
dataset = "mnist-6k"
seed = 3
checkpoints = [0, 1]

[[population.group]]
name = "dense"
runs = 12
architecture = [{ dense = [12] }, { dense = [16, 8] }]
activation = ["relu", "tanh"]
initialisation = [{ kind = "variance_scaling", mode = "fan_in", distribution = "normal", scale = 1.0 }]
optimiser = "adam"
learning_rate = { min = 1e-4, max = 1e-2, scale = "log" }
batch_size = 32
epochs = 2
training_fraction = 0.05

[measure]
probe = "mnist-6k:train:50"
neurons = "full"
"#;

/// An experiment with two classes and three feature sets, which is fitted in moments.
pub(crate) const TWO_CLASSES: &str = r#"
[[experiment]]
name = "two_classes"
features = ["majority", "tensor_7", "cnt"]
models = ["logistic_regression"]
permutations = 9
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"#;

/// An experiment that ranks networks, of one feature set.
pub(crate) const RANKING: &str = r#"
[[experiment]]
name = "ranking"
target = { kind = "ranking" }
features = ["tensor_7"]
models = ["elastic_net"]
permutations = 0
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"#;

/// Exit code and output of a finished process.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl CommandOutput {
    /// The document printed with `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program, in `folder`.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cntflow"));
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs the program and waits for it.
pub(crate) fn cntflow(folder: &Path, arguments: &[&str]) -> CommandOutput {
    command(folder, arguments).output().unwrap().into()
}

/// Starts the program and leaves it running. It heeds the usual signals, though the tests may have
/// been started under `nohup` or in the background of a script, which ignore some.
pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command
            .args([
                "--default-signal=INT,HUP,TERM",
                env!("CARGO_BIN_EXE_cntflow"),
            ])
            .current_dir(folder)
            .args(arguments)
            .stdin(Stdio::null());
        command
    } else {
        command(folder, arguments)
    };
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program and expects that exit code.
#[track_caller]
pub(crate) fn expect(code: i32, folder: &Path, arguments: &[&str]) -> CommandOutput {
    let output = cntflow(folder, arguments);
    assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
    output
}

/// A folder with the small study in it.
pub(crate) fn study_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("study.toml"), SMALL_STUDY).unwrap();
    folder
}

/// Writes the small study with more runs and epochs, on all images: it trains for seconds or
/// longer.
pub(crate) fn write_longer_study(here: &Path, runs: usize, epochs: usize) {
    let study = SMALL_STUDY
        .replace("runs = 12", &format!("runs = {runs}"))
        .replace("epochs = 2", &format!("epochs = {epochs}"))
        .replace("training_fraction = 0.05", "training_fraction = 1.0");
    std::fs::write(here.join("study.toml"), study).unwrap();
}

/// Sends a signal, such as `-INT`, to a process.
pub(crate) fn send_signal(process: u32, signal: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a run has committed measurements for the first time.
pub(crate) fn wait_for_first_commit(out: &Path) {
    wait_until("a first commit", || !parts(out, "networks").is_empty());
}

/// Waits until `condition` holds, at most a minute.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "waited a minute: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Paths of all parts of a table.
pub(crate) fn parts(out: &Path, table: &str) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(out.join("tables").join(table)) else {
        return Vec::new();
    };
    let paths = folder.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
        .collect()
}

/// All parts of a table, sorted by its key, without the column `seconds`.
pub(crate) fn table(out: &Path, name: &str) -> DataFrame {
    let keys: &[&str] = match name {
        "layers" => &["checkpoint", "layer", "metric"],
        "neurons" => &["checkpoint", "layer", "neuron"],
        "links" => &["checkpoint", "layer", "name", "rank"],
        "coverage" => &["checkpoint", "tensor"],
        _ => &["checkpoint"],
    };
    let paths = parts(out, name);
    assert!(!paths.is_empty(), "no table {name} in {}", out.display());
    let frame = scan_parquet(&paths)
        .unwrap()
        .sort(keys.to_vec(), SortMultipleOptions::default())
        .collect()
        .unwrap();
    if name == "networks" {
        frame.drop("seconds").unwrap()
    } else {
        frame
    }
}

/// Checks that two output folders hold the same tables, to the last bit.
#[track_caller]
pub(crate) fn assert_same_tables(a: &Path, b: &Path) {
    for name in ["networks", "layers", "neurons", "coverage"] {
        let (left, right) = (table(a, name), table(b, name));
        assert!(
            left.height() > 0,
            "table {name} of {} is empty",
            a.display()
        );
        assert_eq!(left.height(), right.height(), "rows of {name}");
        assert!(
            left.equals_missing(&right),
            "table {name} differs:\n{left:?}\n{right:?}"
        );
    }
}

/// Every file of the experiments, tables and classifiers, by its path below the output folder.
pub(crate) fn experiment_files(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files_below(out);
    files.retain(|path, _| {
        path.starts_with("tables/experiments") || path.starts_with("classifiers")
    });
    assert!(!files.is_empty(), "no experiments in {}", out.display());
    files
}

/// Every file below a folder, but locks, by its path there; none if there is no folder.
pub(crate) fn files_below(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains(".lock-p") {
                files.insert(path, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// Checks that two output folders hold the same experiments, to the last byte.
#[track_caller]
pub(crate) fn assert_same_experiments(a: &Path, b: &Path) {
    let (left, right) = (experiment_files(a), experiment_files(b));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&left), names(&right));
    for (path, bytes) in &left {
        assert!(*bytes == right[path], "{} differs", path.display());
    }
}

/// Writes a safetensors file of f32 tensors.
pub(crate) fn write_checkpoint(
    path: &Path,
    tensors: &[(&str, &[usize], Vec<f32>)],
    metadata: &[(&str, &str)],
) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (
            (*name).to_owned(),
            TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap(),
        )
    });
    let metadata: HashMap<String, String> = metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let metadata = (!metadata.is_empty()).then_some(metadata);
    std::fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
}

/// Writes a checkpoint of two dense layers, 4-3-2, without an architecture.
pub(crate) fn write_chain(path: &Path, scale: f32) {
    let values = |n: usize| (0..n).map(|i| scale * (i as f32 - 1.5)).collect();
    write_checkpoint(
        path,
        &[
            ("fc1.weight", &[3, 4], values(12)),
            ("fc1.bias", &[3], values(3)),
            ("fc2.weight", &[2, 3], values(6)),
            ("fc2.bias", &[2], values(2)),
        ],
        &[],
    );
}
