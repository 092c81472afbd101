//! The file of a saved model, which `predict` and `watch` are given.

use std::path::Path;

use cntflow_experiments::saved::TrainedModel;

use crate::exit::UsageError;

/// Reads a model that an experiment has saved.
///
/// # Errors
/// There is no such file, or it is no model.
pub(super) fn load_model(path: &Path) -> anyhow::Result<TrainedModel> {
    if !path.try_exists().unwrap_or(true) {
        return Err(UsageError(format!(
            "{}: no such model; experiments save models as OUT/classifiers/EXPERIMENT/FEATURES.json",
            path.display()
        ))
        .into());
    }
    Ok(TrainedModel::load(path)?)
}
