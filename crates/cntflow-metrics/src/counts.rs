//! Counts made in passing, by which the quantiles of a kernel's weights are found: exact ones by a second look at few of them, of
//! very many weights a sketch.

use crate::bins::Bins;
use crate::moments::Moments;
use crate::order::{MANY, Quantiles};
use crate::sketch::QuantileSketch;

/// Weights of one kernel up to which quantiles are exact, beyond which they come from a [`QuantileSketch`]: 2^26, 256 MiB of f32.
pub const EXACT_QUANTILES: usize = 1 << 26;

/// Counts of weights.
#[derive(Debug)]
pub(crate) enum Counts {
    Bins(Bins),
    Sketch(QuantileSketch),
}

impl Counts {
    /// Empty counts for a kernel; `None` where it is better selected from, or so uneven that bins do not help.
    pub(crate) fn of_so_many(kernel: &[f32]) -> Option<Self> {
        match kernel.len() {
            n if n < MANY => None,
            n if n <= EXACT_QUANTILES => Bins::over(kernel).map(Self::Bins),
            _ => Some(Self::Sketch(QuantileSketch::default())),
        }
    }

    pub(crate) fn is_sketch(&self) -> bool {
        matches!(self, Self::Sketch(_))
    }

    pub(crate) fn add(&mut self, weights: &[f32]) {
        match self {
            Self::Bins(bins) => bins.count(weights),
            Self::Sketch(sketch) => sketch.add(weights),
        }
    }

    /// Quantiles of the kernel, which was counted, and of the kernel with its biases. `None` where they are better found in another
    /// way.
    pub(crate) fn quantiles(
        &self,
        kernel: &[f32],
        bias: &[f32],
        [of_kernel, of_both]: [&Moments; 2],
    ) -> Option<[Quantiles; 2]> {
        match self {
            Self::Bins(bins) => {
                let bias_is_finite = of_both.nan + of_both.infinite == 0;
                let counts = [of_kernel.count, of_both.count];
                let found = bias_is_finite
                    .then(|| Quantiles::found(counts, |ranks| bins.find(kernel, bias, ranks)));
                found.flatten()
            }
            Self::Sketch(sketch) => {
                let mut both = sketch.clone();
                both.add(bias);
                Some([
                    Quantiles::of_sketch(sketch, of_kernel),
                    Quantiles::of_sketch(&both, of_both),
                ])
            }
        }
    }
}
