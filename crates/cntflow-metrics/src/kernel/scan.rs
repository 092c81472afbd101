//! One pass over a kernel: sums of its rows and columns, its moments, and the counts for its
//! quantiles.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::{KernelShape, KernelSums, Totals};
use crate::moments::{Extremes, Moments};
use crate::quantiles::KernelCounts;
use crate::sample::Sample;

/// Rows of a tile. They are added up before they go into the sums of the columns, so those are read
/// and written a quarter as often.
const ROWS: usize = 4;

/// Columns of a tile. Widened to f64, a tile stays in the nearest cache.
const COLUMNS: usize = 256;

/// Columns of a panel. All rows of a panel are scanned before the next panel, so that the panel's
/// sums (96 KiB) stay in the nearer caches.
const PANEL: usize = 4096;

/// Weights of a block, which is compared, counted and summed while it is in the second cache: 256
/// KiB.
const BLOCK: usize = 1 << 16;

/// Numbers of a kernel from one pass over its weights.
#[derive(Debug)]
pub(crate) struct KernelScan {
    pub(crate) sums: KernelSums,
    pub(crate) moments: Moments,
    /// `sum w^4`; `None` where the moments needed passes of their own.
    pub(crate) sum_of_fourths: Option<f64>,
    /// Counts for the quantiles; `None` where those need a selection of their own.
    pub(crate) counts: Option<KernelCounts>,
}

impl KernelScan {
    /// Scans a kernel. A kernel with one tap and one group, such as a dense one, takes one pass.
    /// Its moments take passes of their own only if digits would cancel or a weight is not finite.
    /// The moments of kernels with several taps or groups always do.
    ///
    /// Weights are counted only with `quantiles`.
    pub(crate) fn of(kernel: &[f32], shape: KernelShape, quantiles: bool) -> Self {
        if shape.taps > 1 || shape.groups > 1 {
            return Self {
                sums: KernelSums::of(kernel, shape),
                moments: Moments::of_weights(kernel),
                sum_of_fourths: None,
                counts: None,
            };
        }
        let mut pass = Pass {
            sums: KernelSums::zeros(shape),
            powers: [0.0; 2],
            extremes: Extremes::default(),
            counts: quantiles
                .then(|| KernelCounts::for_kernel(kernel))
                .flatten(),
        };
        pass.run(kernel, shape.row_channels);
        let [sum, l1, square] = [
            &pass.sums.rows.sum,
            &pass.sums.rows.abs,
            &pass.sums.rows.square,
        ]
        .map(|totals| totals.iter().sum::<f64>());
        let raw = [sum, square, pass.powers[0], pass.powers[1]];
        let moments = Moments::from_raw(kernel.len() as u64, raw, l1, &pass.extremes);
        Self {
            sums: pass.sums,
            sum_of_fourths: moments.map(|_| pass.powers[1]),
            moments: moments.unwrap_or_else(|| Moments::of_weights(kernel)),
            // The histogram takes only finite weights. `l1` is not finite if one of them is not.
            counts: pass
                .counts
                .filter(|counts| l1.is_finite() || counts.is_sketch()),
        }
    }

    /// Scans a kernel that a norm is folded into.
    pub(crate) fn of_f64(kernel: &[f64], shape: KernelShape) -> Self {
        Self {
            sums: KernelSums::of(kernel, shape),
            moments: Moments::of(&Sample::each(kernel)),
            sum_of_fourths: None,
            counts: None,
        }
    }
}

/// A pass over a kernel with one tap.
struct Pass {
    sums: KernelSums,
    /// `sum w^3` and `sum w^4`
    powers: [f64; 2],
    extremes: Extremes,
    counts: Option<KernelCounts>,
}

impl Pass {
    /// Scans panel after panel of columns, and in a panel block after block of rows.
    fn run(&mut self, kernel: &[f32], width: usize) {
        let n_rows = kernel.len() / width;
        for first_column in (0..width).step_by(PANEL) {
            let columns = first_column..width.min(first_column + PANEL);
            let rows_per_block = (BLOCK / columns.len()).next_multiple_of(ROWS);
            for first_row in (0..n_rows).step_by(rows_per_block) {
                let rows = first_row..n_rows.min(first_row + rows_per_block);
                self.block(kernel, width, rows, columns.clone());
            }
        }
    }

    /// Scans some rows of some columns: extremes and counts first, then sums.
    fn block(&mut self, kernel: &[f32], width: usize, rows: Range<usize>, columns: Range<usize>) {
        let arch = Arch::new();
        let block = &kernel[rows.start * width..rows.end * width];
        if columns.len() == width {
            // The rows are contiguous: one slice.
            self.compare_and_count(arch, block);
        } else {
            for row in block.chunks(width) {
                self.compare_and_count(arch, &row[columns.clone()]);
            }
        }
        let [third, fourth] = arch.dispatch(SumTiles {
            kernel,
            width,
            rows,
            columns,
            sums: &mut self.sums,
        });
        self.powers[0] += third;
        self.powers[1] += fourth;
    }

