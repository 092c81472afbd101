//! Sums over the links of a sliding kernel without visiting each link: positions that see the same
//! taps form a class, and the sum is taken once per class.
//!
//! Away from the borders all positions see all taps, so there are few classes however large the
//! image.

use std::collections::HashMap;

use cntflow_network::{Axis, Window};

use crate::Padding;

/// Taps that a position sees: `count` of them, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Taps {
    first: usize,
    step: usize,
    count: usize,
}

impl Taps {
    fn iter(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |index| self.first + index * self.step)
    }
}

/// The positions along one axis, in classes that see the same taps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Classes {
    /// Class of every position.
    of_positions: Vec<usize>,
    /// Taps of every class.
    taps: Vec<Taps>,
}

impl Classes {
    /// `positions` gives the taps that each position sees.
    fn new(positions: impl Iterator<Item = Taps>) -> Self {
        let mut class_of_taps = HashMap::new();
        let mut taps = Vec::new();
        let class = |taps_of_position: Taps| {
            *class_of_taps.entry(taps_of_position).or_insert_with(|| {
                taps.push(taps_of_position);
                taps.len() - 1
            })
        };
        let of_positions = positions.map(class).collect();
        Self { of_positions, taps }
    }

    /// Classes of the outputs.
    fn of_outputs(axis: Axis, padding: Padding) -> Self {
        Self::new((0..axis.output).map(|o| {
            let taps = match padding {
                Padding::Real => axis.taps_of_output(o),
                Padding::Whole => 0..axis.kernel,
            };
            Taps {
                first: taps.start,
                step: 1,
                count: taps.len(),
            }
        }))
    }

    /// Classes of the real inputs.
    fn of_inputs(axis: Axis) -> Self {
        Self::new((0..axis.input).map(|i| {
            let mut taps = axis.taps_of_input(i);
            Taps {
                count: taps.len(),
                first: taps.next().unwrap_or(0),
                step: axis.tap_step(),
            }
        }))
    }
}

/// For one side of a window, the taps that every position sees.
#[derive(Clone, Debug)]
pub(crate) struct TapClasses {
    rows: Classes,
    columns: Classes,
    kernel_columns: usize,
}

impl TapClasses {
    /// The taps that lead to every output.
    pub(crate) fn of_outputs(window: &Window, padding: Padding) -> Self {
        Self {
            rows: Classes::of_outputs(window.rows, padding),
            columns: Classes::of_outputs(window.columns, padding),
            kernel_columns: window.columns.kernel,
        }
    }

    /// The taps that lead from every input.
    pub(crate) fn of_inputs(window: &Window) -> Self {
        Self {
            rows: Classes::of_inputs(window.rows),
            columns: Classes::of_inputs(window.columns),
            kernel_columns: window.columns.kernel,
        }
    }

    /// Sums over the taps that each position sees: `[channels, taps]` to
    /// `[channels, rows, columns]`.
    pub(crate) fn sum_at_positions(&self, tap_sums: &[f64], n_taps: usize) -> Vec<f64> {
        let [n_rows, n_columns] = [&self.rows, &self.columns].map(|axis| axis.of_positions.len());
        let mut sums = Vec::with_capacity(tap_sums.len() / n_taps * n_rows * n_columns);
        for channel in tap_sums.chunks_exact(n_taps) {
            let row_classes = self.rows.taps.iter();
            let table: Vec<Vec<f64>> = row_classes
                .map(|&taps| self.sums_of_column_classes(channel, taps))
                .collect();
            for &row_class in &self.rows.of_positions {
                let row = &table[row_class];
                sums.extend(self.columns.of_positions.iter().map(|&class| row[class]));
            }
        }
        sums
    }

    /// The sum for every class of columns, at a position that sees these rows of the kernel.
    fn sums_of_column_classes(&self, channel: &[f64], rows: Taps) -> Vec<f64> {
        let width = self.kernel_columns;
        let mut over_rows = vec![0.0; width];
        for row in rows.iter() {
            let line = &channel[row * width..][..width];
            over_rows
                .iter_mut()
                .zip(line)
                .for_each(|(sum, w)| *sum += w);
        }
        let classes = self.columns.taps.iter();
        classes
            .map(|taps| taps.iter().map(|tap| over_rows[tap]).sum())
            .collect()
    }

    /// Number of taps that each position of one channel sees: `[rows, columns]`.
    pub(crate) fn counts(&self) -> Vec<f64> {
        let count = |classes: &Classes, class: usize| classes.taps[class].count as f64;
        let rows = self.rows.of_positions.iter();
        rows.flat_map(|&row_class| {
            let in_rows = count(&self.rows, row_class);
            let columns = self.columns.of_positions.iter();
            columns.map(move |&class| in_rows * count(&self.columns, class))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_edges_and_middle_see_their_taps() {
        let axis = Axis::new(4, 3, 1, 1, 1).unwrap();
        let window = Window {
            rows: axis,
            columns: axis,
        };
        let taps: Vec<f64> = (0..9).map(|i| f64::from(1 << i)).collect();
        let real = TapClasses::of_outputs(&window, Padding::Real);
        let classes = real.rows.taps.iter().map(|taps| taps.iter().collect());
        let classes: Vec<Vec<usize>> = classes.collect();
        assert_eq!(classes, [vec![1, 2], vec![0, 1, 2], vec![0, 1]]);
        let sums = real.sum_at_positions(&taps, 9);
        assert_eq!(sums[0], 16.0 + 32.0 + 128.0 + 256.0);
        assert_eq!(sums[5], 511.0);
        assert_eq!(real.counts()[..2], [4.0, 6.0]);
        let whole = TapClasses::of_outputs(&window, Padding::Whole);
        assert_eq!(whole.sum_at_positions(&taps, 9), [511.0; 16]);
    }
}
