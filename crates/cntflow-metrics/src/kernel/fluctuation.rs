//! Numbers of a layer as a whole: the normalised fluctuation, which is free of the weights' scale,
//! and the coupling of the neurons' incoming and outgoing sums.

use std::borrow::Cow;

use super::{KernelScan, KernelShape, Totals};
use crate::Summary;
use crate::moments::Moments;
use crate::sample::Sample;

/// Relative variance below which values count as equal: rounding of their mean alone can give it.
const EQUAL_BELOW: f64 = 1e-28;

/// Normalised fluctuations of one kernel, on each side those of w, |w| and w^2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormalisedFluctuation {
    /// Over the kernel's rows.
    pub(crate) rows: [Summary; 3],
    /// Over the kernel's columns.
    pub(crate) columns: [Summary; 3],
}

impl NormalisedFluctuation {
    /// `rho = Var_j(sum_i w_ij) / (n Var(w))` over the rows j and over the columns, where n is the
    /// number of weights in each sum. For a convolution, rows and columns are channels, and sums go
    /// over the taps too.
    ///
    /// Sums and weights that are not finite are left out. NaN where all weights are equal.
    pub(crate) fn of<T: Copy + Into<f64>>(
        kernel: &[T],
        shape: KernelShape,
        scan: &KernelScan,
    ) -> Self {
        let (sums, moments) = (&scan.sums, &scan.moments);
        let from_sums = scan
            .sum_of_fourths
            .and_then(|sum_of_fourths| weight_variances_from_sums(moments, sum_of_fourths));
        let variances = from_sums.unwrap_or_else(|| weight_variances(kernel, moments));
        let weights_per_row = shape.row_channels * shape.taps;
        let weights_per_column = shape.n_rows / shape.groups * shape.taps;
        let side = |totals: &Totals, n: usize| {
            let totals = match shape.taps {
                1 => Cow::Borrowed(totals),
                taps => Cow::Owned(totals.over_taps(taps)),
            };
            let of = |sums: &[f64], variance: f64| {
                let (sums_variance, counts) = variance_of_totals(sums);
                let rho = if variance > 0.0 {
                    sums_variance / (n as f64 * variance)
                } else {
                    f64::NAN
                };
                Summary::single(rho, counts)
            };
            [
                of(&totals.sum, variances[0]),
                of(&totals.abs, variances[1]),
                of(&totals.square, variances[2]),
            ]
        };
        Self {
            rows: side(&sums.rows, weights_per_row),
            columns: side(&sums.columns, weights_per_column),
        }
    }
}

/// Population variance of the finite sums, 0 where they are equal but for rounding, and how many
/// sums are finite, NaN and infinite.
fn variance_of_totals(sums: &[f64]) -> (f64, [u64; 3]) {
    let n = sums.len() as f64;
    let mean = deviation_sums(sums, 0.0)[0] / n;
    if !mean.is_finite() {
        let moments = Moments::of(&Sample::each(sums));
        let counts = [moments.count, moments.nan, moments.infinite];
        return (moments.variance(), counts);
    }
    // The first power corrects the rounding of the mean.
    let [deviations, squares] = deviation_sums(sums, mean);
    let variance = (squares - deviations * deviations / n) / n;
    (zero_if_equal(variance, mean), [sums.len() as u64, 0, 0])
}

