//! The list of a file's arrays, which grows while the file is read.

use std::collections::BTreeMap;

use cntflow_storage::{FormatError, Limits};

use super::array::StoredArray;
use crate::TensorEntry;

/// The arrays of a file, checked.
#[derive(Debug, Default)]
pub(super) struct NumpyFile {
    pub(super) tensors: Vec<TensorEntry>,
    /// The arrays, one for each of `tensors`.
    pub(super) arrays: Vec<StoredArray>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Bytes of arrays that are in memory.
    bytes_in_memory: u64,
}

impl NumpyFile {
    /// Lists an array.
    pub(super) fn add(
        &mut self,
        path: &str,
        shape: Vec<usize>,
        array: StoredArray,
        excluded_because: Option<String>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let name = if path.is_empty() { "array" } else { path };
        self.tensors.push(TensorEntry {
            name: name.to_owned(),
            shape,
            element: array.dtype.element,
            excluded_because,
        });
        self.bytes_in_memory += array.bytes_in_memory();
        self.arrays.push(array);
        FormatError::check_limit(
            "bytes of arrays in its pickle",
            self.bytes_in_memory,
            "header_bytes",
            limits.header_bytes,
        )?;
        FormatError::check_limit(
            "arrays",
            self.tensors.len() as u64,
            "tensors",
            limits.tensors,
        )
    }
}
