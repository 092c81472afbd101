//! Other names of label columns: those of published zoos, and those of the study's `[labels]`,
//! which may also be computed.

use std::collections::BTreeMap;

use polars::prelude::{Expr, LazyFrame, PlSmallStr, col};
use polars::sql::sql_expr;

use super::columns::nearest_names;
use crate::error::{ExperimentError, Result};

/// Columns that say which networks take part. No label may have their names.
const NO_LABELS: [&str; 6] = ["checkpoint", "digest", "run", "step", "status", "reason"];

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

/// Adds a column for every name of ours that the table lacks and has under another name, and for
/// every label that the study computes.
///
/// `labels` are those of the study: our name, then the name of a column in the table, or an SQL
/// expression over its columns. They go before those of published zoos.
///
/// # Errors
/// - [`ExperimentError::LabelName`]: a label of the study would take the place of a column that
///   says which networks take part.
/// - [`ExperimentError::MissingColumn`]: a label of the study names no column.
/// - [`ExperimentError::LabelExpression`]: one is no SQL expression over the table.
pub(crate) fn with_aliases(
    networks: LazyFrame,
    labels: &BTreeMap<String, String>,
) -> Result<LazyFrame> {
    let schema = networks.clone().collect_schema()?;
    let has = |name: &str| schema.contains(name);
    let mut added = Vec::new();
    for (ours, theirs) in labels {
        if NO_LABELS.contains(&ours.as_str()) {
            return Err(ExperimentError::LabelName {
                label: ours.clone(),
            });
        }
        let expression = label_expression(&networks, ours, theirs)?;
        added.push(expression.alias(ours.as_str()));
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

/// The column of this name, or the SQL expression over the columns of `networks`, for the label
/// `ours`.
///
/// # Errors
/// See [`with_aliases`].
pub(crate) fn label_expression(networks: &LazyFrame, ours: &str, theirs: &str) -> Result<Expr> {
    let schema = networks.clone().collect_schema()?;
    if schema.contains(theirs) {
        return Ok(col(theirs));
    }
    let wrong = |source| ExperimentError::LabelExpression {
        label: ours.to_owned(),
        expression: theirs.to_owned(),
        source,
    };
    let expression = sql_expr(theirs).map_err(wrong)?;
    if matches!(expression, Expr::Column(_)) {
        let names: Vec<String> = schema.iter_names().map(PlSmallStr::to_string).collect();
        return Err(ExperimentError::MissingColumn {
            table: "networks",
            column: theirs.to_owned(),
            nearest: nearest_names(theirs, &names),
        });
    }
    let mut selected = networks.clone().select([expression.clone()]);
    selected.collect_schema().map_err(wrong)?;
    Ok(expression)
}
