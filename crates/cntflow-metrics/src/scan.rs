//! One pass over a kernel: sums of its rows and columns, its moments, and the counts its quantiles are found by.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::counts::Counts;
use crate::moments::{Extremes, Moments};
use crate::sample::Sample;
use crate::sums::{KernelShape, KernelSums, Totals};

/// Rows taken together, so that the columns' sums are read and written less often.
const ROWS: usize = 4;

/// Columns taken together: widened to f64, a tile of them stays in the nearest cache.
const COLUMNS: usize = 256;

/// Columns gone through from the first row to the last before the next ones: 96 KiB of sums.
const PANEL: usize = 4096;

/// Weights after which a block's bins are counted, while it is in the second cache: 256 KiB.
const BLOCK: usize = 1 << 16;

/// What one pass over the weights of a kernel tells.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) sums: KernelSums,
    pub(crate) moments: Moments,
    /// `sum w^4`; `None` where the weights were gone through with more care.
    pub(crate) fourths: Option<f64>,
    /// Counts that quantiles are found by; `None` where they are found in another way.
    pub(crate) counts: Option<Counts>,
}

impl Scan {
    /// Goes through a kernel; one without taps once, and counts its weights meanwhile. Where digits would cancel, or a weight is
    /// not finite, it is gone through again. Without `quantiles` nothing is counted.
    pub(crate) fn of(kernel: &[f32], shape: KernelShape, quantiles: bool) -> Self {
        if shape.taps > 1 || shape.groups > 1 {
            return Self {
                sums: KernelSums::of(kernel, shape),
                moments: Moments::of_weights(kernel),
                fourths: None,
                counts: None,
            };
        }
        let mut pass = Pass {
            sums: KernelSums::zeros(shape),
            powers: [0.0; 2],
            extremes: Extremes::default(),
            counts: quantiles.then(|| Counts::of_so_many(kernel)).flatten(),
        };
        pass.all(kernel, shape.fan_in);
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
            fourths: moments.map(|_| pass.powers[1]),
            moments: moments.unwrap_or_else(|| Moments::of_weights(kernel)),
            // Bins are for finite weights.
            counts: pass
                .counts
                .filter(|counts| l1.is_finite() || counts.is_sketch()),
        }
    }

    /// Goes through the weights of a kernel that a norm is folded into.
    pub(crate) fn of_f64(kernel: &[f64], shape: KernelShape) -> Self {
        Self {
            sums: KernelSums::of(kernel, shape),
            moments: Moments::of(&Sample::each(kernel)),
            fourths: None,
            counts: None,
        }
    }
}

/// A pass on its way.
struct Pass {
    sums: KernelSums,
    /// `sum w^3` and `sum w^4`
    powers: [f64; 2],
    extremes: Extremes,
    counts: Option<Counts>,
}

impl Pass {
    /// Panel after panel of columns, so that the sums of a panel's columns stay in the nearer caches.
    fn all(&mut self, kernel: &[f32], width: usize) {
        let n_rows = kernel.len() / width;
        for first in (0..width).step_by(PANEL) {
            let columns = first..width.min(first + PANEL);
            let rows = (BLOCK / columns.len()).next_multiple_of(ROWS);
            for first in (0..n_rows).step_by(rows) {
                let rows = first..n_rows.min(first + rows);
                self.block(kernel, width, rows, columns.clone());
            }
        }
    }

    fn block(&mut self, kernel: &[f32], width: usize, rows: Range<usize>, columns: Range<usize>) {
        let arch = Arch::new();
        let block = &kernel[rows.start * width..rows.end * width];
        let runs = match columns.len() == width {
            true => block.chunks(block.len().max(1)),
            false => block.chunks(width),
        };
        for run in runs {
            let kernel = match columns.len() == width {
                true => run,
                false => &run[columns.clone()],
            };
            arch.dispatch(Compare {
                kernel,
                extremes: &mut self.extremes,
            });
            if let Some(counts) = &mut self.counts {
                counts.add(kernel);
            }
        }
        let [third, fourth] = arch.dispatch(Tiles {
            kernel,
            width,
            rows,
            columns,
            sums: &mut self.sums,
        });
        self.powers[0] += third;
        self.powers[1] += fourth;
    }
}

/// Least and largest weights and zeros of some rows. It is no closure, since those are not always compiled with the instructions that
/// were chosen.
struct Compare<'k> {
    kernel: &'k [f32],
    extremes: &'k mut Extremes,
}

impl WithSimd for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.extremes.take(self.kernel);
    }
}

/// Some columns of some rows of a kernel, tile by tile.
struct Tiles<'k> {
    kernel: &'k [f32],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    sums: &'k mut KernelSums,
}

impl WithSimd for Tiles<'_> {
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
                // Rows that a last block lacks count nothing.
                wide[n_rows..].iter_mut().for_each(|wide| wide.fill(0.0));
                add_columns(simd, &wide, &mut sums.columns, first, n);
            }
        }
        powers
    }
}

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
    // Two of each, so that one addition need not wait for the last.
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
        let scan = Scan::of(kernel, shape, true);
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
                    match b.is_finite() {
                        true => close(*a, *b, scale, &what),
                        false => assert_eq!(a.to_string(), b.to_string(), "{what}"),
                    }
                }
            }
        }
    }

    #[test]
    fn one_pass_tells_what_two_do() {
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
    fn what_is_not_finite_goes_into_its_sums_and_is_counted() {
        for at in [0, 3, 255, 256, 700, 1027] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut kernel = weights(4 * 257, 0.1, 1.0);
                kernel[at] = bad;
                kernel[5] = 0.0;
                check(&kernel, KernelShape::dense(4, 257));
            }
        }
    }
}
