//! Random networks of every geometry, and their links one at a time.

use std::collections::BTreeMap;

use cntflow_network::{
    Architecture, Conv2d, Dense, Layer, LinkLayer, Links, Network, Padding2d, Pool2d, Tensor,
    Weights, Window,
};

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    pub(crate) fn weight(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn pair(&mut self, low: usize, high: usize) -> [usize; 2] {
        [self.size(low, high), self.size(low, high)]
    }
}

pub(crate) fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(1.0)
}

/// An architecture that makes a graph: up to three convolutions and poolings, then dense layers.
pub(crate) fn random_architecture(random: &mut Random) -> Architecture {
    loop {
        let input = vec![random.size(1, 4), random.size(3, 9), random.size(3, 9)];
        let mut layers: Vec<Layer> = (0..random.size(1, 3)).map(|_| sliding(random)).collect();
        for _ in 0..random.size(0, 2) {
            layers.push(Layer::Dense(Dense {
                name: String::new(),
                units: random.size(1, 6),
                bias: random.size(0, 1) == 1,
                activation: None,
            }));
        }
        let architecture = Architecture { input, layers };
        if architecture.plan().is_ok() {
            return architecture;
        }
    }
}

/// A padding of up to `high`, half the time with different sides.
fn sides(random: &mut Random, high: usize) -> Padding2d {
    match random.size(0, 1) {
        0 => random.pair(0, high).into(),
        _ => [random.pair(0, high), random.pair(0, high)].into(),
    }
}

fn sliding(random: &mut Random) -> Layer {
    let pool = Pool2d {
        name: String::new(),
        window: random.pair(1, 3),
        stride: (random.size(0, 1) == 1).then(|| random.pair(1, 3)),
        padding: sides(random, 1),
        count_padding: random.size(0, 1) == 1,
        ceil_mode: random.size(0, 1) == 1,
    };
    match random.size(0, 3) {
        0 => Layer::MaxPool2d(pool),
        1 => Layer::AveragePool2d(pool),
        _ => {
            let groups = random.size(1, 3);
            Layer::Conv2d(Conv2d {
                name: String::new(),
                filters: groups * random.size(1, 3),
                kernel: random.pair(1, 4),
                stride: random.pair(1, 3),
                padding: sides(random, 3),
                dilation: random.pair(1, 3),
                groups,
                bias: random.size(0, 1) == 1,
                activation: None,
            })
        }
    }
}

/// Random values for every tensor.
pub(crate) fn tensors(architecture: &Architecture, seed: u64) -> BTreeMap<String, Vec<f32>> {
    let mut random = Random(seed ^ 0xabcd);
    let specs = architecture.tensors().unwrap();
    let tensors = specs.into_iter().map(|spec| {
        let values = (0..spec.n_values()).map(|_| random.weight()).collect();
        (spec.name, values)
    });
    tensors.collect()
}

pub(crate) fn network<'a>(
    architecture: &Architecture,
    tensors: &'a BTreeMap<String, Vec<f32>>,
) -> Network<'a> {
    let specs = architecture.tensors().unwrap();
    let network = Network::new(architecture.clone(), |name| {
        let spec = specs.iter().find(|spec| spec.name == name)?;
        Some(Tensor::borrowed(&spec.shape, &tensors[name]))
    });
    network.unwrap()
}

pub(crate) fn random_network(seed: u64) -> Network<'static> {
    let architecture = random_architecture(&mut Random(seed));
    let mut tensors = tensors(&architecture, seed);
    let specs = architecture.tensors().unwrap();
    let network = Network::new(architecture, |name| {
        let spec = specs.iter().find(|spec| spec.name == name)?;
        Some(Tensor::owned(&spec.shape, tensors.remove(name)?))
    });
    network.unwrap()
}

/// A kernel as it was given; empty if there is none.
pub(crate) fn kernel<'n>(network: &'n Network<'_>, layer: &LinkLayer) -> &'n [f32] {
    match network.weights(layer).kernel {
        Some(Weights::Single(kernel)) => kernel,
        _ => &[],
    }
}

/// Calls `link` for every link of a layer, by the definition, with neuron before,
/// neuron after, weight.
pub(crate) fn each_link(
    layer: &LinkLayer,
    kernel: &[f32],
    mut link: impl FnMut(usize, usize, f64),
) {
    match layer.links {
        Links::Dense { n_in, .. } => {
            for (index, &w) in kernel.iter().enumerate() {
                link(index % n_in, index / n_in, f64::from(w));
            }
        }
        Links::Conv2d {
            channels,
            filters,
            groups,
            window,
        } => {
            let fan_in = channels / groups;
            for filter in 0..filters {
                let group = filter / (filters / groups);
                for channel in 0..fan_in {
                    let taps = &kernel[(filter * fan_in + channel) * window.taps()..];
                    let weight = |tap: usize| f64::from(taps[tap]);
                    each_tap(&window, group * fan_in + channel, filter, weight, &mut link);
                }
            }
        }
        Links::MaxPool2d { channels, window } => {
            (0..channels).for_each(|c| each_tap(&window, c, c, |_| 1.0, &mut link));
        }
        Links::AveragePool2d {
            channels,
            window,
            counted,
        } => {
            let mut sizes = vec![0.0; window.outputs()];
            each_tap(&counted, 0, 0, |_| 1.0, &mut |_, output, w| {
                sizes[output] += w
            });
            for c in 0..channels {
                each_tap(&window, c, c, |_| 1.0, &mut |i, j, w| {
                    link(i, j, w / sizes[j % window.outputs()]);
                });
            }
        }
        _ => unreachable!("{layer:?} is in no network here"),
    }
}

fn each_tap(
    window: &Window,
    from: usize,
    to: usize,
    weight: impl Fn(usize) -> f64,
    link: &mut impl FnMut(usize, usize, f64),
) {
    let Window { rows, columns } = *window;
    let input_of = |axis: cntflow_network::Axis, o: usize, tap: usize| {
        let input = (o * axis.stride + tap * axis.dilation).checked_sub(axis.padding)?;
        (input < axis.input).then_some(input)
    };
    for output in 0..window.outputs() {
        for tap in 0..window.taps() {
            let row = input_of(rows, output / columns.output, tap / columns.kernel);
            let column = input_of(columns, output % columns.output, tap % columns.kernel);
            if let (Some(row), Some(column)) = (row, column) {
                let i = (from * rows.input + row) * columns.input + column;
                link(i, to * window.outputs() + output, weight(tap));
            }
        }
    }
}
