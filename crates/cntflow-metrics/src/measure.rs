//! Measuring a network: every layer's rows, every neuron's columns, and the counts.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cntflow_network::{
    LayerKind, LinkLayer, Network, NeuronLayer, OpenSides, Role, Shape, TensorSlice, Weights,
};

use serde::{Deserialize, Serialize};

use crate::activations::{ActivationStatistics, observe};
use crate::graph_links::GraphLinks;
use crate::kernel::{KernelScan, KernelShape};
use crate::outputs::Labels;
use crate::rows::{MeasuredLinks, RowBuilder};
use crate::strengths::{LayerSides, LinkEnds, LinkSums, link_sums, node_shapes};
use crate::strongest::{LayerNodes, strongest_links};
use crate::{
    KnownGraph, LayerRow, MeasureOptions, Metric, MetricsError, NetworkMetrics, NeuronColumns,
    StrongestLinks, Summary,
};

/// Measures all metrics of a network that need no inputs.
///
/// Sums of the f32 weights are taken in f64. NaN and infinite weights are counted and left out of
/// their layer's distributions; a strength that such a weight goes into is NaN or infinite itself.
///
/// Time grows with the number of weights, and for convolutions with the number of neurons, but not
/// with the number of links. Memory grows with the number of neurons, and with the weights of one
/// layer where a norm is folded into them.
///
/// Source: arXiv 2110.02628 and 2209.05488 (link weights, nodes strength, layers fluctuation); the
/// normalised fluctuations and the coupling are ours.
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
    measure_in_parts(network, options, &OneByOne)
}

/// As [`measure`], with the layers of links as parts that `run` may run at the same time. The
/// numbers are the same, to the last bit.
pub fn measure_in_parts(
    network: &Network<'_>,
    options: &MeasureOptions,
    run: &dyn RunParts,
) -> NetworkMetrics {
    match with_separate_norms(network, options) {
        Some(network) => Measurement::new(&network, options).run(None, run),
        None => Measurement::new(network, options).run(None, run),
    }
}

/// Measures one part of what [`measure_in_parts`] measures of `network` with the same options. So
/// another process can, which has read the same network. `None` if there is no such part.
pub fn measure_part(
    network: &Network<'_>,
    options: &MeasureOptions,
    part: usize,
) -> Option<MeasuredPart> {
    let separate = with_separate_norms(network, options);
    let measurement = Measurement::new(separate.as_ref().unwrap_or(network), options);
    let index = *measurement.parts().get(part)?;
    let mut rows = RowBuilder::new(options);
    Some(measurement.measure_links(&measurement.network.links()[index], &mut rows))
}

/// Runs the parts of a measurement.
pub trait RunParts {
    /// Calls `part` once for each part, in any order and on any threads, and returns what it
    /// yields, in the order of the parts. `n_weights` has the size of each; the largest come first.
    fn run_parts(
        &self,
        n_weights: &[usize],
        part: &(dyn Fn(usize) -> MeasuredPart + Sync),
    ) -> Vec<MeasuredPart>;
}

/// Runs all parts on this thread, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct OneByOne;

impl RunParts for OneByOne {
    fn run_parts(
        &self,
        n_weights: &[usize],
        part: &(dyn Fn(usize) -> MeasuredPart + Sync),
    ) -> Vec<MeasuredPart> {
        (0..n_weights.len()).map(part).collect()
    }
}

/// Measures all metrics of a network, the data-dependent ones over `inputs`.
///
/// `inputs` is `[n_inputs, n]`, row-major, where n is the number of values of one input. The
/// forward pass ends at the first layer whose activation is unknown; that layer's pre-activations
/// are still measured, and [`NetworkMetrics::stopped`] says so. Without inputs, data-dependent
/// metrics are NaN.
///
/// # Errors
/// The number of input values is not a multiple of n; a token number is out of range.
pub fn measure_with_inputs(
    network: &Network<'_>,
    inputs: &[f32],
    options: &MeasureOptions,
) -> Result<NetworkMetrics, MetricsError> {
    measure_observed(network, inputs, None, options, &OneByOne)
}

