//! All metrics, by their names in tables and study files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::MetricsError;

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A metric of a layer: one row of the table `layers`.
        ///
        /// Metrics of links have the `l` of the layer they lead to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum Metric {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Metric {
            /// All of them, in the order of a layer's rows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name in tables and study files.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

metrics! {
    /// Weights of the links that lead to the layer, with the biases for `bias = "link"`. The
    /// spatial graph counts an entry of the kernel once per position where it is applied, and a
    /// bias once per neuron. The channel graph has the kernel summed over its rows and columns. Max
    /// pooling has no such row: its links have no weight of their own.
    LinkWeights = "link_weights",
    /// Entries of the kernel, each once.
    KernelWeights = "kernel_weights",
    /// Entries of the bias, each once.
    Biases = "biases",
    /// Per neuron `s = s_in + s_out`.
    NodesStrength = "nodes_strength",
    /// Per neuron `s_in`, the sum of the weights that lead to it.
    StrengthIn = "strength_in",
    /// Per neuron `s_out`, the sum of the weights that lead from it.
    StrengthOut = "strength_out",
    /// Per neuron the sum of the absolute weights that lead to it and from it.
    StrengthAbs = "strength_abs",
    /// Population standard deviation of `s` over the layer's neurons; the value is in `mean`.
    LayersFluctuation = "layers_fluctuation",
    /// `Var_j(sum_i w_ij) / (n Var(w))` over the neurons (channels) that the links lead to, where n
    /// is the number of weights in each sum. Biases are left out. Independent weights give about 1.
    /// The value is in `mean`.
    NormalisedFluctuationIn = "normalised_fluctuation_in",
    /// The same over the neurons (channels) that the links come from.
    NormalisedFluctuationOut = "normalised_fluctuation_out",
    /// `normalised_fluctuation_in` of `|w|`.
    NormalisedFluctuationInAbs = "normalised_fluctuation_in_abs",
    /// `normalised_fluctuation_out` of `|w|`.
    NormalisedFluctuationOutAbs = "normalised_fluctuation_out_abs",
    /// `normalised_fluctuation_in` of `w^2`.
    NormalisedFluctuationInSquare = "normalised_fluctuation_in_square",
    /// `normalised_fluctuation_out` of `w^2`.
    NormalisedFluctuationOutSquare = "normalised_fluctuation_out_square",
    /// Correlation of `s_in` with `s_out` over the neurons of a hidden layer; the value is in
    /// `mean`.
    Coupling = "coupling",
    /// The same for the sums of absolute weights.
    CouplingAbs = "coupling_abs",
    /// Per neuron the mean of its pre-activation S over the inputs. The name is the papers';
    /// `nodes_strength` is the sum of weights and needs no inputs.
    NeuronsStrength = "neurons_strength",
    /// Per neuron the population standard deviation of S over the inputs.
    NeuronsStrengthStd = "neurons_strength_std",
    /// Per neuron the mean of its post-activation A over the inputs.
    NeuronsActivation = "neurons_activation",
    /// Per neuron the population standard deviation of A over the inputs.
    NeuronsActivationStd = "neurons_activation_std",
    /// Per neuron the share of inputs for which A is exactly 0.
    NeuronsActivationZeroShare = "neurons_activation_zero_share",
    /// Over the probe's inputs `-sum_k p_k ln p_k` in nats, p the softmax outputs. In rows of the
    /// output layer, as all metrics of the probe. The softmax of linear outputs is taken first if
    /// there are as many as the probe has classes.
    ProbeEntropy = "probe_entropy",
    /// Over the probe's inputs the largest minus the second largest softmax output.
    ProbeMargin = "probe_margin",
    /// Over the probe's inputs the largest softmax output.
    ProbeLargest = "probe_largest",
    /// Over the probe's inputs 1 where the first of the largest outputs is that of the label, 0
    /// elsewhere: the mean is the accuracy. Only if there are as many outputs as classes.
    ProbeCorrect = "probe_correct",
    /// Over the probe's inputs `-ln p_k` in nats, k the label: the cross-entropy. Only if there are
    /// as many outputs as classes.
    ProbeLoss = "probe_loss",
    /// Entries of all kernels and biases of the network, each once, in one row with role `network`,
    /// kind `network`, layer 0 and an empty name. Measured only if asked for by name.
    AllWeights = "all_weights",
    /// Against the parent: per entry of the kernel its value minus that in the parent.
    WeightsChange = "weights_change",
    /// Against the parent: `||B - A|| / ||A||`, A the kernel of the parent; the value is in `mean`.
    /// Infinite where all of A is 0.
    RelativeChange = "relative_change",
    /// Against the parent: per neuron s minus s in the parent.
    StrengthChange = "strength_change",
}

