//! A matrix of weights with its layout, and its rows, on a disk, in an archive or on a store.
//!
//! A file is mapped, and a row is a range of it: no other row is read. Of an object a block of rows
//! is read at once, since a worker that measures one soon measures the next, and each request to a
//! store takes its time.

use std::path::PathBuf;
use std::sync::Arc;

use cntflow_storage::{
    Content, FileCache, FormatError, Limits, Location, StorageError, store::ObjectStores,
};

use super::files::{LAYOUT, content_of};
use super::layout::{Variable, read_layout};
use super::matrix::{BEGINNING, Matrix};
use crate::CheckpointError;

/// Bytes of a block of rows, 8 MiB: a connection transfers these in the time in which a store
/// answers a few requests.
const BLOCK_BYTES: u64 = 8 << 20;

/// The last matrices with their layouts.
static ZOOS: FileCache<Zoo> = FileCache::new(4);

/// The last blocks of rows of objects. The row of the location is the number of the block.
static BLOCKS: FileCache<Content> = FileCache::new(8);

/// A matrix of weights, and the variables that its columns are.
#[derive(Debug)]
pub struct Zoo {
    /// Shape of the matrix, and where its rows are.
    pub matrix: Matrix,
    /// The variables, sorted by their columns.
    pub variables: Arc<[Variable]>,
}

/// The zoo of the matrix at `weights`.
///
/// # Errors
/// The header or the layout beside it cannot be read, or they do not agree.
pub fn zoo(weights: &Location, limits: &Limits) -> Result<Arc<Zoo>, CheckpointError> {
    ZOOS.get(weights, || Zoo::read(weights, limits))
}

impl Zoo {
    fn read(weights: &Location, limits: &Limits) -> Result<Self, CheckpointError> {
        let layout = weights.sibling(LAYOUT);
        let variables =
            read_layout(&layout.content(limits)?, limits).map_err(content_error(&layout))?;
        let matrix = match weights.object_url() {
            Some(url) => {
                let stores = ObjectStores::of_process()?;
                let length = stores.size(url)?;
                let beginning = stores.read_range(url, 0..length.min(BEGINNING))?;
                Matrix::read(&beginning, length, limits)
            }
            None => {
                let content = content_of(weights, limits)?;
                Matrix::read(&content, content.len() as u64, limits)
            }
        };
        let matrix = matrix.map_err(content_error(weights))?;
        matrix
            .check_variables(&variables)
            .map_err(content_error(weights))?;
        Ok(Self {
            matrix,
            variables: variables.into(),
        })
    }

    /// The bytes of a row of this matrix, whose file is at `matrix`.
    ///
    /// # Errors
    /// There is no such row, or it cannot be read.
    pub fn row(
        &self,
        matrix: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<Content, CheckpointError> {
        let range = self.matrix.range(row).map_err(content_error(matrix))?;
        let (content, start) = match matrix.object_url() {
            Some(url) => self.block(url, matrix, row, limits)?,
            None => (content_of(&matrix.whole(), limits)?, 0),
        };
        let end = start + content.len() as u64;
        if range.end > end {
            let (expected, found) = (range.end, end);
            return Err(content_error(matrix)(FormatError::Length {
                expected,
                found,
            }));
        }
        Ok(content.part((range.start - start) as usize..(range.end - start) as usize))
    }

    /// The block of rows of an object that a row is in, and the offset at which the block begins.
    fn block(
        &self,
        url: &str,
        matrix: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<(Content, u64), CheckpointError> {
        let (bytes, allowed) = (self.matrix.row_bytes(), limits.decoded_bytes);
        FormatError::check_limit("bytes of a row", bytes, "decoded_bytes", allowed)
            .map_err(content_error(matrix))?;
        let rows = (BLOCK_BYTES / bytes.max(1)).max(1);
        let block = row / rows;
        let end = (block * rows + rows).min(self.matrix.rows);
        let range = self.matrix.ranges(block * rows..end);
        let start = range.start;
        let read = || {
            let bytes = ObjectStores::of_process()?.read_range(url, range)?;
            Ok::<_, CheckpointError>(Content::in_memory(bytes))
        };
        let content = BLOCKS.get(&matrix.at_row(block), read)?;
        Ok(((*content).clone(), start))
    }
}

/// Makes errors of the content of a file.
fn content_error(location: &Location) -> impl Fn(FormatError) -> CheckpointError {
    let name = PathBuf::from(location.to_string());
    move |error| StorageError::content(&name, error).into()
}
