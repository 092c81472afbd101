//! Shape of a layer of neurons, and which neuron stands where.

use std::fmt;

/// Shape of a layer of neurons. Neurons run channel-major: channel, row, column, the last fastest.
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
}

impl Shape {
    /// Number of neurons.
    pub fn n_neurons(&self) -> usize {
        self.channels() * self.places()
    }

    /// Number of channels; of a vector its units.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Units(units) => units,
            Self::Places { channels, .. } => channels,
        }
    }

    /// Number of rows; of a vector 1.
    pub fn rows(&self) -> usize {
        match *self {
            Self::Units(_) => 1,
            Self::Places { rows, .. } => rows,
        }
    }

    /// Number of columns; of a vector 1.
    pub fn columns(&self) -> usize {
        match *self {
            Self::Units(_) => 1,
            Self::Places { columns, .. } => columns,
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

    /// The shape as a list: `[units]` or `[channels, rows, columns]`.
    pub fn dimensions(&self) -> Vec<usize> {
        match *self {
            Self::Units(units) => vec![units],
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
