//! Measuring a network: every layer's rows, every neuron's columns, and the counts.

use std::collections::BTreeSet;

use cntflow_network::{LinkLayer, Network, NeuronLayer, Shape, Weights};

use crate::data::{Observed, observe};
use crate::links::GraphLinks;
use crate::rows::{Part, Rows};
use crate::scan::Scan;
use crate::strengths::{Ends, Sides, link_sums, nodes};
use crate::sums::KernelShape;
use crate::{
    LayerRow, MeasureOptions, Metric, MetricsError, NetworkMetrics, NeuronColumns, Summary,
};

/// Measures everything about a network that takes no inputs.
///
/// Link weights and strengths by the options; every sum in f64 of the f32 weights. Weights that are
/// NaN or infinite are counted, and left out of their layer's distributions; strengths they go into are NaN or infinite
/// themselves. Time grows with the number of weights, and for convolutions with that of neurons, not of links; memory with the
/// number of neurons, and with the weights of one layer where a norm is folded into them.
///
/// Source: arXiv 2110.02628 and 2209.05488 (link weights, nodes strength, layers fluctuation); the normalised fluctuations and
/// the coupling are ours.
///
/// ```
/// use cntflow_metrics::{MeasureOptions, Metric, measure};
/// use cntflow_network::{Network, Tensor};
///
/// // Two inputs to two units without biases, w = [[1, 2], [3, -4]] ([n_out, n_in]).
/// let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 2, "bias": false}]}"#;
/// let network = Network::new(serde_json::from_str(json)?, |_| {
///     Some(Tensor::borrowed(&[2, 2], &[1.0, 2.0, 3.0, -4.0]))
/// })?;
/// let metrics = measure(&network, &MeasureOptions::default());
/// assert_eq!(metrics.neurons[0].s_out, [4.0, -2.0]);
/// assert_eq!(metrics.neurons[0].strength, [5.0, -1.0]); // an input's s_in is 1
/// assert_eq!(metrics.neurons[1].s_in, [3.0, -1.0]);
/// let fluctuation = metrics.layers.iter().find(|row| row.metric == Metric::LayersFluctuation);
/// assert_eq!(fluctuation.unwrap().summary.mean, 3.0); // of 5 and -1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn measure(network: &Network<'_>, options: &MeasureOptions) -> NetworkMetrics {
    match apart(network, options) {
        Some(network) => Measuring::new(&network, options).all(None),
        None => Measuring::new(network, options).all(None),
    }
}

/// Measures everything about a network, the data-dependent metrics over `inputs` `[n_inputs, n]`, row-major, `n` the values that its
/// input layer takes, in their order.
///
/// The forward pass ends at the first layer whose activation is not known; that layer's pre-activations are still measured, and
/// [`NetworkMetrics::stopped`] says so. No inputs give NaN.
///
/// # Errors
/// The input values are no whole number of inputs; token numbers are none.
pub fn measure_with_inputs(
    network: &Network<'_>,
    inputs: &[f32],
    options: &MeasureOptions,
) -> Result<NetworkMetrics, MetricsError> {
    let apart = apart(network, options);
    let measuring = Measuring::new(apart.as_ref().unwrap_or(network), options);
    let observed = observe(measuring.network, inputs, &measuring.shapes, options)?;
    Ok(measuring.all(Some(observed)))
}

/// The network with its norms apart, if that is asked for. One that would be too large then is measured with its norms folded.
pub(crate) fn apart<'n>(network: &'n Network<'_>, options: &MeasureOptions) -> Option<Network<'n>> {
    match options.fold_norm {
        true => None,
        false => network.with_norms_apart().ok(),
    }
}

/// A network being measured.
struct Measuring<'n, 'a> {
    network: &'n Network<'a>,
    options: &'n MeasureOptions,
    /// Shapes of all layers of neurons in the graph in force.
    shapes: Vec<Shape>,
}

impl<'n, 'a> Measuring<'n, 'a> {
    fn new(network: &'n Network<'a>, options: &'n MeasureOptions) -> Self {
        let layers = network.neurons().iter();
        let shapes = layers.map(|layer| nodes(network, layer, options.conv_graph));
        Self {
            network,
            options,
            shapes: shapes.collect(),
        }
    }

    fn all(&self, observed: Option<Observed>) -> NetworkMetrics {
        let mut metrics = self.empty(&observed);
        let mut rows = Rows::new(self.options);
        let mut sides = Sides::outer(&self.shapes, self.options.boundary);
        let mut of_links: Vec<Vec<LayerRow>> = vec![Vec::new(); self.shapes.len()];
        for layer in self.network.links() {
            let found = self.links(layer, &mut rows, &mut sides, &mut metrics);
            of_links[layer.index].extend(found);
        }
        self.count_others(&mut metrics);
        let mut data = observed.into_iter().flat_map(|observed| observed.layers);
        for (neurons, sides) in self.network.neurons().iter().zip(sides) {
            let (mut columns, abs) = sides.columns(neurons, self.shapes[neurons.index]);
            if neurons.index > 0 {
                columns.data = data.next().flatten();
            }
            let of_links = std::mem::take(&mut of_links[neurons.index]);
            metrics.layers.extend(of_links);
            metrics
                .layers
                .extend(of_neurons(neurons, &columns, &abs, &mut rows));
            metrics.neurons.push(columns);
        }
        metrics
    }

