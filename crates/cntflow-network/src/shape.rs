//! Shape of a layer of neurons, and the coordinates of each neuron.

use std::fmt;

/// Shape of a layer of neurons.
///
/// Neurons are numbered channel by channel, within a channel row by row. Steps of a sequence are
/// not neurons: the same units see one step after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A vector of units: unit `u` is channel `u`, row 0, column 0.
    Units(usize),
    /// Channels of rows x columns.
    Spatial {
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Units that see a sequence of steps. Values are ordered step, unit.
    Steps {
        /// Number of steps.
        steps: usize,
        /// Number of units.
        units: usize,
    },
    /// A sequence of token numbers. There is a neuron for every token of the vocabulary.
    Tokens {
        /// Number of steps.
        steps: usize,
        /// Number of tokens of the vocabulary.
        tokens: usize,
    },
}

impl Shape {
    /// Number of neurons.
    pub fn n_neurons(&self) -> usize {
        self.channels() * self.positions()
    }

    /// Number of values of one input in this layer: one per neuron and step; for token numbers one
    /// per step.
    ///
    /// ```
    /// let shape = cntflow_network::Shape::Steps { steps: 5, units: 3 };
    /// assert_eq!((shape.n_neurons(), shape.n_values()), (3, 15));
    /// ```
    pub fn n_values(&self) -> usize {
        match *self {
            Self::Tokens { steps, .. } => steps,
            _ => self.steps() * self.n_neurons(),
        }
    }

    /// Number of steps; 1 if this is no sequence.
    pub fn steps(&self) -> usize {
        match *self {
            Self::Units(_) | Self::Spatial { .. } => 1,
            Self::Steps { steps, .. } | Self::Tokens { steps, .. } => steps,
        }
    }

    /// Number of channels; for a vector or a sequence its units.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Units(units) | Self::Steps { units, .. } => units,
            Self::Spatial { channels, .. } => channels,
            Self::Tokens { tokens, .. } => tokens,
        }
    }

    /// Number of rows; 1 if this has no rows.
    pub fn rows(&self) -> usize {
        match *self {
            Self::Spatial { rows, .. } => rows,
            _ => 1,
        }
    }

    /// Number of columns; 1 if this has no columns.
    pub fn columns(&self) -> usize {
        match *self {
            Self::Spatial { columns, .. } => columns,
            _ => 1,
        }
    }

    /// Positions of a channel: rows x columns.
    pub fn positions(&self) -> usize {
        self.rows() * self.columns()
    }

    /// Channel, row and column of a neuron.
    ///
    /// ```
    /// let shape = cntflow_network::Shape::Spatial { channels: 2, rows: 3, columns: 4 };
    /// assert_eq!(shape.coordinates(12 + 4 + 2), (1, 1, 2));
    /// ```
    pub fn coordinates(&self, neuron: usize) -> (usize, usize, usize) {
        let in_channel = neuron % self.positions();
        let (row, column) = (in_channel / self.columns(), in_channel % self.columns());
        (neuron / self.positions(), row, column)
    }

    /// The shape as a list: `[units]`, `[channels, rows, columns]`, `[steps, units]` or
    /// `[steps, tokens]`.
    pub fn dimensions(&self) -> Vec<usize> {
        match *self {
            Self::Units(units) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Tokens { steps, tokens } => vec![steps, tokens],
            Self::Spatial {
                channels,
                rows,
                columns,
            } => vec![channels, rows, columns],
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dimensions())
    }
}
