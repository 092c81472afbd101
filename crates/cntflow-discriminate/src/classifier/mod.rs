//! The classifiers: which there are, what fitting needs, and what a fitted one holds.
//!
//! Settings are fixed and written down as constants beside each; none is tuned on the data, so no choice leaks.

mod contained;
mod forest;
mod logistic;
mod svm;

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

pub use forest::TREES;
pub use logistic::{GRADIENT_TOLERANCE, MAX_ITERATIONS, RIDGE};
pub use svm::{COST, MAX_ROWS};

pub(crate) use contained::contained;

/// The kinds of classifiers, all resting on linfa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierKind {
    /// `linfa-logistic`, with an L2 penalty.
    LogisticRegression,
    /// Trees whose splits `linfa-trees` finds, on groups drawn with replacement.
    RandomForest,
    /// `linfa-svm` with a Gaussian kernel of the median width.
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

    /// Fits on training rows. linfa may panic in here: callers run it inside [`contained`].
    pub(crate) fn fit(self, training: &TrainingRows, seed: u64) -> Result<Fit, FitFailure> {
        if training.records.ncols() == 0 {
            return Err(FitFailure(
                "no feature varies among the training rows".to_owned(),
            ));
        }
        match self {
            Self::LogisticRegression => logistic::fit(training),
            Self::RandomForest => forest::fit(training, seed),
            Self::Svm => svm::fit(training, seed),
        }
    }
}

/// What a classifier is fitted on.
#[derive(Clone, Debug)]
pub(crate) struct TrainingRows {
    /// `[rows, features]`, prepared.
    pub(crate) records: Array2<f64>,
    /// High or low, for each row.
    pub(crate) classes: Vec<bool>,
    /// A number for each row; rows of one group share it.
    pub(crate) groups: Vec<usize>,
}

/// Why a fit failed, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FitFailure(pub(crate) String);

/// A fitted model and what is to be said about its fit.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub(crate) model: Model,
    /// Such as rows left out by a cap.
    pub(crate) note: Option<String>,
}

impl Fit {
    fn plain(model: Model) -> Self {
        Self { model, note: None }
    }
}

/// A fitted model's parameters, in a form of our own: a saved classifier does not depend on linfa's layouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Model {
    LogisticRegression(logistic::LogisticModel),
    RandomForest(forest::Forest),
    Svm(svm::SvmModel),
}

impl Model {
    /// How high a row looks: a probability (logistic regression), a mean share of high training rows (forest) or a signed
    /// distance from the boundary (SVM).
    pub(crate) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        match self {
            Self::LogisticRegression(model) => model.score(row),
            Self::RandomForest(model) => model.score(row),
            Self::Svm(model) => model.score(row),
        }
    }

    /// The score from which on a row is called high.
    pub(crate) fn boundary(&self) -> f64 {
        match self {
            Self::LogisticRegression(_) | Self::RandomForest(_) => 0.5,
            Self::Svm(_) => 0.0,
        }
    }

    /// Whether the parameters belong together and to `features` features, as they do unless a file was damaged.
    pub(crate) fn fits(&self, features: usize) -> bool {
        match self {
            Self::LogisticRegression(model) => model.fits(features),
            Self::RandomForest(model) => model.fits(features),
            Self::Svm(model) => model.fits(features),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;
    use crate::random::{Use, stream};

    /// Rows whose class is the sign of the first of three features; the second is noise, the third a rare flag.
    fn rows(n: usize) -> TrainingRows {
        use rand::RngExt;
        let mut rng = stream(11, Use::Fit, &[n]);
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
    fn every_kind_learns_what_is_plain_and_repeats_itself() {
        let (training, test) = (rows(160), rows(101));
        for kind in ClassifierKind::ALL {
            let fit = kind.fit(&training, 5).unwrap();
            let right = test.records.axis_iter(Axis(0)).zip(&test.classes);
            let right = right
                .filter(|(row, class)| (fit.model.score(*row) >= fit.model.boundary()) == **class)
                .count();
            assert!(right >= 94, "{}: {right} of 101", kind.name());
            assert_eq!(fit.model, kind.fit(&training, 5).unwrap().model);
            assert!(fit.model.fits(3) && !fit.model.fits(4));
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
