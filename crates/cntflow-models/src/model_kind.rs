//! The kinds of models.

use serde::{Deserialize, Serialize};

/// The kinds of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Logistic regression with an L2 penalty; multinomial for many classes.
    LogisticRegression,
    /// A random forest of classification trees on bootstrap samples of groups.
    RandomForest,
    /// A support vector machine without a kernel.
    LinearSvm,
    /// A support vector machine with a Gaussian kernel.
    GaussianSvm,
    /// Boosted decision trees of one level.
    AdaBoost,
    /// Naive Bayes: in each class, every feature has a normal distribution of its own.
    NaiveBayes,
    /// Linear regression with L1 and L2 penalties.
    ElasticNet,
    /// Support vector regression with a Gaussian kernel.
    SupportVectorRegression,
    /// A random forest of regression trees on bootstrap samples of groups.
    RegressionForest,
}

impl ModelKind {
    /// All kinds: classifiers first.
    pub const ALL: [Self; 9] = [
        Self::LogisticRegression,
        Self::RandomForest,
        Self::LinearSvm,
        Self::GaussianSvm,
        Self::AdaBoost,
        Self::NaiveBayes,
        Self::ElasticNet,
        Self::SupportVectorRegression,
        Self::RegressionForest,
    ];

    /// The kind's name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogisticRegression => "logistic_regression",
            Self::RandomForest => "random_forest",
            Self::LinearSvm => "linear_svm",
            Self::GaussianSvm => "gaussian_svm",
            Self::AdaBoost => "ada_boost",
            Self::NaiveBayes => "naive_bayes",
            Self::ElasticNet => "elastic_net",
            Self::SupportVectorRegression => "support_vector_regression",
            Self::RegressionForest => "regression_forest",
        }
    }

    /// Whether the model predicts classes rather than values.
    pub fn is_classifier(self) -> bool {
        match self {
            Self::ElasticNet | Self::SupportVectorRegression | Self::RegressionForest => false,
            Self::LogisticRegression
            | Self::RandomForest
            | Self::LinearSvm
            | Self::GaussianSvm
            | Self::AdaBoost
            | Self::NaiveBayes => true,
        }
    }

    /// Whether the model splits columns at values, so that scaling changes nothing.
    pub(crate) fn is_made_of_trees(self) -> bool {
        matches!(
            self,
            Self::RandomForest | Self::RegressionForest | Self::AdaBoost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde() {
        for kind in ModelKind::ALL {
            let name = format!("\"{}\"", kind.name());
            assert_eq!(serde_json::to_string(&kind).unwrap(), name);
        }
    }
}
