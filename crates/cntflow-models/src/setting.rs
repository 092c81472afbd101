//! One way to fit a model: its hyperparameters and how many features it sees.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fit_failure::FitFailure;
use crate::model_kind::ModelKind;

/// One way to fit a model of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The kind of the model and its hyperparameters.
    #[serde(flatten)]
    pub hyperparameters: Hyperparameters,
    /// Number of columns that are kept: those with the largest univariate scores among the training
    /// rows. `None` keeps all that vary.
    pub n_features: Option<usize>,
}

/// The hyperparameters of each kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum Hyperparameters {
    /// Of [`ModelKind::LogisticRegression`].
    LogisticRegression {
        /// L2 penalty, above 0. The loss is `sum of log losses + ridge / 2 |coefficients|^2`; the
        /// intercept is free. scikit-learn's `C` is `1 / ridge`.
        ridge: f64,
    },
    /// Of [`ModelKind::RandomForest`].
    RandomForest(TreeSetting),
    /// Of [`ModelKind::LinearSvm`].
    LinearSvm {
        /// Cost of a row on the wrong side of the margin, above 0.
        cost: f64,
    },
    /// Of [`ModelKind::GaussianSvm`].
    GaussianSvm {
        /// Cost of a row on the wrong side of the margin, above 0.
        cost: f64,
        /// Width of the kernel `exp(-|x - y|^2 / (width m))`, above 0. m is the median squared
        /// distance between training rows.
        width: f64,
    },
    /// Of [`ModelKind::AdaBoost`].
    AdaBoost {
        /// Largest number of trees, each of one level.
        rounds: u32,
        /// Learning rate, above 0: multiplies the weight of every tree.
        rate: f64,
    },
    /// Of [`ModelKind::NaiveBayes`].
    NaiveBayes {
        /// Share of the largest feature variance that is added to every variance; 0 or more.
        smoothing: f64,
    },
    /// Of [`ModelKind::ElasticNet`].
    ElasticNet {
        /// Penalty, above 0, in units of the targets' standard deviation. With features X, targets
        /// y (both standardised) and n rows, the loss is `|y - X w|^2 / (2 n) + penalty (l1_ratio
        /// |w|_1 + (1 - l1_ratio) / 2 |w|^2)`.
        penalty: f64,
        /// Share of the L1 penalty, above 0 and at most 1. At 0 the duality gap that ends the fit
        /// says nothing.
        l1_ratio: f64,
    },
    /// Of [`ModelKind::SupportVectorRegression`].
    SupportVectorRegression {
        /// Cost of a row outside of the tube, above 0.
        cost: f64,
        /// Width of the Gaussian kernel, as of [`Hyperparameters::GaussianSvm`].
        width: f64,
        /// Errors up to this cost nothing; in units of the targets' standard deviation.
        tube: f64,
    },
    /// Of [`ModelKind::RegressionForest`].
    RegressionForest(TreeSetting),
}

/// How the trees of a forest are grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeSetting {
    /// Number of trees, at least 1.
    pub trees: u32,
    /// Smallest weight of a leaf, at least 1. A row counts as often as it was drawn.
    pub min_leaf: u32,
    /// Largest number of splits above a leaf. `None` sets no limit.
    pub max_depth: Option<u32>,
    /// How many features are drawn at each node.
    pub features: FeaturesPerNode,
}

/// Number of features that are drawn at each node of a tree, without replacement. More are drawn
/// one by one while none of them can split the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeaturesPerNode {
    /// The square root of the number of features, rounded down.
    SquareRoot,
    /// Twice the square root of the number of features, rounded down.
    TwiceSquareRoot,
    /// A third of the features, rounded down.
    Third,
}

impl FeaturesPerNode {
    /// The number among `n_features`, at least 1.
    pub(crate) fn count(self, n_features: usize) -> usize {
        let count = match self {
            Self::SquareRoot => n_features.isqrt(),
            Self::TwiceSquareRoot => (4 * n_features).isqrt().min(n_features),
            Self::Third => n_features / 3,
        };
        count.max(1)
    }
}

impl Setting {
    /// The kind of the model.
    pub fn kind(&self) -> ModelKind {
        match self.hyperparameters {
            Hyperparameters::LogisticRegression { .. } => ModelKind::LogisticRegression,
            Hyperparameters::RandomForest(_) => ModelKind::RandomForest,
            Hyperparameters::LinearSvm { .. } => ModelKind::LinearSvm,
            Hyperparameters::GaussianSvm { .. } => ModelKind::GaussianSvm,
            Hyperparameters::AdaBoost { .. } => ModelKind::AdaBoost,
            Hyperparameters::NaiveBayes { .. } => ModelKind::NaiveBayes,
            Hyperparameters::ElasticNet { .. } => ModelKind::ElasticNet,
            Hyperparameters::SupportVectorRegression { .. } => ModelKind::SupportVectorRegression,
            Hyperparameters::RegressionForest(_) => ModelKind::RegressionForest,
        }
    }

