//! One row of a table, and the callback that takes each row.

use crate::{Label, RowError};

/// The value of a column in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text that has no type yet, as in CSV.
    Text(String),
    /// A value with a type.
    Typed(Label),
}

impl Cell {
    /// The value as text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Typed(label) => label.to_string(),
        }
    }

    /// The value as a label.
    pub fn label(&self) -> Label {
        match self {
            Self::Text(text) => Label::parse(text),
            Self::Typed(label) => label.clone(),
        }
    }
}

/// One row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line in a text file, or the number of the row in a Parquet file; counted from 1.
    pub line: u64,
    /// The values that are not empty, by column.
    pub cells: Vec<(String, Cell)>,
}

impl Row {
    /// The value of a column; `None` if it is empty or there is no such column.
    pub fn get(&self, column: &str) -> Option<&Cell> {
        let cell = self.cells.iter().find(|(name, _)| name == column)?;
        Some(&cell.1)
    }
}

/// The callback that a reader hands each row to.
pub(super) type TakeRow<'a> = &'a mut dyn FnMut(Row) -> Result<(), RowError>;
