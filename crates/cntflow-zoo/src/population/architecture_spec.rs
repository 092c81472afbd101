//! The key `architecture` of a population's group: what hidden layers its networks have.

use serde::Deserialize;

use crate::population::choices::Numbers;
use crate::train::LayerType;

/// Hidden layers: one kind of them, then dense ones (not in autoencoders). For example:
///
/// - `{ dense = [64, 32] }` - `{ convolutional = [{ filters = 8, kernel = 3 }], dense = [32] }` -
///   `{ elman = { units = 64 } }`, and likewise `lstm` and `gru`: over the rows of the image; the
///   layers that follow take the state after the last row - `{ autoencoder = { hidden = [128], code
///   = 32 } }`: 784-128-32-128-784 of an image of 28 x 28 - `{ convolutional_autoencoder = [{
///   filters = 8, kernel = 3, stride = 2, padding = 1 }] }`: convolutions, then as many transposed
///   ones, which go back to the sizes of the images
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchitectureSpec {
    /// Convolutional layers, from the input on.
    #[serde(default)]
    pub convolutional: Vec<ConvolutionSpec>,
    /// Elman's recurrent layers.
    pub elman: Option<RecurrentSpec>,
    /// LSTM layers.
    pub lstm: Option<RecurrentSpec>,
    /// GRU layers.
    pub gru: Option<RecurrentSpec>,
    /// Dense layers to a code and back.
    pub autoencoder: Option<AutoencoderSpec>,
    /// Convolutions of an encoder, from the input on; the decoder mirrors them. No pooling.
    pub convolutional_autoencoder: Option<Vec<ConvolutionSpec>>,
    /// Units of the dense hidden layers that follow the others. Each may be a list or a range.
    #[serde(default)]
    pub dense: Vec<Numbers>,
}

/// Recurrent layers of an [`ArchitectureSpec`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentSpec {
    /// Units of each layer; may be a list or a range.
    pub units: Numbers,
    /// Number of layers in the stack; may be a list or a range. Default: 1.
    #[serde(default = "one_layer")]
    pub layers: Numbers,
}

/// A dense autoencoder of an [`ArchitectureSpec`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderSpec {
    /// Units of the encoder's hidden layers, from the input on; the decoder has the same, mirrored.
    /// Default: none.
    #[serde(default)]
    pub hidden: Vec<Numbers>,
    /// Units of the code, the layer between encoder and decoder; may be a list or a range.
    pub code: Numbers,
}

/// One convolutional layer of an [`ArchitectureSpec`]. Sizes are one number or `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvolutionSpec {
    /// Number of filters; may be a list or a range.
    pub filters: Numbers,
    /// Size of the kernel.
    pub kernel: Size,
    /// Step between positions of the kernel. Default: 1.
    #[serde(default = "one")]
    pub stride: Size,
    /// Zeros around the input. Default: 0.
    #[serde(default = "zero")]
    pub padding: Size,
    /// A pooling after the layer.
    pub pool: Option<PoolSpec>,
}

/// A pooling: `{ kind = "max", window = 2 }`, or `{ kind = "average", window = "all" }` over whole
/// images (global average pooling).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// `max` or `average`.
    pub kind: PoolKind,
    /// Size of the window.
    pub window: PoolWindow,
    /// Step between windows. Default: the window's size. Not with the window `"all"`.
    pub stride: Option<Size>,
}

/// The window of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number, [rows, columns] or \"all\""
)]
pub enum PoolWindow {
    /// Of this size.
    Size(Size),
    /// All rows and columns of what is pooled.
    Whole(WholeImage),
}

/// The only value of [`PoolWindow::Whole`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WholeImage {
    /// `"all"`
    All,
}

/// What a pooling makes of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
}

/// One number for rows and columns, or `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a whole number or [rows, columns]")]
pub enum Size {
    /// The same in both directions.
    Square(usize),
    /// Rows and columns.
    Pair([usize; 2]),
}

impl ArchitectureSpec {
    /// The kinds of hidden layers that are given, besides dense ones; at most one is allowed.
    pub(crate) fn layer_types(&self) -> Vec<LayerType> {
        let given = [
            (LayerType::Convolutional, !self.convolutional.is_empty()),
            (LayerType::Elman, self.elman.is_some()),
            (LayerType::Lstm, self.lstm.is_some()),
            (LayerType::Gru, self.gru.is_some()),
            (LayerType::Autoencoder, self.autoencoder.is_some()),
            (
                LayerType::ConvolutionalAutoencoder,
                self.convolutional_autoencoder.is_some(),
            ),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(layer_type, _)| layer_type).collect()
    }

    /// The kind of the hidden layers; dense where no other is given.
    pub(crate) fn layer_type(&self) -> LayerType {
        self.layer_types()
            .first()
            .copied()
            .unwrap_or(LayerType::Dense)
    }

    /// The recurrent layers, whatever their kind.
    pub(crate) fn recurrent(&self) -> Option<&RecurrentSpec> {
        self.elman
            .as_ref()
            .or(self.lstm.as_ref())
            .or(self.gru.as_ref())
    }
}

impl Size {
    /// As `[rows, columns]`.
    pub fn pair(self) -> [usize; 2] {
        match self {
            Self::Square(size) => [size, size],
            Self::Pair(pair) => pair,
        }
    }
}

fn one_layer() -> Numbers {
    Numbers::one(1.0)
}

fn one() -> Size {
    Size::Square(1)
}

fn zero() -> Size {
    Size::Square(0)
}
