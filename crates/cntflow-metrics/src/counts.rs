//! Counts made in passing, by which the quantiles of a kernel's weights are found: exact ones by a second look at few of them, of
//! very many weights a sketch.

use crate::bins::Bins;
use crate::moments::Moments;
use crate::order::{MANY, Quantiles};
use crate::sketch::QuantileSketch;

/// Weights of one dense kernel up to which quantiles are exact, beyond which they come from a [`QuantileSketch`]: 2^26, 256 MiB of
/// f32. Those of convolutions, and of kernels that a norm is folded into, are exact whatever their number; the latter take 16 bytes
/// of memory for each weight while they are measured.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, Times, Values};
    use crate::summary::QUANTILES;

    /// What kernels beyond [`EXACT_QUANTILES`] get, of one that is small enough to be sorted.
    #[test]
    fn a_sketch_gives_both_samples_within_its_bound_and_their_ranges() {
        let kernel: Vec<f32> = (1..=1001).map(|i| i as f32 / 7.0).collect();
        let bias = [1e6, -1e6];
        let inner = Sample::weights(&kernel);
        let outer = inner.clone().with(Values::F32(&bias), Times::Once);
        let moments = [&inner, &outer].map(|sample| Moments::of(sample));
        let mut counts = Counts::Sketch(QuantileSketch::default());
        kernel.chunks(100).for_each(|chunk| counts.add(chunk));
        let found = counts.quantiles(&kernel, &bias, [&moments[0], &moments[1]]);
        let scratch = &mut crate::sample::Scratch::default();
        for (found, (sample, moments)) in found
            .unwrap()
            .iter()
            .zip([&inner, &outer].into_iter().zip(&moments))
        {
            let exact = Quantiles::of(sample, moments, scratch);
            for ((q, found), exact) in QUANTILES.iter().zip(found.0).zip(exact.0) {
                // The bound is on the order statistics beside, of which the larger may be 1% larger.
                let error = (found - exact).abs();
                assert!(
                    error <= QuantileSketch::RELATIVE_ERROR * exact.abs() * 1.01,
                    "{q}: {found} {exact}"
                );
            }
        }
    }
}
