//! Convolution as a matrix product, and its transpose, of one input at a time.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::{Real, Window};

/// Values of patches made at a time: 32 MiB in f64. One row of outputs is made whole, however large.
pub(crate) const PATCH_VALUES: usize = 1 << 22;

/// Convolution of one group of channels: the patches of some rows of outputs as a matrix `[channels * taps, outputs]`, row-major,
/// times the kernel.
pub(crate) struct Convolution<T> {
    window: Window,
    depth: usize,
    rows: usize,
    patches: Vec<T>,
}

impl<T: Real> Convolution<T> {
    /// Over `channels` channels, with room for `values` values of patches, or one row of outputs.
    pub(crate) fn new(window: Window, channels: usize, values: usize) -> Self {
        let depth = channels * window.taps();
        let row = depth * window.columns.output;
        let rows = (values / row).clamp(1, window.rows.output);
        Self {
            window,
            depth,
            rows,
            patches: vec![T::default(); rows * row],
        }
    }

    /// Input `[channels, rows, columns]`, kernel `[filters, channels * taps]`, output `[filters, rows, columns]`.
    pub(crate) fn apply(&mut self, input: &[T], kernel: &[T], output: &mut [T]) {
        let n_rows = self.window.rows.output;
        for first in (0..n_rows).step_by(self.rows) {
            let rows = first..(first + self.rows).min(n_rows);
            // With all rows at once, places in the padding are the same every time, and zero from the start.
            if self.rows < n_rows {
                self.patches.fill(T::default());
            }
            self.fill(input, rows.clone());
            self.multiply(kernel, output, rows);
        }
    }

    fn fill(&mut self, input: &[T], rows: Range<usize>) {
        let (window, size) = (self.window, rows.len() * self.window.columns.output);
        let mut patches = self.patches.chunks_exact_mut(size);
        for channel in input.chunks_exact(window.inputs()) {
            for tap in 0..window.taps() {
                let taps = [tap / window.columns.kernel, tap % window.columns.kernel];
                if let Some(patch) = patches.next() {
                    fill_tap(window, channel, patch, taps, rows.clone());
                }
            }
        }
    }

    fn multiply(&self, kernel: &[T], output: &mut [T], rows: Range<usize>) {
        let (outputs, depth) = (self.window.outputs(), self.depth);
        let filters = output.len() / outputs;
        let (first, n) = (
            rows.start * self.window.columns.output,
            rows.len() * self.window.columns.output,
        );
        let output = MatMut::from_row_major_slice_mut(output, filters, outputs);
        matmul(
            output.subcols_mut(first, n),
            Accum::Replace,
            MatRef::from_row_major_slice(kernel, filters, depth),
            MatRef::from_row_major_slice(&self.patches[..depth * n], depth, n),
            T::from_f64(1.0),
            Par::Seq,
        );
    }
}

/// What one tap sees of one channel from these rows of outputs, into a row of the patches.
fn fill_tap<T: Real>(
    window: Window,
    channel: &[T],
    patch: &mut [T],
    [row_tap, column_tap]: [usize; 2],
    made: Range<usize>,
) {
    let Window { rows, columns } = window;
    let across = columns.outputs_of(column_tap);
    let down = rows.outputs_of(row_tap);
    if across.is_empty() {
        return;
    }
    let first = columns.place(across.start, column_tap);
    for row in down.start.max(made.start)..down.end.min(made.end) {
        let input = &channel[rows.place(row, row_tap) * columns.input..][..columns.input];
        let line = &mut patch[(row - made.start) * columns.output..];
        let output = &mut line[across.clone()];
        if columns.stride == 1 {
            output.copy_from_slice(&input[first..][..output.len()]);
        } else {
            let seen = input[first..].iter().step_by(columns.stride);
            output.iter_mut().zip(seen).for_each(|(out, &z)| *out = z);
        }
    }
}

/// A transposed convolution of one group of channels: a product makes what every tap brings to the outputs of some rows of inputs,
/// which is then added where it belongs.
pub(crate) struct Transpose<T> {
    window: Window,
    filters: usize,
    rows: usize,
    patches: Vec<T>,
}

impl<T: Real> Transpose<T> {
    /// To `filters` filters, with room for `values` values of patches, or one row of inputs.
    pub(crate) fn new(window: Window, filters: usize, values: usize) -> Self {
        let row = filters * window.taps() * window.columns.output;
        let rows = (values / row).clamp(1, window.rows.output);
        Self {
            window,
            filters,
            rows,
            patches: vec![T::default(); rows * row],
        }
    }

    /// Input `[channels, rows, columns]`, kernel `[channels, filters * taps]`, output `[filters, rows, columns]`, which holds zeros
    /// at first. The window is that of the convolution the other way.
    pub(crate) fn apply(&mut self, input: &[T], kernel: &[T], output: &mut [T]) {
        let depth = self.filters * self.window.taps();
        let (places, n_rows) = (self.window.outputs(), self.window.rows.output);
        let width = self.window.columns.output;
        let channels = input.len() / places;
        output.fill(T::default());
        for first in (0..n_rows).step_by(self.rows) {
            let rows = first..(first + self.rows).min(n_rows);
            let size = rows.len() * width;
            let inputs = MatRef::from_row_major_slice(input, channels, places);
            matmul(
                MatMut::from_row_major_slice_mut(&mut self.patches[..depth * size], depth, size),
                Accum::Replace,
                MatRef::from_row_major_slice(kernel, channels, depth).transpose(),
                inputs.subcols(rows.start * width, size),
                T::from_f64(1.0),
                Par::Seq,
            );
            self.scatter(output, rows);
        }
    }

    fn scatter(&self, output: &mut [T], made: Range<usize>) {
        let Window { rows, columns } = self.window;
        let size = made.len() * columns.output;
        let mut patches = self.patches.chunks_exact(size);
        for filter in output.chunks_exact_mut(self.window.inputs()) {
            for tap in 0..self.window.taps() {
                let Some(patch) = patches.next() else { return };
                let [row_tap, column_tap] = [tap / columns.kernel, tap % columns.kernel];
                let (down, across) = (rows.outputs_of(row_tap), columns.outputs_of(column_tap));
                for row in down.start.max(made.start)..down.end.min(made.end) {
                    let line =
                        &mut filter[rows.place(row, row_tap) * columns.input..][..columns.input];
                    let brought = &patch[(row - made.start) * columns.output..][across.clone()];
                    for (x, column) in brought.iter().zip(across.clone()) {
                        line[columns.place(column, column_tap)] += *x;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Axis;

    #[test]
    fn rows_of_outputs_in_blocks_are_the_same() {
        let window = Window {
            rows: Axis::new(7, 3, 2, 2, 1).unwrap(),
            columns: Axis::new(5, 2, 1, 1, 2).unwrap(),
        };
        let values = |n: usize| -> Vec<f64> { (0..n).map(|i| ((i * 37) % 11) as f64).collect() };
        let (input, kernel) = (values(2 * 35), values(3 * 2 * 6));
        let outputs = [1, 100, 1 << 20].map(|most| {
            let mut output = vec![f64::NAN; 3 * window.outputs()];
            let mut convolution = Convolution::new(window, 2, most);
            (0..2).for_each(|_| convolution.apply(&input, &kernel, &mut output));
            output
        });
        assert!(outputs[0].iter().all(|x| x.is_finite()));
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(outputs[0], outputs[2]);
    }
}
