//! The networks that are predicted: their rows of the table `networks`, and their features.

use std::collections::BTreeMap;

use ndarray::Array2;
use polars::prelude::{DataFrame, LazyFrame};

use super::trained_model::TrainedModel;
use crate::error::Result;
use crate::features::{FeatureInputs, read_available_features};
use crate::population::LabelColumn;
use crate::population::aliases::{label_expression, with_aliases};
use crate::population::columns::{collect_columns, labels, numbers, texts};

const TABLE: &str = "networks";

/// A network that is to be predicted.
pub(super) struct Network {
    pub(super) checkpoint: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) digest: Option<String>,
    step: f64,
    /// Row in the frame of the table.
    row: usize,
}

/// The networks of a table, sorted by checkpoint.
pub(super) struct Networks {
    pub(super) all: Vec<Network>,
    table: LazyFrame,
    frame: DataFrame,
}

impl Networks {
    /// Reads the table. Columns that a model may need have the names of ours, where the study of
    /// the model or a published zoo has other ones. Those of the study's aliases, `labels`, that
    /// cannot be read here do not count: their columns are missing like any other.
    pub(super) fn read(
        networks: LazyFrame,
        hyperparameters: &[String],
        labels: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut labels = labels.clone();
        labels.retain(|ours, theirs| label_expression(&networks, ours, theirs).is_ok());
        let table = with_aliases(networks, &labels)?;
        let mut optional = vec!["reason", "digest", "step"];
        optional.extend(hyperparameters.iter().map(String::as_str));
        let frame = collect_columns(table.clone(), TABLE, &["checkpoint", "status"], &optional)?;
        let checkpoints = texts(&frame, TABLE, "checkpoint")?;
        let status = texts(&frame, TABLE, "status")?;
        let optional_texts = |name: &str| match frame.column(name) {
            Ok(_) => texts(&frame, TABLE, name),
            Err(_) => Ok(vec![None; frame.height()]),
        };
        let (reasons, digests) = (optional_texts("reason")?, optional_texts("digest")?);
        let steps = match frame.column("step") {
            Ok(_) => numbers(&frame, TABLE, "step")?,
            Err(_) => vec![f64::NAN; frame.height()],
        };
        let mut all: Vec<Network> = (0..frame.height())
            .map(|row| Network {
                checkpoint: checkpoints[row].clone().unwrap_or_default(),
                status: status[row].clone().unwrap_or_default(),
                reason: reasons[row].clone(),
                digest: digests[row].clone(),
                step: steps[row],
                row,
            })
            .collect();
        all.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
        Ok(Self { all, table, frame })
    }

    /// The columns that the model reads, `[networks, columns]`, of the networks at these indices.
    /// NaN is missing.
    pub(super) fn features(
        &self,
        model: &TrainedModel,
        layers: LazyFrame,
        indices: &[usize],
    ) -> Result<Array2<f64>> {
        let chosen: Vec<&Network> = indices.iter().map(|&index| &self.all[index]).collect();
        let rows: Vec<usize> = chosen.iter().map(|network| network.row).collect();
        let checkpoints: Vec<String> = chosen
            .iter()
            .map(|network| network.checkpoint.clone())
            .collect();
        let steps: Vec<f64> = chosen.iter().map(|network| network.step).collect();
        let present = model
            .hyperparameters
            .iter()
            .filter(|name| self.frame.column(name).is_ok());
        let hyperparameters: Vec<(String, LabelColumn)> = present
            .map(|name| {
                Ok((
                    name.clone(),
                    labels(&self.frame, TABLE, name)?.select(&rows),
                ))
            })
            .collect::<Result<_>>()?;
        let inputs = FeatureInputs {
            networks: self.table.clone(),
            layers: model.layers.select(layers),
            checkpoints: &checkpoints,
            steps: &steps,
            hyperparameters: &hyperparameters,
        };
        let expressions = [model.features.clone()];
        let source = read_available_features(&inputs, model.representation, &expressions)?;
        let table = source.table();
        let mut features = Array2::from_elem((rows.len(), model.columns.len()), f64::NAN);
        for (name, mut column) in model.columns.iter().zip(features.columns_mut()) {
            match table.column(name) {
                Some(index) => column.assign(&table.values().column(index)),
                // A column of 0 and 1 exists for those values alone that some network has.
                None if is_value_of_text(name, &hyperparameters) => column.fill(0.0),
                None => {}
            }
        }
        Ok(features)
    }
}

/// Whether a column such as `activation=relu` belongs to a label column of texts at hand.
fn is_value_of_text(name: &str, hyperparameters: &[(String, LabelColumn)]) -> bool {
    let mut texts = hyperparameters
        .iter()
        .filter(|(_, column)| matches!(column, LabelColumn::Texts(_)));
    texts.any(|(label, _)| {
        name.strip_prefix(label.as_str())
            .is_some_and(|rest| rest.starts_with('='))
    })
}
