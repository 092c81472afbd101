//! Other names of label columns: those of published zoos, and those of the study's `[labels]`.

use std::collections::BTreeMap;

use polars::prelude::{LazyFrame, PlSmallStr, col};

use super::columns::nearest_names;
use crate::error::{ExperimentError, Result};

/// Our name of a label, and the names that published zoos have for it, the commonest first.
///
/// Sources: the metrics file of the Small CNN Zoo, the parameters of the Model Zoos (Ray Tune), the
/// file names of CNT-DNNs, and the configurations of PGDL.
const PUBLISHED: [(&str, &[&str]); 17] = [
    (
        "test_accuracy",
        &["test_acc", "real_accuracy", "realaccuracy", "accuracy"],
    ),
    ("train_accuracy", &["train_acc"]),
    ("test_loss", &[]),
    ("train_loss", &[]),
    ("activation", &["config.activation", "model::nlin", "nlin"]),
    ("dataset", &["config.dataset", "dataset::name"]),
    (
        "initialisation",
        &["config.w_init", "model::init_type", "init", "init_type"],
    ),
    (
        "initialisation_scale",
        &["config.init_std", "support", "model::init_std"],
    ),
    ("bias_initialisation", &["config.b_init"]),
    (
        "optimiser",
        &["config.optimizer", "optim::optimizer", "optimizer"],
    ),
    (
        "learning_rate",
        &["config.learning_rate", "optim::lr", "lr"],
    ),
    ("l2", &["config.l2reg", "optim::wd", "weight_decay", "wd"]),
    ("dropout", &["config.dropout", "model::dropout"]),
    ("training_fraction", &["config.train_fraction"]),
    ("epochs", &["config.epochs", "training::epochs_train"]),
    (
        "batch_size",
        &["config.batch_size", "trainset::batchsize", "batchsize"],
    ),
    ("depth", &["config.num_layers", "nlayers"]),
];

/// Adds a column for every name of ours that the table lacks and has under another name.
///
/// `labels` are the aliases of the study: our name, then the name in the table. They go before
/// those of published zoos.
///
/// # Errors
/// [`ExperimentError::MissingColumn`] if an alias of the study names no column.
pub(crate) fn with_aliases(
    networks: LazyFrame,
    labels: &BTreeMap<String, String>,
) -> Result<LazyFrame> {
    let schema = networks.clone().collect_schema()?;
    let names: Vec<String> = schema.iter_names().map(PlSmallStr::to_string).collect();
    let has = |name: &str| names.iter().any(|other| other == name);
    let mut added = Vec::new();
    for (ours, theirs) in labels {
        if !has(theirs) {
            return Err(ExperimentError::MissingColumn {
                table: "networks",
                column: theirs.clone(),
                nearest: nearest_names(theirs, &names),
            });
        }
        added.push(col(theirs.as_str()).alias(ours.as_str()));
    }
    for (ours, published) in PUBLISHED {
        if has(ours) || labels.contains_key(ours) {
            continue;
        }
        if let Some(theirs) = published.iter().find(|name| has(name)) {
            added.push(col(*theirs).alias(ours));
        }
    }
    Ok(networks.with_columns(added))
}
