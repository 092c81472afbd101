//! The choices the papers leave open, each a named option with its default.

use std::num::NonZeroUsize;

use cntflow_network::DEFAULT_BATCH;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// What to measure, and how where there is a choice. Serialisable whole, so that it can be written into tables' metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureOptions {
    /// Whether a bias is a link.
    pub bias: Bias,
    /// What the outer sides of inputs and outputs count.
    pub boundary: Boundary,
    /// What a kernel reaching into padding counts.
    pub padding: Padding,
    /// What the neurons of a convolution are.
    pub conv_graph: ConvGraph,
    /// Whether scale and shift of a norm are folded into the linear dense or convolutional layer directly before it, where there is
    /// one; else every norm is a layer of its own.
    pub fold_norm: bool,
    /// Whether a residual addition makes links.
    pub residual: Residual,
    /// In which numbers inputs go through the network.
    pub precision: Precision,
    /// The metrics to measure, in any order; all by default.
    pub metrics: Vec<Metric>,
    /// Inputs per batch of the forward pass at most (an upper bound, lowered for wide layers).
    pub batch: NonZeroUsize,
}

/// Whether a bias is a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// It is the link from a constant-one neuron: it counts in strengths and among the link weights (the authors' code).
    #[default]
    Link,
    /// It counts in neither.
    Exclude,
}

/// What the outer sides of inputs and outputs count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// Inputs have `s_in = 1` and outputs `s_out = 1` (the authors' code).
    #[default]
    Unit,
    /// Both are 0.
    Zero,
}

/// What a kernel or window reaching into padding counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Padded places are no nodes, their links do not exist.
    #[default]
    Real,
    /// The whole kernel counts at every output, in `s_in` and among the link weights; `s_out` of the real places is as with
    /// [`Padding::Real`] (the authors' code means to).
    Whole,
}

/// What the neurons of a convolution are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvGraph {
    /// One per channel, row and column; the kernel links them at every place where it is applied.
    #[default]
    Spatial,
    /// One per channel; the kernel summed over its rows and columns links them. So with every layer of neurons a convolution
    /// or a pooling leads to or from (a pooling's window is summed likewise: 1 per channel for the mean, the window's size for
    /// the maximum). A dense layer behind keeps one link per entry of its kernel, from the channel of the entry's place.
    Channel,
}

/// Whether a residual addition makes links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// One of weight 1 from every neuron to the one it is added to: it counts in strengths, not among the link weights.
    #[default]
    Links,
    /// None.
    Ignore,
}

/// In which numbers inputs go through the network. Weights and their sums are in f64 always, and so are statistics over inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// In f32, as the frameworks do: activations to about six digits, and the last of them may differ between processors.
    #[default]
    Single,
    /// In f64: to about thirteen digits, at a third of the speed.
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
            metrics: Metric::ALL.to_vec(),
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
    fn json_round_trips_and_refuses_what_it_does_not_know() {
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
