//! Layers of an architecture with all sizes worked out.

use cntflow_network::Activation;

use crate::train::layer_problem::LayerProblem;
use crate::train::ops::cells::Cell;
use crate::train::ops::geometry::Geometry;

/// The most values that one image may have in a layer. At least one image goes through the network
/// at once, so this bounds the memory of a pass.
const MAX_VALUES_PER_IMAGE: usize = 64 * 1024 - 1;

/// One layer of a network as it is trained, with all sizes. A stack of recurrent layers counts as
/// one.
#[derive(Clone, Debug)]
pub(crate) enum LayerPlan {
    Dense {
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
    /// `geometry` is that of the ordinary convolution that this layer transposes, so
    /// `geometry.channels` is the number of output channels. `channels` is the number of input
    /// channels.
    TransposedConvolution {
        name: String,
        geometry: Geometry,
        channels: usize,
        activation: Activation,
    },
    Recurrent(RecurrentPlan),
    MaxPool(Geometry),
    AveragePool(Geometry),
}

/// Recurrent layers over the rows of images, up to the last hidden state.
#[derive(Clone, Debug)]
pub(crate) struct RecurrentPlan {
    pub(crate) name: String,
    pub(crate) cell: Cell,
    /// Channels, rows and columns of an image.
    pub(crate) image: [usize; 3],
    pub(crate) units: usize,
    pub(crate) n_layers: usize,
}

/// A kernel and its biases, as they are initialised and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelSpec {
    /// Name of the kernel's tensor.
    pub(crate) kernel_name: String,
    /// Name of the biases' tensor.
    pub(crate) biases_name: String,
    /// Shape of the kernel's tensor.
    pub(crate) shape: Vec<usize>,
    /// Shape from which the initialisation takes its fans: `[out, in]` or
    /// `[filters, channels, rows, columns]`. It differs from `shape` for transposed convolutions,
    /// and for recurrent layers, where it is that of one gate.
    pub(crate) fan_shape: Vec<usize>,
    pub(crate) n_biases: usize,
}

impl LayerPlan {
    /// Kernels with their biases. A pooling has none; a recurrent stack has two for each layer, the
    /// input kernel and the recurrent kernel.
    pub(crate) fn kernels(&self) -> Vec<KernelSpec> {
        match self {
            Self::Dense {
                name, n_in, n_out, ..
            } => vec![KernelSpec::new(name, vec![*n_out, *n_in])],
            Self::Convolution {
                name,
                geometry,
                filters,
                ..
            } => {
                let [rows, columns] = geometry.window;
                let shape = vec![*filters, geometry.channels, rows, columns];
                vec![KernelSpec::new(name, shape)]
            }
            Self::TransposedConvolution {
                name,
                geometry,
                channels,
                ..
            } => {
                let [rows, columns] = geometry.window;
                let fan_shape = vec![geometry.channels, *channels, rows, columns];
                vec![KernelSpec {
                    shape: vec![*channels, geometry.channels, rows, columns],
                    ..KernelSpec::new(name, fan_shape)
                }]
            }
            Self::Recurrent(recurrent) => recurrent.kernels(),
            Self::MaxPool(_) | Self::AveragePool(_) => Vec::new(),
        }
    }