/// As [`measure_with_inputs`], over inputs whose classes are known. [`Metric::ProbeCorrect`] and
/// [`Metric::ProbeLoss`] are measured if the network has an output for each class.
///
/// # Errors
/// As [`measure_with_inputs`]; the number of labels is not that of the inputs.
pub fn measure_with_labels(
    network: &Network<'_>,
    inputs: &[f32],
    labels: Labels<'_>,
    options: &MeasureOptions,
) -> Result<NetworkMetrics, MetricsError> {
    measure_with_labels_in_parts(network, inputs, labels, options, &OneByOne)
}

/// As [`measure_with_labels`], with the layers of links as parts, see [`measure_in_parts`]. The
/// forward pass is not divided.
///
/// # Errors
/// As [`measure_with_labels`].
pub fn measure_with_labels_in_parts(
    network: &Network<'_>,
    inputs: &[f32],
    labels: Labels<'_>,
    options: &MeasureOptions,
    run: &dyn RunParts,
) -> Result<NetworkMetrics, MetricsError> {
    let n_values = network.neurons()[0].shape.n_values();
    let n_inputs = inputs.len() / n_values.max(1);
    if labels.classes.len() != n_inputs {
        return Err(MetricsError::Labels {
            n_inputs,
            n_labels: labels.classes.len(),
        });
    }
    measure_observed(network, inputs, Some(labels), options, run)
}

fn measure_observed(
    network: &Network<'_>,
    inputs: &[f32],
    labels: Option<Labels<'_>>,
    options: &MeasureOptions,
    run: &dyn RunParts,
) -> Result<NetworkMetrics, MetricsError> {
    let separate = with_separate_norms(network, options);
    let measurement = Measurement::new(separate.as_ref().unwrap_or(network), options);
    let shapes = &measurement.shapes;
    let activations = observe(measurement.network, inputs, labels, shapes, options)?;
    Ok(measurement.run(Some(activations), run))
}

/// The network with each norm a layer of its own, if the options ask for that. Also `None` if it
/// would then be larger than a network may be: such a network is measured with folded norms rather
/// than not at all.
pub(crate) fn with_separate_norms<'n>(
    network: &'n Network<'_>,
    options: &MeasureOptions,
) -> Option<Network<'n>> {
    if options.fold_norm {
        None
    } else {
        network.with_separate_norms().ok()
    }
}

/// The measurement of one network.
struct Measurement<'n, 'a> {
    network: &'n Network<'a>,
    options: &'n MeasureOptions,
    /// The nodes of each layer in the graph.
    shapes: Vec<Shape>,
}

impl<'n, 'a> Measurement<'n, 'a> {
    fn new(network: &'n Network<'a>, options: &'n MeasureOptions) -> Self {
        Self {
            network,
            options,
            shapes: node_shapes(network, options.conv_graph),
        }
    }

    fn run(
        &self,
        mut activations: Option<ActivationStatistics>,
        run: &dyn RunParts,
    ) -> NetworkMetrics {
        let mut metrics = self.empty_metrics(activations.as_ref());
        let mut rows = RowBuilder::new(self.options);
        let outputs = activations
            .as_mut()
            .and_then(|statistics| statistics.outputs.take());
        rows.add_all_weights(self.network);
        metrics
            .layers
            .extend(rows.take().into_iter().map(network_row));
        let mut sides =
            LayerSides::without_links(self.network.neurons(), &self.shapes, self.options.boundary);
        // Rows of links come before the rows of the neurons they lead to.
        let mut link_rows: Vec<Vec<LayerRow>> = vec![Vec::new(); self.shapes.len()];
        let links = self.network.links();
        // In the order of the layers, so that it does not show which was done first.
        for (layer, part) in links.iter().zip(self.measure_all_links(run)) {
            LayerSides::add(&mut sides, &self.shapes, layer, part.sums);
            link_rows[layer.to].extend(part.rows);
            metrics.links.extend(part.strongest);
            metrics.n_links += part.n_links;
            metrics.n_nan += part.n_nan;
            metrics.n_infinite += part.n_infinite;
        }
        self.count_in_other_tensors(&mut metrics);
        let mut data = activations
            .into_iter()
            .flat_map(|statistics| statistics.layers);
        for (neurons, sides) in self.network.neurons().iter().zip(sides) {
            let (mut columns, abs) = sides.columns(neurons, self.shapes[neurons.index]);
            if neurons.index > 0 {
                columns.data = data.next().flatten();
            }
            let rows_of_links = std::mem::take(&mut link_rows[neurons.index]);
            metrics.layers.extend(rows_of_links);
            let rows_of_neurons = neuron_rows(neurons, &columns, &abs, &mut rows);
            metrics.layers.extend(rows_of_neurons);
            metrics.neurons.push(columns);
        }
        if let (Some(outputs), Some(last)) = (outputs, self.network.neurons().last()) {
            rows.add_outputs(&outputs);
            let rows = rows.take().into_iter();
            let output_rows = rows.map(|summary| row(last, last.name.clone(), summary));
            metrics.layers.extend(output_rows);
        }
        metrics
    }

