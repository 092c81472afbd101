//! Shape of a layer of neurons, and which neuron stands where.

use std::fmt;

/// Shape of a layer of neurons. Neurons run channel-major: channel, row, column, the last fastest. The steps of a sequence are no
/// neurons: the same units see them one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A vector of units: unit `u` is channel `u`, row 0, column 0.
    Units(usize),
    /// Channels of rows x columns.
    Places {
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Units that see a sequence of steps; values run step-major.
    Steps {
        /// Number of steps.
        steps: usize,
        /// Number of units.
        units: usize,
    },
    /// A sequence of token numbers: a neuron for every token.
    Tokens {
        /// Number of steps.
        steps: usize,
        /// Number of tokens.
        tokens: usize,
    },
}

impl Shape {
    /// Number of neurons.
    pub fn n_neurons(&self) -> usize {
        self.channels() * self.places()
    }

    /// Number of values that one input has in this layer: its neurons, over all steps; of token numbers one per step.
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

    /// Number of steps; 1 of what is no sequence.
    pub fn steps(&self) -> usize {
        match *self {
            Self::Units(_) | Self::Places { .. } => 1,
            Self::Steps { steps, .. } | Self::Tokens { steps, .. } => steps,
        }
    }

    /// Number of channels; of a vector or a sequence its units.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Units(units) | Self::Steps { units, .. } => units,
            Self::Places { channels, .. } => channels,
            Self::Tokens { tokens, .. } => tokens,
        }
    }

    /// Number of rows; 1 where there are none.
    pub fn rows(&self) -> usize {
        match *self {
            Self::Places { rows, .. } => rows,
            _ => 1,
        }
    }

    /// Number of columns; 1 where there are none.
    pub fn columns(&self) -> usize {
        match *self {
            Self::Places { columns, .. } => columns,
            _ => 1,
        }
    }

    /// Neurons of one channel: rows x columns.
    pub fn places(&self) -> usize {
        self.rows() * self.columns()
    }

    /// Channel, row and column of a neuron.
    ///
    /// ```
    /// let shape = cntflow_network::Shape::Places { channels: 2, rows: 3, columns: 4 };
    /// assert_eq!(shape.position(12 + 4 + 2), (1, 1, 2));
    /// ```
    pub fn position(&self, neuron: usize) -> (usize, usize, usize) {
        let place = neuron % self.places();
        let row = place / self.columns();
        (neuron / self.places(), row, place % self.columns())
    }

    /// The shape as a list: `[units]`, `[channels, rows, columns]`, `[steps, units]` or `[steps, tokens]`.
    pub fn dimensions(&self) -> Vec<usize> {
        match *self {
            Self::Units(units) => vec![units],
            Self::Steps { steps, units } => vec![steps, units],
            Self::Tokens { steps, tokens } => vec![steps, tokens],
            Self::Places {
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