    /// Shape of one image's result.
    pub(crate) fn result_shape(&self) -> [usize; 3] {
        match self {
            Self::Dense { n_out, .. } => [*n_out, 1, 1],
            Self::Convolution {
                geometry, filters, ..
            } => [*filters, geometry.result[0], geometry.result[1]],
            Self::TransposedConvolution { geometry, .. } => {
                [geometry.channels, geometry.input[0], geometry.input[1]]
            }
            Self::Recurrent(recurrent) => [recurrent.units, 1, 1],
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                [geometry.channels, geometry.result[0], geometry.result[1]]
            }
        }
    }

    /// Number of values in one image's result.
    pub(crate) fn n_results(&self) -> usize {
        self.result_shape().iter().product()
    }

    /// Number of values that one image needs in the cache at the same time: its whole result or, in
    /// a recurrent layer, the gates of one time step.
    pub(crate) fn n_values_at_once(&self) -> usize {
        match self {
            Self::Recurrent(recurrent) => recurrent.cell.n_gates() * recurrent.units,
            _ => self.n_results(),
        }
    }

    /// Checks that one image has few enough values in this layer.
    pub(crate) fn check_size(&self) -> Result<(), LayerProblem> {
        let found = self.n_results().max(self.n_values_at_once());
        let limit = MAX_VALUES_PER_IMAGE;
        if found <= limit {
            Ok(())
        } else {
            Err(LayerProblem::TooManyValues { found, limit })
        }
    }

    /// Multiply-adds of one image's forward pass.
    pub(crate) fn multiply_adds(&self) -> usize {
        match self {
            Self::Dense { n_in, n_out, .. } => n_in * n_out,
            Self::Convolution {
                geometry, filters, ..
            } => filters * geometry.patch_size() * geometry.n_positions(),
            Self::TransposedConvolution {
                geometry, channels, ..
            } => channels * geometry.patch_size() * geometry.n_positions(),
            Self::Recurrent(recurrent) => recurrent.multiply_adds(),
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                geometry.patch_size() * geometry.n_positions()
            }
        }
    }

    /// Number of neurons, of all layers of a recurrent stack. A pooling has none.
    pub(crate) fn n_neurons(&self) -> usize {
        match self {
            Self::Recurrent(recurrent) => recurrent.units * recurrent.n_layers,
            Self::MaxPool(_) | Self::AveragePool(_) => 0,
            _ => self.n_results(),
        }
    }
}

impl RecurrentPlan {
    fn kernels(&self) -> Vec<KernelSpec> {
        let n_out = self.cell.n_gates() * self.units;
        // PyTorch's names: `ih` is from the input to the hidden state, `hh` from hidden state to
        // hidden state.
        let kernel = |which: &str, depth: usize, n_in: usize| KernelSpec {
            kernel_name: format!("{}.weight_{which}_l{depth}", self.name),
            biases_name: format!("{}.bias_{which}_l{depth}", self.name),
            shape: vec![n_out, n_in],
            fan_shape: vec![self.units, n_in],
            n_biases: n_out,
        };
        let layer = |depth: usize| {
            let n_in = if depth == 0 { self.n_in() } else { self.units };
            [kernel("ih", depth, n_in), kernel("hh", depth, self.units)]
        };
        (0..self.n_layers).flat_map(layer).collect()
    }

    /// Number of values in one row of all channels.
    fn n_in(&self) -> usize {
        self.image[0] * self.image[2]
    }

    fn multiply_adds(&self) -> usize {
        let n_out = self.cell.n_gates() * self.units;
        let first_layer = n_out * (self.n_in() + self.units);
        let other_layers = (self.n_layers - 1) * n_out * 2 * self.units;
        self.image[1] * (first_layer + other_layers)
    }
}

impl KernelSpec {
    /// Number of gates of a recurrent layer that the kernel holds one after another; 1 in other
    /// layers.
    pub(crate) fn n_gates(&self) -> usize {
        let n_weights: usize = self.shape.iter().product();
        let n_of_gate: usize = self.fan_shape.iter().product();
        (n_weights / n_of_gate.max(1)).max(1)
    }

    /// Rows and columns of one gate as a matrix: the first dimension of the tensor by all others.
    pub(crate) fn gate_matrix(&self) -> [usize; 2] {
        [
            self.shape[0] / self.n_gates(),
            self.shape[1..].iter().product(),
        ]
    }

    /// A kernel `<name>.weight` of `shape` and its biases `<name>.bias`; there are `shape[0]`
    /// biases.
    pub(crate) fn new(name: &str, shape: Vec<usize>) -> Self {
        Self {
            kernel_name: format!("{name}.weight"),
            biases_name: format!("{name}.bias"),
            n_biases: shape[0],
            fan_shape: shape.clone(),
            shape,
        }
    }
}
