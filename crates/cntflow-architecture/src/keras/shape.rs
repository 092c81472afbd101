//! Shapes as Keras has them: channels last.

use crate::error::{Translated, unsupported};
use crate::recipe::TensorSlice;

/// Shape of a layer's output, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A vector. If it is a flattened image, the image's sizes are kept: Keras has its values in
    /// the order row, column, channel, and they must be reordered later.
    Units(usize, Option<SpatialShape>),
    /// An image.
    Image(SpatialShape),
    /// What a one-dimensional convolution takes: an image of one row.
    Line(SpatialShape),
    /// A sequence.
    Steps {
        /// Number of steps.
        steps: usize,
        /// Units of each.
        units: usize,
    },
}

/// Sizes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpatialShape {
    /// Rows and columns.
    pub(super) sizes: [usize; 2],
    /// Channels.
    pub(super) channels: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self::Units(0, None)
    }
}

/// Classes that take an input of two sizes as columns and channels; others take it as steps and
/// units.
const TAKES_COLUMNS: [&str; 8] = [
    "Conv1D",
    "DepthwiseConv1D",
    "Conv1DTranspose",
    "MaxPooling1D",
    "AveragePooling1D",
    "GlobalMaxPooling1D",
    "BatchNormalization",
    "BatchNormalizationV1",
];

impl Shape {
    /// The shape of a model's input before a layer of class `next`, and what it assumes. `None` is
    /// a size that is left open.
    ///
    /// # Errors
    /// No architecture has such an input.
    pub(super) fn of_input(
        sizes: &[Option<usize>],
        next: &str,
    ) -> Translated<(Self, Option<String>)> {
        let one_step = "a number of steps that the file leaves open is taken as 1".to_owned();
        let shape = match *sizes {
            [None] if next == "Embedding" => return Ok((Self::Units(1, None), Some(one_step))),
            [Some(units)] => Self::Units(units, None),
            [Some(columns), Some(channels)] if TAKES_COLUMNS.contains(&next) => {
                Self::Line(SpatialShape {
                    sizes: [1, columns],
                    channels,
                })
            }
            [None, Some(units)] if !TAKES_COLUMNS.contains(&next) => {
                return Ok((Self::Steps { steps: 1, units }, Some(one_step)));
            }
            [Some(steps), Some(units)] => Self::Steps { steps, units },
            [Some(rows), Some(columns), Some(channels)] => Self::Image(SpatialShape {
                sizes: [rows, columns],
                channels,
            }),
            _ => {
                let reason = format!("an input of shape {sizes:?} cannot be expressed");
                return Err(unsupported(reason));
            }
        };
        Ok((shape, None))
    }

    /// The shape of outputs side by side.
    ///
    /// # Errors
    /// They differ in their places or steps; one is a flattened image, whose values stand in
    /// another order here.
    pub(super) fn beside(shapes: &[Self]) -> Translated<Self> {
        let mut shapes = shapes.iter().copied();
        let first = shapes.next().unwrap_or_default();
        shapes.try_fold(first, |before, next| {
            let sum = |a: usize, b: usize| {
                a.checked_add(b)
                    .ok_or_else(|| unsupported("it has too many units"))
            };
            match (before, next) {
                (Self::Units(a, None), Self::Units(b, None)) => Ok(Self::Units(sum(a, b)?, None)),
                (Self::Steps { steps, units: a }, Self::Steps { steps: s, units: b })
                    if steps == s =>
                {
                    Ok(Self::Steps {
                        steps,
                        units: sum(a, b)?,
                    })
                }
                (Self::Image(a), Self::Image(b)) if a.sizes == b.sizes => {
                    let channels = sum(a.channels, b.channels)?;
                    Ok(Self::Image(SpatialShape { channels, ..a }))
                }
                (Self::Line(a), Self::Line(b)) if a.sizes == b.sizes => {
                    let channels = sum(a.channels, b.channels)?;
                    Ok(Self::Line(SpatialShape { channels, ..a }))
                }
                _ => Err(unsupported(format!(
                    "{:?} cannot stand beside {:?}",
                    next.channels_last(),
                    before.channels_last()
                ))),
            }
        })
    }

    /// The sizes as an architecture has them.
    pub(super) fn channels_first(self) -> Vec<usize> {
        match self {
            Self::Units(units, _) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Line(spatial) => vec![spatial.channels, spatial.sizes[1]],
            Self::Image(spatial) => vec![spatial.channels, spatial.sizes[0], spatial.sizes[1]],
        }
    }

    /// The sizes as Keras has them.
    pub(super) fn channels_last(self) -> Vec<usize> {
        match self {
            Self::Units(units, _) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Line(spatial) => vec![spatial.sizes[1], spatial.channels],
            Self::Image(spatial) => vec![spatial.sizes[0], spatial.sizes[1], spatial.channels],
        }
    }

    /// The kernel `[n_in, units]` of a dense layer that takes this shape, as `[units, n_in]`.
    pub(super) fn dense_kernel(self, kernel: &str, units: usize) -> TensorSlice {
        match self {
            Self::Units(n, Some(spatial)) => {
                let [rows, columns] = spatial.sizes;
                TensorSlice::permuted(kernel, &[3, 2, 0, 1])
                    .read_as(&[rows, columns, spatial.channels, units])
                    .shaped(&[units, n])
            }
            _ => TensorSlice::permuted(kernel, &[1, 0]),
        }
    }

    /// A tensor of one value for each of its units, in the architecture's order.
    pub(super) fn vector(self, tensor: &str) -> TensorSlice {
        match self {
            Self::Units(n, Some(spatial)) => {
                let [rows, columns] = spatial.sizes;
                TensorSlice::permuted(tensor, &[2, 0, 1])
                    .read_as(&[rows, columns, spatial.channels])
                    .shaped(&[n])
            }
            _ => TensorSlice::whole(tensor),
        }
    }
}

impl SpatialShape {
    /// Number of values.
    ///
    /// # Errors
    /// It overflows.
    pub(super) fn n_values(self) -> Translated<usize> {
        let [rows, columns] = self.sizes;
        let values = rows
            .checked_mul(columns)
            .and_then(|n| n.checked_mul(self.channels));
        values.ok_or_else(|| unsupported(format!("{self:?} has too many values")))
    }
}
