//! A fitted model: preparation, selection and parameters.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::estimator::Estimator;
use crate::predictions::Predictions;
use crate::preparation::Preparation;
use crate::setting::Setting;
use crate::training_rows::MAX_CLASSES;

/// A model that [`fit`](crate::fit) has fitted. It is read back bit for bit after it was written in
/// any format of serde.
///
/// A model that was read from a file must pass [`FittedModel::check_consistency`] before it
/// predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedModel {
    setting: Setting,
    n_columns: u32,
    task: Task,
    preparation: Preparation,
    estimator: Estimator,
    note: Option<String>,
}

/// What the model predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    Classes {
        /// The classes that had training rows, in ascending order.
        present: Vec<u32>,
        n_classes: u32,
    },
    Values,
}

/// Why a model that was read from a file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InconsistentModel {
    /// The model is for other features.
    #[error("the model is for {expected} columns, the features have {found}")]
    Columns {
        /// Number of columns that it was fitted to.
        expected: usize,
        /// Number of columns at hand.
        found: usize,
    },
    /// The file is damaged.
    #[error("the model's {part} does not agree with the rest of it")]
    Part {
        /// Which part disagrees.
        part: &'static str,
    },
}

impl Task {
    /// Number of outputs of an estimator for this task.
    fn n_outputs(&self) -> usize {
        match self {
            Self::Values => 1,
            Self::Classes { present, .. } => {
                if present.len() == 2 {
                    1
                } else {
                    present.len()
                }
            }
        }
    }

    fn is_consistent(&self, is_classifier: bool) -> bool {
        match self {
            Self::Values => !is_classifier,
            Self::Classes { present, n_classes } => {
                is_classifier
                    && present.len() >= 2
                    && *n_classes <= MAX_CLASSES
                    && present.is_sorted_by(|a, b| a < b)
                    && present.iter().all(|class| class < n_classes)
            }
        }
    }
}

impl FittedModel {
    pub(crate) fn new(
        setting: Setting,
        n_columns: usize,
        task: Task,
        preparation: Preparation,
        estimator: Estimator,
        note: Option<String>,
    ) -> Self {
        Self {
            setting,
            n_columns: n_columns as u32,
            task,
            preparation,
            estimator,
            note,
        }
    }

    /// The predictions for rows of features with the columns of the training rows.
    ///
    /// # Panics
    /// If the number of columns is not that of the training rows.
    pub fn predict(&self, features: ArrayView2<'_, f64>) -> Predictions {
        assert_eq!(
            features.ncols(),
            self.n_columns as usize,
            "columns of the model and the rows"
        );
        let outputs = self.estimator.outputs(&self.preparation, features);
        match &self.task {
            Task::Values => Predictions::Values(outputs.into_iter().collect()),
            Task::Classes { n_classes: 2, .. } => {
                Predictions::Scores(outputs.into_iter().collect())
            }
            Task::Classes { present, n_classes } => {
                Predictions::ClassScores(self.all_classes(&outputs, present, *n_classes as usize))
            }
        }
    }

    /// The scores of all classes from the outputs for those that had training rows.
    fn all_classes(&self, outputs: &Array2<f64>, present: &[u32], n_classes: usize) -> Array2<f64> {
        let boundary = self.estimator.boundary();
        // Shares of an absent class are 0; other scores have no lower limit.
        let absent = if boundary > 0.0 {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        let mut scores = Array2::from_elem((outputs.nrows(), n_classes), absent);
        for (index, &class) in present.iter().enumerate() {
            for (score, output) in scores
                .column_mut(class as usize)
                .iter_mut()
                .zip(outputs.rows())
            {
                *score = match (present.len(), index) {
                    // One output for two classes: the other's is its mirror image.
                    (2, 0) => 2.0 * boundary - output[0],
                    (2, _) => output[0],
                    _ => output[index],
                };
            }
        }
        scores
    }

    /// The predicted class of each row; `None` for regressions.
    ///
    /// # Panics
    /// As [`FittedModel::predict`].
    pub fn predict_classes(&self, features: ArrayView2<'_, f64>) -> Option<Vec<u32>> {
        self.predict(features).classes(self.boundary())
    }

    /// The lowest score of [`Predictions::Scores`] at which class 1 is predicted: 0.5 for shares,
    /// otherwise 0.
    pub fn boundary(&self) -> f64 {
        self.estimator.boundary()
    }

    /// The setting that the model was fitted with.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// What a reader should know of the fit, such as rows left out by a limit.
    pub fn note(&self) -> Option<String> {
        self.note.clone()
    }

    /// The columns that the model looks at, in ascending order.
    pub fn used_columns(&self) -> Vec<usize> {
        self.preparation
            .columns
            .iter()
            .map(|column| *column as usize)
            .collect()
    }

    /// How much each used column matters to the model, columns in ascending order.
    ///
    /// - Linear models: the magnitude of the weight of the standardised column, the largest of all
    ///   classes.
    /// - Forests: the column's share of the decrease of impurity, as a mean over trees.
    /// - Boosted trees: the column's share of the trees' weights.
    /// - Gaussian kernels and naive Bayes: nothing, an empty list.
    pub fn importance(&self) -> Vec<(usize, f64)> {
        let columns = self.used_columns();
        let importance = self.estimator.importance(columns.len());
        columns.into_iter().zip(importance).collect()
    }

    /// Whether the model's parts agree with each other and with the number of columns of the
    /// features at hand, so that [`FittedModel::predict`] does not panic.
    ///
    /// # Errors
    /// If they do not.
    pub fn check_consistency(&self, n_columns: usize) -> Result<(), InconsistentModel> {
        let kind = self.setting.kind();
        if self.n_columns as usize != n_columns {
            let expected = self.n_columns as usize;
            return Err(InconsistentModel::Columns {
                expected,
                found: n_columns,
            });
        }
        let n_features = self.preparation.columns.len();
        let checks = [
            ("task", self.task.is_consistent(kind.is_classifier())),
            (
                "preparation",
                self.preparation
                    .is_consistent(n_columns, !kind.is_made_of_trees()),
            ),
            (
                "estimator",
                self.estimator
                    .is_consistent(n_features, self.task.n_outputs()),
            ),
        ];
        match checks.into_iter().find(|(_, is_consistent)| !is_consistent) {
            Some((part, _)) => Err(InconsistentModel::Part { part }),
            None => Ok(()),
        }
    }
}
