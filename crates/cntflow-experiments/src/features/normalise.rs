//! Statistics free of the weights' scale and of the layers' width, for the representation
//! `role_normalised`.
//!
//! In a layer l, sd(w) is the standard deviation of the row `kernel_weights` of the same links,
//! and fan = count(`link_weights`) / count(`strength_in`) is the number of its links per neuron.
//!
//! | metric | statistic | becomes |
//! |---|---|---|
//! | `kernel_weights`, `link_weights` | mean, q25, q50, q75 | x / sd(w) |
//! | | std | x sqrt(fan) |
//! | `biases` | mean, std, q25, q50, q75 | x / sd(w) |
//! | `strength_in` | the same | x / S_in |
//! | `strength_out` | the same | x / S_out |
//! | `nodes_strength`, `layers_fluctuation` | the same | x / sqrt(S_in^2 + S_out^2) |
//! | `strength_abs` | mean | x / (A_in + A_out) |
//! | | std | x / sqrt(S_in^2 + S_out^2) |
//! | | q25, q50, q75 | (x - mean) / sqrt(S_in^2 + S_out^2) |
//! | wiring, metrics over inputs; skewness of all | | x |
//!
//! With one layer of links, `S_in = sqrt(fan) sd(w)` is the deviation that a sum of fan independent
//! weights has, and `A_in = fan sd(w)` the size of a sum of absolute weights. Of several layers of
//! links (gates, recurrent kernels), `S_in^2` and `A_in` are sums over them. `S_out`, `A_out` are
//! those of the links of the next layer and of the layer's own recurrent kernel, with fan =
//! count(`link_weights`) / count(`strength_out`). The inputs have no incoming links, the outputs no
//! outgoing ones: both count 0. A layer beside links without a kernel (pooling) has no scale, and
//! its strengths are missing. So are the metrics of a layer whose weights are all equal.
//!
//! Scales have the unit of a weight, so all results are pure numbers. Sums of absolute weights grow
//! with fan and spread with its square root: divided by one number, their quantiles would tell the
//! width.

use std::collections::HashMap;

use polars::prelude::LazyFrame;

use super::error::Result;
use super::formula::Formula;
use super::lines::{Line, Lines};
use super::metrics::{ALL_WEIGHTS, is_of_probe};
use super::slots::{gate, is_recurrent_gate};

/// For each line what its statistics are normalised by.
pub(super) struct Normalisation {
    /// sd(w) of weights and biases, S of strengths; NaN where there is none.
    scales: Vec<f64>,
    /// sqrt(fan) of weights, A_in + A_out of strengths.
    sizes: Vec<f64>,
    means: Vec<f64>,
}

/// The links of one layer of links.
#[derive(Clone, Copy)]
struct Kernel {
    std: f64,
    n_links: f64,
    is_recurrent: bool,
}

/// Sums over layers of links, before they are divided by a number of neurons.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// Sum of count times variance.
    squares: f64,
    /// Sum of count times standard deviation.
    sizes: f64,
    n_kernels: usize,
}

/// A layer of neurons.
#[derive(Clone, Copy, Default)]
struct Layer {
    n_in: f64,
    n_out: f64,
    from_before: Sums,
    recurrent: Sums,
}

/// S^2 and A of one side of a layer.
#[derive(Clone, Copy)]
struct Side {
    square: f64,
    size: f64,
}

impl Sums {
    fn add(&mut self, kernel: Kernel) {
        self.squares += kernel.n_links * kernel.std.powi(2);
        self.sizes += kernel.n_links * kernel.std;
        self.n_kernels += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            squares: self.squares + other.squares,
            sizes: self.sizes + other.sizes,
            n_kernels: self.n_kernels + other.n_kernels,
        }
    }

    /// Per neuron. An `end` of the network has no links on this side.
    fn side(self, n_neurons: f64, is_end: bool) -> Side {
        let (square, size) = if self.n_kernels > 0 {
            (self.squares / n_neurons, self.sizes / n_neurons)
        } else if is_end {
            (0.0, 0.0)
        } else {
            (f64::NAN, f64::NAN)
        };
        Side { square, size }
    }
}

/// The layers of all networks in one list.
struct Layers {
    layers: Vec<Layer>,
    /// Index of each network's layer 0.
    first: Vec<usize>,
    kernels: HashMap<(usize, u32), Kernel>,
}

impl Layers {
    fn index(&self, line: &Line) -> usize {
        self.first[line.network as usize] + line.layer as usize
    }

