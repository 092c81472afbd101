//! Convolution as a matrix product, and its transpose, for one input at a time.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::{Real, Window};

/// Values of patches in memory at a time: 32 MiB in f64. One row of outputs is always made whole,
/// however large.
pub(crate) const PATCH_VALUES: usize = 1 << 22;

/// Convolution of one group of channels. The patches of some rows of outputs make a row-major
/// matrix `[channels * taps, outputs]`, which is multiplied by the kernel.
pub(crate) struct Convolution<T> {
    window: Window,
    /// Rows of the matrix: `channels * taps`.
    depth: usize,
    /// Rows of outputs at a time.
    rows: usize,
    patches: Vec<T>,
}

impl<T: Real> Convolution<T> {
    /// For inputs of `channels` channels. Patches take `values` values at most, but always hold one
    /// row of outputs.
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

    /// Input `[channels, rows, columns]`, kernel `[filters, channels * taps]`, output
    /// `[filters, rows, columns]`.
    pub(crate) fn apply(&mut self, input: &[T], kernel: &[T], output: &mut [T]) {
        let n_rows = self.window.rows.output;
        for first in (0..n_rows).step_by(self.rows) {
            let rows = first..(first + self.rows).min(n_rows);
            // `fill` writes no padding, which must be 0. If one block holds all rows, it stays 0
            // from the start. Else the block before has left values there.
            if self.rows < n_rows {
                self.patches.fill(T::default());
            }
            self.fill(input, rows.clone());
            self.multiply(kernel, output, rows);
        }
    }

    /// Writes the patches of some rows of outputs.
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

    /// Multiplies the patches by the kernel, into some rows of the output.
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

/// Writes what one tap sees of one channel, from some rows of outputs, to a row of the patches.
fn fill_tap<T: Real>(
    window: Window,
    channel: &[T],
    patch: &mut [T],
    [row_tap, column_tap]: [usize; 2],
    output_rows: Range<usize>,
) {
    let Window { rows, columns } = window;
    let across = columns.outputs_of_tap(column_tap);
    let down = rows.outputs_of_tap(row_tap);
    if across.is_empty() {
        return;
    }
    let first = columns.input_index(across.start, column_tap);
    for row in down.start.max(output_rows.start)..down.end.min(output_rows.end) {
        let input = &channel[rows.input_index(row, row_tap) * columns.input..][..columns.input];
        let line = &mut patch[(row - output_rows.start) * columns.output..];
        let output = &mut line[across.clone()];
        if columns.stride == 1 {
            output.copy_from_slice(&input[first..][..output.len()]);
        } else {
            let inputs = input[first..].iter().step_by(columns.stride);
            output.iter_mut().zip(inputs).for_each(|(out, &z)| *out = z);
        }
    }
}

/// Transposed convolution of one group of channels. A product gives what some rows of inputs add to
/// the outputs through every tap; `scatter` adds it there.
pub(crate) struct TransposedConvolution<T> {
    window: Window,
    filters: usize,
    rows: usize,
    patches: Vec<T>,
}

impl<T: Real> TransposedConvolution<T> {
    /// For outputs of `filters` channels. Patches take `values` values at most, but always hold one
    /// row of inputs.
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

    /// Input `[channels, rows, columns]`, kernel `[channels, filters * taps]`, output `[filters,
    /// rows, columns]`. The window is that of the convolution that this one transposes: its outputs
    /// are these inputs.
    pub(crate) fn apply(&mut self, input: &[T], kernel: &[T], output: &mut [T]) {
        let depth = self.filters * self.window.taps();
        let (positions, n_rows) = (self.window.outputs(), self.window.rows.output);
        let width = self.window.columns.output;
        let channels = input.len() / positions;
        output.fill(T::default());
        for first in (0..n_rows).step_by(self.rows) {
            let rows = first..(first + self.rows).min(n_rows);
            let size = rows.len() * width;
            let inputs = MatRef::from_row_major_slice(input, channels, positions);
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

    /// Adds the patches of some rows of inputs to the outputs.
    fn scatter(&self, output: &mut [T], input_rows: Range<usize>) {
        let Window { rows, columns } = self.window;
        let size = input_rows.len() * columns.output;
        let mut patches = self.patches.chunks_exact(size);
        for filter in output.chunks_exact_mut(self.window.inputs()) {
            for tap in 0..self.window.taps() {
                let Some(patch) = patches.next() else { return };
                let [row_tap, column_tap] = [tap / columns.kernel, tap % columns.kernel];
                let (down, across) = (
                    rows.outputs_of_tap(row_tap),
                    columns.outputs_of_tap(column_tap),
                );
                for row in down.start.max(input_rows.start)..down.end.min(input_rows.end) {
                    let line = &mut filter[rows.input_index(row, row_tap) * columns.input..]
                        [..columns.input];
                    let patch_row = &patch[(row - input_rows.start) * columns.output..];
                    let added = &patch_row[across.clone()];
                    for (x, column) in added.iter().zip(across.clone()) {
                        line[columns.input_index(column, column_tap)] += *x;
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
    fn blocks_of_rows_give_the_same_as_all_rows_at_once() {
        let window = Window {
            rows: Axis::new(7, 3, 2, 2, 1).unwrap(),
            columns: Axis::new(5, 2, 1, 1, 2).unwrap(),
        };
        let ramp = |n: usize| -> Vec<f64> { (0..n).map(|i| ((i * 37) % 11) as f64).collect() };
        let (input, kernel) = (ramp(2 * 35), ramp(3 * 2 * 6));
        let outputs = [1, 100, 1 << 20].map(|values| {
            let mut output = vec![f64::NAN; 3 * window.outputs()];
            let mut convolution = Convolution::new(window, 2, values);
            (0..2).for_each(|_| convolution.apply(&input, &kernel, &mut output));
            output
        });
        assert!(outputs[0].iter().all(|x| x.is_finite()));
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(outputs[0], outputs[2]);
    }
}
