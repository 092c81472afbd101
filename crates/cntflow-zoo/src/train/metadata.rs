//! What a checkpoint's file says of its run and of how good the network was.

use std::collections::BTreeMap;

use crate::train::outcome::Evaluation;
use crate::train::run_spec::RunSpec;

/// The value of `format` in the metadata of our checkpoints.
const FORMAT: &str = "cntflow";

/// The metadata of the checkpoint of `run` after `epoch`: its labels, its identity, and the results
/// on training and test images.
pub(crate) fn metadata(
    run: &RunSpec,
    epoch: u32,
    train: Evaluation,
    test: Evaluation,
) -> BTreeMap<String, String> {
    let labels = run.labels().into_iter();
    let labels = labels
        .filter(|(key, _)| !run.has_default(key))
        .map(|(key, label)| (key, label.to_string()));
    let identity = [
        ("format", FORMAT.to_owned()),
        ("run", run.run.clone()),
        ("step", epoch.to_string()),
        ("architecture", run.architecture.clone()),
    ];
    // An autoencoder has no accuracy, and no key for it.
    let results = [
        ("train_loss", train.loss),
        ("train_accuracy", train.accuracy),
        ("test_loss", test.loss),
        ("test_accuracy", test.accuracy),
    ];
    let results = results
        .into_iter()
        .filter(|(_, value)| !value.is_nan())
        .map(|(key, value)| (key, value.to_string()));
    labels
        .chain(identity)
        .chain(results)
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