impl Metric {
    /// The metrics that compare a checkpoint with the one it was made from.
    pub const LINEAGE: [Self; 3] = [
        Self::WeightsChange,
        Self::RelativeChange,
        Self::StrengthChange,
    ];

    /// The names of all metrics.
    pub fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|metric| metric.as_str()).collect()
    }

    /// Whether measuring it needs inputs.
    pub fn needs_inputs(self) -> bool {
        matches!(
            self,
            Self::NeuronsStrength
                | Self::NeuronsStrengthStd
                | Self::NeuronsActivation
                | Self::NeuronsActivationStd
                | Self::NeuronsActivationZeroShare
                | Self::ProbeEntropy
                | Self::ProbeMargin
                | Self::ProbeLargest
                | Self::ProbeCorrect
                | Self::ProbeLoss
        )
    }

    /// Whether measuring it needs the parent of the checkpoint.
    pub fn needs_parent(self) -> bool {
        Self::LINEAGE.contains(&self)
    }

    /// Whether it is measured only if it is asked for. A second pass over all weights, or a parent,
    /// would make every measurement slower.
    pub fn is_on_request(self) -> bool {
        self == Self::AllWeights || self.needs_parent()
    }

    /// The metrics that are measured unless others are named.
    pub fn defaults() -> Vec<Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|metric| !metric.is_on_request()).collect()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = MetricsError;

    fn from_str(name: &str) -> Result<Self, MetricsError> {
        let mut all = Self::ALL.iter().copied();
        all.find(|metric| metric.as_str() == name)
            .ok_or_else(|| MetricsError::UnknownMetric {
                name: name.to_owned(),
                known: Self::names(),
            })
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricsError;

    fn try_from(name: String) -> Result<Self, MetricsError> {
        name.parse()
    }
}

impl From<Metric> for &'static str {
    fn from(metric: Metric) -> Self {
        metric.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_metric() {
        for &metric in Metric::ALL {
            assert_eq!(metric.as_str().parse(), Ok(metric));
        }
        let error = "strength".parse::<Metric>().unwrap_err().to_string();
        assert!(error.starts_with("unknown metric strength; the metrics are link_weights, "));
    }

    #[test]
    fn only_metrics_of_activations_need_inputs() {
        let needing = Metric::ALL.iter().filter(|metric| metric.needs_inputs());
        let names = needing.map(|metric| metric.as_str());
        let (neurons, probe): (Vec<_>, Vec<_>) = names.partition(|n| n.starts_with("neurons_"));
        assert!(probe.iter().all(|name| name.starts_with("probe_")));
        assert_eq!((neurons.len(), probe.len()), (5, 5));
        assert!(!Metric::AllWeights.needs_inputs());
    }

    #[test]
    fn what_is_measured_on_request_is_no_default() {
        let on_request = Metric::ALL.iter().filter(|metric| metric.is_on_request());
        assert_eq!(on_request.count(), 4);
        assert!(
            Metric::defaults()
                .iter()
                .all(|metric| !metric.needs_parent())
        );
    }
}
