//! Catalog entries of trained runs.

use std::path::PathBuf;

use cntflow_catalog::{Absence, CatalogEntry, Label};
use cntflow_storage::Location;
use cntflow_zoo::{Evaluation, KeptCheckpoint, RunSpec};

/// The entry of a checkpoint of a run, labelled with the hyperparameters and the performance.
pub(super) fn checkpoint_entry(spec: &RunSpec, checkpoint: &KeptCheckpoint) -> CatalogEntry {
    let name = format!("step-{:05}", checkpoint.step);
    let mut entry = entry_without_weights(spec, &name, i64::from(checkpoint.step));
    entry.location = checkpoint.path.clone().into();
    let performance = [
        ("train_loss", checkpoint.train.loss),
        ("train_accuracy", checkpoint.train.accuracy),
        ("test_loss", checkpoint.test.loss),
        ("test_accuracy", checkpoint.test.accuracy),
    ];
    for (name, value) in performance {
        // An autoencoder has no accuracy: it is NaN here, and null in the tables.
        if !value.is_nan() {
            let label = (name.to_owned(), Label::Real(value));
            entry.labels.extend([label]);
        }
    }
    entry
}

/// An entry without weights for a run that diverged or failed. `absent` says why its last
/// checkpoint is missing.
pub(super) fn absent_entry(spec: &RunSpec, absence: Absence) -> CatalogEntry {
    CatalogEntry {
        absent: Some(absence),
        ..entry_without_weights(spec, "end", i64::from(spec.epochs))
    }
}

/// An entry with every label that a checkpoint of the run will have, to plan the columns of the
/// tables.
pub(super) fn template_entry(spec: &RunSpec) -> CatalogEntry {
    let performance = Evaluation {
        loss: 0.0,
        accuracy: 0.0,
    };
    let checkpoint = KeptCheckpoint {
        path: PathBuf::new(),
        step: 0,
        train: performance,
        test: performance,
    };
    checkpoint_entry(spec, &checkpoint)
}

fn entry_without_weights(spec: &RunSpec, name: &str, step: i64) -> CatalogEntry {
    CatalogEntry {
        checkpoint: format!("{}/{name}", spec.run),
        location: Location::default(),
        run: spec.run.as_str().into(),
        step,
        architecture: Some(spec.architecture.as_str().into()),
        labels: spec
            .labels()
            .into_iter()
            .map(|(name, label)| (name.to_owned(), label))
            .collect(),
        parent: None,
        absent: None,
    }
}
