//! Strengths over the links of poolings. Each window of a pooling has one weight for all its links.

use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_network::{Axis, Links, Window, adaptive_window};

use super::tap_classes::TapClasses;
use super::{LinkSums, Side};
use crate::{ConvGraph, MeasureOptions, Padding};

/// Sums over a pooling's links; nothing for other links.
pub(super) fn pool_sums(links: &Links, options: &MeasureOptions) -> LinkSums {
    match *links {
        Links::MaxPool2d { channels, window } => of_window(channels, &window, 1.0, options),
        Links::AveragePool2d {
            channels,
            window,
            counted,
        } => AveragePool { window, counted }.sums(channels, options),
        Links::AdaptivePool {
            max,
            channels,
            input,
            output,
        } => {
            let pool = AdaptivePool { max, input, output };
            let [into, from] = match options.conv_graph {
                ConvGraph::Spatial => pool.sums().map(|channel| channel.repeat(channels)),
                // The window summed: 1 for a mean; for a maximum the average size of a window.
                ConvGraph::Channel => {
                    let weight = if max {
                        pool.n_links() as f64 / (output[0] * output[1]) as f64
                    } else {
                        1.0
                    };
                    [vec![weight; channels], vec![weight; channels]]
                }
            };
            LinkSums {
                into: Side::each(into),
                from: Side::each(from),
            }
        }
        _ => LinkSums {
            into: Side::default(),
            from: Side::default(),
        },
    }
}

/// Sums over a pooling whose links all have one weight.
fn of_window(channels: usize, window: &Window, weight: f64, options: &MeasureOptions) -> LinkSums {
    match options.conv_graph {
        ConvGraph::Spatial => {
            let side = |classes: TapClasses| {
                let counts = classes.counts();
                let channel: Vec<f64> = counts.iter().map(|n| n * weight).collect();
                Side::each(channel.repeat(channels))
            };
            LinkSums {
                into: side(TapClasses::of_outputs(window, options.padding)),
                from: side(TapClasses::of_inputs(window)),
            }
        }
        ConvGraph::Channel => {
            let side = Side::constant(weight * window.taps() as f64, channels);
            LinkSums {
                into: side.clone(),
                from: side,
            }
        }
    }
}

/// An average pooling of one channel: its windows, and the same windows over the positions that the
/// mean counts, where padding may be an input like any other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AveragePool {
    pub(crate) window: Window,
    pub(crate) counted: Window,
}

/// Along one axis: the number of links into means that count n positions, for every n that occurs.
type LinksBySize = BTreeMap<usize, u64>;

impl AveragePool {
    /// Every weight there is, with the number of links that have it.
    pub(crate) fn weights(&self, options: &MeasureOptions) -> Vec<(f64, u64)> {
        if options.conv_graph == ConvGraph::Channel {
            return vec![(1.0, 1)];
        }
        let linked = self.linked_window(options.padding);
        let rows = links_by_size(linked.rows, self.counted.rows);
        let columns = links_by_size(linked.columns, self.counted.columns);
        // Sizes and numbers of links multiply over the two axes.
        let mut by_area = BTreeMap::new();
        for (height, links_along_rows) in rows {
            for (&width, links_along_columns) in &columns {
                let n_links = links_along_rows * links_along_columns;
                *by_area.entry(height * width).or_insert(0) += n_links;
            }
        }
        let weights = by_area.into_iter();
        weights.map(|(area, n)| (1.0 / area as f64, n)).collect()
    }

    /// The windows whose taps are links. Taps that see padding are links only with `padding =
    /// "whole"`, and only if the mean counts padding.
    fn linked_window(&self, padding: Padding) -> Window {
        match padding {
            Padding::Real => self.window,
            Padding::Whole => self.counted,
        }
    }