    /// The layers of links by part: the largest come first.
    fn parts(&self) -> Vec<usize> {
        let links = self.network.links();
        let mut order: Vec<usize> = (0..links.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(n_weights(&links[index])));
        order
    }

    /// Measures all layers of links, in their order.
    fn measure_all_links(&self, run: &dyn RunParts) -> Vec<MeasuredPart> {
        let (links, order) = (self.network.links(), self.parts());
        let sizes: Vec<usize> = order.iter().map(|&i| n_weights(&links[i])).collect();
        // Parts on one thread share the memory for sorting.
        let builders: Mutex<Vec<RowBuilder<'_>>> = Mutex::default();
        let measured = run.run_parts(&sizes, &|part| {
            let builder = lock(&builders).pop();
            let mut rows = builder.unwrap_or_else(|| RowBuilder::new(self.options));
            let measured = self.measure_links(&links[order[part]], &mut rows);
            lock(&builders).push(rows);
            measured
        });
        let mut by_layer: Vec<(usize, MeasuredPart)> = order.into_iter().zip(measured).collect();
        by_layer.sort_by_key(|(index, _)| *index);
        by_layer.into_iter().map(|(_, measured)| measured).collect()
    }

    /// Measures one layer of links.
    fn measure_links(&self, layer: &LinkLayer, rows: &mut RowBuilder<'_>) -> MeasuredPart {
        let weights = self.network.weights(layer);
        let ends = LinkEnds {
            neurons_before: self.network.neurons()[layer.from].shape,
            nodes_before: self.shapes[layer.from],
            nodes_after: self.shapes[layer.to],
        };
        let kernel = KernelShape::of_links(&layer.links).zip(weights.kernel.as_ref());
        let mut weight_metrics = [Metric::LinkWeights, Metric::KernelWeights].into_iter();
        let needs_quantiles = weight_metrics.any(|metric| self.options.asks_for(metric));
        let scan = kernel.map(|(shape, kernel)| match kernel {
            Weights::Single(kernel) => KernelScan::of(kernel, shape, needs_quantiles),
            Weights::Double(kernel) => KernelScan::of_f64(kernel, shape),
        });
        let graph = GraphLinks::new(layer, &weights, ends.nodes_after, self.options);
        let n_links = graph.count(&weights);
        let nodes = [layer.from, layer.to].map(|index| LayerNodes {
            neurons: self.network.neurons()[index].shape,
            nodes: self.shapes[index],
        });
        let strongest = strongest_links(layer, &weights, &graph, nodes, self.options);
        let measured = MeasuredLinks {
            layer,
            weights: &weights,
            graph: &graph,
            scan: scan.as_ref(),
        };
        let moments = rows.add_links(&measured);
        let kernel_sums = scan.map(|scan| scan.sums);
        let sums = link_sums(layer, &weights, kernel_sums, &ends, self.options);
        // Weights that a norm is folded into are not what the file holds; `count_in_other_tensors`
        // counts in the tensors themselves.
        let (mut n_nan, mut n_infinite) = (0, 0);
        for (weights, moments) in [&weights.kernel, &weights.bias].into_iter().zip(&moments) {
            if matches!(weights, Some(Weights::Single(_))) {
                n_nan += moments.nan;
                n_infinite += moments.infinite;
            }
        }
        let neurons = &self.network.neurons()[layer.to];
        let row = |summary| row(neurons, layer.name.clone(), summary);
        MeasuredPart {
            rows: rows.take().into_iter().map(row).collect(),
            sums,
            strongest,
            n_links,
            n_nan,
            n_infinite,
        }
    }

