//! The values of a measured network for its population: a sample per layer and metric.

use cntflow_network::{Network, Role, Weights};

use super::{SampleBuilder, SampleSummary};
use crate::graph_links::GraphLinks;
use crate::measure::with_separate_norms;
use crate::sample::{Sample, Times};
use crate::{MeasureOptions, Metric, NetworkMetrics, NeuronColumns, NeuronStatistics};

/// The values of one metric of one layer of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSample {
    /// `l`, 0 for the inputs; metrics of links have that of the layer they lead to.
    pub layer: usize,
    /// Name of the layer, or of the links if several layers of links lead to it.
    pub name: String,
    /// Position of the layer in the network.
    pub role: Role,
    /// The metric.
    pub metric: Metric,
    /// Its values.
    pub sample: SampleSummary,
}

/// Where the values of a metric come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// The weights: one value per link, entry or bias.
    Weights,
    /// The neurons' columns: one value per neuron.
    Neurons,
    /// The layer's row: one value per layer. The metric must have been measured.
    Row,
}

impl ValueSource {
    /// Where the values of a metric come from.
    ///
    /// ```
    /// use cntflow_metrics::{Metric, population::ValueSource};
    ///
    /// assert_eq!(ValueSource::of(Metric::LinkWeights), ValueSource::Weights);
    /// assert_eq!(ValueSource::of(Metric::NodesStrength), ValueSource::Neurons);
    /// assert_eq!(ValueSource::of(Metric::LayersFluctuation), ValueSource::Row);
    /// ```
    pub fn of(metric: Metric) -> Self {
        match metric {
            Metric::LinkWeights | Metric::KernelWeights | Metric::Biases => Self::Weights,
            _ if column(metric).is_some() => Self::Neurons,
            _ => Self::Row,
        }
    }
}

/// What values are divided by before they belong to a population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleScale {
    /// Nothing: values are as measured.
    #[default]
    AsMeasured,
    /// The standard deviation (ddof 1) of the layer's own values of the metric. Mean and spread
    /// that depend on the width of a layer then drop out, and the form of the distribution is left.
    /// A layer whose values are all equal has no sample, nor has a metric with one value per layer.
    LayerStd,
}

/// The samples of a network for some metrics, by layer. Metrics that a layer does not have are left
/// out.
///
/// Links count as often as in the graph of `options`: in the spatial graph an entry of a
/// convolution's kernel counts once per position where it is applied. Time grows as n log n with
/// the number of weights.
///
/// ```
/// use cntflow_metrics::population::{SampleScale, layer_samples};
/// use cntflow_metrics::{MeasureOptions, Metric, measure};
/// use cntflow_network::{Network, Tensor};
///
/// let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 1, "bias": false}]}"#;
/// let network = Network::new(serde_json::from_str(json)?, |_| {
///     Some(Tensor::borrowed(&[1, 2], &[2.0, -1.0]))
/// })?;
/// let options = MeasureOptions::default();
/// let metrics = measure(&network, &options);
/// let of = |scale| layer_samples(&network, &metrics, &options, &[Metric::LinkWeights], scale);
/// let samples = of(SampleScale::AsMeasured);
/// let sample = &samples[0].sample;
/// assert_eq!((samples[0].layer, sample.count(), sample.mean()), (1, 2, 0.5));
/// let normalised = &of(SampleScale::LayerStd)[0].sample;
/// assert!((normalised.variance() - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer_samples(
    network: &Network<'_>,
    metrics: &NetworkMetrics,
    options: &MeasureOptions,
    wanted: &[Metric],
    scale: SampleScale,
) -> Vec<LayerSample> {
    let separate = with_separate_norms(network, options);
    let network = separate.as_ref().unwrap_or(network);
    let mut samples = Vec::new();
    for &metric in wanted {
        match ValueSource::of(metric) {
            ValueSource::Weights => {
                samples.extend(of_weights(network, metrics, options, metric, scale));
            }
            ValueSource::Neurons => samples.extend(of_neurons(metrics, metric, scale)),
            ValueSource::Row if scale == SampleScale::LayerStd => {}
            ValueSource::Row => samples.extend(of_rows(metrics, metric)),
        }
    }
    samples.sort_by(|a, b| (a.layer, a.metric, &a.name).cmp(&(b.layer, b.metric, &b.name)));
    samples
}

