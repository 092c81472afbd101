//! Sums over the links of a sliding kernel without going through them: places that see the same taps form a class, and the
//! sum is taken once per class.

use std::collections::HashMap;

use cntflow_network::{Axis, Window};

use crate::Padding;

/// Taps that a place sees: `count` of them, evenly apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Taps {
    first: usize,
    step: usize,
    count: usize,
}

impl Taps {
    fn each(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |index| self.first + index * self.step)
    }
}

/// The places along one axis, sorted into classes that see the same taps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Classes {
    /// Class of every place.
    of: Vec<usize>,
    /// Taps of every class.
    taps: Vec<Taps>,
}

impl Classes {
    fn new(places: impl Iterator<Item = Taps>) -> Self {
        let mut known = HashMap::new();
        let mut taps = Vec::new();
        let class = |seen: Taps| {
            *known.entry(seen).or_insert_with(|| {
                taps.push(seen);
                taps.len() - 1
            })
        };
        let of = places.map(class).collect();
        Self { of, taps }
    }

    fn into_outputs(axis: Axis, padding: Padding) -> Self {
        Self::new((0..axis.output).map(|o| {
            let seen = match padding {
                Padding::Real => axis.taps_into(o),
                Padding::Whole => 0..axis.kernel,
            };
            Taps {
                first: seen.start,
                step: 1,
                count: seen.len(),
            }
        }))
    }

    fn from_inputs(axis: Axis) -> Self {
        Self::new((0..axis.input).map(|i| {
            let mut seen = axis.taps_from(i);
            Taps {
                count: seen.len(),
                first: seen.next().unwrap_or(0),
                step: axis.tap_step(),
            }
        }))
    }
}

/// For one side of a window, the taps that every place sees.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    rows: Classes,
    columns: Classes,
    kernel_columns: usize,
}

impl Positions {
    /// The taps that lead to every output.
    pub(crate) fn of_outputs(window: &Window, padding: Padding) -> Self {
        Self {
            rows: Classes::into_outputs(window.rows, padding),
            columns: Classes::into_outputs(window.columns, padding),
            kernel_columns: window.columns.kernel,
        }
    }

    /// The taps that lead from every input.
    pub(crate) fn of_inputs(window: &Window) -> Self {
        Self {
            rows: Classes::from_inputs(window.rows),
            columns: Classes::from_inputs(window.columns),
            kernel_columns: window.columns.kernel,
        }
    }

    /// Sums of what the places of each channel see: `[channels, taps]` to `[channels, rows, columns]`.
    pub(crate) fn spread(&self, totals: &[f64], taps: usize) -> Vec<f64> {
        let (n_rows, n_columns) = (self.rows.of.len(), self.columns.of.len());
        let mut sums = Vec::with_capacity(totals.len() / taps * n_rows * n_columns);
        for channel in totals.chunks_exact(taps) {
            let table: Vec<Vec<f64>> = self
                .rows
                .taps
                .iter()
                .map(|&t| self.row(channel, t))
                .collect();
            for &class in &self.rows.of {
                let row = &table[class];
                sums.extend(self.columns.of.iter().map(|&class| row[class]));
            }
        }
        sums
    }

    /// For places that see these rows of the kernel, the sum for every class of columns.
    fn row(&self, channel: &[f64], rows: Taps) -> Vec<f64> {
        let width = self.kernel_columns;
        let mut across = vec![0.0; width];
        for row in rows.each() {
            let line = &channel[row * width..][..width];
            across.iter_mut().zip(line).for_each(|(sum, w)| *sum += w);
        }
        let classes = self.columns.taps.iter();
        classes
            .map(|taps| taps.each().map(|tap| across[tap]).sum())
            .collect()
    }

    /// Number of taps that each place of one channel sees: `[rows, columns]`.
    pub(crate) fn counts(&self) -> Vec<f64> {
        let count = |classes: &Classes, class: usize| classes.taps[class].count as f64;
        let rows = self.rows.of.iter().map(|&class| count(&self.rows, class));
        rows.flat_map(|down| {
            let columns = self.columns.of.iter();
            columns.map(move |&class| down * count(&self.columns, class))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_edges_and_middle() {
        let axis = Axis::new(4, 3, 1, 1, 1).unwrap();
        let window = Window {
            rows: axis,
            columns: axis,
        };
        let taps: Vec<f64> = (0..9).map(|i| f64::from(1 << i)).collect();
        let real = Positions::of_outputs(&window, Padding::Real);
        let classes = real.rows.taps.iter().map(|taps| taps.each().collect());
        let classes: Vec<Vec<usize>> = classes.collect();
        assert_eq!(classes, [vec![1, 2], vec![0, 1, 2], vec![0, 1]]);
        let sums = real.spread(&taps, 9);
        assert_eq!(sums[0], 16.0 + 32.0 + 128.0 + 256.0);
        assert_eq!(sums[5], 511.0);
        assert_eq!(real.counts()[..2], [4.0, 6.0]);
        let whole = Positions::of_outputs(&window, Padding::Whole);
        assert_eq!(whole.spread(&taps, 9), [511.0; 16]);
    }
}
