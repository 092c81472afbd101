//! Predictions of a saved model for other networks, and which it refuses.

use cntflow_models::Predictions;
use ndarray::{Array2, Axis};
use polars::prelude::{Column, DataFrame, LazyFrame};

use super::error::SavedModelError;
use super::network_check::{Likeness, NetworkCheck};
use super::networks::{Network, Networks};
use super::trained_model::TrainedModel;
use crate::error::Result;

/// What is said of one network.
#[derive(Clone, Debug, Default)]
struct Outcome {
    reason: Option<String>,
    /// `None` of a network that was not measured.
    check: Option<NetworkCheck>,
    prediction: Option<Prediction>,
}

/// A prediction: a class with its score, or a number.
#[derive(Clone, Copy, Debug)]
struct Prediction {
    class: Option<u32>,
    score: f64,
    probability: Option<f64>,
}

impl Outcome {
    fn likeness(&self) -> Option<&Likeness> {
        self.check.as_ref()?.likeness.as_ref()
    }

    fn is_outside(&self) -> Option<bool> {
        Some(self.likeness()?.is_outside)
    }
}

impl TrainedModel {
    /// Predicts every network of the tables. Networks whose status is not `ok` get a row without a
    /// prediction.
    ///
    /// `networks` and `layers` are the tables of any population, `measured_with` is the digest of
    /// the options they were measured with. The frame has one row per network, sorted by
    /// checkpoint:
    ///
    /// | column | meaning |
    /// |---|---|
    /// | `checkpoint`, `status` | from the table `networks` |
    /// | `prediction` | the class; of a regression or ranking the number |
    /// | `score` | of two classes larger for the second; else of the predicted class; the number |
    /// | `probability` | of two classes: the calibrated probability of the second one |
    /// | `n_missing` | columns that the network lacks; the training median replaces each |
    /// | `n_outside` | columns outside of the training range |
    /// | `distance` | root mean square of `(x - median) / spread` over the columns, no unit |
    /// | `is_outside` | whether the network is unlike the training networks |
    /// | `seen_in_training` | whether it was one of them; null if its digest is not known |
    /// | `meaning` | what the predictions mean |
    /// | `reason` | why there is no prediction, or what to know of it |
    ///
    /// A network *is outside* if its distance is above the largest one of a training network, or if
    /// more columns are outside of their ranges than of any training network, had that one been
    /// left out. It has no prediction unless `force`.
    ///
    /// A network is *refused*, with or without `force`, if it lacks more than
    /// [`MAX_MISSING_SHARE`](super::MAX_MISSING_SHARE) of the columns that
    /// [`COMMON_SHARE`](super::COMMON_SHARE) of the training networks have.
    ///
    /// # Errors
    /// [`SavedModelError::MeasuredDifferently`] if the digests differ;
    /// [`SavedModelError::MissingFeatures`] if every measured network is refused; a column of a
    /// table is missing or has another type; any error of Polars.
    pub fn predict(
        &self,
        networks: LazyFrame,
        layers: LazyFrame,
        measured_with: &str,
        force: bool,
    ) -> Result<DataFrame> {
        if measured_with != self.measured_with {
            return Err(SavedModelError::MeasuredDifferently {
                trained: self.measured_with.clone(),
                given: measured_with.to_owned(),
            }
            .into());
        }
        let networks = Networks::read(networks, &self.hyperparameters, &self.labels)?;
        let is_measured = |index: &usize| networks.all[*index].status == "ok";
        let measured: Vec<usize> = (0..networks.all.len()).filter(is_measured).collect();
        let mut outcomes: Vec<Outcome> = networks
            .all
            .iter()
            .map(|network| Outcome {
                reason: network.reason.clone(),
                ..Outcome::default()
            })
            .collect();
        if !measured.is_empty() {
            let features = networks.features(self, layers, &measured)?;
            self.require_some(&features)?;
            for (&index, outcome) in measured.iter().zip(self.judge(&features, force)) {
                // The reason of a measured network says what was left out of it.
                let reason = outcome.reason.or_else(|| outcomes[index].reason.take());
                outcomes[index] = Outcome { reason, ..outcome };
            }
        }
        self.frame(&networks.all, &outcomes)
    }

    /// # Errors
    /// [`SavedModelError::MissingFeatures`] if every network is refused.
    fn require_some(&self, features: &Array2<f64>) -> Result<(), SavedModelError> {
        let mut rows = features.rows().into_iter();
        if rows.any(|row| self.lacking(row).is_none()) {
            return Ok(());
        }
        let missing = self.lacking(features.row(0)).unwrap_or_default();
        let expected = self.common_columns().len();
        Err(SavedModelError::MissingFeatures {
            expected,
            found: expected.saturating_sub(missing.len()),
            first_missing: self.first_names(&missing),
        })
    }

