//! Statistics of the neurons' pre- and post-activations over a sample of inputs. They are updated
//! while the forward pass runs, so that no activation is kept.

use cntflow_network::{
    Activation, DEFAULT_BATCH_VALUES, ForwardOptions, LayerBatch, Network, NetworkError,
    NeuronLayer, Real, Shape, Stop, forward,
};

use crate::moments::RunningMoments;
use crate::outputs::{Labels, OutputObserver, OutputValues};
use crate::{MeasureOptions, MetricsError, NeuronData, Precision};

/// Statistics of the activations.
pub(crate) struct ActivationStatistics {
    /// Those of the layers 1 to L; `None` for layers that the forward pass did not reach.
    pub(crate) layers: Vec<Option<NeuronData>>,
    pub(crate) n_inputs: u64,
    pub(crate) stopped: Option<Stop>,
    /// Statistics of the outputs; `None` where they are no probabilities of classes.
    pub(crate) outputs: Option<OutputValues>,
}

/// Runs the inputs through the network. `shapes` has the nodes of each layer, from layer 0.
pub(crate) fn observe(
    network: &Network<'_>,
    inputs: &[f32],
    labels: Option<Labels<'_>>,
    shapes: &[Shape],
    options: &MeasureOptions,
) -> Result<ActivationStatistics, MetricsError> {
    let statistics = match options.precision {
        Precision::Single => observe_in::<f32>(network, inputs, labels, shapes, options),
        Precision::Double => observe_in::<f64>(network, inputs, labels, shapes, options),
    };
    Ok(statistics?)
}

fn observe_in<T: Real>(
    network: &Network<'_>,
    inputs: &[f32],
    labels: Option<Labels<'_>>,
    shapes: &[Shape],
    options: &MeasureOptions,
) -> Result<ActivationStatistics, NetworkError> {
    let forward_options = ForwardOptions {
        batch: options.batch.get(),
        batch_values: DEFAULT_BATCH_VALUES,
    };
    let layers = network.neurons()[1..].iter();
    let mut observers: Vec<LayerObserver> = layers.map(LayerObserver::new).collect();
    let mut outputs = OutputObserver::new(network, labels, options);
    let last = observers.len();
    let report = forward::<T>(network, inputs, &forward_options, |batch| {
        observers[batch.layer - 1].add(batch);
        if let Some(outputs) = outputs.as_mut().filter(|_| batch.layer == last) {
            outputs.add(batch);
        }
    })?;
    let n_reached = report.stopped.as_ref().map_or(observers.len(), |s| s.layer);
    let with_shapes = observers.into_iter().zip(&shapes[1..]).enumerate();
    let layers = with_shapes.map(|(index, (observer, shape))| {
        (index < n_reached).then(|| observer.finish(shape.n_neurons()))
    });
    Ok(ActivationStatistics {
        layers: layers.collect(),
        n_inputs: report.n_inputs as u64,
        stopped: report.stopped,
        outputs: outputs.map(OutputObserver::finish),
    })
}

/// Updates the statistics of one layer.
struct LayerObserver {
    /// Of a gated layer, gate after gate.
    pre: RunningMoments,
    /// `None` where the activation is unknown, or post- and pre-activations are the same.
    post: Option<RunningMoments>,
    gates: &'static [&'static str],
    is_linear: bool,
}

impl LayerObserver {
    fn new(layer: &NeuronLayer) -> Self {
        let n_neurons = layer.shape.n_neurons();
        let gates = layer.kind.gates();
        let is_linear = layer.activation == Some(Activation::Linear);
        let has_own_post = layer.activation.is_some() && !is_linear;
        Self {
            pre: RunningMoments::new(n_neurons * gates.len().max(1)),
            post: has_own_post.then(|| RunningMoments::new(n_neurons)),
            gates,
            is_linear,
        }
    }

    fn add<T: Real>(&mut self, batch: &LayerBatch<'_, T>) {
        self.pre.add(batch.pre);
        if let (Some(moments), Some(post)) = (&mut self.post, batch.post) {
            moments.add(post);
        }
    }

    fn finish(self, n_nodes: usize) -> NeuronData {
        let post = self.post.map(|moments| moments.finish(n_nodes));
        if !self.gates.is_empty() {
            let all = self.pre.finish(n_nodes * self.gates.len());
            let gates = self.gates.iter().enumerate();
            let gate = |(gate, &name)| (name, all.slice(gate * n_nodes, n_nodes));
            return NeuronData {
                pre: None,
                post,
                gates: gates.map(gate).collect(),
            };
        }
        let pre = self.pre.finish(n_nodes);
        NeuronData {
            post: post.or_else(|| self.is_linear.then(|| pre.clone())),
            pre: Some(pre),
            gates: Vec::new(),
        }
    }
}
