//! Errors of the crate `hdf5-reader` as errors of a format.

use cntflow_storage::FormatError;

/// An error of `hdf5-reader` about a group or dataset.
pub(super) fn broken(path: &str, error: &hdf5_reader::error::Error) -> FormatError {
    FormatError::broken(match path {
        "" => format!("{error}"),
        _ => format!("{path}: {error}"),
    })
}
