//! A matrix of weights with its layout, and its rows wherever it lies.
//!
//! A file is mapped, and a row is a range of it: nothing of the other rows is read. Of an object some rows around come along, since
//! whoever measures one will soon measure the next, and each request to a store takes its time.

use std::path::PathBuf;
use std::sync::Arc;

use super::layout::{Variable, read_layout};
use super::matrix::{BEGINNING, Matrix};
use super::{LAYOUT, content_of};
use crate::CheckpointError;
use cntflow_storage::FileCache;
use cntflow_storage::store::ObjectStores;
use cntflow_storage::{Content, Limits, Location};
use cntflow_storage::{FormatError, StorageError};

/// Bytes of the rows that come along, 8 MiB: as much as a connection gives in the time that a store takes to answer a few times.
const BLOCK: u64 = 8 << 20;

/// What is known of matrices.
static ZOOS: FileCache<Zoo> = FileCache::new(4);

/// Rows of objects, by the place of the block in the matrix.
static BLOCKS: FileCache<Content> = FileCache::new(8);

/// A matrix, and what its columns are.
#[derive(Debug)]
pub struct Zoo {
    pub matrix: Matrix,
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
        let at = weights.sibling(LAYOUT);
        let variables = read_layout(&at.content(limits)?, limits).map_err(wrong(&at))?;
        let matrix = match weights.object() {
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
        let matrix = matrix.map_err(wrong(weights))?;
        matrix.fits(&variables).map_err(wrong(weights))?;
        Ok(Self {
            matrix,
            variables: variables.into(),
        })
    }

    /// The bytes of a row of this matrix, which lies at `at`.
    ///
    /// # Errors
    /// There is no such row, or it cannot be read.
    pub fn row(
        &self,
        at: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<Content, CheckpointError> {
        let range = self.matrix.range(row).map_err(wrong(at))?;
        let (content, start) = match at.object() {
            Some(url) => self.block(url, at, row, limits)?,
            None => (content_of(&at.whole(), limits)?, 0),
        };
        let end = start + content.len() as u64;
        if range.end > end {
            let (expected, found) = (range.end, end);
            return Err(wrong(at)(FormatError::Length { expected, found }));
        }
        Ok(content.part((range.start - start) as usize..(range.end - start) as usize))
    }

    /// The rows of an object around a row, and where the first of them begins.
    fn block(
        &self,
        url: &str,
        at: &Location,
        row: u64,
        limits: &Limits,
    ) -> Result<(Content, u64), CheckpointError> {
        let matrix = &self.matrix;
        let (bytes, allowed) = (matrix.row_bytes(), limits.decoded_bytes);
        FormatError::check_limit("bytes of a row", bytes, "decoded_bytes", allowed)
            .map_err(wrong(at))?;
        let rows = (BLOCK / bytes.max(1)).max(1);
        let block = row / rows;
        let range = matrix.ranges(block * rows..(block * rows + rows).min(matrix.rows));
        let start = range.start;
        let read = || {
            let bytes = ObjectStores::of_process()?.read_range(url, range)?;
            Ok::<_, CheckpointError>(Content::held(bytes))
        };
        let held = BLOCKS.get(&at.at_row(block), read)?;
        Ok(((*held).clone(), start))
    }
}

fn wrong(location: &Location) -> impl Fn(FormatError) -> CheckpointError {
    let name = PathBuf::from(location.to_string());
    move |error| StorageError::content(&name, error).into()
}
