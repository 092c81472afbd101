//! One of several checkpoints that a file holds: a row of the Small CNN Zoo's `weights.npy`, laid out as `layout.csv` beside it says,
//! or a snapshot of a file that stacks the states of a training run.
//!
//! The matrix is mapped, and a row is a range of it: nothing of the other rows is read.

mod layout;
mod matrix;
mod network;

use std::borrow::Cow;
use std::path::PathBuf;

use crate::format::{Format, FormatError};
use crate::open::{failed, known_format};
use crate::snapshot::snapshot;
use crate::{Carried, CheckpointError, Content, Limits, Location, OpenCheckpoint, TensorEntry};

pub(crate) use layout::{Variable, read_layout};
pub(crate) use matrix::Matrix;
pub(crate) use network::{Told, carried};

/// Name of the file that tells what the columns of the matrix are.
pub(crate) const LAYOUT: &str = "layout.csv";
/// Name of the matrix.
pub(crate) const WEIGHTS: &str = "weights.npy";

/// A row of a matrix of weights.
#[derive(Debug)]
struct Row {
    variables: Vec<Variable>,
    tensors: Vec<TensorEntry>,
}

/// Opens the checkpoint that is the row `row` of the file at `location`.
///
/// # Errors
/// The file or its layout cannot be read, or there is no such row.
pub(crate) fn open(
    location: &Location,
    row: u64,
    limits: &Limits,
) -> Result<OpenCheckpoint, CheckpointError> {
    let name = PathBuf::from(location.to_string());
    let content = location.content(limits)?;
    if location.file_name() != WEIGHTS {
        let whole = known_format(&name, &content, limits)?;
        let part = snapshot(whole, row).map_err(|error| failed(&name, error))?;
        return Ok(OpenCheckpoint::of_format(&name, content, Box::new(part))?.with_row(row));
    }
    let at = location.sibling(LAYOUT);
    let variables = read_layout(&at.content(limits)?, limits)
        .map_err(|error| failed(&PathBuf::from(at.to_string()), error))?;
    let (part, format) =
        row_of(&content, variables, row, limits).map_err(|error| failed(&name, error))?;
    OpenCheckpoint::of_format(&name, part, Box::new(format))
}

fn row_of(
    content: &Content,
    variables: Vec<Variable>,
    row: u64,
    limits: &Limits,
) -> Result<(Content, Row), FormatError> {
    let matrix = Matrix::read(content, limits)?;
    matrix.fits(&variables)?;
    let part = content.part(matrix.range(row)?);
    let tensors = variables.iter().map(|variable| TensorEntry {
        name: variable.name.clone(),
        shape: variable.shape.clone(),
        element: matrix.element,
        aside: None,
    });
    let tensors = tensors.collect();
    Ok((part, Row { variables, tensors }))
}

impl Format for Row {
    fn name(&self) -> &'static str {
        "row of a matrix of weights"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], place: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let width = self.tensors[place].element.bytes();
        let columns = &self.variables[place].columns;
        Ok(Cow::Borrowed(
            &file[columns.start * width..columns.end * width],
        ))
    }

    fn carried(&self) -> Option<Carried> {
        Some(carried(&self.variables, &Told::default()))
    }
}
