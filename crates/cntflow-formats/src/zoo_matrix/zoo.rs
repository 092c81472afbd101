//! A matrix of weights with its layout, and its rows, on a disk, in an archive or on a store.
//!
//! A file is mapped, and a row is a range of it: no other row is read. From an object store a block
//! of rows is read at once: each request takes time, and a worker that measures one row soon
//! measures the next.

use std::path::PathBuf;
use std::sync::Arc;

use cntflow_storage::{
    Content, FileCache, FormatError, Limits, Location, StorageError, store::ObjectStores,
};

use super::files::{LAYOUT, content_of};
use super::layout::{Variable, read_layout};
use super::matrix::Matrix;
use crate::{CheckpointError, numpy::BEGINNING};

/// Bytes of a block of rows, 8 MiB: a connection transfers these in the time in which a store
/// answers a few requests.
const BLOCK_BYTES: u64 = 8 << 20;

/// The most recently used matrices with their layouts.
static MATRICES: FileCache<ZooMatrix> = FileCache::new(4);

/// The most recently used blocks of rows from object stores. The key is the matrix's location with
/// the number of the block as its row.
static BLOCKS: FileCache<Content> = FileCache::new(8);

/// A matrix of weights, and the variables that its columns are.
#[derive(Debug)]
pub struct ZooMatrix {
    /// Shape of the matrix, and where its rows are.
    pub matrix: Matrix,
    /// The variables, sorted by their columns.
    pub variables: Arc<[Variable]>,
}

impl ZooMatrix {
    /// The matrix at `weights`, with its layout.
    ///
    /// # Errors
    /// The header or the layout beside it cannot be read, or they do not agree.
    pub fn open(weights: &Location, limits: &Limits) -> Result<Arc<Self>, CheckpointError> {
        MATRICES.get(weights, || Self::read(weights, limits))
    }

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

    /// The bytes of a row. `location` is where the matrix's file is; its own row, if any, is
    /// ignored.
    ///
    /// # Errors
    /// There is no such row, or it cannot be read.
    pub fn row(
        &self,
        location: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<Content, CheckpointError> {
        let range = self
            .matrix
            .range_of_row(row)
            .map_err(content_error(location))?;
        let (content, start) = match location.object_url() {
            Some(url) => self.block(url, location, row, limits)?,
            None => (content_of(&location.whole(), limits)?, 0),
        };
        let end = start + content.len() as u64;
        if range.end > end {
            let (expected, found) = (range.end, end);
            return Err(content_error(location)(FormatError::Length {
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
        location: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<(Content, u64), CheckpointError> {
        let (bytes, allowed) = (self.matrix.row_bytes(), limits.decoded_bytes);
        FormatError::check_limit("bytes of a row", bytes, "decoded_bytes", allowed)
            .map_err(content_error(location))?;
        let rows = (BLOCK_BYTES / bytes.max(1)).max(1);
        let block = row / rows;
        let end = (block * rows + rows).min(self.matrix.rows);
        let range = self.matrix.range_of_rows(block * rows..end);
        let start = range.start;
        let read = || {
            let bytes = ObjectStores::of_process()?.read_range(url, range)?;
            Ok::<_, CheckpointError>(Content::in_memory(bytes))
        };
        let content = BLOCKS.get(&location.at_row(block), read)?;
        Ok(((*content).clone(), start))
    }
}

/// Makes errors of the content of a file.
fn content_error(location: &Location) -> impl Fn(FormatError) -> CheckpointError {
    let name = PathBuf::from(location.to_string());
    move |error| StorageError::content(&name, error).into()
}
