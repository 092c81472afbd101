//! What is counted while a kernel is scanned, so that its quantiles need no full second pass: bins
//! for exact quantiles, a sketch for very large kernels.

use super::kernel_histogram::KernelHistogram;
use super::{QuantileSketch, Quantiles, RADIX_FROM};
use crate::moments::Moments;

/// Weights of a dense kernel up to which its quantiles are exact: 2^26, 256 MiB of f32.
///
/// Beyond, they come from a [`QuantileSketch`]. Quantiles of convolutions, and of kernels that a
/// norm is folded into, are exact for any number of weights; the latter take 16 bytes of memory for
/// each weight while they are measured.
pub const MAX_WEIGHTS_FOR_EXACT_QUANTILES: usize = 1 << 26;

/// Counts of a kernel's weights.
#[derive(Debug)]
pub(crate) enum KernelCounts {
    Histogram(KernelHistogram),
    Sketch(QuantileSketch),
}

impl KernelCounts {
    /// Empty counts for a kernel. `None` for one that is too small, or too uneven for bins.
    pub(crate) fn for_kernel(kernel: &[f32]) -> Option<Self> {
        match kernel.len() {
            n if n < RADIX_FROM => None,
            n if n <= MAX_WEIGHTS_FOR_EXACT_QUANTILES => {
                KernelHistogram::for_kernel(kernel).map(Self::Histogram)
            }
            _ => Some(Self::Sketch(QuantileSketch::default())),
        }
    }

    pub(crate) fn is_sketch(&self) -> bool {
        matches!(self, Self::Sketch(_))
    }

    pub(crate) fn add(&mut self, weights: &[f32]) {
        match self {
            Self::Histogram(histogram) => histogram.add(weights),
            Self::Sketch(sketch) => sketch.add(weights),
        }
    }

    /// Quantiles of the counted kernel, and of the kernel with its biases.
    ///
    /// `None` where the histogram does not help: a bias is not finite, or too many weights share
    /// the bins of the ranks.
    pub(crate) fn quantiles(
        &self,
        kernel: &[f32],
        bias: &[f32],
        [of_kernel, of_both]: [&Moments; 2],
    ) -> Option<[Quantiles; 2]> {
        match self {
            Self::Histogram(histogram) => {
                let bias_is_finite = of_both.nan + of_both.infinite == 0;
                if !bias_is_finite {
                    return None;
                }
                Quantiles::of_two([of_kernel.count, of_both.count], |ranks| {
                    histogram.order_statistics(kernel, bias, ranks)
                })
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
    use crate::quantiles::ranks::QUANTILES;
    use crate::sample::{Sample, Scratch, Times, Values};

    /// A kernel beyond [`MAX_WEIGHTS_FOR_EXACT_QUANTILES`] gets this; a small one shows it.
    #[test]
    fn a_sketch_gives_kernel_and_kernel_with_bias_within_its_bound() {
        let kernel: Vec<f32> = (1..=1001).map(|i| i as f32 / 7.0).collect();
        let bias = [1e6, -1e6];
        let inner = Sample::weights(&kernel);
        let outer = inner.clone().with(Values::F32(&bias), Times::Once);
        let moments = [&inner, &outer].map(|sample| Moments::of(sample));
        let mut counts = KernelCounts::Sketch(QuantileSketch::default());
        kernel.chunks(100).for_each(|chunk| counts.add(chunk));
        let sketched = counts.quantiles(&kernel, &bias, [&moments[0], &moments[1]]);
        let scratch = &mut Scratch::default();
        let samples = [&inner, &outer].into_iter().zip(&moments);
        for (sketched, (sample, moments)) in sketched.unwrap().iter().zip(samples) {
            let exact = Quantiles::of(sample, moments, scratch);
            for ((q, sketched), exact) in QUANTILES.iter().zip(sketched.0).zip(exact.0) {
                // The bound is relative to the order statistics beside the quantile. The larger of
                // them may be 1% larger.
                let error = (sketched - exact).abs();
                let bound = QuantileSketch::RELATIVE_ERROR * exact.abs() * 1.01;
                assert!(error <= bound, "{q}: {sketched} {exact}");
            }
        }
    }
}
