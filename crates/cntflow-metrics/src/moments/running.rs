//! Statistics of many neurons over inputs that come batch by batch.

use cntflow_network::Real;
use pulp::{Arch, Simd, WithSimd};

use crate::NeuronStatistics;

/// Neurons of a wide layer that are taken together, so that memory is read in runs.
const MANY_NEURONS: usize = 128;

/// Neurons of a narrow layer that are taken together: as many as registers hold through a batch.
const FEW_NEURONS: usize = 8;

/// For every neuron the sums of `x - shift` and of its square, extremes and zeros.
///
/// `shift` is the neuron's mean over the first batch. The mean of m of n values is at most
/// `sqrt(n / m)` standard deviations from the mean of all, so at most the last `log10(n / m)`
/// digits cancel.
pub(crate) struct RunningMoments {
    /// Rows so far.
    n: u64,
    shift: Vec<f64>,
    sum: Vec<f64>,
    square: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    zeros: Vec<f64>,
}

/// The sums of `N` neurons side by side.
struct Lanes<const N: usize> {
    shift: [f64; N],
    sum: [f64; N],
    square: [f64; N],
    min: [f64; N],
    max: [f64; N],
    zeros: [f64; N],
}

/// Adds a batch. A type, not a closure; see `BinIndices`.
struct AddBatch<'r, T> {
    running: &'r mut RunningMoments,
    values: &'r [T],
}

impl<T: Real> WithSimd for AddBatch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { running, values } = self;
        let n_neurons = running.shift.len();
        let mut first = 0;
        while n_neurons - first >= MANY_NEURONS {
            running.add_neurons::<T, MANY_NEURONS>(values, first);
            first += MANY_NEURONS;
        }
        while n_neurons - first >= FEW_NEURONS {
            running.add_neurons::<T, FEW_NEURONS>(values, first);
            first += FEW_NEURONS;
        }
        for neuron in first..n_neurons {
            running.add_neurons::<T, 1>(values, neuron);
        }
    }
}

impl RunningMoments {
    pub(crate) fn new(n_neurons: usize) -> Self {
        let zeros = vec![0.0; n_neurons];
        Self {
            n: 0,
            shift: zeros.clone(),
            sum: zeros.clone(),
            square: zeros.clone(),
            min: vec![f64::INFINITY; n_neurons],
            max: vec![f64::NEG_INFINITY; n_neurons],
            zeros,
        }
    }

    /// Adds a batch `[n_rows, n_neurons]`.
    pub(crate) fn add<T: Real>(&mut self, values: &[T]) {
        let n_neurons = self.shift.len();
        if self.n == 0 {
            self.set_shift(values);
        }
        self.n += (values.len() / n_neurons) as u64;
        Arch::new().dispatch(AddBatch {
            running: self,
            values,
        });
    }

    /// Adds the values of `N` neurons from `first` on.
    #[inline(always)]
    fn add_neurons<T: Real, const N: usize>(&mut self, values: &[T], first: usize) {
        let mut lanes = Lanes::<N>::of(self, first);
        for row in values.chunks_exact(self.shift.len()) {
            lanes.add(&row[first..]);
        }
        lanes.write_back(self, first);
    }

    /// Sets every shift to the neuron's mean over the batch; to 0 where that is not finite.
    fn set_shift<T: Real>(&mut self, values: &[T]) {
        for row in values.chunks_exact(self.shift.len()) {
            let row = row.iter().map(|x| x.to_f64());
            self.shift
                .iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += x);
        }
        let n = (values.len() / self.shift.len()) as f64;
        for shift in &mut self.shift {
            let mean = *shift / n;
            *shift = if mean.is_finite() { mean } else { 0.0 };
        }
    }

    /// The statistics of `n_nodes` nodes of the graph. In the channel graph a node is a run of
    /// neurons, the positions of a channel; elsewhere it is one neuron.
    pub(crate) fn finish(&self, n_nodes: usize) -> NeuronStatistics {
        let per_node = self.shift.len() / n_nodes;
        let nodes: Vec<Node> = (0..n_nodes)
            .map(|node| self.node(node * per_node, per_node))
            .collect();
        let column = |value: fn(&Node) -> f64| nodes.iter().map(value).collect();
        NeuronStatistics {
            mean: column(|node| node.mean),
            std: column(|node| node.std),
            min: column(|node| node.min),
            max: column(|node| node.max),
            zero_share: column(|node| node.zero_share),
        }
    }

    /// The statistics of a node of `per_node` neurons. NaN without inputs, or with a value that is
    /// not finite. A constant has a deviation of exactly 0, however its mean is rounded.
    fn node(&self, first: usize, per_node: usize) -> Node {
        let run = first..first + per_node;
        let n = self.n as f64;
        // The variance over neurons and rows is the mean of the neurons' variances and the variance
        // of their means.
        let means = run.clone().map(|j| self.shift[j] + self.sum[j] / n);
        let mean = means.clone().sum::<f64>() / per_node as f64;
        let between: f64 = means.map(|x| (x - mean) * (x - mean)).sum();
        let within = run
            .clone()
            .map(|j| self.square[j] / n - (self.sum[j] / n).powi(2));
        let variance = (within.map(|x| x.max(0.0)).sum::<f64>() + between) / per_node as f64;
        let min = self.min[run.clone()]
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        let max = self.max[run.clone()]
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let zeros: f64 = self.zeros[run].iter().sum();
        let zero_share = zeros / (n * per_node as f64);
        if self.n == 0 || !mean.is_finite() {
            return Node {
                mean: f64::NAN,
                std: f64::NAN,
                min: f64::NAN,
                max: f64::NAN,
                zero_share,
            };
        }
        let constant = min == max;
        Node {
            mean: if constant { min } else { mean },
            std: if constant { 0.0 } else { variance.sqrt() },
            min,
            max,
            zero_share,
        }
    }
}

