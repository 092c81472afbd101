//! Measuring a network: every layer's rows, every neuron's columns, and the counts.

use cntflow_network::{Network, Shape};

use crate::data::{Observed, observe};
use crate::links::GraphLinks;
use crate::rows::Rows;
use crate::strengths::{LinkSums, link_sums, nodes, sides};
use crate::{
    LayerRow, MeasureOptions, Metric, MetricsError, NetworkMetrics, NeuronColumns, Summary,
};

/// Measures everything about a network that takes no inputs.
///
/// Link weights and strengths by the options; every sum in f64 of the f32 weights. Weights that are
/// NaN or infinite are counted, and left out of their layer's distributions; strengths they go into are NaN or infinite
/// themselves. Time grows with the number of weights, and for convolutions with that of neurons, not of links; memory with the
/// number of neurons.
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
    let shapes = shapes(network, options);
    assemble(network, options, &shapes, None)
}

/// Measures everything about a network, the data-dependent metrics over `inputs` `[n_inputs, n]`, row-major, `n` the neurons of
/// its input layer in their order.
///
/// The forward pass is done in f64. It ends at the first layer whose activation is not known; that layer's pre-activations are
/// still measured, and [`NetworkMetrics::stopped`] says so. No inputs give NaN.
///
/// # Errors
/// The input values are no whole number of inputs.
pub fn measure_with_inputs(
    network: &Network<'_>,
    inputs: &[f32],
    options: &MeasureOptions,
) -> Result<NetworkMetrics, MetricsError> {
    let shapes = shapes(network, options);
    let observed = observe(network, inputs, &shapes, options)?;
    Ok(assemble(network, options, &shapes, Some(observed)))
}

fn shapes(network: &Network<'_>, options: &MeasureOptions) -> Vec<Shape> {
    let layers = network.neurons().iter();
    layers
        .map(|layer| nodes(network, layer, options.conv_graph))
        .collect()
}

fn assemble(
    network: &Network<'_>,
    options: &MeasureOptions,
    shapes: &[Shape],
    observed: Option<Observed>,
) -> NetworkMetrics {
    let mut links: Vec<LinkSums> = network
        .links()
        .map(|(layer, weights)| link_sums(layer, weights, shapes[layer.index - 1], options))
        .collect();
    let sides = sides(shapes, &mut links, options.boundary);
    let mut rows = Rows::new(options);
    let mut metrics = empty(network, shapes, &observed);
    let mut data = observed.into_iter().flat_map(|observed| observed.layers);
    let mut with_weights = network.links().zip(&links);
    for (neurons, sides) in network.neurons().iter().zip(&sides) {
        let mut columns = sides.columns(neurons, shapes[neurons.index]);
        if neurons.index > 0 {
            if let Some(((layer, weights), sums)) = with_weights.next() {
                let graph = GraphLinks::new(layer, weights, options);
                metrics.n_links += graph.count(weights.kernel());
                let (kernel, bias) = rows.links(&graph, weights, sums);
                for moments in [kernel, bias] {
                    metrics.n_nan += moments.nan;
                    metrics.n_infinite += moments.infinite;
                }
            }
            columns.data = data.next().flatten();
        }
        rows.strengths(&columns, sides, neurons.role);
        if let Some(data) = &columns.data {
            rows.data(data);
        }
        let row = |(metric, summary)| row(&columns, metric, summary);
        metrics.layers.extend(rows.take().map(row));
        metrics.neurons.push(columns);
    }
    metrics
}

fn row(neurons: &NeuronColumns, metric: Metric, summary: Summary) -> LayerRow {
    LayerRow {
        layer: neurons.layer,
        name: neurons.name.clone(),
        kind: neurons.kind,
        role: neurons.role,
        metric,
        summary,
    }
}

fn empty(network: &Network<'_>, shapes: &[Shape], observed: &Option<Observed>) -> NetworkMetrics {
    NetworkMetrics {
        n_layers: network.neurons().len() as u64,
        n_neurons: shapes.iter().map(|shape| shape.n_neurons() as u64).sum(),
        n_links: 0,
        n_parameters: network.n_parameters(),
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