    /// Refuses hyperparameters outside of their ranges.
    pub(crate) fn check(&self) -> Result<(), FitFailure> {
        use Hyperparameters as H;
        let limits: &[(&'static str, f64, bool)] = match self.hyperparameters {
            H::LogisticRegression { ridge } => &[("ridge", ridge, ridge > 0.0)],
            H::LinearSvm { cost } => &[("cost", cost, cost > 0.0)],
            H::GaussianSvm { cost, width } => {
                &[("cost", cost, cost > 0.0), ("width", width, width > 0.0)]
            }
            H::AdaBoost { rounds, rate } => &[
                ("rounds", f64::from(rounds), rounds > 0),
                ("rate", rate, rate > 0.0),
            ],
            H::NaiveBayes { smoothing } => &[("smoothing", smoothing, smoothing >= 0.0)],
            H::ElasticNet { penalty, l1_ratio } => &[
                ("penalty", penalty, penalty > 0.0),
                ("l1_ratio", l1_ratio, l1_ratio > 0.0 && l1_ratio <= 1.0),
            ],
            H::SupportVectorRegression { cost, width, tube } => &[
                ("cost", cost, cost > 0.0),
                ("width", width, width > 0.0),
                ("tube", tube, tube >= 0.0),
            ],
            H::RandomForest(trees) | H::RegressionForest(trees) => &[
                ("trees", f64::from(trees.trees), trees.trees > 0),
                ("min_leaf", f64::from(trees.min_leaf), trees.min_leaf > 0),
            ],
        };
        if self.n_features == Some(0) {
            return Err(FitFailure::Hyperparameter {
                name: "n_features",
                value: 0.0,
            });
        }
        match limits
            .iter()
            .find(|(_, value, is_valid)| !is_valid || !value.is_finite())
        {
            Some(&(name, value, _)) => Err(FitFailure::Hyperparameter { name, value }),
            None => Ok(()),
        }
    }
}

/// Hyperparameters and their values, such as `ridge=1 features=20`.
impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Hyperparameters as H;
        match self.hyperparameters {
            H::LogisticRegression { ridge } => write!(out, "ridge={ridge}"),
            H::LinearSvm { cost } => write!(out, "cost={cost}"),
            H::GaussianSvm { cost, width } => write!(out, "cost={cost} width={width}"),
            H::AdaBoost { rounds, rate } => write!(out, "rounds={rounds} rate={rate}"),
            H::NaiveBayes { smoothing } => write!(out, "smoothing={smoothing}"),
            H::ElasticNet { penalty, l1_ratio } => {
                write!(out, "penalty={penalty} l1_ratio={l1_ratio}")
            }
            H::SupportVectorRegression { cost, width, tube } => {
                write!(out, "cost={cost} width={width} tube={tube}")
            }
            H::RandomForest(trees) | H::RegressionForest(trees) => write!(out, "{trees}"),
        }?;
        match self.n_features {
            Some(n) => write!(out, " features={n}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TreeSetting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "trees={} min_leaf={}", self.trees, self.min_leaf)?;
        if let Some(depth) = self.max_depth {
            write!(out, " max_depth={depth}")?;
        }
        match self.features {
            FeaturesPerNode::SquareRoot => write!(out, " per_node=sqrt"),
            FeaturesPerNode::TwiceSquareRoot => write!(out, " per_node=2sqrt"),
            FeaturesPerNode::Third => write!(out, " per_node=third"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_shown_as_names_and_values() {
        let texts: Vec<String> = ModelKind::LogisticRegression
            .settings()
            .iter()
            .map(Setting::to_string)
            .collect();
        assert_eq!([&*texts[0], &*texts[4]], ["ridge=1", "ridge=1 features=20"]);
        let forest = ModelKind::RandomForest.settings()[2].to_string();
        assert_eq!(forest, "trees=100 min_leaf=1 max_depth=6 per_node=sqrt");
    }

    #[test]
    fn a_hyperparameter_out_of_range_is_refused_by_name() {
        let hyperparameters = Hyperparameters::LogisticRegression { ridge: f64::NAN };
        let failure = Setting {
            hyperparameters,
            n_features: None,
        }
        .check()
        .unwrap_err();
        assert!(failure.to_string().starts_with("ridge = NaN"));
    }
}