impl<const N: usize> Lanes<N> {
    #[inline(always)]
    fn of(running: &RunningMoments, first: usize) -> Self {
        let lanes = |values: &[f64]| std::array::from_fn(|lane| values[first + lane]);
        Self {
            shift: lanes(&running.shift),
            sum: lanes(&running.sum),
            square: lanes(&running.square),
            min: lanes(&running.min),
            max: lanes(&running.max),
            zeros: lanes(&running.zeros),
        }
    }

    #[inline(always)]
    fn add<T: Real>(&mut self, row: &[T]) {
        for (lane, x) in row[..N].iter().enumerate() {
            let x = x.to_f64();
            let d = x - self.shift[lane];
            self.sum[lane] += d;
            self.square[lane] += d * d;
            self.min[lane] = if x < self.min[lane] {
                x
            } else {
                self.min[lane]
            };
            self.max[lane] = if x > self.max[lane] {
                x
            } else {
                self.max[lane]
            };
            self.zeros[lane] += if x == 0.0 { 1.0 } else { 0.0 };
        }
    }

    #[inline(always)]
    fn write_back(self, running: &mut RunningMoments, first: usize) {
        running.sum[first..][..N].copy_from_slice(&self.sum);
        running.square[first..][..N].copy_from_slice(&self.square);
        running.min[first..][..N].copy_from_slice(&self.min);
        running.max[first..][..N].copy_from_slice(&self.max);
        running.zeros[first..][..N].copy_from_slice(&self.zeros);
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
        let mut running = RunningMoments::new(2);
        running.add(&values[..6]);
        running.add(&values[6..]);
        let statistics = running.finish(2);
        assert_eq!(statistics.mean[0], 1e9 + 2.0);
        assert!((statistics.mean[1] - 0.25).abs() < 1e-15);
        assert!((statistics.std[0] - 3.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!(statistics.zero_share, [0.0, 0.5]);
        assert_eq!((statistics.min[1], statistics.max[1]), (-1.0, 2.0));
    }

    #[test]
    fn positions_of_a_channel_are_one_node() {
        let mut running = RunningMoments::new(2);
        running.add(&[1.0, 3.0, 1.0, 3.0]);
        let statistics = running.finish(1);
        assert_eq!((statistics.mean[0], statistics.std[0]), (2.0, 1.0));
    }

    /// The shift is the first batch's mean, here far from the mean of all.
    #[test]
    fn a_first_batch_far_off_costs_few_digits() {
        let mut values = vec![1e6];
        values.extend((0..9999).map(|i| f64::from(i % 7) * 1e-3));
        let mut running = RunningMoments::new(1);
        values.chunks(100).for_each(|batch| running.add(batch));
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let statistics = running.finish(1);
        assert!((statistics.std[0] / variance.sqrt() - 1.0).abs() < 1e-11);
        assert!((statistics.mean[0] / mean - 1.0).abs() < 1e-11);
    }

    #[test]
    fn nothing_gives_nan() {
        let statistics = RunningMoments::new(1).finish(1);
        assert!(
            statistics.mean[0].is_nan()
                && statistics.min[0].is_nan()
                && statistics.zero_share[0].is_nan()
        );
    }
}