fn of_weights(
    network: &Network<'_>,
    metrics: &NetworkMetrics,
    options: &MeasureOptions,
    metric: Metric,
    scale: SampleScale,
) -> Vec<LayerSample> {
    let mut samples = Vec::new();
    for layer in network.links() {
        let Some(neurons) = metrics.neurons.get(layer.to) else {
            continue;
        };
        let weights = network.weights(layer);
        let graph = GraphLinks::new(layer, &weights, neurons.shape, options);
        let once = |weights: &'_ Option<Weights<'_>>| -> Option<SampleSummary> {
            summary(&Sample::of(weights.as_ref()?, Times::Once), scale)
        };
        let sample = match metric {
            Metric::LinkWeights => {
                let links = graph.sample(&weights);
                links.and_then(|links| summary(&links, scale))
            }
            Metric::KernelWeights => once(&weights.kernel),
            Metric::Biases => once(&weights.bias),
            _ => continue,
        };
        samples.extend(sample.map(|sample| LayerSample {
            name: layer.name.clone(),
            ..layer_sample(neurons, metric, sample)
        }));
    }
    samples
}

/// The values of a layer, divided as `scale` says; `None` if they cannot be.
fn summary(sample: &Sample<'_>, scale: SampleScale) -> Option<SampleSummary> {
    let divided_by = |divisor: f64| {
        let mut builder = SampleBuilder::default();
        sample.for_each(|x, times| builder.add(x / divisor, times));
        builder.finish()
    };
    let measured = divided_by(1.0);
    match scale {
        SampleScale::AsMeasured => Some(measured),
        SampleScale::LayerStd => {
            let std = measured.variance().sqrt();
            (std > 0.0).then(|| divided_by(std))
        }
    }
}

fn of_neurons(
    metrics: &NetworkMetrics,
    metric: Metric,
    scale: SampleScale,
) -> impl Iterator<Item = LayerSample> {
    metrics.neurons.iter().filter_map(move |neurons| {
        let values = column(metric)?(neurons)?;
        let sample = summary(&Sample::each(values), scale)?;
        Some(layer_sample(neurons, metric, sample))
    })
}

fn of_rows(metrics: &NetworkMetrics, metric: Metric) -> impl Iterator<Item = LayerSample> {
    let rows = metrics
        .layers
        .iter()
        .filter(move |row| row.metric == metric);
    rows.map(|row| LayerSample {
        layer: row.layer,
        name: row.name.clone(),
        role: row.role,
        metric: row.metric,
        sample: [row.summary.mean].into_iter().collect(),
    })
}

fn layer_sample(neurons: &NeuronColumns, metric: Metric, sample: SampleSummary) -> LayerSample {
    LayerSample {
        layer: neurons.layer,
        name: neurons.name.clone(),
        role: neurons.role,
        metric,
        sample,
    }
}

/// A column of neurons; `None` if the layer does not have it.
type Column = fn(&NeuronColumns) -> Option<&[f64]>;

/// The column that holds a metric's values.
fn column(metric: Metric) -> Option<Column> {
    fn pre(neurons: &NeuronColumns) -> Option<&NeuronStatistics> {
        neurons.data.as_ref()?.pre.as_ref()
    }
    fn post(neurons: &NeuronColumns) -> Option<&NeuronStatistics> {
        neurons.data.as_ref()?.post.as_ref()
    }
    let column: Column = match metric {
        Metric::NodesStrength => |neurons| Some(&neurons.strength),
        Metric::StrengthIn => |neurons| (!neurons.open.into).then_some(&neurons.s_in),
        Metric::StrengthOut => |neurons| (!neurons.open.from).then_some(&neurons.s_out),
        Metric::StrengthAbs => |neurons| Some(&neurons.s_abs),
        Metric::NeuronsStrength => |neurons| Some(&pre(neurons)?.mean),
        Metric::NeuronsStrengthStd => |neurons| Some(&pre(neurons)?.std),
        Metric::NeuronsActivation => |neurons| Some(&post(neurons)?.mean),
        Metric::NeuronsActivationStd => |neurons| Some(&post(neurons)?.std),
        Metric::NeuronsActivationZeroShare => |neurons| Some(&post(neurons)?.zero_share),
        _ => return None,
    };
    Some(column)
}

/// Text that two networks must share for their layers to be compared: kind and neurons of every
/// layer, and the number of parameters, as in `784 dense:64 dense:10 (50890 parameters)`.
/// Activations are not part of it.
pub fn architecture_signature(metrics: &NetworkMetrics) -> String {
    let layers = metrics.neurons.iter().map(|neurons| {
        let dimensions = neurons.shape.dimensions().into_iter();
        let dimensions: Vec<String> = dimensions.map(|size| size.to_string()).collect();
        let shape = dimensions.join("x");
        match neurons.role {
            Role::Input => shape,
            _ => format!("{}:{shape}", neurons.kind.as_str()),
        }
    });
    let layers: Vec<String> = layers.collect();
    format!("{} ({} parameters)", layers.join(" "), metrics.n_parameters)
}
