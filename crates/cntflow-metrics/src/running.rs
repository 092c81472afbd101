//! Statistics of many neurons over inputs that come batch by batch.

use cntflow_network::Real;
use pulp::{Arch, Simd, WithSimd};

use crate::Seen;

/// Neurons taken together: many of a wide layer, so that memory is read in runs, else as many as registers hold through a batch.
const MANY: usize = 128;

/// See [`MANY`].
const FEW: usize = 8;

/// Per neuron the sums of `x - shift` and of its square, the extremes and the zeros of what came so far, `shift` the neuron's mean
/// over the first batch. The mean of m of n values is at most `sqrt(n / m)` deviations from that of all, so that at most the last
/// `log10(n / m)` digits cancel.
pub(crate) struct Running {
    n: u64,
    shift: Vec<f64>,
    sum: Vec<f64>,
    square: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    zeros: Vec<f64>,
}

/// What is gathered of some neurons side by side.
struct Lanes<const N: usize> {
    shift: [f64; N],
    sum: [f64; N],
    square: [f64; N],
    min: [f64; N],
    max: [f64; N],
    zeros: [f64; N],
}

/// A batch being taken. It is no closure, since those are not always compiled with the instructions that were chosen.
struct Batch<'r, T> {
    running: &'r mut Running,
    values: &'r [T],
}

impl<T: Real> WithSimd for Batch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { running, values } = self;
        let n_neurons = running.shift.len();
        let mut first = 0;
        while n_neurons - first >= MANY {
            running.lanes::<T, MANY>(values, first);
            first += MANY;
        }
        while n_neurons - first >= FEW {
            running.lanes::<T, FEW>(values, first);
            first += FEW;
        }
        for neuron in first..n_neurons {
            running.lanes::<T, 1>(values, neuron);
        }
    }
}

impl Running {
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

    /// Takes a batch `[n_rows, n_neurons]`.
    pub(crate) fn take<T: Real>(&mut self, values: &[T]) {
        let n_neurons = self.shift.len();
        if self.n == 0 {
            self.set_shift(values);
        }
        self.n += (values.len() / n_neurons) as u64;
        Arch::new().dispatch(Batch {
            running: self,
            values,
        });
    }

    /// Takes the values of `N` neurons from the first on.
    #[inline(always)]
    fn lanes<T: Real, const N: usize>(&mut self, values: &[T], first: usize) {
        let mut lanes = Lanes::<N>::of(self, first);
        for row in values.chunks_exact(self.shift.len()) {
            lanes.take(&row[first..]);
        }
        lanes.put_back(self, first);
    }

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
            *shift = Some(*shift / n)
                .filter(|mean| mean.is_finite())
                .unwrap_or(0.0);
        }
    }

    /// The statistics of `n_nodes` nodes, each a run of as many neurons.
    pub(crate) fn finish(&self, n_nodes: usize) -> Seen {
        let places = self.shift.len() / n_nodes;
        let nodes: Vec<Node> = (0..n_nodes)
            .map(|node| self.node(node * places, places))
            .collect();
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
    fn node(&self, first: usize, places: usize) -> Node {
        let run = first..first + places;
        let n = self.n as f64;
        let means = run.clone().map(|j| self.shift[j] + self.sum[j] / n);
        let mean = means.clone().sum::<f64>() / places as f64;
        let between: f64 = means.map(|x| (x - mean) * (x - mean)).sum();
        let within = run
            .clone()
            .map(|j| self.square[j] / n - (self.sum[j] / n).powi(2));
        let variance = (within.map(|x| x.max(0.0)).sum::<f64>() + between) / places as f64;
        let min = self.min[run.clone()]
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        let max = self.max[run.clone()]
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let zeros: f64 = self.zeros[run].iter().sum();
        if self.n == 0 || !mean.is_finite() {
            let nan = f64::NAN;
            return Node::new([nan, nan, nan, nan, zeros / (n * places as f64)]);
        }
        let (mean, std) = if min == max {
            (min, 0.0)
        } else {
            (mean, variance.sqrt())
        };
        Node::new([mean, std, min, max, zeros / (n * places as f64)])
    }
}

impl<const N: usize> Lanes<N> {
    #[inline(always)]
    fn of(running: &Running, first: usize) -> Self {
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
    fn take<T: Real>(&mut self, row: &[T]) {
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
    fn put_back(self, running: &mut Running, first: usize) {
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

impl Node {
    fn new([mean, std, min, max, zero_share]: [f64; 5]) -> Self {
        Self {
            mean,
            std,
            min,
            max,
            zero_share,
        }
    }
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
        assert_eq!(seen.mean[0], 1e9 + 2.0);
        assert!((seen.mean[1] - 0.25).abs() < 1e-15);
        assert!((seen.std[0] - 3.5_f64.sqrt()).abs() < 1e-15);
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

    /// The first batch's mean is what all others are taken from.
    #[test]
    fn a_first_batch_far_off_costs_few_digits() {
        let mut values = vec![1e6];
        values.extend((0..9999).map(|i| f64::from(i % 7) * 1e-3));
        let mut running = Running::new(1);
        values.chunks(100).for_each(|batch| running.take(batch));
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let seen = running.finish(1);
        assert!((seen.std[0] / variance.sqrt() - 1.0).abs() < 1e-11);
        assert!((seen.mean[0] / mean - 1.0).abs() < 1e-11);
    }

    #[test]
    fn nothing_gives_nan() {
        let seen = Running::new(1).finish(1);
        assert!(seen.mean[0].is_nan() && seen.min[0].is_nan() && seen.zero_share[0].is_nan());
    }
}
