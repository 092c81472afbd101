//! Training whole runs: what they learn, what they leave behind, and that they leave it the same
//! each time.

use std::path::Path;

use cntflow_zoo::{
    Dataset, LayerProblem, PopulationSpec, RunSpec, RunStatus, Split, TrainedRun, TrainingData,
    ZooError, train,
};

fn runs(lines: &str) -> Vec<RunSpec> {
    let text = format!(
        "dataset = \"mnist-6k\"\nseed = 3\n[[group]]\nname = \"g\"\ndraw = \"grid\"\n{lines}"
    );
    toml::from_str::<PopulationSpec>(&text)
        .unwrap()
        .draw()
        .unwrap()
}

fn small_runs() -> Vec<RunSpec> {
    runs(
        "checkpoints = [0, 1]
        architecture = [{ dense = [16] }, { convolutional = [{ filters = 4, kernel = 3, stride = 2, padding = 1, pool = { kind = \"average\", window = 2 } }, { filters = 4, kernel = 3, pool = { kind = \"max\", window = 2, stride = 1 } }], dense = [8] }, { convolutional = [{ filters = 40, kernel = 5 }] }]
        activation = [\"relu\", \"gelu\"]
        initialisation = { kind = \"variance_scaling\", scale = 2 }
        optimiser = [\"adam\", \"sgd\"]
        momentum = 0.9
        learning_rate = 1e-3
        batch_size = 30
        epochs = 2
        training_fraction = 0.5",
    )
}

fn few_images() -> TrainingData {
    let open = |split| Dataset::open("mnist-6k", split).unwrap();
    TrainingData::new(open(Split::Train).sample(240), open(Split::Test).sample(50))
}

fn train_in(run: &RunSpec, data: &TrainingData, folder: &Path) -> TrainedRun {
    train(run, data, folder, &|| false).unwrap()
}

#[test]
fn a_small_dense_network_learns() {
    let run = runs(
        "architecture = { dense = [32] }
        activation = \"relu\"
        initialisation = { kind = \"variance_scaling\", scale = 2 }
        optimiser = \"adam\"
        learning_rate = 3e-3
        epochs = 5",
    );
    let folder = tempfile::tempdir().unwrap();
    let trained = train_in(
        &run[0],
        &TrainingData::open("mnist-6k").unwrap(),
        folder.path(),
    );
    let [kept] = &trained.checkpoints[..] else {
        panic!("{trained:?}")
    };
    assert_eq!((trained.status, kept.step), (RunStatus::Trained, 5));
    assert!(
        kept.test.accuracy > 0.9 && kept.train.accuracy > kept.test.accuracy,
        "{kept:?}"
    );
    assert!(kept.test.loss < 0.4, "{kept:?}");
}

#[test]
fn the_same_run_leaves_the_same_bytes_on_any_thread() {
    let data = few_images();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let runs = small_runs();
    for run in &runs {
        train_in(run, &data, folders[0].path());
    }
    std::thread::scope(|scope| {
        for part in runs.chunks(4) {
            scope.spawn(|| {
                part.iter()
                    .for_each(|run| drop(train_in(run, &data, folders[1].path())))
            });
        }
    });
    for run in &runs {
        for step in ["00000", "00001", "00002"] {
            let file = format!("{}/step-{step}.safetensors", run.run);
            let bytes = folders
                .each_ref()
                .map(|folder| fs_err::read(folder.path().join(&file)).unwrap());
            assert!(bytes[0] == bytes[1], "{file} differs");
        }
    }
}

#[test]
fn the_metadata_of_a_checkpoint_describe_its_run() {
    let data = few_images();
    let folder = tempfile::tempdir().unwrap();
    let run = &small_runs()[4];
    let trained = train_in(run, &data, folder.path());
    assert_eq!(
        trained
            .checkpoints
            .iter()
            .map(|kept| kept.step)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
    let wire: TrainedRun = bincode::deserialize(&bincode::serialize(&trained).unwrap()).unwrap();
    assert_eq!(wire, trained);
    let last = &trained.checkpoints[2];
    let bytes = fs_err::read(&last.path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let value = |key: &str| metadata[key].as_str();
    assert_eq!(
        [value("format"), value("run"), value("step")],
        ["cntflow", &run.run, "2"]
    );
    assert_eq!(value("architecture"), run.architecture);
    assert_eq!(
        value("test_accuracy").parse::<f64>().unwrap(),
        last.test.accuracy
    );
    let unused = ["bias_initialisation", "l2", "dropout", "label_noise"];
    for (key, label) in run.labels() {
        if !unused.contains(&key) {
            assert_eq!(value(key), label.to_string());
        }
    }
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(
        tensors.tensor("layers.0.weight").unwrap().shape(),
        [4, 1, 3, 3]
    );
    assert_eq!(
        tensors.tensor("layers.2.weight").unwrap().shape(),
        [4, 4, 3, 3]
    );
    assert_eq!(tensors.tensor("layers.5.weight").unwrap().shape(), [8, 64]);
    assert_eq!(tensors.tensor("layers.6.bias").unwrap().shape(), [10]);
}

#[test]
fn a_diverging_run_is_recorded_and_keeps_no_broken_checkpoint() {
    let run = runs(
        "checkpoints = [0, 1]
        architecture = { dense = [16, 16] }
        activation = \"linear\"
        initialisation = { kind = \"normal\", scale = 1 }
        optimiser = \"sgd\"
        learning_rate = 1e6
        epochs = 2",
    );
    let folder = tempfile::tempdir().unwrap();
    let trained = train_in(&run[0], &few_images(), folder.path());
    let RunStatus::Diverged(reason) = &trained.status else {
        panic!("{trained:?}")
    };
    assert!(
        reason.starts_with("training loss became ") && reason.contains("epoch 1, batch "),
        "{reason}"
    );
    assert_eq!(trained.checkpoints.len(), 1);
    assert_eq!(
        fs_err::read_dir(folder.path().join(&run[0].run))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn training_stops_when_it_is_asked_to() {
    let run = &small_runs()[0];
    let folder = tempfile::tempdir().unwrap();
    let asked = std::cell::Cell::new(0);
    let should_stop = || asked.replace(asked.get() + 1) == 6;
    let error = train(run, &few_images(), folder.path(), &should_stop).unwrap_err();
    assert!(
        matches!(error, ZooError::Interrupted { epoch: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_run_that_cannot_be_trained_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let train_with = |architecture: &str| {
        let run = RunSpec {
            architecture: architecture.to_owned(),
            ..small_runs()[0].clone()
        };
        train(&run, &few_images(), folder.path(), &|| false).unwrap_err()
    };
    let architecture = &small_runs()[0].architecture;
    let without_bias = architecture.replace("\"bias\":true", "\"bias\":false");
    assert_ne!(&without_bias, architecture);
    let error = train_with(&without_bias);
    assert_eq!(
        error.to_string(),
        "run `g-00000`: layer 1: expected a bias, found none"
    );
    let ZooError::UnsupportedLayer { layer, reason, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((layer, reason), (1, LayerProblem::NoBias));

    let error = train_with("{}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("missing field"), "{source}");
    assert!(!error.to_string().contains(&source), "{error}");
}
