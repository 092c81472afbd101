//! The settings that each kind of model may be fitted with.

use crate::model_kind::ModelKind;
use crate::setting::{FeaturesPerNode, Hyperparameters, Setting, TreeSetting};

impl Setting {
    /// Its index among [`ModelKind::settings`]; `None` if it is not one of them.
    pub fn index(&self) -> Option<usize> {
        self.kind()
            .settings()
            .iter()
            .position(|other| other == self)
    }
}

impl ModelKind {
    /// The settings to choose from, 4 or 5 of them. The first is the default.
    pub fn settings(self) -> Vec<Setting> {
        use Hyperparameters as H;
        let all = |hyperparameters| Setting {
            hyperparameters,
            n_features: None,
        };
        let best = |n, hyperparameters| Setting {
            hyperparameters,
            n_features: Some(n),
        };
        match self {
            Self::LogisticRegression => {
                let ridge = |ridge| H::LogisticRegression { ridge };
                vec![
                    all(ridge(1.0)),
                    all(ridge(0.1)),
                    all(ridge(10.0)),
                    all(ridge(100.0)),
                    best(20, ridge(1.0)),
                ]
            }
            Self::RandomForest => tree_settings(
                FeaturesPerNode::SquareRoot,
                FeaturesPerNode::TwiceSquareRoot,
                H::RandomForest,
            ),
            Self::RegressionForest => tree_settings(
                FeaturesPerNode::Third,
                FeaturesPerNode::SquareRoot,
                H::RegressionForest,
            ),
            Self::LinearSvm => {
                let cost = |cost| H::LinearSvm { cost };
                vec![
                    all(cost(0.1)),
                    all(cost(0.01)),
                    all(cost(1.0)),
                    best(20, cost(0.1)),
                ]
            }
            Self::GaussianSvm => {
                let svm = |cost, width| H::GaussianSvm { cost, width };
                vec![
                    all(svm(1.0, 1.0)),
                    all(svm(10.0, 1.0)),
                    all(svm(10.0, 4.0)),
                    best(20, svm(1.0, 1.0)),
                ]
            }
            Self::AdaBoost => {
                let boost = |rounds, rate| H::AdaBoost { rounds, rate };
                vec![
                    all(boost(100, 0.5)),
                    all(boost(50, 1.0)),
                    all(boost(200, 0.2)),
                    all(boost(20, 1.0)),
                ]
            }
            Self::NaiveBayes => {
                let bayes = |smoothing| H::NaiveBayes { smoothing };
                vec![
                    all(bayes(1e-9)),
                    all(bayes(1e-2)),
                    best(50, bayes(1e-9)),
                    best(10, bayes(1e-9)),
                ]
            }
            Self::ElasticNet => {
                let net = |penalty, l1_ratio| H::ElasticNet { penalty, l1_ratio };
                vec![
                    all(net(0.01, 0.5)),
                    all(net(0.1, 0.5)),
                    all(net(0.1, 0.1)),
                    all(net(0.01, 0.9)),
                ]
            }
            Self::SupportVectorRegression => {
                let svr = |cost, width| H::SupportVectorRegression {
                    cost,
                    width,
                    tube: 0.1,
                };
                vec![
                    all(svr(1.0, 1.0)),
                    all(svr(10.0, 1.0)),
                    all(svr(10.0, 4.0)),
                    best(20, svr(1.0, 1.0)),
                ]
            }
        }
    }
}

/// The settings of a forest. The first has trees that are grown until their leaves are pure.
///
/// For classes none draws a third of the features at each node: of 400 that takes six times as long
/// as their square root.
fn tree_settings(
    features: FeaturesPerNode,
    other_features: FeaturesPerNode,
    hyperparameters: fn(TreeSetting) -> Hyperparameters,
) -> Vec<Setting> {
    let default = TreeSetting {
        trees: 100,
        min_leaf: 1,
        max_depth: None,
        features,
    };
    let other = TreeSetting {
        features: other_features,
        ..default
    };
    [
        (default, None),
        (
            TreeSetting {
                min_leaf: 5,
                ..default
            },
            None,
        ),
        (
            TreeSetting {
                max_depth: Some(6),
                ..default
            },
            None,
        ),
        (other, None),
        (default, Some(20)),
    ]
    .map(|(trees, n_features)| Setting {
        hyperparameters: hyperparameters(trees),
        n_features,
    })
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_three_to_five_settings_of_its_own() {
        for kind in ModelKind::ALL {
            let settings = kind.settings();
            assert!((3..=5).contains(&settings.len()));
            for (index, setting) in settings.iter().enumerate() {
                assert_eq!(setting.kind(), kind);
                assert_eq!(setting.index(), Some(index));
                let text = serde_json::to_string(setting).unwrap();
                assert_eq!(serde_json::from_str::<Setting>(&text).unwrap(), *setting);
            }
        }
    }
}
