//! Shapes as Keras has them: channels last.

use crate::TensorSlice;

/// Shape of a layer's output, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A vector; its places where it is a flattened image, whose values Keras has in the order row, column, channel.
    Units(usize, Option<Places>),
    /// An image.
    Image(Places),
    /// The places of a one-dimensional convolution: an image of one row.
    Line(Places),
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
pub(super) struct Places {
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

/// Classes that take two sizes as places and channels; others take them as steps and units.
const OVER_PLACES: [&str; 8] = [
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
    /// The shape of a model's input before a layer of class `next`, and what is doubtful about it.
    pub(super) fn of_input(
        told: &[Option<usize>],
        next: &str,
    ) -> Result<(Self, Option<String>), String> {
        let open = "a number of steps that the file leaves open is taken as 1".to_owned();
        let shape = match *told {
            [None] if next == "Embedding" => return Ok((Self::Units(1, None), Some(open))),
            [Some(units)] => Self::Units(units, None),
            [Some(columns), Some(channels)] if OVER_PLACES.contains(&next) => Self::Line(Places {
                sizes: [1, columns],
                channels,
            }),
            [None, Some(units)] if !OVER_PLACES.contains(&next) => {
                return Ok((Self::Steps { steps: 1, units }, Some(open)));
            }
            [Some(steps), Some(units)] => Self::Steps { steps, units },
            [Some(rows), Some(columns), Some(channels)] => Self::Image(Places {
                sizes: [rows, columns],
                channels,
            }),
            _ => return Err(format!("an input of shape {told:?} cannot be expressed")),
        };
        Ok((shape, None))
    }

    /// The same as an architecture has it.
    pub(super) fn channels_first(self) -> Vec<usize> {
        match self {
            Self::Units(units, _) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Line(places) => vec![places.channels, places.sizes[1]],
            Self::Image(places) => vec![places.channels, places.sizes[0], places.sizes[1]],
        }
    }

    /// The same as Keras has it.
    pub(super) fn channels_last(self) -> Vec<usize> {
        match self {
            Self::Units(units, _) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Line(places) => vec![places.sizes[1], places.channels],
            Self::Image(places) => vec![places.sizes[0], places.sizes[1], places.channels],
        }
    }

    /// A kernel `[units, units of the next]` of a layer behind it, as `[units of the next, units]`.
    pub(super) fn kernel_behind(self, kernel: &str, units: usize) -> TensorSlice {
        match self {
            Self::Units(n, Some(places)) => {
                let [rows, columns] = places.sizes;
                TensorSlice::reordered(kernel, &[3, 2, 0, 1])
                    .read_as(&[rows, columns, places.channels, units])
                    .shaped(&[units, n])
            }
            _ => TensorSlice::reordered(kernel, &[1, 0]),
        }
    }

    /// A value for each of its units, in the architecture's order.
    pub(super) fn vector(self, tensor: &str) -> TensorSlice {
        match self {
            Self::Units(n, Some(places)) => {
                let [rows, columns] = places.sizes;
                TensorSlice::reordered(tensor, &[2, 0, 1])
                    .read_as(&[rows, columns, places.channels])
                    .shaped(&[n])
            }
            _ => TensorSlice::whole(tensor),
        }
    }
}

impl Places {
    /// Number of values.
    ///
    /// # Errors
    /// It overflows.
    pub(super) fn n_values(self) -> Result<usize, String> {
        let [rows, columns] = self.sizes;
        let values = rows
            .checked_mul(columns)
            .and_then(|n| n.checked_mul(self.channels));
        values.ok_or_else(|| format!("{self:?} has too many values"))
    }
}