    fn sums(&self, channels: usize, options: &MeasureOptions) -> LinkSums {
        // If every window counts all its taps, all links have the same weight.
        if self.counted.is_unpadded() || options.conv_graph == ConvGraph::Channel {
            let weight = 1.0 / self.window.taps() as f64;
            return of_window(channels, &self.window, weight, options);
        }
        let linked = self.linked_window(options.padding);
        let rows = sums_along(linked.rows, self.window.rows, self.counted.rows);
        let columns = sums_along(linked.columns, self.window.columns, self.counted.columns);
        let [into, from] = [0, 1].map(|side| products(&rows[side], &columns[side]));
        LinkSums {
            into: Side::each(into.repeat(channels)),
            from: Side::each(from.repeat(channels)),
        }
    }
}

fn links_by_size(linked: Axis, counted: Axis) -> LinksBySize {
    let mut links_by_size = LinksBySize::new();
    for o in 0..counted.output {
        let n_links = linked.taps_of_output(o).len() as u64;
        let size = counted.taps_of_output(o).len();
        *links_by_size.entry(size).or_default() += n_links;
    }
    links_by_size
}

/// Sums of the weights along one axis that lead to every output, and from every real input.
fn sums_along(linked: Axis, real: Axis, counted: Axis) -> [Vec<f64>; 2] {
    let mut into = Vec::with_capacity(real.output);
    let mut from = vec![0.0; real.input];
    for o in 0..real.output {
        let size = counted.taps_of_output(o).len() as f64;
        into.push(linked.taps_of_output(o).len() as f64 / size);
        for tap in real.taps_of_output(o) {
            from[real.input_index(o, tap)] += 1.0 / size;
        }
    }
    [into, from]
}

/// Products of all pairs: `[rows, columns]`. A weight is a product over the two axes, and so is a
/// sum of weights.
fn products(rows: &[f64], columns: &[f64]) -> Vec<f64> {
    let products = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| row * column));
    products.collect()
}

/// An adaptive pooling of one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdaptivePool {
    pub(crate) max: bool,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl AdaptivePool {
    /// The windows along one axis.
    fn windows(&self, axis: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let (input, output) = (self.input[axis], self.output[axis]);
        (0..output).map(move |o| adaptive_window(input, output, o))
    }

    /// Number of links.
    pub(crate) fn n_links(&self) -> u64 {
        let sizes = |axis| self.windows(axis).map(|window| window.len() as u64);
        sizes(0).sum::<u64>() * sizes(1).sum::<u64>()
    }

    /// Every weight there is, with the number of links that have it.
    pub(crate) fn weights(&self) -> Vec<(f64, u64)> {
        let mut weights = Vec::new();
        for rows in self.windows(0) {
            for columns in self.windows(1) {
                let n = rows.len() * columns.len();
                weights.push((1.0 / n as f64, n as u64));
            }
        }
        weights
    }

    /// Sums over the links that lead to every output, and from every input.
    fn sums(&self) -> [Vec<f64>; 2] {
        let axes = [self.sums_along(0), self.sums_along(1)];
        [0, 1].map(|side| products(&axes[0][side], &axes[1][side]))
    }

    fn sums_along(&self, axis: usize) -> [Vec<f64>; 2] {
        let mut into = Vec::new();
        let mut from = vec![0.0; self.input[axis]];
        for window in self.windows(axis) {
            let weight = if self.max {
                1.0
            } else {
                1.0 / window.len() as f64
            };
            into.push(weight * window.len() as f64);
            from[window].iter_mut().for_each(|sum| *sum += weight);
        }
        [into, from]
    }
}

/// Number of links of a max pooling.
pub(crate) fn n_max_pool_links(channels: usize, window: &Window, options: &MeasureOptions) -> u64 {
    let per_channel = match (options.conv_graph, options.padding) {
        (ConvGraph::Channel, _) => 1,
        (ConvGraph::Spatial, Padding::Real) => window.n_connections(),
        (ConvGraph::Spatial, Padding::Whole) => (window.outputs() * window.taps()) as u64,
    };
    per_channel * channels as u64
}
