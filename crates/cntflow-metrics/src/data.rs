//! What the neurons do over a sample of inputs: their pre- and post-activations' statistics, gathered while the forward pass
//! runs, so that no activation is kept.

use cntflow_network::{
    Activation, DEFAULT_BATCH_VALUES, ForwardOptions, LayerBatch, Network, Shape, Stop, forward,
};

use crate::{MeasureOptions, MetricsError, NeuronData, Seen};

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
    let forward_options = ForwardOptions {
        batch: options.batch.get(),
        batch_values: DEFAULT_BATCH_VALUES,
    };
    let mut gatherers: Vec<Gatherer> = network.neurons()[1..]
        .iter()
        .map(|layer| Gatherer::new(layer.shape.n_neurons(), layer.activation))
        .collect();
    let report = forward::<f64>(network, inputs, &forward_options, |batch| {
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
    same: bool,
}

impl Gatherer {
    fn new(n_neurons: usize, activation: Option<Activation>) -> Self {
        let same = activation == Some(Activation::Linear);
        let apart = activation.is_some() && !same;
        Self {
            pre: Running::new(n_neurons),
            post: apart.then(|| Running::new(n_neurons)),
            same,
        }
    }

    fn take(&mut self, batch: &LayerBatch<'_, f64>) {
        self.pre.take(batch.pre);
        if let (Some(running), Some(post)) = (&mut self.post, batch.post) {
            running.take(post);
        }
    }

    fn finish(self, n_nodes: usize) -> NeuronData {
        let pre = self.pre.finish(n_nodes);
        let post = match self.post {
            Some(running) => Some(running.finish(n_nodes)),
            None => self.same.then(|| pre.clone()),
        };
        NeuronData { pre, post }
    }
}

/// Neurons taken together, so that what is gathered of them stays in the nearest cache through a batch.
const NEURONS: usize = 256;

/// Per neuron the mean, the sum of squares about it, the extremes and the zeros of what came so far. Batches are summed about
/// their own mean and joined (Chan, Golub, LeVeque 1979), so that no digits cancel.
struct Running {
    n: f64,
    mean: Vec<f64>,
    central: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    zeros: Vec<f64>,
    batch_mean: Vec<f64>,
    batch_central: Vec<f64>,
}

impl Running {
    fn new(n_neurons: usize) -> Self {
        let zeros = vec![0.0; n_neurons];
        Self {
            n: 0.0,
            mean: zeros.clone(),
            central: zeros.clone(),
            min: vec![f64::INFINITY; n_neurons],
            max: vec![f64::NEG_INFINITY; n_neurons],
            batch_mean: zeros.clone(),
            batch_central: zeros.clone(),
            zeros,
        }
    }

    /// Takes a batch `[n_inputs, n_neurons]`.
    fn take(&mut self, values: &[f64]) {
        let n_neurons = self.mean.len();
        let m = (values.len() / n_neurons) as f64;
        self.batch_mean.fill(0.0);
        self.batch_central.fill(0.0);
        for first in (0..n_neurons).step_by(NEURONS) {
            let block = first..(first + NEURONS).min(n_neurons);
            let means = &mut self.batch_mean[block.clone()];
            for row in values.chunks_exact(n_neurons) {
                let row = &row[block.clone()];
                add(row, means);
                extend(
                    row,
                    &mut self.min[block.clone()],
                    &mut self.max[block.clone()],
                );
                count_zeros(row, &mut self.zeros[block.clone()]);
            }
            means.iter_mut().for_each(|mean| *mean /= m);
            let central = &mut self.batch_central[block.clone()];
            for row in values.chunks_exact(n_neurons) {
                add_squares(&row[block.clone()], means, central);
            }
        }
        self.join(m);
    }

    fn join(&mut self, m: f64) {
        let n = self.n + m;
        let batch = self.batch_mean.iter().zip(&self.batch_central);
        let so_far = self.mean.iter_mut().zip(&mut self.central);
        for ((mean, central), (batch_mean, batch_central)) in so_far.zip(batch) {
            let d = batch_mean - *mean;
            *mean += d * m / n;
            *central += batch_central + d * d * self.n * m / n;
        }
        self.n = n;
    }

    /// The statistics of `n_nodes` nodes, each a run of as many neurons.
    fn finish(self, n_nodes: usize) -> Seen {
        let nodes: Vec<Node> = (0..n_nodes).map(|node| self.node(node, n_nodes)).collect();
        let column = |value: fn(&Node) -> f64| nodes.iter().map(value).collect();
        Seen {
            mean: column(|node| node.mean),
            std: column(|node| node.std),
            min: column(|node| node.min),
            max: column(|node| node.max),
            zero_share: column(|node| node.zero_share),
        }
    }

    /// NaN where nothing came, or something that is not finite. A constant has a deviation of exactly 0, whatever its mean's
    /// rounding.
    fn node(&self, node: usize, n_nodes: usize) -> Node {
        let places = self.mean.len() / n_nodes;
        let run = node * places..(node + 1) * places;
        let means = &self.mean[run.clone()];
        let n = self.n * places as f64;
        let mean = means.iter().sum::<f64>() / places as f64;
        let between: f64 = means.iter().map(|x| (x - mean) * (x - mean)).sum();
        let within: f64 = self.central[run.clone()].iter().sum();
        let min = self.min[run.clone()].iter().copied();
        let max = self.max[run.clone()].iter().copied();
        let min = min.fold(f64::INFINITY, f64::min);
        let max = max.fold(f64::NEG_INFINITY, f64::max);
        let zero_share = self.zeros[run].iter().sum::<f64>() / n;
        let std = ((within + self.n * between) / n).sqrt();
        let node = |mean, std, min, max| Node {
            mean,
            std,
            min,
            max,
            zero_share,
        };
        if n == 0.0 || !mean.is_finite() {
            node(f64::NAN, f64::NAN, f64::NAN, f64::NAN)
        } else if min == max {
            node(min, 0.0, min, max)
        } else {
            node(mean, std, min, max)
        }
    }
}

fn add(row: &[f64], sums: &mut [f64]) {
    row.iter().zip(sums).for_each(|(x, sum)| *sum += x);
}

fn add_squares(row: &[f64], about: &[f64], sums: &mut [f64]) {
    for ((x, mean), sum) in row.iter().zip(about).zip(sums) {
        *sum += (x - mean) * (x - mean);
    }
}

fn extend(row: &[f64], min: &mut [f64], max: &mut [f64]) {
    for ((&x, min), max) in row.iter().zip(min).zip(max) {
        *min = if x < *min { x } else { *min };
        *max = if x > *max { x } else { *max };
    }
}

fn count_zeros(row: &[f64], zeros: &mut [f64]) {
    for (&x, zeros) in row.iter().zip(zeros) {
        *zeros += if x == 0.0 { 1.0 } else { 0.0 };
    }
}

/// The statistics of one node.
struct Node {
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    zero_share: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_join_to_the_whole() {
        let values = [1e9, 0.0, 1e9 + 1.0, 2.0, 1e9 + 5.0, 0.0, 1e9 + 2.0, -1.0];
        let mut running = Running::new(2);
        running.take(&values[..6]);
        running.take(&values[6..]);
        let seen = running.finish(2);
        assert_eq!(seen.mean, [1e9 + 2.0, 0.25]);
        assert_eq!(seen.std[0], 3.5_f64.sqrt());
        assert_eq!(seen.zero_share, [0.0, 0.5]);
        assert_eq!((seen.min[1], seen.max[1]), (-1.0, 2.0));
    }

    #[test]
    fn places_of_a_channel_are_taken_together() {
        let mut running = Running::new(2);
        running.take(&[1.0, 3.0, 1.0, 3.0]);
        let seen = running.finish(1);
        assert_eq!((seen.mean[0], seen.std[0]), (2.0, 1.0));
    }

    #[test]
    fn nothing_gives_nan() {
        let seen = Running::new(1).finish(1);
        assert!(seen.mean[0].is_nan() && seen.min[0].is_nan() && seen.zero_share[0].is_nan());
    }
}