/// `sum (x - about)` and `sum (x - about)^2`
fn deviation_sums(values: &[f64], about: f64) -> [f64; 2] {
    let mut lanes = [[0.0; LANES]; 2];
    for run in values.chunks(LANES) {
        for (lane, x) in run.iter().enumerate().take(LANES) {
            let d = x - about;
            lanes[0][lane] += d;
            lanes[1][lane] += d * d;
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}

/// A variance, or 0 where rounding alone can explain it.
fn zero_if_equal(variance: f64, mean: f64) -> f64 {
    let equal = variance <= EQUAL_BELOW * mean * mean;
    if equal { 0.0 } else { variance }
}

/// Smallest share of a second moment about 0 that a variance may be. Below it too many digits
/// cancel.
const MIN_VARIANCE_SHARE: f64 = 1e-2;

/// Population variances of w, |w| and w^2 from sums over all weights; `None` where digits would
/// cancel.
fn weight_variances_from_sums(moments: &Moments, sum_of_fourths: f64) -> Option<[f64; 3]> {
    let n = moments.count as f64;
    let (abs_mean, square_mean) = (moments.l1 / n, moments.squares / n);
    let abs = square_mean - abs_mean * abs_mean;
    let square = sum_of_fourths / n - square_mean * square_mean;
    let keeps_digits =
        abs > MIN_VARIANCE_SHARE * square_mean && square > MIN_VARIANCE_SHARE * sum_of_fourths / n;
    keeps_digits.then_some([moments.variance(), abs, square])
}

/// Values summed side by side.
const LANES: usize = 8;

/// Population variances of w, |w| and w^2 over the finite weights, about their means.
fn weight_variances<T: Copy + Into<f64>>(kernel: &[T], moments: &Moments) -> [f64; 3] {
    let n = moments.count as f64;
    let (abs_mean, square_mean) = (moments.l1 / n, moments.squares / n);
    let mut lanes = [[0.0; LANES]; 2];
    let finite = moments.nan + moments.infinite == 0;
    for run in kernel.chunks(LANES) {
        for (lane, &w) in run.iter().enumerate().take(LANES) {
            let w = w.into();
            if finite || w.is_finite() {
                let (abs, square) = (w.abs() - abs_mean, w * w - square_mean);
                lanes[0][lane] += abs * abs;
                lanes[1][lane] += square * square;
            }
        }
    }
    let [abs, square] = lanes.map(|lanes| lanes.iter().sum::<f64>() / n);
    [
        moments.variance(),
        zero_if_equal(abs, abs_mean),
        zero_if_equal(square, square_mean),
    ]
}

/// Pearson's correlation of two columns with these moments, over the neurons where both are finite.
/// NaN for fewer than two such neurons, or where a column is constant.
pub(crate) fn correlation(columns: [&[f64]; 2], moments: [&Moments; 2]) -> Summary {
    let finite = |moments: &Moments| moments.nan + moments.infinite == 0;
    if moments.into_iter().all(finite) {
        return correlation_of_finite(columns, moments);
    }
    let pairs = columns[0].iter().copied().zip(columns[1].iter().copied());
    let (a, b): (Vec<f64>, Vec<f64>) = pairs
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .unzip();
    let [a_moments, b_moments] = [&a, &b].map(|column| Moments::of(&Sample::each(column)));
    correlation_of_finite([&a, &b], [&a_moments, &b_moments])
}

/// `sum (a - mean(a)) (b - mean(b)) / (n std(a) std(b))`
fn correlation_of_finite([a, b]: [&[f64]; 2], [a_moments, b_moments]: [&Moments; 2]) -> Summary {
    let n = a.len() as f64;
    let varies = |moments: &Moments| moments.variance() > EQUAL_BELOW * moments.mean * moments.mean;
    let value = if varies(a_moments) && varies(b_moments) {
        sum_of_products([a, b], [a_moments.mean, b_moments.mean])
            / (n * a_moments.std() * b_moments.std())
    } else {
        f64::NAN
    };
    Summary::single(value, [a.len() as u64, 0, 0])
}

/// `sum (a - mean(a)) (b - mean(b))`
fn sum_of_products([a, b]: [&[f64]; 2], means: [f64; 2]) -> f64 {
    let product = |(a, b): (&f64, &f64)| (a - means[0]) * (b - means[1]);
    let (a_runs, a_rest) = a.as_chunks::<LANES>();
    let (b_runs, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_runs.iter().zip(b_runs) {
        for (lane, pair) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += product(pair);
        }
    }
    lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(product).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_by_hand() {
        let a = [1.0, 2.0, 3.0, f64::NAN];
        let with_a = |b: &[f64]| {
            let [a_moments, b_moments] = [&a, b].map(|column| Moments::of(&Sample::each(column)));
            correlation([&a, b], [&a_moments, &b_moments])
        };
        assert!((with_a(&[2.0, 4.0, 6.0, 1.0]).mean - 1.0).abs() < 1e-15);
        assert!((with_a(&[1.0, 3.0, 2.0, 1.0]).mean - 0.5).abs() < 1e-15);
        assert!(with_a(&[1.0; 4]).mean.is_nan());
        assert_eq!(with_a(&a).count, 3);
        let rising: Vec<f64> = (0..1001).map(f64::from).collect();
        let falling: Vec<f64> = rising.iter().map(|x| 7.0 - 3.0 * x).collect();
        let [a_moments, b_moments] =
            [&rising, &falling].map(|column| Moments::of(&Sample::each(column)));
        let both = correlation([&rising, &falling], [&a_moments, &b_moments]);
        assert!((both.mean + 1.0).abs() < 1e-15 && both.count == 1001);
    }

    #[test]
    fn equal_rows_of_opposite_signs_fluctuate_twice_as_much() {
        // Rows [1, 1] and [-1, -1]: Var(w) = 1, the row sums 2 and -2 have variance 4, so rho is
        // 4 / (2 * 1). Both column sums are 0.
        let kernel = [1.0_f32, 1.0, -1.0, -1.0];
        let shape = KernelShape::dense(2, 2);
        let scan = KernelScan::of(&kernel, shape, true);
        let rho = NormalisedFluctuation::of(&kernel, shape, &scan);
        assert_eq!((rho.rows[0].mean, rho.columns[0].mean), (2.0, 0.0));
        assert!(rho.rows[1].mean.is_nan(), "|w| is constant");
    }
}
