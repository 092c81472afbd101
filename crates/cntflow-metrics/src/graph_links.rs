//! The links of a layer as a sample: which weights the graph has, and how often each.

use cntflow_network::{LinkLayer, LinkWeights, Links, Shape, Weights, Window};

use crate::kernel::sum_over_taps;
use crate::sample::{Sample, Times, Values};
use crate::strengths::{AdaptivePool, AveragePool, n_max_pool_links};
use crate::{Bias, ConvGraph, MeasureOptions, Padding, Residual};

/// The weights of one layer of links in the graph, with how often each counts.
#[derive(Debug, Default)]
pub(crate) struct GraphLinks {
    unbiased: UnbiasedLinks,
    /// How often every bias counts; `None` where biases are no links.
    times_of_bias: Option<u64>,
}

/// The links other than those of biases, by where their weights are.
#[derive(Debug, Default)]
enum UnbiasedLinks {
    /// The kernel's entries, each once.
    #[default]
    Once,
    /// The kernel's entries. Each counts as often as its tap is applied.
    Taps(Vec<u64>),
    /// The kernel's entries, each this often.
    Each(u64),
    /// The kernel summed over its taps: the channel graph.
    Summed(Vec<f64>),
    /// Weights that are in no kernel, those of poolings, each with how often it counts.
    Pooling(Vec<f64>, Vec<u64>),
    /// This many links without a weight of their own.
    Routing(u64),
}

impl GraphLinks {
    /// The links of a layer in the graph that the options ask for. `after` is the shape of the
    /// nodes they lead to.
    pub(crate) fn new(
        layer: &LinkLayer,
        weights: &LinkWeights<'_>,
        after: Shape,
        options: &MeasureOptions,
    ) -> Self {
        let n_biases = weights.bias.as_ref().map_or(0, Weights::len);
        // A layer norm may have more shifts than the channel graph has nodes: each then counts
        // once.
        let times_of_bias = match layer.links {
            Links::Conv2d { .. } | Links::ConvTranspose2d { .. } | Links::Diagonal { .. } => {
                after.n_neurons().checked_div(n_biases)
            }
            _ => (n_biases > 0).then_some(1),
        };
        Self {
            unbiased: UnbiasedLinks::new(layer, weights, after, options),
            times_of_bias: times_of_bias
                .filter(|_| options.bias == Bias::Link)
                .map(|times| times.max(1) as u64),
        }
    }

    /// Whether the links are the kernel's entries and the biases, each once.
    pub(crate) fn is_kernel_and_bias(&self) -> bool {
        matches!(self.unbiased, UnbiasedLinks::Once)
            && self.times_of_bias.is_none_or(|times| times == 1)
    }

    /// Number of links.
    pub(crate) fn count(&self, weights: &LinkWeights<'_>) -> u64 {
        let n_kernel = weights.kernel.as_ref().map_or(0, Weights::len);
        let from_kernel = match &self.unbiased {
            UnbiasedLinks::Once => n_kernel as u64,
            UnbiasedLinks::Taps(times) => {
                times.iter().sum::<u64>() * (n_kernel / times.len()) as u64
            }
            UnbiasedLinks::Each(times) => times * n_kernel as u64,
            UnbiasedLinks::Summed(summed) => summed.len() as u64,
            UnbiasedLinks::Pooling(_, times) => times.iter().sum(),
            UnbiasedLinks::Routing(n) => *n,
        };
        let n_biases = weights.bias.as_ref().map_or(0, Weights::len) as u64;
        from_kernel + self.times_of_bias.map_or(0, |times| times * n_biases)
    }

    /// The kernel summed over its taps: the weights of the channel graph; `None` in other graphs.
    pub(crate) fn summed_kernel(&self) -> Option<&[f64]> {
        match &self.unbiased {
            UnbiasedLinks::Summed(summed) => Some(summed),
            _ => None,
        }
    }

