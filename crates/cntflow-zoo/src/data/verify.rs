//! Checks of data sets against their published digests.

use crate::ZooError;
use crate::data::cache::DatasetCache;
use crate::data::fetch::verify_folder;
use crate::data::{builtin, published};

/// Compares the files of a data set, built in or in `cache`, with their published SHA-256; returns
/// the number of files.
///
/// # Errors
/// - [`ZooError::UnknownDataset`]: no data set is known by that name.
/// - [`ZooError::NotFetched`]: it is not in `cache`.
/// - [`ZooError::Digest`]: a file's digest differs.
/// - [`ZooError::Io`]: a file cannot be read.
pub fn verify(name: &str, cache: &DatasetCache) -> Result<usize, ZooError> {
    if let Some(dataset) = builtin::find(name) {
        return dataset.verify();
    }
    let dataset = published::find(name).ok_or_else(|| ZooError::UnknownDataset {
        name: name.to_owned(),
        known: format!("{}, {}", builtin::names(), published::names()),
    })?;
    verify_folder(dataset, &cache.fetched(name)?)
}