    fn compare_and_count(&mut self, arch: Arch, weights: &[f32]) {
        arch.dispatch(TakeExtremes {
            weights,
            extremes: &mut self.extremes,
        });
        if let Some(counts) = &mut self.counts {
            counts.add(weights);
        }
    }
}

/// Takes the extremes of some weights. A type, not a closure; see `BinIndices`.
struct TakeExtremes<'k> {
    weights: &'k [f32],
    extremes: &'k mut Extremes,
}

impl WithSimd for TakeExtremes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.extremes.take(self.weights);
    }
}

/// Adds some columns of some rows of a kernel to its sums, tile by tile.
struct SumTiles<'k> {
    kernel: &'k [f32],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    sums: &'k mut KernelSums,
}

impl WithSimd for SumTiles<'_> {
    /// `sum w^3` and `sum w^4`
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; 2] {
        let Self {
            kernel,
            width,
            rows,
            columns,
            sums,
        } = self;
        let mut wide = [[0.0; COLUMNS]; ROWS];
        let mut powers = [0.0; 2];
        for first_row in rows.clone().step_by(ROWS) {
            let n_rows = ROWS.min(rows.end - first_row);
            for first in columns.clone().step_by(COLUMNS) {
                let n = COLUMNS.min(columns.end - first);
                for (row, wide) in (first_row..).zip(wide.iter_mut().take(n_rows)) {
                    let narrow = &kernel[row * width + first..][..n];
                    widen(narrow, &mut wide[..n]);
                    let [sum, abs, square, third, fourth] = row_sums(simd, &wide[..n]);
                    sums.rows.sum[row] += sum;
                    sums.rows.abs[row] += abs;
                    sums.rows.square[row] += square;
                    powers[0] += third;
                    powers[1] += fourth;
                }
                // A last tile may have fewer rows. The missing ones count as zeros.
                wide[n_rows..].iter_mut().for_each(|wide| wide.fill(0.0));
                add_columns(simd, &wide, &mut sums.columns, first, n);
            }
        }
        powers
    }
}

/// Converts to f64, exactly.
#[inline(always)]
fn widen(narrow: &[f32], wide: &mut [f64]) {
    for (wide, &narrow) in wide.iter_mut().zip(narrow) {
        *wide = f64::from(narrow);
    }
}

/// Sums of w, |w|, w^2, w^3 and w^4.
#[inline(always)]
fn row_sums<S: Simd>(simd: S, row: &[f64]) -> [f64; 5] {
    let (vectors, rest) = S::as_simd_f64s(row);
    // Two accumulators for each sum, so that an addition need not wait for the last one.
    let mut sums = [[simd.splat_f64s(0.0); 5]; 2];
    let (pairs, odd) = vectors.as_chunks::<2>();
    for pair in pairs {
        add_powers(simd, &mut sums[0], pair[0]);
        add_powers(simd, &mut sums[1], pair[1]);
    }
    for &w in odd {
        add_powers(simd, &mut sums[0], w);
    }
    let [mut totals, others] = sums;
    for (total, other) in totals.iter_mut().zip(others) {
        *total = simd.add_f64s(*total, other);
    }
    let [a, b, c, d, e] = totals;
    let mut totals = [
        simd.reduce_sum_f64s(a),
        simd.reduce_sum_f64s(b),
        simd.reduce_sum_f64s(c),
        simd.reduce_sum_f64s(d),
        simd.reduce_sum_f64s(e),
    ];
    for &w in rest {
        let square = w * w;
        let powers = [w, w.abs(), square, square * w, square * square];
        for (total, power) in totals.iter_mut().zip(powers) {
            *total += power;
        }
    }
    totals
}

/// Adds the powers of a vector of weights to their sums.
#[inline(always)]
fn add_powers<S: Simd>(simd: S, sums: &mut [S::f64s; 5], w: S::f64s) {
    let square = simd.mul_f64s(w, w);
    sums[0] = simd.add_f64s(sums[0], w);
    sums[1] = simd.add_f64s(sums[1], simd.abs_f64s(w));
    sums[2] = simd.add_f64s(sums[2], square);
    sums[3] = simd.mul_add_e_f64s(square, w, sums[3]);
    sums[4] = simd.mul_add_e_f64s(square, square, sums[4]);
}

