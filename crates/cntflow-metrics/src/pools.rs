//! Strengths over the links of poolings, which have one weight each.

use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_network::{Axis, Links, Window, adaptive_window};

use crate::positions::Positions;
use crate::strengths::{LinkSums, Side};
use crate::{ConvGraph, MeasureOptions, Padding};

/// Sums over a pooling's links; nothing for other links.
pub(crate) fn sums(links: &Links, options: &MeasureOptions) -> LinkSums {
    match *links {
        Links::MaxPool2d { channels, window } => of_window(channels, &window, 1.0, options),
        Links::AveragePool2d {
            channels,
            window,
            counted,
        } => Means { window, counted }.sums(channels, options),
        Links::AdaptivePool {
            max,
            channels,
            input,
            output,
        } => {
            let adaptive = Adaptive { max, input, output };
            let [into, from] = match options.conv_graph {
                ConvGraph::Spatial => adaptive.sums().map(|one| one.repeat(channels)),
                // A channel's window summed: 1 of a mean, of a maximum as many links as windows have on average.
                ConvGraph::Channel => {
                    let weight = match max {
                        true => adaptive.n_links() as f64 / (output[0] * output[1]) as f64,
                        false => 1.0,
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

fn of_window(channels: usize, window: &Window, weight: f64, options: &MeasureOptions) -> LinkSums {
    match options.conv_graph {
        ConvGraph::Spatial => {
            let side = |positions: Positions| {
                let one: Vec<f64> = positions.counts().iter().map(|n| n * weight).collect();
                Side::each(one.repeat(channels))
            };
            LinkSums {
                into: side(Positions::of_outputs(window, options.padding)),
                from: side(Positions::of_inputs(window)),
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

/// An average pooling of one channel: its windows, and the same over the places that the mean counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    pub(crate) window: Window,
    pub(crate) counted: Window,
}

/// Number of places that a window's mean counts along one axis, and the taps of all windows that count as many.
type Sizes = BTreeMap<usize, u64>;

impl Means {
    /// Every weight there is, with the number of links that have it.
    pub(crate) fn weights(&self, options: &MeasureOptions) -> Vec<(f64, u64)> {
        if options.conv_graph == ConvGraph::Channel {
            return vec![(1.0, 1)];
        }
        let seen = self.led_in(options.padding);
        let rows = sizes(seen.rows, self.counted.rows);
        let columns = sizes(seen.columns, self.counted.columns);
        let mut weights = BTreeMap::new();
        for (size, links) in rows {
            for (&across, n) in &columns {
                *weights.entry(size * across).or_insert(0) += links * n;
            }
        }
        let weights = weights.into_iter();
        weights.map(|(size, n)| (1.0 / size as f64, n)).collect()
    }

    /// Windows whose taps have links: padding has where it is whole and the mean counts it.
    fn led_in(&self, padding: Padding) -> Window {
        match padding {
            Padding::Real => self.window,
            Padding::Whole => self.counted,
        }
    }

    fn sums(&self, channels: usize, options: &MeasureOptions) -> LinkSums {
        let alike = self.counted.is_whole();
        if alike || options.conv_graph == ConvGraph::Channel {
            let weight = 1.0 / self.window.taps() as f64;
            return of_window(channels, &self.window, weight, options);
        }
        let seen = self.led_in(options.padding);
        let rows = along(seen.rows, self.window.rows, self.counted.rows);
        let columns = along(seen.columns, self.window.columns, self.counted.columns);
        let [into, from] = [0, 1].map(|side| products(&rows[side], &columns[side]));
        LinkSums {
            into: Side::each(into.repeat(channels)),
            from: Side::each(from.repeat(channels)),
        }
    }
}

fn sizes(seen: Axis, counted: Axis) -> Sizes {
    let mut sizes = Sizes::new();
    for o in 0..counted.output {
        let links = seen.taps_into(o).len() as u64;
        *sizes.entry(counted.taps_into(o).len()).or_default() += links;
    }
    sizes
}

/// Sums of the weights along one axis that lead to every output, and from every real input.
fn along(seen: Axis, real: Axis, counted: Axis) -> [Vec<f64>; 2] {
    let mut into = Vec::with_capacity(real.output);
    let mut from = vec![0.0; real.input];
    for o in 0..real.output {
        let size = counted.taps_into(o).len() as f64;
        into.push(seen.taps_into(o).len() as f64 / size);
        for tap in real.taps_into(o) {
            from[real.place(o, tap)] += 1.0 / size;
        }
    }
    [into, from]
}

/// A weight is a product over the two axes, and so are sums of them: `[rows, columns]`.
fn products(rows: &[f64], columns: &[f64]) -> Vec<f64> {
    let products = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| row * column));
    products.collect()
}

/// An adaptive pooling of one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adaptive {
    pub(crate) max: bool,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Adaptive {
    fn windows(&self, axis: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let (input, output) = (self.input[axis], self.output[axis]);
        (0..output).map(move |o| adaptive_window(input, output, o))
    }

    /// Number of its links.
    pub(crate) fn n_links(&self) -> u64 {
        let along = |axis| self.windows(axis).map(|window| window.len() as u64);
        along(0).sum::<u64>() * along(1).sum::<u64>()
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
        let axes = [self.along(0), self.along(1)];
        [0, 1].map(|side| products(&axes[0][side], &axes[1][side]))
    }

    fn along(&self, axis: usize) -> [Vec<f64>; 2] {
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

/// Number of links of a pooling of windows.
pub(crate) fn n_links(channels: usize, window: &Window, options: &MeasureOptions) -> u64 {
    let each = match (options.conv_graph, options.padding) {
        (ConvGraph::Channel, _) => 1,
        (ConvGraph::Spatial, Padding::Real) => window.n_applied(),
        (ConvGraph::Spatial, Padding::Whole) => (window.outputs() * window.taps()) as u64,
    };
    each * channels as u64
}