    /// Counts NaN and infinities in the tensors that `measure_links` has not seen unchanged:
    /// tensors of norms, and kernels and biases that a norm is folded into.
    fn count_in_other_tensors(&self, metrics: &mut NetworkMetrics) {
        let mut counted = BTreeSet::new();
        for layer in self.network.links() {
            let slices = [&layer.kernel, &layer.bias].into_iter().flatten();
            let unchanged = slices.filter(|_| !layer.has_norm());
            counted.extend(unchanged.map(|slice| slice.tensor));
        }
        for (index, (_, values)) in self.network.parameters().enumerate() {
            if !counted.contains(&index) {
                let count = |is: fn(f32) -> bool| values.iter().filter(|&&x| is(x)).count() as u64;
                metrics.n_nan += count(f32::is_nan);
                metrics.n_infinite += count(f32::is_infinite);
            }
        }
    }

    fn empty_metrics(&self, activations: Option<&ActivationStatistics>) -> NetworkMetrics {
        let neurons = self.shapes.iter().map(|shape| shape.n_neurons() as u64);
        let mut layers = self.network.neurons().iter();
        let graph = if layers.any(|layer| layer.open.any()) {
            KnownGraph::Parts
        } else {
            KnownGraph::Whole
        };
        NetworkMetrics {
            n_layers: self.shapes.len() as u64,
            n_neurons: neurons.sum(),
            n_links: 0,
            graph,
            n_parameters: self.network.n_parameters(),
            placed_parameters: self.network.n_parameters(),
            n_nan: 0,
            n_infinite: 0,
            layers: Vec::new(),
            neurons: Vec::new(),
            links: Vec::new(),
            n_inputs: activations.map_or(0, |statistics| statistics.n_inputs),
            stopped: activations.and_then(|statistics| statistics.stopped.clone()),
        }
    }
}

fn n_weights(layer: &LinkLayer) -> usize {
    layer.kernel.as_ref().map_or(0, TensorSlice::n_values)
}

/// What a layer of links brings to the metrics of its network. It may be measured in one process
/// and used in another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredPart {
    rows: Vec<LayerRow>,
    /// What it brings to the strengths of the layers of neurons at its ends.
    sums: LinkSums,
    strongest: Option<StrongestLinks>,
    n_links: u64,
    n_nan: u64,
    n_infinite: u64,
}

/// A poisoned lock is safe to use: a value is put in or taken out at once.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rows of a layer of neurons, and of its gates.
fn neuron_rows(
    neurons: &NeuronLayer,
    columns: &NeuronColumns,
    abs: &[Vec<f64>; 2],
    rows: &mut RowBuilder<'_>,
) -> Vec<LayerRow> {
    rows.add_strengths(columns, abs);
    if let Some(data) = &columns.data {
        rows.add_activations(data);
    }
    let with_name = |name: &str, summary| row(neurons, name.to_owned(), summary);
    let summaries = rows.take().into_iter();
    let mut layer_rows: Vec<LayerRow> = summaries
        .map(|summary| with_name(&neurons.name, summary))
        .collect();
    for (gate, pre) in columns.data.iter().flat_map(|data| &data.gates) {
        rows.add_gate(pre);
        let name = format!("{}.{gate}", neurons.name);
        let of_gate = rows.take().into_iter();
        layer_rows.extend(of_gate.map(|summary| with_name(&name, summary)));
    }
    layer_rows
}

/// The row of a metric of the whole network.
fn network_row((metric, summary): (Metric, Summary)) -> LayerRow {
    LayerRow {
        layer: 0,
        name: String::new(),
        kind: LayerKind::Network,
        role: Role::Network,
        open: OpenSides::default(),
        metric,
        summary,
    }
}

fn row(neurons: &NeuronLayer, name: String, (metric, summary): (Metric, Summary)) -> LayerRow {
    LayerRow {
        layer: neurons.index,
        name,
        kind: neurons.kind,
        role: neurons.role,
        open: neurons.open,
        metric,
        summary,
    }
}