    /// The weights as a sample; `None` where no link has a weight of its own.
    pub(crate) fn sample<'a>(&'a self, weights: &'a LinkWeights<'_>) -> Option<Sample<'a>> {
        let kernel = |times| {
            let kernel = weights.kernel.as_ref();
            kernel.map_or_else(Sample::default, |kernel| Sample::of(kernel, times))
        };
        let sample = match &self.unbiased {
            UnbiasedLinks::Once => kernel(Times::Once),
            UnbiasedLinks::Taps(times) => kernel(Times::Cycle(times)),
            UnbiasedLinks::Each(times) => kernel(Times::Each(*times)),
            UnbiasedLinks::Summed(summed) => Sample::each(summed),
            UnbiasedLinks::Pooling(own, times) => {
                Sample::default().with(Values::F64(own), Times::Cycle(times))
            }
            UnbiasedLinks::Routing(_) => return None,
        };
        Some(match (&weights.bias, self.times_of_bias) {
            (Some(bias), Some(1)) => sample.with_weights(bias, Times::Once),
            (Some(bias), Some(times)) => sample.with_weights(bias, Times::Each(times)),
            _ => sample,
        })
        .filter(|sample| !sample.parts.is_empty())
    }
}

impl UnbiasedLinks {
    fn new(
        layer: &LinkLayer,
        weights: &LinkWeights<'_>,
        after: Shape,
        options: &MeasureOptions,
    ) -> Self {
        match (layer.links, options.conv_graph) {
            (Links::Dense { .. } | Links::Embedding { .. } | Links::Constants { .. }, _) => {
                Self::Once
            }
            (
                Links::Conv2d { window, .. } | Links::ConvTranspose2d { window, .. },
                ConvGraph::Spatial,
            ) => Self::Taps(positions_per_tap(&window, options.padding)),
            (
                Links::Conv2d { window, .. } | Links::ConvTranspose2d { window, .. },
                ConvGraph::Channel,
            ) => Self::Summed(match &weights.kernel {
                Some(Weights::Single(kernel)) => sum_over_taps(kernel, window.taps()),
                Some(Weights::Double(kernel)) => sum_over_taps(kernel, window.taps()),
                None => Vec::new(),
            }),
            (Links::MaxPool2d { channels, window }, _) => {
                Self::Routing(n_max_pool_links(channels, &window, options))
            }
            (
                Links::AveragePool2d {
                    channels,
                    window,
                    counted,
                },
                _,
            ) => {
                let pool = AveragePool { window, counted };
                let weights = pool.weights(options).into_iter();
                let (own, times) = weights.map(|(w, n)| (w, n * channels as u64)).unzip();
                Self::Pooling(own, times)
            }
            (
                Links::AdaptivePool {
                    max,
                    channels,
                    input,
                    output,
                },
                graph,
            ) => {
                let pool = AdaptivePool { max, input, output };
                Self::of_adaptive_pool(&pool, channels as u64, graph)
            }
            (Links::Diagonal { channels, .. }, _) => {
                Self::Each((after.n_neurons() / channels).max(1) as u64)
            }
            (Links::Beside { channels, .. }, _) => {
                Self::Routing((channels * after.positions()) as u64)
            }
            (Links::Identity { .. }, _) => match options.residual {
                Residual::Links => Self::Routing(after.n_neurons() as u64),
                Residual::Ignore => Self::Routing(0),
            },
        }
    }

    fn of_adaptive_pool(pool: &AdaptivePool, channels: u64, graph: ConvGraph) -> Self {
        match (pool.max, graph) {
            (true, ConvGraph::Channel) => Self::Routing(channels),
            (true, ConvGraph::Spatial) => Self::Routing(channels * pool.n_links()),
            (false, ConvGraph::Channel) => Self::Pooling(vec![1.0], vec![channels]),
            (false, ConvGraph::Spatial) => {
                let weights = pool.weights().into_iter();
                let (own, times) = weights.map(|(w, times)| (w, times * channels)).unzip();
                Self::Pooling(own, times)
            }
        }
    }
}

/// Number of positions that each tap is applied at.
fn positions_per_tap(window: &Window, padding: Padding) -> Vec<u64> {
    match padding {
        Padding::Real => window.outputs_per_tap(),
        Padding::Whole => vec![window.outputs() as u64; window.taps()],
    }
}
