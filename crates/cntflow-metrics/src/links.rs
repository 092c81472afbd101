//! The links of a layer as a sample: which weights there are in the graph in force, and how often each.

use cntflow_network::{LinkLayer, LinkWeights, Links, Window};

use crate::sample::{Sample, Times, Values};
use crate::sums::summed_over_taps;
use crate::{Bias, ConvGraph, MeasureOptions, Padding};

/// The weights of one link layer's links: how often each tap of the kernel counts, the kernel of the channel graph, the one
/// weight of a pooling's links.
#[derive(Debug, Default)]
pub(crate) struct GraphLinks {
    times: Vec<u64>,
    summed: Vec<f64>,
    pooled: Option<(f64, u64)>,
    routing: u64,
    places: u64,
    n_biases: u64,
}

impl GraphLinks {
    /// The links of a layer in the graph that the options ask for.
    pub(crate) fn new(
        layer: &LinkLayer,
        weights: &LinkWeights<'_>,
        options: &MeasureOptions,
    ) -> Self {
        let mut links = Self {
            places: 1,
            ..Self::default()
        };
        match (layer.links, options.conv_graph) {
            (Links::Dense { .. }, _) => {}
            (Links::Conv2d { window, .. }, ConvGraph::Spatial) => {
                links.places = window.outputs() as u64;
                links.times = applied(&window, options.padding);
            }
            (Links::Conv2d { window, .. }, ConvGraph::Channel) => {
                links.summed = summed_over_taps(weights.kernel(), window.taps());
            }
            (Links::MaxPool2d { channels, window }, _) => {
                links.routing = pool_links(channels, &window, options);
            }
            (Links::AveragePool2d { channels, window }, graph) => {
                let weight = match graph {
                    ConvGraph::Spatial => 1.0 / window.taps() as f64,
                    ConvGraph::Channel => 1.0,
                };
                links.pooled = Some((weight, pool_links(channels, &window, options)));
            }
        }
        if options.bias == Bias::Link {
            let n_biases = weights.bias().map_or(0, <[f32]>::len);
            links.n_biases = n_biases as u64 * links.places;
        }
        links
    }

    /// Whether the links are the kernel's entries and the biases, each once.
    pub(crate) fn is_kernel_and_bias(&self) -> bool {
        self.times.is_empty() && self.summed.is_empty() && self.pooled.is_none() && !self.is_max()
    }

    /// Whether they are those of a maximum, which carry no weights.
    pub(crate) fn is_max(&self) -> bool {
        self.routing > 0
    }

    /// Number of links.
    pub(crate) fn count(&self, kernel: &[f32]) -> u64 {
        let of_kernel = if self.times.is_empty() {
            kernel.len() as u64
        } else {
            let filters_and_channels = (kernel.len() / self.times.len()) as u64;
            self.times.iter().sum::<u64>() * filters_and_channels
        };
        let of_kernel = match self.summed.len() {
            0 => of_kernel,
            summed => summed as u64,
        };
        let pooled = self.pooled.map_or(0, |(_, times)| times);
        of_kernel + pooled + self.routing + self.n_biases
    }

    /// The weights as a sample.
    pub(crate) fn sample<'a>(&'a self, weights: &'a LinkWeights<'_>) -> Sample<'a> {
        let mut sample = Sample::default();
        if let Some((weight, times)) = &self.pooled {
            let weight = std::slice::from_ref(weight);
            return sample.with(Values::F64(weight), Times::Each(*times));
        }
        sample = if !self.summed.is_empty() {
            sample.with(Values::F64(&self.summed), Times::Once)
        } else if !self.times.is_empty() {
            sample.with(Values::F32(weights.kernel()), Times::Cycle(&self.times))
        } else {
            sample.with(Values::F32(weights.kernel()), Times::Once)
        };
        match weights.bias() {
            Some(bias) if self.n_biases > 0 && self.places == 1 => {
                sample.with(Values::F32(bias), Times::Once)
            }
            Some(bias) if self.n_biases > 0 => {
                sample.with(Values::F32(bias), Times::Each(self.places))
            }
            _ => sample,
        }
    }
}

/// How many places each tap is applied at.
fn applied(window: &Window, padding: Padding) -> Vec<u64> {
    match padding {
        Padding::Real => window.applied(),
        Padding::Whole => vec![window.outputs() as u64; window.taps()],
    }
}

fn pool_links(channels: usize, window: &Window, options: &MeasureOptions) -> u64 {
    let each = match (options.conv_graph, options.padding) {
        (ConvGraph::Channel, _) => 1,
        (ConvGraph::Spatial, Padding::Real) => window.n_applied(),
        (ConvGraph::Spatial, Padding::Whole) => (window.outputs() * window.taps()) as u64,
    };
    each * channels as u64
}