    fn judge(&self, features: &Array2<f64>, force: bool) -> Vec<Outcome> {
        let of_row = |row| {
            let (check, reason) = self.check_network(row);
            Outcome {
                reason,
                check: Some(check),
                prediction: None,
            }
        };
        let mut outcomes: Vec<Outcome> = features.rows().into_iter().map(of_row).collect();
        let is_predicted = |index: &usize| match outcomes[*index].is_outside() {
            None => false,
            Some(is_outside) => force || !is_outside,
        };
        let predicted: Vec<usize> = (0..outcomes.len()).filter(is_predicted).collect();
        let predictions = self.predict_rows(&features.select(Axis(0), &predicted));
        for (index, prediction) in predicted.into_iter().zip(predictions) {
            outcomes[index].prediction = Some(prediction);
        }
        outcomes
    }

    /// The predictions of rows of the columns that the model reads.
    fn predict_rows(&self, features: &Array2<f64>) -> Vec<Prediction> {
        let mut all = Array2::from_elem((features.nrows(), self.n_columns as usize), f64::NAN);
        for (column, place) in features
            .columns()
            .into_iter()
            .zip(self.model.used_columns())
        {
            all.column_mut(place).assign(&column);
        }
        let predictions = self.model.predict(all.view());
        let classes = predictions
            .classes(self.model.boundary())
            .unwrap_or_default();
        // Votes may sum to -0, which would be printed with its sign. Adding zero makes it 0.
        match predictions {
            Predictions::Scores(scores) => {
                let of_row = |(score, class): (f64, u32)| self.of_two(score + 0.0, class);
                scores.into_iter().zip(classes).map(of_row).collect()
            }
            Predictions::ClassScores(scores) => {
                let rows = scores.rows().into_iter().zip(classes);
                rows.map(|(row, class)| Prediction {
                    class: Some(class),
                    score: row[class as usize] + 0.0,
                    probability: None,
                })
                .collect()
            }
            Predictions::Values(values) => {
                let learned = self.target.learned();
                let number = |value: f64| Prediction {
                    class: None,
                    score: learned.to_label(value) + 0.0,
                    probability: None,
                };
                values.into_iter().map(number).collect()
            }
        }
    }

    /// The prediction of two classes: by the calibrated probability, where there is one.
    fn of_two(&self, score: f64, class_by_score: u32) -> Prediction {
        let probability = self
            .calibration
            .as_ref()
            .map(|calibration| calibration.probability(score));
        let class = match probability {
            Some(probability) => u32::from(probability >= 0.5),
            None => class_by_score,
        };
        Prediction {
            class: Some(class),
            score,
            probability,
        }
    }

    fn frame(&self, networks: &[Network], outcomes: &[Outcome]) -> Result<DataFrame> {
        let classes = self.class_names();
        let score = |outcome: &Outcome| Some(outcome.prediction?.score);
        let prediction = if classes.is_empty() {
            column("prediction", outcomes, score)
        } else {
            let class =
                |outcome: &Outcome| Some(classes[outcome.prediction?.class? as usize].clone());
            let values: Vec<Option<String>> = outcomes.iter().map(class).collect();
            Column::new("prediction".into(), values)
        };
        let seen: Vec<Option<bool>> = networks
            .iter()
            .map(|network| {
                let digest = network.digest.as_deref();
                self.training_networks.contains(&network.checkpoint, digest)
            })
            .collect();
        let text = |of: fn(&Network) -> &str| networks.iter().map(of).collect::<Vec<_>>();
        let reasons: Vec<Option<String>> = outcomes
            .iter()
            .map(|outcome| outcome.reason.clone())
            .collect();
        let n_missing: Vec<Option<u32>> = outcomes
            .iter()
            .map(|outcome| Some(outcome.check.as_ref()?.n_missing))
            .collect();
        let n_outside: Vec<Option<u32>> = outcomes
            .iter()
            .map(|outcome| Some(outcome.likeness()?.n_outside))
            .collect();
        let is_outside: Vec<Option<bool>> = outcomes.iter().map(Outcome::is_outside).collect();
        let distance = |outcome: &Outcome| Some(outcome.likeness()?.distance);
        let columns = vec![
            Column::new("checkpoint".into(), text(|network| &network.checkpoint)),
            Column::new("status".into(), text(|network| &network.status)),
            prediction,
            column("score", outcomes, score),
            column("probability", outcomes, |outcome| {
                outcome.prediction?.probability
            }),
            Column::new("n_missing".into(), n_missing),
            Column::new("n_outside".into(), n_outside),
            column("distance", outcomes, distance),
            Column::new("is_outside".into(), is_outside),
            Column::new("seen_in_training".into(), seen),
            Column::new("meaning".into(), vec![self.meaning(); networks.len()]),
            Column::new("reason".into(), reasons),
        ];
        Ok(DataFrame::new(networks.len(), columns)?)
    }
}

/// A column of numbers.
fn column(name: &str, outcomes: &[Outcome], value: impl Fn(&Outcome) -> Option<f64>) -> Column {
    let values: Vec<Option<f64>> = outcomes.iter().map(value).collect();
    Column::new(name.into(), values)
}
