//! The choices that the papers leave open, each a named option with its default.

use std::num::NonZeroUsize;

use cntflow_network::DEFAULT_BATCH;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// What to measure, and how. Serialised whole into the metadata of tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureOptions {
    /// Whether a bias is a link.
    pub bias: Bias,
    /// Incoming strength of inputs, and outgoing strength of outputs.
    pub boundary: Boundary,
    /// Whether the part of a kernel that reaches into padding counts.
    pub padding: Padding,
    /// What the neurons of a convolution are.
    pub conv_graph: ConvGraph,
    /// Whether a norm's scale and shift are folded into the linear dense or convolutional layer
    /// directly before it. If false, or without such a layer, a norm is a layer of its own.
    pub fold_norm: bool,
    /// Whether a residual addition makes links.
    pub residual: Residual,
    /// Number type of the forward pass.
    pub precision: Precision,
    /// The metrics to measure, in any order; [`Metric::defaults`] by default.
    pub metrics: Vec<Metric>,
    /// How many of the strongest links of each layer of links are kept, default is none. No other
    /// value depends on it, and it is no part of the serialised options.
    #[serde(skip)]
    pub strongest_links: u16,
    /// Inputs per batch of the forward pass. An upper bound: batches are smaller for wide layers.
    pub batch: NonZeroUsize,
}

/// Whether a bias is a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// A bias is the link from a constant-one neuron: it counts in strengths and among the link
    /// weights (the authors' code).
    #[default]
    Link,
    /// A bias counts in neither.
    Exclude,
}

/// Incoming strength of inputs, and outgoing strength of outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Inputs have `s_in = 1` and outputs `s_out = 1` (the authors' code).
    #[default]
    Unit,
    /// Both are 0.
    Zero,
}

/// Whether the part of a kernel or window that reaches into padding counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Padded positions are no nodes, and their links do not exist.
    #[default]
    Real,
    /// The whole kernel counts at every output, in `s_in` and among the link weights; `s_out` of
    /// the real positions is as with [`Padding::Real`]. (The authors' code intends this.)
    Whole,
}

/// What the neurons of a convolution are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvGraph {
    /// One per channel, row and column. The kernel links them at every position where it is
    /// applied.
    #[default]
    Spatial,
    /// One per channel, linked by the kernel summed over its rows and columns. Every layer of
    /// channels has such neurons, unless all its links are dense. The window of a pooling is summed
    /// too: to 1 per channel for a mean, to the window's size for a maximum. A dense layer behind
    /// them keeps one link per entry of its kernel. That link starts from the channel of the
    /// entry's neuron.
    Channel,
}

/// Whether a residual addition makes links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// A link of weight 1 from every neuron to the one it is added to. It counts in strengths, but
    /// not among the link weights.
    #[default]
    Links,
    /// No links.
    Ignore,
}

/// Number type of the forward pass. Sums of weights, and statistics over inputs, are always in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32, as in the frameworks: activations have about six digits, and the last may differ
    /// between processors.
    #[default]
    Single,
    /// f64: about thirteen digits, at a third of the speed.
    Double,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self {
            bias: Bias::default(),
            boundary: Boundary::default(),
            padding: Padding::default(),
            conv_graph: ConvGraph::default(),
            fold_norm: true,
            residual: Residual::default(),
            precision: Precision::default(),
            metrics: Metric::defaults(),
            strongest_links: 0,
            batch: const { NonZeroUsize::new(DEFAULT_BATCH).unwrap() },
        }
    }
}

impl MeasureOptions {
    /// Whether a metric is asked for.
    pub fn asks_for(&self, metric: Metric) -> bool {
        self.metrics.contains(&metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trips_and_unknown_keys_and_metrics_are_refused() {
        let options: MeasureOptions =
            serde_json::from_str(r#"{"bias": "exclude", "metrics": ["biases"]}"#).unwrap();
        assert_eq!(options.bias, Bias::Exclude);
        assert_eq!(options.metrics, [Metric::Biases]);
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(
            serde_json::from_str::<MeasureOptions>(&text).unwrap(),
            options
        );
        for bad in [r#"{"biases": "link"}"#, r#"{"metrics": ["s_in"]}"#] {
            assert!(
                serde_json::from_str::<MeasureOptions>(bad).is_err(),
                "{bad}"
            );
        }
    }
}