/// Adds the rows of a tile to the sums of its columns.
#[inline(always)]
fn add_columns<S: Simd>(
    simd: S,
    wide: &[[f64; COLUMNS]; ROWS],
    columns: &mut Totals,
    first: usize,
    n: usize,
) {
    let Totals { sum, abs, square } = columns;
    let (sums, last_sums) = S::as_mut_simd_f64s(&mut sum[first..][..n]);
    let (abs, last_abs) = S::as_mut_simd_f64s(&mut abs[first..][..n]);
    let (squares, last_squares) = S::as_mut_simd_f64s(&mut square[first..][..n]);
    let [(a, last_a), (b, last_b), (c, last_c), (d, last_d)] = [
        S::as_simd_f64s(&wide[0][..n]),
        S::as_simd_f64s(&wide[1][..n]),
        S::as_simd_f64s(&wide[2][..n]),
        S::as_simd_f64s(&wide[3][..n]),
    ];
    let totals = sums.iter_mut().zip(abs).zip(squares);
    let rows = a.iter().zip(b).zip(c).zip(d);
    for (((sum, abs), square), (((&a, &b), &c), &d)) in totals.zip(rows) {
        // In pairs: a shorter chain of additions, and less rounding.
        let pairs = [simd.add_f64s(a, b), simd.add_f64s(c, d)];
        *sum = simd.add_f64s(*sum, simd.add_f64s(pairs[0], pairs[1]));
        let pairs = [
            simd.add_f64s(simd.abs_f64s(a), simd.abs_f64s(b)),
            simd.add_f64s(simd.abs_f64s(c), simd.abs_f64s(d)),
        ];
        *abs = simd.add_f64s(*abs, simd.add_f64s(pairs[0], pairs[1]));
        let low = simd.mul_add_e_f64s(b, b, simd.mul_f64s(a, a));
        let high = simd.mul_add_e_f64s(d, d, simd.mul_f64s(c, c));
        *square = simd.add_f64s(*square, simd.add_f64s(low, high));
    }
    let totals = last_sums.iter_mut().zip(last_abs).zip(last_squares);
    let rows = last_a.iter().zip(last_b).zip(last_c).zip(last_d);
    for (((sum, abs), square), (((a, b), c), d)) in totals.zip(rows) {
        *sum += (a + b) + (c + d);
        *abs += (a.abs() + b.abs()) + (c.abs() + d.abs());
        *square += (a * a + b * b) + (c * c + d * d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(n: usize, about: f32, scale: f32) -> Vec<f32> {
        let noise = |i: usize| {
            let bits = (i as u32).wrapping_mul(2_654_435_761).rotate_left(11) ^ 0x9e37_79b9;
            (bits.wrapping_mul(0x85eb_ca6b) >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|i| about + scale * noise(i)).collect()
    }

    fn close(a: f64, b: f64, scale: f64, what: &str) {
        let same = (a - b).abs() <= 1e-11 * scale.max(a.abs()) || a.is_nan() && b.is_nan();
        assert!(same, "{what}: {a} {b}");
    }

    fn check(kernel: &[f32], shape: KernelShape) {
        let scan = KernelScan::of(kernel, shape, true);
        let moments = Moments::of(&Sample::weights(kernel));
        let what = format!("{shape:?} {:?}", &kernel[..kernel.len().min(3)]);
        for (a, b) in [
            (scan.moments.mean, moments.mean),
            (scan.moments.std(), moments.std()),
            (scan.moments.l1, moments.l1),
            (scan.moments.l2(), moments.l2()),
        ] {
            close(a, b, moments.std(), &what);
        }
        close(scan.moments.skewness(), moments.skewness(), 10.0, &what);
        close(scan.moments.kurtosis(), moments.kurtosis(), 10.0, &what);
        let exact = |m: &Moments| [m.count, m.zeros, m.nan, m.infinite];
        assert_eq!(exact(&scan.moments), exact(&moments), "{what}");
        let range = |m: &Moments| format!("{} {}", m.min, m.max);
        assert_eq!(range(&scan.moments), range(&moments), "{what}");
        let plain = KernelSums::of(kernel, shape);
        for (found, expected) in [
            (&scan.sums.rows, &plain.rows),
            (&scan.sums.columns, &plain.columns),
        ] {
            let totals = [&found.sum, &found.abs, &found.square];
            let plain = [&expected.sum, &expected.abs, &expected.square];
            for (found, expected) in totals.into_iter().zip(plain) {
                assert_eq!(found.len(), expected.len());
                let scale = expected.iter().filter(|x| x.is_finite());
                let scale = scale.fold(0.0_f64, |m, x| m.max(x.abs()));
                for (a, b) in found.iter().zip(expected) {
                    if b.is_finite() {
                        close(*a, *b, scale, &what);
                    } else {
                        assert_eq!(a.to_string(), b.to_string(), "{what}");
                    }
                }
            }
        }
    }

    #[test]
    fn one_pass_gives_what_two_do() {
        let sizes = [
            (1, 1),
            (1, 9),
            (9, 1),
            (5, 7),
            (4, 256),
            (3, 257),
            (7, 4097),
            (130, 513),
        ];
        for (n_out, n_in) in sizes {
            let shape = KernelShape::dense(n_out, n_in);
            for (about, scale) in [
                (0.0, 1.0),
                (0.3, 0.5),
                (1000.0, 1e-3),
                (0.0, 1e38),
                (0.0, 1e-40),
                (0.0, 0.0),
                (2.5, 0.0),
            ] {
                check(&weights(n_out * n_in, about, scale), shape);
            }
        }
    }

    #[test]
    fn nan_and_infinities_go_into_their_sums_and_are_counted() {
        for index in [0, 3, 255, 256, 700, 1027] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut kernel = weights(4 * 257, 0.1, 1.0);
                kernel[index] = bad;
                kernel[5] = 0.0;
                check(&kernel, KernelShape::dense(4, 257));
            }
        }
    }
}
