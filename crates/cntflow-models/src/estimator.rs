//! A fitted model without its preparation: one of all kinds.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::ada_boost::AdaBoostModel;
use crate::elastic_net::LinearModel;
use crate::forest::Forest;
use crate::logistic::LogisticModel;
use crate::naive_bayes::NaiveBayesModel;
use crate::preparation::Preparation;
use crate::svm::SvmModel;

/// The parameters of a fitted model, in types of our own: a saved model depends on no library's
/// layouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Estimator {
    Logistic(LogisticModel),
    Forest(Forest),
    Svm(SvmModel),
    AdaBoost(AdaBoostModel),
    NaiveBayes(NaiveBayesModel),
    Linear(LinearModel),
}

impl Estimator {
    /// The outputs for unprepared features: one per row for two classes (larger for class 1) and
    /// for values, else one per class.
    pub(crate) fn outputs(
        &self,
        preparation: &Preparation,
        features: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let prepared = || preparation.apply(features);
        match self {
            Self::Forest(model) => model.outputs(preparation, features),
            Self::AdaBoost(model) => model.outputs(preparation, features),
            Self::Logistic(model) => model.outputs(prepared().view()),
            Self::Svm(model) => model.outputs(prepared().view()),
            Self::NaiveBayes(model) => model.outputs(prepared().view()),
            Self::Linear(model) => model.outputs(prepared().view()),
        }
    }

    /// The score of two classes above which class 1 is predicted.
    pub(crate) fn boundary(&self) -> f64 {
        match self {
            Self::Forest(_) => 0.5,
            Self::Logistic(_)
            | Self::Svm(_)
            | Self::AdaBoost(_)
            | Self::NaiveBayes(_)
            | Self::Linear(_) => 0.0,
        }
    }

    /// One number per feature, or nothing where there is no such notion.
    pub(crate) fn importance(&self, n_features: usize) -> Vec<f64> {
        match self {
            Self::Logistic(model) => model.importance(n_features),
            Self::Forest(model) => model.importance(),
            Self::Svm(model) => model.importance(n_features),
            Self::AdaBoost(model) => model.importance(n_features),
            Self::NaiveBayes(_) => Vec::new(),
            Self::Linear(model) => model.importance(),
        }
    }

    /// Whether the parameters agree with each other, with the number of features and with the
    /// number of outputs. They do unless a file was damaged.
    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        match self {
            Self::Logistic(model) => model.is_consistent(n_features, n_outputs),
            Self::Forest(model) => model.is_consistent(n_features, n_outputs),
            Self::Svm(model) => model.is_consistent(n_features, n_outputs),
            Self::AdaBoost(model) => model.is_consistent(n_features, n_outputs),
            Self::NaiveBayes(model) => model.is_consistent(n_features, n_outputs),
            Self::Linear(model) => model.is_consistent(n_features, n_outputs),
        }
    }
}
