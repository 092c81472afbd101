//! The classifiers: their kinds, their models, and how a model is fitted.
//!
//! Every setting is a constant beside its classifier. None is tuned, so no choice can leak
//! from the evaluated data.

mod catch_panics;
mod fit_failure;
mod forest;
mod logistic;
mod svm;
mod training_rows;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

pub use forest::FOREST_TREES;
pub use logistic::{LOGISTIC_GRADIENT_TOLERANCE, LOGISTIC_MAX_ITERATIONS, LOGISTIC_RIDGE};
pub use svm::{SVM_COST, SVM_MAX_ROWS};

pub(crate) use catch_panics::catch_panics;
pub(crate) use fit_failure::FitFailure;
pub(crate) use training_rows::TrainingRows;

/// The kinds of classifiers, all of them built on linfa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierKind {
    /// Logistic regression with an L2 penalty, fitted by `linfa-logistic`.
    LogisticRegression,
    /// A random forest on bootstrap samples of groups. `linfa-trees` finds each split.
    RandomForest,
    /// A support vector machine fitted by `linfa-svm`. The width of its Gaussian
    /// kernel is a median distance.
    Svm,
}

impl ClassifierKind {
    /// All kinds: the default of a study.
    pub const ALL: [Self; 3] = [Self::LogisticRegression, Self::RandomForest, Self::Svm];

    /// The kind's name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logistic_regression",
            Self::RandomForest => "random_forest",
            Self::Svm => "svm",
        }
    }

    /// Fits a model to training rows. linfa may panic here, so callers wrap the
    /// call in [`catch_panics`].
    pub(crate) fn fit(self, training: &TrainingRows, seed: u64) -> Result<Fit, FitFailure> {
        if training.records.ncols() == 0 {
            return Err(FitFailure::NoVaryingFeature);
        }
        match self {
            Self::LogisticRegression => {
                logistic::fit(training).map(|model| Fit::plain(Model::LogisticRegression(model)))
            }
            Self::RandomForest => {
                forest::fit(training, seed).map(|model| Fit::plain(Model::RandomForest(model)))
            }
            Self::Svm => svm::fit(training, seed).map(|(model, note)| Fit {
                model: Model::Svm(model),
                note,
            }),
        }
    }
}

/// A fitted model, and a remark on its fit.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub(crate) model: Model,
    /// What the reader of a table should know, such as rows left out by a limit.
    pub(crate) note: Option<String>,
}

impl Fit {
    fn plain(model: Model) -> Self {
        Self { model, note: None }
    }
}

/// The parameters of a fitted model, in types of our own, so that a saved classifier does not
/// depend on linfa's layouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Model {
    LogisticRegression(logistic::LogisticModel),
    RandomForest(forest::Forest),
    Svm(svm::SvmModel),
}

impl Model {
    /// The score of a row, larger for rows that look high: a probability (logistic
    /// regression), a mean share of high training rows (random forest), or a signed distance
    /// from the boundary (SVM).
    pub(crate) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        match self {
            Self::LogisticRegression(model) => model.score(row),
            Self::RandomForest(model) => model.score(row),
            Self::Svm(model) => model.score(row),
        }
    }

    /// The lowest score at which a row is predicted to be high.
    pub(crate) fn boundary(&self) -> f64 {
        match self {
            Self::LogisticRegression(_) | Self::RandomForest(_) => 0.5,
            Self::Svm(_) => 0.0,
        }
    }

    /// Whether the parameters agree with each other and with the number of features. They do
    /// unless a file was damaged.
    pub(crate) fn is_consistent(&self, n_features: usize) -> bool {
        match self {
            Self::LogisticRegression(model) => model.is_consistent(n_features),
            Self::RandomForest(model) => model.is_consistent(n_features),
            Self::Svm(model) => model.is_consistent(n_features),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis};

    use super::*;
    use crate::random::{Purpose, random_stream};

    /// Rows whose class is the sign of the first of three features; the second is noise,
    /// the third a rare flag.
    fn rows(n: usize) -> TrainingRows {
        use rand::RngExt;
        let mut rng = random_stream(11, Purpose::Fit, &[n]);
        let records = Array2::from_shape_fn((n, 3), |(_, column)| match column {
            2 => f64::from(u8::from(rng.random_bool(0.3))),
            _ => rng.random_range(-2.0..2.0),
        });
        let classes = records.column(0).iter().map(|value| *value > 0.0).collect();
        TrainingRows {
            records,
            classes,
            groups: (0..n).map(|row| row / 2).collect(),
        }
    }

    #[test]
    fn every_kind_learns_an_obvious_class_and_fits_alike_with_the_same_seed() {
        let (training, test) = (rows(160), rows(101));
        for kind in ClassifierKind::ALL {
            let fit = kind.fit(&training, 5).unwrap();
            let n_right = test
                .records
                .axis_iter(Axis(0))
                .zip(&test.classes)
                .filter(|(row, class)| (fit.model.score(*row) >= fit.model.boundary()) == **class)
                .count();
            assert!(n_right >= 94, "{}: {n_right} of 101", kind.name());
            assert_eq!(fit.model, kind.fit(&training, 5).unwrap().model);
            assert!(fit.model.is_consistent(3) && !fit.model.is_consistent(4));
        }
    }

    #[test]
    fn one_class_or_no_feature_is_a_failed_fit() {
        let mut training = rows(20);
        training.classes = vec![true; 20];
        for kind in ClassifierKind::ALL {
            assert!(kind.fit(&training, 5).is_err(), "{}", kind.name());
        }
        training.records = Array2::zeros((20, 0));
        assert!(ClassifierKind::Svm.fit(&training, 5).is_err());
    }
}
