//! Predictions of a saved classifier for other checkpoints, and what it refuses.

use polars::prelude::{Column, DataFrame, LazyFrame};

use super::trained_classifier::TrainedClassifier;
use crate::columns::{collect_columns, texts};
use crate::error::{DiscriminateError, MAX_MISSING_NAMES, Result};
use crate::features::{FeatureTable, layer_features};

/// Largest share of its features that a network may lack: one in twenty. The training medians
/// replace them. A network of another kind, or one measured without a probe, lacks far more.
pub const MAX_IMPUTED_SHARE: f64 = 0.05;

impl TrainedClassifier {
    /// Scores every network of the tables. Networks whose status is not `ok` get
    /// a row without a score.
    ///
    /// `networks` and `layers` are the tables of any population, `measured_with` is the
    /// digest of the options they were measured with. The frame has one row per
    /// network, sorted by checkpoint:
    ///
    /// | column | meaning |
    /// |---|---|
    /// | `checkpoint`, `status` | from the table `networks` |
    /// | `score` | the classifier's score, larger for networks that look high |
    /// | `boundary` | the lowest score at which a network is predicted to be high |
    /// | `prediction` | `low` or `high` |
    /// | `imputed` | number of features that the network lacks; the training median replaces each |
    /// | `meaning` | what low and high mean |
    /// | `reason` | why there is no score |
    ///
    /// # Errors
    /// [`DiscriminateError::MeasuredDifferently`] if the digests differ,
    /// [`DiscriminateError::MissingFeatures`] if every network lacks more than
    /// [`MAX_IMPUTED_SHARE`] of the features; a column is missing; any error of Polars.
    pub fn predict(
        &self,
        networks: LazyFrame,
        layers: LazyFrame,
        measured_with: &str,
    ) -> Result<DataFrame> {
        if measured_with != self.measured_with {
            return Err(DiscriminateError::MeasuredDifferently {
                trained: self.measured_with.clone(),
                given: measured_with.to_owned(),
            });
        }
        let mut predictions = read_networks(networks)?;
        let mut measured: Vec<&mut NetworkPrediction> = predictions
            .iter_mut()
            .filter(|prediction| prediction.status == "ok")
            .collect();
        if !measured.is_empty() {
            let checkpoints: Vec<String> = measured
                .iter()
                .map(|prediction| prediction.checkpoint.clone())
                .collect();
            let table = layer_features(layers, &checkpoints)?;
            self.score_all(&table, &mut measured)?;
        }
        self.frame(&predictions)
    }

    /// Scores each network by itself, independent of the others: row i of the table
    /// belongs to prediction i.
    fn score_all(
        &self,
        table: &FeatureTable,
        predictions: &mut [&mut NetworkPrediction],
    ) -> Result<()> {
        let columns = self.preparation.column_indices(table);
        let mut first_refused = None;
        for (row, prediction) in predictions.iter_mut().enumerate() {
            let missing = self.missing_features(table, &columns, row);
            prediction.imputed = missing.len() as u32;
            if self.is_too_many(missing.len()) {
                prediction.reason = Some(self.refusal(&missing));
                first_refused.get_or_insert(missing);
            } else {
                let records = self.preparation.apply(table, &columns, &[row]);
                // Votes may sum to -0, which would be printed with its sign.
                // Adding zero makes it 0.
                prediction.score = Some(self.model.score(records.row(0)) + 0.0);
            }
        }
        match first_refused {
            Some(missing) if predictions.iter().all(|network| network.score.is_none()) => {
                Err(DiscriminateError::MissingFeatures {
                    expected: columns.len(),
                    found: columns.len() - missing.len(),
                    first_missing: missing.into_iter().take(MAX_MISSING_NAMES).collect(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Names of the features that the table lacks, or that are not finite in its row.
    fn missing_features(
        &self,
        table: &FeatureTable,
        columns: &[Option<usize>],
        row: usize,
    ) -> Vec<String> {
        let is_missing = |column: &Option<usize>| {
            column.is_none_or(|column| !table.value(row, column).is_finite())
        };
        self.preparation
            .names
            .iter()
            .zip(columns)
            .filter(|(_, column)| is_missing(column))
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn is_too_many(&self, n_missing: usize) -> bool {
        n_missing as f64 > MAX_IMPUTED_SHARE * self.preparation.names.len() as f64
    }

    fn refusal(&self, missing: &[String]) -> String {
        format!(
            "lacks {} of the classifier's {} features, such as {}",
            missing.len(),
            self.preparation.names.len(),
            missing[0]
        )
    }

    fn frame(&self, predictions: &[NetworkPrediction]) -> Result<DataFrame> {
        let boundary = self.model.boundary();
        let class = |network: &NetworkPrediction| {
            let score = network.score?;
            Some(if score >= boundary { "high" } else { "low" })
        };
        let columns = vec![
            column("checkpoint", predictions, |network| {
                Some(network.checkpoint.clone())
            }),
            column("status", predictions, |network| {
                Some(network.status.clone())
            }),
            Column::new(
                "score".into(),
                predictions
                    .iter()
                    .map(|network| network.score)
                    .collect::<Vec<_>>(),
            ),
            Column::new("boundary".into(), vec![boundary; predictions.len()]),
            column("prediction", predictions, |network| {
                class(network).map(str::to_owned)
            }),
            Column::new(
                "imputed".into(),
                predictions
                    .iter()
                    .map(|network| network.imputed)
                    .collect::<Vec<_>>(),
            ),
            column("meaning", predictions, |_| Some(self.meaning())),
            column("reason", predictions, |network| network.reason.clone()),
        ];
        Ok(DataFrame::new(predictions.len(), columns)?)
    }
}

/// A column of texts.
fn column(
    name: &str,
    predictions: &[NetworkPrediction],
    value: impl Fn(&NetworkPrediction) -> Option<String>,
) -> Column {
    let values: Vec<_> = predictions.iter().map(value).collect();
    Column::new(name.into(), values)
}

/// One network of the tables, with its score once it has one.
struct NetworkPrediction {
    checkpoint: String,
    status: String,
    reason: Option<String>,
    score: Option<f64>,
    imputed: u32,
}

/// The networks of the table without scores, sorted by checkpoint.
fn read_networks(networks: LazyFrame) -> Result<Vec<NetworkPrediction>> {
    let frame = collect_columns(networks, "networks", &["checkpoint", "status"], &["reason"])?;
    let checkpoints = texts(&frame, "networks", "checkpoint")?;
    let status = texts(&frame, "networks", "status")?;
    let reasons = match frame.column("reason") {
        Ok(_) => texts(&frame, "networks", "reason")?,
        Err(_) => vec![None; frame.height()],
    };
    let rows = checkpoints.into_iter().zip(status).zip(reasons);
    let mut predictions: Vec<NetworkPrediction> = rows
        .map(|((checkpoint, status), reason)| NetworkPrediction {
            checkpoint: checkpoint.unwrap_or_default(),
            status: status.unwrap_or_default(),
            reason,
            score: None,
            imputed: 0,
        })
        .collect();
    predictions.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
    Ok(predictions)
}
