//! Numbers of one kernel: sums over its rows and columns here, one pass for sums and moments in
//! `scan`, and how far the sums fluctuate in `fluctuation`.

mod fluctuation;
mod scan;

pub(crate) use fluctuation::{NormalisedFluctuation, correlation};
pub(crate) use scan::KernelScan;

use cntflow_network::Links;

/// Sums of w, |w| and w^2 over a kernel `[n_rows, row_channels, taps]`. A dense kernel has one tap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KernelSums {
    /// For each output and tap, over the inputs of that output: `[n_rows, taps]`.
    pub(crate) rows: Totals,
    /// For each input (of each group) and tap, over the outputs of its group:
    /// `[groups * row_channels, taps]`.
    pub(crate) columns: Totals,
}

/// Sums of w, |w| and w^2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Totals {
    pub(crate) sum: Vec<f64>,
    pub(crate) abs: Vec<f64>,
    pub(crate) square: Vec<f64>,
}

/// Sizes of a kernel `[n_rows, row_channels, taps]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelShape {
    pub(crate) n_rows: usize,
    pub(crate) row_channels: usize,
    pub(crate) taps: usize,
    pub(crate) groups: usize,
}

impl KernelShape {
    /// A dense kernel `[n_rows, n_columns]`.
    pub(crate) fn dense(n_rows: usize, n_columns: usize) -> Self {
        Self {
            n_rows,
            row_channels: n_columns,
            taps: 1,
            groups: 1,
        }
    }

    /// Sizes of the kernel of links as it is in memory.
    ///
    /// A row belongs to an output. Only in a transposed convolution it belongs to an input channel,
    /// and in an embedding to a token. `None` for links without a kernel of rows and columns.
    pub(crate) fn of_links(links: &Links) -> Option<Self> {
        match *links {
            Links::Dense { n_in, n_out } => Some(Self::dense(n_out, n_in)),
            Links::Embedding { tokens, units } => Some(Self::dense(tokens, units)),
            Links::Conv2d {
                channels,
                filters,
                groups,
                window,
            } => Some(Self {
                n_rows: filters,
                row_channels: channels / groups,
                taps: window.taps(),
                groups,
            }),
            Links::ConvTranspose2d {
                channels,
                filters,
                groups,
                window,
            } => Some(Self {
                n_rows: channels,
                row_channels: filters / groups,
                taps: window.taps(),
                groups,
            }),
            _ => None,
        }
    }
}

impl Totals {
    fn zeros(n: usize) -> Self {
        Self {
            sum: vec![0.0; n],
            abs: vec![0.0; n],
            square: vec![0.0; n],
        }
    }

    /// Sums over the taps: `[n, taps]` to `[n]`.
    pub(crate) fn over_taps(&self, taps: usize) -> Self {
        let over = |values: &[f64]| values.chunks(taps).map(|run| run.iter().sum()).collect();
        Self {
            sum: over(&self.sum),
            abs: over(&self.abs),
            square: over(&self.square),
        }
    }
}

impl KernelSums {
    /// Sums that are all 0.
    pub(crate) fn zeros(shape: KernelShape) -> Self {
        Self {
            rows: Totals::zeros(shape.n_rows * shape.taps),
            columns: Totals::zeros(shape.groups * shape.row_channels * shape.taps),
        }
    }

    /// Sums of a kernel of any shape. NaN and infinities go into the sums of their row and column.
    pub(crate) fn of<T: Copy + Into<f64>>(kernel: &[T], shape: KernelShape) -> Self {
        let KernelShape {
            n_rows,
            row_channels,
            taps,
            groups,
        } = shape;
        let width = row_channels * taps;
        let mut rows = Totals::zeros(n_rows * taps);
        let mut columns = Totals::zeros(groups * width);
        let outputs_per_group = n_rows / groups;
        for (group, kernel) in kernel.chunks_exact(outputs_per_group * width).enumerate() {
            for rows in kernel.chunks(ROWS * width) {
                add_rows(rows, width, &mut columns, group * width);
            }
        }
        for (output, row) in kernel.chunks_exact(width).enumerate() {
            for taps_of_input in row.chunks_exact(taps) {
                add_row(taps_of_input, &mut rows, output * taps);
            }
        }
        Self { rows, columns }
    }
}

/// Rows of a kernel that are added to the columns' sums together, so that the sums are read and
/// written less often.
const ROWS: usize = 4;

/// Adds up to [`ROWS`] rows of `width` to the sums from `first` on.
fn add_rows<T: Copy + Into<f64>>(block: &[T], width: usize, columns: &mut Totals, first: usize) {
    if block.len() < ROWS * width {
        let rows = block.chunks_exact(width);
        return rows.for_each(|row| add_row(row, columns, first));
    }
    let (a, rest) = block.split_at(width);
    let (b, rest) = rest.split_at(width);
    let (c, d) = rest.split_at(width);
    let sums = &mut columns.sum[first..][..width];
    let abs = &mut columns.abs[first..][..width];
    let squares = &mut columns.square[first..][..width];
    // Known lengths spare the loop its bounds checks.
    let d = &d[..width];
    for i in 0..width {
        let [a, b, c, d]: [f64; ROWS] = [a[i].into(), b[i].into(), c[i].into(), d[i].into()];
        sums[i] += (a + b) + (c + d);
        abs[i] += (a.abs() + b.abs()) + (c.abs() + d.abs());
        squares[i] += (a * a + b * b) + (c * c + d * d);
    }
}

/// Adds a row to the sums from `first` on.
fn add_row<T: Copy + Into<f64>>(row: &[T], columns: &mut Totals, first: usize) {
    let sums = &mut columns.sum[first..][..row.len()];
    let abs = &mut columns.abs[first..][..row.len()];
    let squares = &mut columns.square[first..][..row.len()];
    let totals = sums.iter_mut().zip(abs).zip(squares);
    for (&w, ((sum, abs), square)) in row.iter().zip(totals) {
        let w = w.into();
        *sum += w;
        *abs += w.abs();
        *square += w * w;
    }
}

/// The kernel summed over its taps: `[n_rows, row_channels, taps]` to `[n_rows, row_channels]`.
pub(crate) fn sum_over_taps<T: Copy + Into<f64>>(kernel: &[T], taps: usize) -> Vec<f64> {
    let sums = kernel
        .chunks_exact(taps)
        .map(|run| run.iter().map(|&w| w.into()).sum());
    sums.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grouped_kernel_by_hand() {
        // Two groups of one filter over one channel, two taps: [[1, -2]], [[3, 4]].
        let shape = KernelShape {
            n_rows: 2,
            row_channels: 1,
            taps: 2,
            groups: 2,
        };
        let sums = KernelSums::of(&[1.0_f32, -2.0, 3.0, 4.0], shape);
        assert_eq!(sums.rows, sums.columns);
        assert_eq!(sums.rows.sum, [1.0, -2.0, 3.0, 4.0]);
        assert_eq!(sums.rows.over_taps(2).sum, [-1.0, 7.0]);
        assert_eq!(sums.rows.over_taps(2).square, [5.0, 25.0]);
    }

    #[test]
    fn a_dense_kernel_by_hand() {
        let sums = KernelSums::of(&[1.0_f32, -2.0, 3.0, 4.0], KernelShape::dense(2, 2));
        assert_eq!(sums.rows.sum, [-1.0, 7.0]);
        assert_eq!(sums.columns.sum, [4.0, 2.0]);
        assert_eq!(sums.columns.abs, [4.0, 6.0]);
    }
}
