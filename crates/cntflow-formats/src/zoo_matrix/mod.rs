//! A row of a file that holds several checkpoints: a row of the Small CNN Zoo's `weights.npy`, laid
//! out as `layout.csv` beside it says, or a snapshot of a file that stacks the states of a training
//! run.

mod files;
mod layout;
mod matrix;
mod zoo;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use cntflow_storage::{FormatError, Limits, Location, StorageError};

use crate::{
    CheckpointError, Description, OpenCheckpoint, TensorEntry, format::Format,
    known_formats::known_format, snapshot::snapshot,
};
use files::content_of;

pub use files::{LAYOUT, WEIGHTS};
pub use layout::Variable;
pub use zoo::ZooMatrix;

/// A row of a matrix of weights.
#[derive(Debug)]
struct Row {
    variables: Arc<[Variable]>,
    tensors: Vec<TensorEntry>,
}

/// Opens row `row` of the file at `location`.
///
/// # Errors
/// The file or its layout cannot be read, or there is no such row.
pub fn open(
    location: &Location,
    row: u64,
    limits: &Limits,
) -> Result<OpenCheckpoint, CheckpointError> {
    let name = PathBuf::from(location.to_string());
    let whole = location.whole();
    if location.file_name() != WEIGHTS {
        let content = content_of(&whole, limits)?;
        let format = known_format(&name, &content, limits)?;
        let snapshot =
            snapshot(format, row).map_err(|error| StorageError::content(&name, error))?;
        return Ok(OpenCheckpoint::of_format(&name, content, Box::new(snapshot))?.with_row(row));
    }
    let zoo = ZooMatrix::open(&whole, limits)?;
    let tensors = zoo.variables.iter().map(|variable| TensorEntry {
        name: variable.name.clone(),
        shape: variable.shape.clone(),
        element: zoo.matrix.element,
        excluded_because: None,
    });
    let format = Row {
        tensors: tensors.collect(),
        variables: Arc::clone(&zoo.variables),
    };
    let content = zoo.row(location, row, limits)?;
    OpenCheckpoint::of_format(&name, content, Box::new(format))
}

impl Format for Row {
    fn name(&self) -> &'static str {
        "row of a matrix of weights"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let width = self.tensors[index].element.bytes();
        let columns = &self.variables[index].columns;
        Ok(Cow::Borrowed(
            &file[columns.start * width..columns.end * width],
        ))
    }

    fn description<'a>(&'a self, _file: &'a [u8]) -> Option<Description<'a>> {
        Some(Description::ZooRow(&self.variables))
    }
}
