//! Which metrics make a feature set. The names are those of the study file and of the table `discrimination`.

use serde::{Deserialize, Serialize};

/// What a classifier may look at. Baselines and sets of CNT metrics stand in the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureSet {
    /// Nothing: always the more frequent class of the training rows.
    Majority,
    /// How the network was trained: the label columns named in the study, categories one-hot. Never the seed.
    Hyperparameters,
    /// The checkpoint's step alone; of use where all checkpoints are taken (an untrained network is trivially low).
    Step,
    /// The distribution of `link_weights` alone (with `bias = "link"` the biases are among them).
    LinkWeights,
    /// `nodes_strength`, `strength_in`, `strength_out`, `strength_abs` and `layers_fluctuation`.
    Strengths,
    /// `normalised_fluctuation_*` and `coupling*`: free of the weights' scale.
    Wiring,
    /// `neurons_strength*` and `neurons_activation*`: over the probe's inputs.
    DataDependent,
    /// All of the metrics above, `kernel_weights` and `biases`.
    Cnt,
    /// [`FeatureSet::Cnt`] without `biases` and without `link_weights`, which pools them. With `bias = "link"` the
    /// strengths still hold each neuron's own bias as one of its links.
    CntWithoutBiases,
}

impl FeatureSet {
    /// All sets but [`FeatureSet::Step`], baselines first: the default of a study.
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

    /// Whether the set is made of the table `layers`, so that a classifier on it can be applied to any checkpoint.
    pub fn is_measured(self) -> bool {
        !matches!(self, Self::Majority | Self::Hyperparameters | Self::Step)
    }

    /// Whether a metric of the table `layers` belongs to the set.
    ///
    /// ```
    /// use cntflow_discriminate::FeatureSet;
    /// assert!(FeatureSet::Wiring.holds("normalised_fluctuation_in_abs"));
    /// assert!(!FeatureSet::CntWithoutBiases.holds("link_weights"));
    /// ```
    pub fn holds(self, metric: &str) -> bool {
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
                        .any(|set| set.holds(metric))
            }
            Self::Cnt => {
                metric == "biases"
                    || Self::LinkWeights.holds(metric)
                    || Self::CntWithoutBiases.holds(metric)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_serdes() {
        for set in FeatureSet::DEFAULT.into_iter().chain([FeatureSet::Step]) {
            assert_eq!(
                serde_json::to_string(&set).unwrap(),
                format!("\"{}\"", set.name())
            );
        }
    }

    #[test]
    fn strengths_of_nodes_are_not_those_over_data() {
        assert!(FeatureSet::Strengths.holds("strength_abs"));
        assert!(!FeatureSet::Strengths.holds("neurons_strength"));
        assert!(FeatureSet::DataDependent.holds("neurons_strength_mean"));
        assert!(FeatureSet::Cnt.holds("biases"));
        assert!(!FeatureSet::Cnt.holds("n_neurons"));
    }
}
