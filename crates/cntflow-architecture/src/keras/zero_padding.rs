//! Zeros that a `ZeroPadding` layer puts around an image. They become part of the padding of the
//! convolution or pooling that follows; before any other layer they cannot be expressed.

use cntflow_network::{Activation, Layer};
use serde::Deserialize;

use super::config::KerasLayer;
use super::shape::Shape;
use super::translator::Translator;
use super::window::{Dimensions, PaddingMode, Sides, Window};
use crate::error::{Translated, unsupported};

/// Classes that take pending zeros into their padding, or add more.
const TAKES_ZEROS: [&str; 10] = [
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Conv1D",
    "Conv2D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
];

/// Activations that are never negative: a zero put around their values never exceeds the largest of
/// them.
const NOT_NEGATIVE: [Activation; 4] = [
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Softmax,
];

#[derive(Deserialize)]
struct ZeroPaddingSettings {
    padding: ZeroPadding,
}

/// One number for all sides, a pair, or a pair for the rows and one for the columns.
#[derive(Deserialize)]
#[serde(untagged)]
enum ZeroPadding {
    All(usize),
    Pair([usize; 2]),
    Sides(Sides),
}

impl ZeroPadding {
    /// A pair is for the two sides of a line, and for the rows and columns of an image.
    fn sides(&self, dimensions: Dimensions) -> Option<Sides> {
        match (self, dimensions) {
            (Self::All(n), Dimensions::One) => Some([[0, 0], [*n; 2]]),
            (Self::All(n), Dimensions::Two) => Some([[*n; 2]; 2]),
            (Self::Pair(sides), Dimensions::One) => Some([[0, 0], *sides]),
            (Self::Pair([rows, columns]), Dimensions::Two) => Some([[*rows; 2], [*columns; 2]]),
            (Self::Sides(sides), Dimensions::Two) => Some(*sides),
            (Self::Sides(_), Dimensions::One) => None,
        }
    }
}

impl Translator<'_> {
    /// Refuses a layer that comes after pending zeros and does not take them.
    pub(super) fn refuse_pending_zeros(&self, layer: &KerasLayer) -> Translated<()> {
        if self.has_pending_zeros() && !TAKES_ZEROS.contains(&&*layer.class) {
            return Err(unsupported(
                "zeros around its input can be expressed before convolutions and poolings only",
            ));
        }
        Ok(())
    }

    pub(super) fn has_pending_zeros(&self) -> bool {
        self.current.pending_zeros != Sides::default()
    }

    /// Puts zeros around an image, for the next layer; there is no such layer in the architecture.
    pub(super) fn zero_padding(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ZeroPaddingSettings = layer.settings()?;
        let dimensions = match self.current.shape {
            Shape::Line(_) => Dimensions::One,
            Shape::Image(_) => Dimensions::Two,
            shape => {
                let shape = shape.channels_last();
                let reason = format!("its input {shape:?} is no image to put zeros around");
                return Err(unsupported(reason));
            }
        };
        let sides = settings.padding.sides(dimensions);
        let sides = sides.ok_or_else(|| {
            unsupported("it has padding for rows and columns, its input has one row")
        })?;
        let pending = self.current.pending_zeros.as_flattened_mut();
        for (pending, more) in pending.iter_mut().zip(sides.as_flattened()) {
            *pending = pending
                .checked_add(*more)
                .ok_or_else(|| unsupported("it puts too many zeros around"))?;
        }
        Ok(())
    }

    /// All zeros around what a window slides over, pending ones and its own padding, and the rows
    /// and columns of the output.
    pub(super) fn padded(
        &self,
        window: &Window,
        mode: PaddingMode,
    ) -> Translated<(Sides, [usize; 2])> {
        let (mut zeros, mut sizes) = (self.current.pending_zeros, window.input.sizes);
        let axes = window.axes().into_iter();
        for ((axis, zeros), size) in axes.zip(&mut zeros).zip(&mut sizes) {
            let whole = zeros.iter().try_fold(*size, |all, &n| all.checked_add(n));
            let whole = whole.ok_or_else(|| unsupported("too many zeros are around its input"))?;
            let (own, output) = axis.padded(whole, mode)?;
            *zeros = [
                zeros[0].saturating_add(own[0]),
                zeros[1].saturating_add(own[1]),
            ];
            *size = output;
        }
        Ok((zeros, sizes))
    }

    /// Whether zeros around the input of a max pooling are like its own padding, which is never the
    /// largest value.
    pub(super) fn zeros_are_never_largest(&self) -> bool {
        let last = self.builder.layers().last();
        // The activation is that of the input only if no layer of another branch has come since.
        let last = last.filter(|_| self.current.n_layers == self.builder.n_layers());
        let activation = last.and_then(activation_of);
        activation.is_some_and(|activation| NOT_NEGATIVE.contains(&activation))
    }
}

/// The activation that a layer ends with, where it is known.
fn activation_of(layer: &Layer) -> Option<Activation> {
    match layer {
        Layer::Activation(layer) => Some(layer.activation),
        Layer::Dense(layer) => layer.activation,
        Layer::Conv1d(layer) => layer.activation,
        Layer::Conv2d(layer) => layer.activation,
        Layer::ConvTranspose1d(layer) => layer.activation,
        Layer::ConvTranspose2d(layer) => layer.activation,
        Layer::Elman(layer) => layer.activation,
        _ => None,
    }
}