    /// Goes through the weights of one layer of links, once: its rows, what it adds to strengths and counts.
    fn links(
        &self,
        layer: &LinkLayer,
        rows: &mut Rows<'_>,
        sides: &mut [Sides],
        metrics: &mut NetworkMetrics,
    ) -> Vec<LayerRow> {
        let weights = self.network.weights(layer);
        let (before, after) = (
            &self.network.neurons()[layer.from],
            self.shapes[layer.index],
        );
        let ends = Ends {
            before: [before.shape, self.shapes[layer.from]],
            after,
        };
        let kernel = KernelShape::of(&layer.links).zip(weights.kernel.as_ref());
        let mut of_weights = [Metric::LinkWeights, Metric::KernelWeights].into_iter();
        let quantiles = of_weights.any(|metric| self.options.asks_for(metric));
        let scan = kernel.map(|(shape, kernel)| match kernel {
            Weights::Single(kernel) => Scan::of(kernel, shape, quantiles),
            Weights::Double(kernel) => Scan::of_f64(kernel, shape),
        });
        let graph = GraphLinks::new(layer, &weights, after, self.options);
        metrics.n_links += graph.count(&weights);
        let part = Part {
            layer,
            weights: &weights,
            graph: &graph,
            scan: scan.as_ref(),
        };
        let moments = rows.links(&part);
        let kernel_sums = scan.map(|scan| scan.sums);
        let sums = link_sums(layer, &weights, kernel_sums, &ends, self.options);
        Sides::add(sides, layer, sums);
        let given = |weights: &Option<Weights<'_>>| matches!(weights, Some(Weights::Single(_)));
        let given = [given(&weights.kernel), given(&weights.bias)];
        for (moments, _) in moments.iter().zip(given).filter(|(_, given)| *given) {
            metrics.n_nan += moments.nan;
            metrics.n_infinite += moments.infinite;
        }
        let neurons = &self.network.neurons()[layer.index];
        let row = |(metric, summary)| row(neurons, layer.name.clone(), metric, summary);
        rows.take().into_iter().map(row).collect()
    }

    /// Counts NaN and infinities of the tensors that no link has as they are: those of norms and of what they are folded into.
    fn count_others(&self, metrics: &mut NetworkMetrics) {
        let mut counted = BTreeSet::new();
        for layer in self.network.links() {
            let slices = [&layer.kernel, &layer.bias].into_iter().flatten();
            let given = slices.filter(|_| !layer.has_norm());
            counted.extend(given.map(|slice| slice.tensor));
        }
        for (place, (_, values)) in self.network.parameters().enumerate() {
            if !counted.contains(&place) {
                let count = |is: fn(f32) -> bool| values.iter().filter(|&&x| is(x)).count() as u64;
                metrics.n_nan += count(f32::is_nan);
                metrics.n_infinite += count(f32::is_infinite);
            }
        }
    }

    fn empty(&self, observed: &Option<Observed>) -> NetworkMetrics {
        let neurons = self.shapes.iter().map(|shape| shape.n_neurons() as u64);
        NetworkMetrics {
            n_layers: self.shapes.len() as u64,
            n_neurons: neurons.sum(),
            n_links: 0,
            n_parameters: self.network.n_parameters(),
            n_nan: 0,
            n_infinite: 0,
            layers: Vec::new(),
            neurons: Vec::new(),
            n_inputs: observed.as_ref().map_or(0, |observed| observed.n_inputs),
            stopped: observed
                .as_ref()
                .and_then(|observed| observed.stopped.clone()),
        }
    }
}

/// The rows of a layer of neurons.
fn of_neurons(
    neurons: &NeuronLayer,
    columns: &NeuronColumns,
    abs: &[Vec<f64>; 2],
    rows: &mut Rows<'_>,
) -> Vec<LayerRow> {
    rows.strengths(columns, abs);
    if let Some(data) = &columns.data {
        rows.data(data);
    }
    let own = |(metric, summary)| row(neurons, neurons.name.clone(), metric, summary);
    let mut found: Vec<LayerRow> = rows.take().into_iter().map(own).collect();
    for (gate, seen) in columns.data.iter().flat_map(|data| &data.gates) {
        rows.gate(seen);
        let name = format!("{}.{gate}", neurons.name);
        let of_gate = rows.take().into_iter();
        found.extend(of_gate.map(|(metric, summary)| row(neurons, name.clone(), metric, summary)));
    }
    found
}

fn row(neurons: &NeuronLayer, name: String, metric: Metric, summary: Summary) -> LayerRow {
    LayerRow {
        layer: neurons.index,
        name,
        kind: neurons.kind,
        role: neurons.role,
        metric,
        summary,
    }
}