    fn of(lines: &Lines, counts: &[f64], stds: &[f64]) -> Self {
        let mut n_layers = 0;
        let first = lines.n_layers.iter().map(|n| {
            let first = n_layers;
            n_layers += *n as usize;
            first
        });
        let mut layers = Self {
            first: first.collect(),
            layers: Vec::new(),
            kernels: HashMap::new(),
        };
        layers.layers = vec![Layer::default(); n_layers];
        for (index, line) in lines.lines.iter().enumerate() {
            let metric = lines.metrics.text(line.metric);
            match metric {
                "strength_in" => {
                    let layer = layers.index(line);
                    layers.layers[layer].n_in = counts[index];
                }
                "strength_out" => {
                    let layer = layers.index(line);
                    layers.layers[layer].n_out = counts[index];
                }
                "kernel_weights" | "link_weights" => {
                    let key = (layers.index(line), line.name);
                    let name = lines.names.text(line.name);
                    let gate = gate(name, lines.kinds.text(line.kind), metric);
                    let kernel = layers.kernels.entry(key).or_insert(Kernel {
                        std: f64::NAN,
                        n_links: f64::NAN,
                        is_recurrent: is_recurrent_gate(gate),
                    });
                    if metric == "kernel_weights" {
                        kernel.std = kernel.std.max(stds[index]);
                    } else {
                        kernel.n_links = kernel.n_links.max(counts[index]);
                    }
                }
                _ => {}
            }
        }
        layers.add_kernels();
        layers
    }

    /// Adds the kernels to their layers. Links without a kernel, such as those of poolings, do not
    /// count.
    fn add_kernels(&mut self) {
        let mut kernels: Vec<(usize, Kernel)> = self
            .kernels
            .iter()
            .filter(|(_, kernel)| !kernel.std.is_nan() && !kernel.n_links.is_nan())
            .map(|((layer, _), kernel)| (*layer, *kernel))
            .collect();
        // Sums must depend neither on the order of the table nor on that of the hash map.
        kernels.sort_by(|(a, x), (b, y)| {
            a.cmp(b)
                .then(x.std.total_cmp(&y.std))
                .then(x.n_links.total_cmp(&y.n_links))
        });
        for (layer, kernel) in kernels {
            let layer = &mut self.layers[layer];
            if kernel.is_recurrent {
                layer.recurrent.add(kernel);
            } else {
                layer.from_before.add(kernel);
            }
        }
    }

    /// The incoming and the outgoing side of a line's layer.
    fn sides(&self, line: &Line, n_layers: u32) -> [Side; 2] {
        let index = self.index(line);
        let layer = self.layers[index];
        let into = layer.from_before.plus(layer.recurrent);
        let is_last = line.layer + 1 >= n_layers;
        let after = if is_last {
            Sums::default()
        } else {
            self.layers[index + 1].from_before
        };
        let from = if is_last || after.n_kernels > 0 {
            after.plus(layer.recurrent)
        } else {
            Sums::default()
        };
        [
            into.side(layer.n_in, line.layer == 0),
            from.side(layer.n_out, is_last),
        ]
    }
}

impl Normalisation {
    /// Reads what the formulas need of the table.
    ///
    /// # Errors
    /// As [`Lines::numbers`].
    pub(super) fn read(lines: &Lines, layers: &LazyFrame) -> Result<Self> {
        let [counts, means, stds] = lines.counts_means_stds(layers)?;
        let by_layer = Layers::of(lines, &counts, &stds);
        let n_lines = lines.lines.len();
        let mut normalisation = Self {
            scales: vec![f64::NAN; n_lines],
            sizes: vec![f64::NAN; n_lines],
            means,
        };
        for (index, line) in lines.lines.iter().enumerate() {
            let metric = lines.metrics.text(line.metric);
            if metric == ALL_WEIGHTS || is_of_probe(metric) {
                continue;
            }
            let n_layers = lines.n_layers[line.network as usize];
            let (scale, size) = scale_and_size(&by_layer, line, metric, n_layers);
            normalisation.scales[index] = scale;
            normalisation.sizes[index] = size;
        }
        Ok(normalisation)
    }

    /// The normalised value of a line's statistic; not finite where there is no scale.
    pub(super) fn apply(&self, formula: Formula, line: usize, value: f64) -> f64 {
        match formula {
            Formula::AsItIs => value,
            Formula::OverScale => value / self.scales[line],
            Formula::TimesSize => value * self.sizes[line],
            Formula::OverSize => value / self.sizes[line],
            Formula::CentredOverScale => (value - self.means[line]) / self.scales[line],
        }
    }
}

/// The scale of a line, and its size.
fn scale_and_size(layers: &Layers, line: &Line, metric: &str, n_layers: u32) -> (f64, f64) {
    match metric {
        "kernel_weights" | "link_weights" | "biases" => {
            let index = layers.index(line);
            let Some(kernel) = layers.kernels.get(&(index, line.name)) else {
                return (f64::NAN, f64::NAN);
            };
            let fan = kernel.n_links / layers.layers[index].n_in;
            (kernel.std, fan.sqrt())
        }
        "strength_in" | "strength_out" | "nodes_strength" | "layers_fluctuation"
        | "strength_abs" => {
            let [into, from] = layers.sides(line, n_layers);
            let square = match metric {
                "strength_in" => into.square,
                "strength_out" => from.square,
                _ => into.square + from.square,
            };
            (square.sqrt(), into.size + from.size)
        }
        _ => (f64::NAN, f64::NAN),
    }
}
