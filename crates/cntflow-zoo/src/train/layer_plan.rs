//! What is done to a batch, step by step, with all sizes known.

use cntflow_network::Activation;

use crate::train::ops::THREADED_FROM;
use crate::train::ops::cells::Cell;
use crate::train::ops::patches::Geometry;

/// What is done to a batch, with all sizes known.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Linear {
        name: String,
        n_in: usize,
        n_out: usize,
        activation: Activation,
    },
    Convolution {
        name: String,
        geometry: Geometry,
        filters: usize,
        activation: Activation,
    },
    /// Its geometry is that of the convolution it is the transpose of; `channels` are its input's.
    TransposedConvolution {
        name: String,
        geometry: Geometry,
        channels: usize,
        activation: Activation,
    },
    Recurrent(Recurrence),
    MaxPool(Geometry),
    AveragePool(Geometry),
}

/// Recurrent layers over the rows of images, up to the last hidden state.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    pub(crate) name: String,
    pub(crate) cell: Cell,
    /// Channels, rows and columns of an image.
    pub(crate) image: [usize; 3],
    pub(crate) units: usize,
    pub(crate) n_layers: usize,
}

/// A kernel and its biases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelSpec {
    /// Names of the two tensors.
    pub(crate) kernel: String,
    pub(crate) biases: String,
    /// Shape of the kernel, as it is written.
    pub(crate) shape: Vec<usize>,
    /// `[out, in]` or `[filters, channels, rows, columns]` of what one unit is linked by, for its fans: of a recurrent
    /// layer those of one gate.
    pub(crate) fan_shape: Vec<usize>,
    pub(crate) n_biases: usize,
}

impl Step {
    /// Kernels and biases; none of a pooling, two for each layer of a recurrent step: of its input and of its state.
    pub(crate) fn kernels(&self) -> Vec<KernelSpec> {
        match self {
            Self::Linear {
                name, n_in, n_out, ..
            } => vec![KernelSpec::of(name, vec![*n_out, *n_in])],
            Self::Convolution {
                name,
                geometry,
                filters,
                ..
            } => {
                let [rows, columns] = geometry.window;
                let shape = vec![*filters, geometry.channels, rows, columns];
                vec![KernelSpec::of(name, shape)]
            }
            Self::TransposedConvolution {
                name,
                geometry,
                channels,
                ..
            } => {
                let [rows, columns] = geometry.window;
                let turned = vec![geometry.channels, *channels, rows, columns];
                vec![KernelSpec {
                    shape: vec![*channels, geometry.channels, rows, columns],
                    ..KernelSpec::of(name, turned)
                }]
            }
            Self::Recurrent(recurrence) => recurrence.kernels(),
            Self::MaxPool(_) | Self::AveragePool(_) => Vec::new(),
        }
    }

    /// Values of one image's result.
    pub(crate) fn n_results(&self) -> usize {
        self.result().iter().product()
    }

    /// Values of one image that are worked on at once: its result, or a recurrent layer's gates of one row.
    pub(crate) fn n_at_once(&self) -> usize {
        match self {
            Self::Recurrent(recurrence) => recurrence.cell.n_gates() * recurrence.units,
            _ => self.n_results(),
        }
    }

    /// Multiply-adds of one image.
    pub(crate) fn multiply_adds(&self) -> usize {
        match self {
            Self::Linear { n_in, n_out, .. } => n_in * n_out,
            Self::Convolution {
                geometry, filters, ..
            } => filters * geometry.patch_size() * geometry.n_places(),
            Self::TransposedConvolution {
                geometry, channels, ..
            } => channels * geometry.patch_size() * geometry.n_places(),
            Self::Recurrent(recurrence) => recurrence.multiply_adds(),
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                geometry.patch_size() * geometry.n_places()
            }
        }
    }

    /// Nodes of the step's layers; none where it is a pooling.
    pub(crate) fn n_neurons(&self) -> usize {
        match self {
            Self::Recurrent(recurrence) => recurrence.units * recurrence.n_layers,
            Self::MaxPool(_) | Self::AveragePool(_) => 0,
            _ => self.n_results(),
        }
    }

    /// Shape of one image's result.
    pub(crate) fn result(&self) -> [usize; 3] {
        match self {
            Self::Linear { n_out, .. } => [*n_out, 1, 1],
            Self::Convolution {
                geometry, filters, ..
            } => [*filters, geometry.result[0], geometry.result[1]],
            Self::TransposedConvolution { geometry, .. } => {
                [geometry.channels, geometry.input[0], geometry.input[1]]
            }
            Self::Recurrent(recurrence) => [recurrence.units, 1, 1],
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                [geometry.channels, geometry.result[0], geometry.result[1]]
            }
        }
    }

    /// The step, if one image's values are few enough for the tensor library to start no threads.
    pub(crate) fn small_enough(self) -> Result<Self, String> {
        let (n, limit) = (self.n_results().max(self.n_at_once()), THREADED_FROM - 1);
        let too_large = format!("{n} values for one image, at most {limit} can be trained");
        if n <= limit { Ok(self) } else { Err(too_large) }
    }
}

impl Recurrence {
    fn kernels(&self) -> Vec<KernelSpec> {
        let layer = |depth: usize| {
            ["ih", "hh"].map(|which| {
                let n_in = match (which, depth) {
                    ("ih", 0) => self.n_in(),
                    _ => self.units,
                };
                let n_out = self.cell.n_gates() * self.units;
                KernelSpec {
                    kernel: format!("{}.weight_{which}_l{depth}", self.name),
                    biases: format!("{}.bias_{which}_l{depth}", self.name),
                    shape: vec![n_out, n_in],
                    fan_shape: vec![self.units, n_in],
                    n_biases: n_out,
                }
            })
        };
        (0..self.n_layers).flat_map(layer).collect()
    }

    /// Values of one row of all channels.
    fn n_in(&self) -> usize {
        self.image[0] * self.image[2]
    }

    fn multiply_adds(&self) -> usize {
        let n_out = self.cell.n_gates() * self.units;
        let first = n_out * (self.n_in() + self.units);
        let others = (self.n_layers - 1) * n_out * 2 * self.units;
        self.image[1] * (first + others)
    }
}

impl KernelSpec {
    /// `<name>.weight` of `shape` and `<name>.bias`, one for each of the shape's first dimension.
    fn of(name: &str, shape: Vec<usize>) -> Self {
        Self {
            kernel: format!("{name}.weight"),
            biases: format!("{name}.bias"),
            n_biases: shape[0],
            fan_shape: shape.clone(),
            shape,
        }
    }
}
