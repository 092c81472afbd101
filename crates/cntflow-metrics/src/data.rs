//! What the neurons do over a sample of inputs: their pre- and post-activations' statistics, gathered while the forward pass
//! runs, so that no activation is kept.

use cntflow_network::{
    Activation, DEFAULT_BATCH_VALUES, ForwardOptions, LayerBatch, Network, NetworkError,
    NeuronLayer, Real, Shape, Stop, forward,
};

use crate::running::Running;
use crate::{MeasureOptions, MetricsError, NeuronData, Precision};

/// What was seen of every layer from 1 to L; `None` for layers that the forward pass did not come to.
pub(crate) struct Observed {
    pub(crate) layers: Vec<Option<NeuronData>>,
    pub(crate) n_inputs: u64,
    pub(crate) stopped: Option<Stop>,
}

/// Takes the inputs through the network; `shapes` are those of the neurons in the graph in force, from layer 0.
pub(crate) fn observe(
    network: &Network<'_>,
    inputs: &[f32],
    shapes: &[Shape],
    options: &MeasureOptions,
) -> Result<Observed, MetricsError> {
    let observed = match options.precision {
        Precision::Single => observe_in::<f32>(network, inputs, shapes, options),
        Precision::Double => observe_in::<f64>(network, inputs, shapes, options),
    };
    Ok(observed?)
}

fn observe_in<T: Real>(
    network: &Network<'_>,
    inputs: &[f32],
    shapes: &[Shape],
    options: &MeasureOptions,
) -> Result<Observed, NetworkError> {
    let forward_options = ForwardOptions {
        batch: options.batch.get(),
        batch_values: DEFAULT_BATCH_VALUES,
    };
    let layers = network.neurons()[1..].iter();
    let mut gatherers: Vec<Gatherer> = layers.map(Gatherer::new).collect();
    let report = forward::<T>(network, inputs, &forward_options, |batch| {
        gatherers[batch.layer - 1].take(batch);
    })?;
    let reached = report.stopped.as_ref().map_or(gatherers.len(), |s| s.layer);
    let layers = gatherers.into_iter().zip(&shapes[1..]).enumerate();
    let layers = layers.map(|(index, (gatherer, shape))| {
        let finished = || gatherer.finish(shape.n_neurons());
        (index < reached).then(finished)
    });
    Ok(Observed {
        layers: layers.collect(),
        n_inputs: report.n_inputs as u64,
        stopped: report.stopped,
    })
}

/// Gathers one layer.
struct Gatherer {
    pre: Running,
    post: Option<Running>,
    gates: &'static [&'static str],
    same: bool,
}

impl Gatherer {
    fn new(layer: &NeuronLayer) -> Self {
        let n_neurons = layer.shape.n_neurons();
        let gates = layer.kind.gates();
        let same = layer.activation == Some(Activation::Linear);
        let apart = layer.activation.is_some() && !same;
        Self {
            pre: Running::new(n_neurons * gates.len().max(1)),
            post: apart.then(|| Running::new(n_neurons)),
            gates,
            same,
        }
    }

    fn take<T: Real>(&mut self, batch: &LayerBatch<'_, T>) {
        self.pre.take(batch.pre);
        if let (Some(running), Some(post)) = (&mut self.post, batch.post) {
            running.take(post);
        }
    }

    fn finish(self, n_nodes: usize) -> NeuronData {
        let post = self.post.map(|running| running.finish(n_nodes));
        if !self.gates.is_empty() {
            let all = self.pre.finish(n_nodes * self.gates.len());
            let gates = self.gates.iter().enumerate();
            let gate = |(gate, &name)| (name, all.run(gate * n_nodes, n_nodes));
            return NeuronData {
                pre: None,
                post,
                gates: gates.map(gate).collect(),
            };
        }
        let pre = self.pre.finish(n_nodes);
        NeuronData {
            post: post.or_else(|| self.same.then(|| pre.clone())),
            pre: Some(pre),
            gates: Vec::new(),
        }
    }
}
