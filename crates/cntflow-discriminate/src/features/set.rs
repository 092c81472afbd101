//! Feature sets: which metrics each contains. Their names are used in study files and in the
//! table `discrimination`.

use serde::{Deserialize, Serialize};

/// The features that a classifier sees: a baseline, or a set of CNT metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureSet {
    /// No feature: the more frequent class of the training rows is always predicted.
    Majority,
    /// How the network was trained: the label columns named in the study, texts one-hot. The
    /// seed is not among them.
    Hyperparameters,
    /// The checkpoint's step alone. A baseline for studies of all checkpoints, where an untrained
    /// network is trivially low.
    Step,
    /// The distribution of `link_weights` alone. With `bias = "link"` it includes the biases.
    LinkWeights,
    /// `nodes_strength`, `strength_in`, `strength_out`, `strength_abs` and `layers_fluctuation`.
    Strengths,
    /// `normalised_fluctuation_*` and `coupling*`: independent of the weights' scale.
    Wiring,
    /// `neurons_strength*` and `neurons_activation*`: computed over the probe's inputs.
    DataDependent,
    /// All of the metrics above, `kernel_weights` and `biases`.
    Cnt,
    /// [`FeatureSet::Cnt`] without `biases`, and without `link_weights`, which may include them.
    /// With `bias = "link"` the strengths still include each neuron's own bias as one of its links.
    CntWithoutBiases,
}

impl FeatureSet {
    /// The default of a study: all sets except [`FeatureSet::Step`], baselines first.
    pub const DEFAULT: [Self; 8] = [
        Self::Majority,
        Self::Hyperparameters,
        Self::LinkWeights,
        Self::Strengths,
        Self::Wiring,
        Self::DataDependent,
        Self::Cnt,
        Self::CntWithoutBiases,
    ];

    /// The baselines that [`FeatureSet::Cnt`] is compared with.
    pub const BASELINES: [Self; 4] = [
        Self::Majority,
        Self::Step,
        Self::LinkWeights,
        Self::Hyperparameters,
    ];

    /// The set's name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Majority => "majority",
            Self::Hyperparameters => "hyperparameters",
            Self::Step => "step",
            Self::LinkWeights => "link_weights",
            Self::Strengths => "strengths",
            Self::Wiring => "wiring",
            Self::DataDependent => "data_dependent",
            Self::Cnt => "cnt",
            Self::CntWithoutBiases => "cnt_without_biases",
        }
    }

    /// Whether the set comes from the table `layers`. A classifier on such a set can be
    /// applied to any checkpoint.
    pub fn is_measured(self) -> bool {
        !matches!(self, Self::Majority | Self::Hyperparameters | Self::Step)
    }

    /// Whether a metric of the table `layers` belongs to the set.
    ///
    /// ```
    /// use cntflow_discriminate::FeatureSet;
    /// assert!(FeatureSet::Wiring.contains("normalised_fluctuation_in_abs"));
    /// assert!(!FeatureSet::CntWithoutBiases.contains("link_weights"));
    /// ```
    pub fn contains(self, metric: &str) -> bool {
        let any_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| metric.starts_with(prefix));
        match self {
            Self::Majority | Self::Hyperparameters | Self::Step => false,
            Self::LinkWeights => metric == "link_weights",
            Self::Strengths => any_of(&["nodes_strength", "strength_", "layers_fluctuation"]),
            Self::Wiring => any_of(&["normalised_fluctuation", "coupling"]),
            Self::DataDependent => any_of(&["neurons_strength", "neurons_activation"]),
            Self::CntWithoutBiases => {
                metric == "kernel_weights"
                    || [Self::Strengths, Self::Wiring, Self::DataDependent]
                        .iter()
                        .any(|set| set.contains(metric))
            }
            Self::Cnt => {
                metric == "biases"
                    || Self::LinkWeights.contains(metric)
                    || Self::CntWithoutBiases.contains(metric)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_serde_writes() {
        for set in FeatureSet::DEFAULT.into_iter().chain([FeatureSet::Step]) {
            assert_eq!(
                serde_json::to_string(&set).unwrap(),
                format!("\"{}\"", set.name())
            );
        }
    }

    #[test]
    fn strengths_of_nodes_and_of_neurons_belong_to_different_sets() {
        assert!(FeatureSet::Strengths.contains("strength_abs"));
        assert!(!FeatureSet::Strengths.contains("neurons_strength"));
        assert!(FeatureSet::DataDependent.contains("neurons_strength_mean"));
        assert!(FeatureSet::Cnt.contains("biases"));
        assert!(!FeatureSet::Cnt.contains("n_neurons"));
    }
}
