//! Downloads from publishers and mirrors.

use std::path::Path;

use cntflow_storage::store::ObjectStores;

use crate::ZooError;
use crate::data::fetch::error::FetchError;
use crate::data::fetch::request::FetchStep;
use crate::data::published::PublishedDataset;

/// Downloads the files of `dataset` to `folder`, from the first of `mirrors` that has them all.
///
/// # Errors
/// - [`FetchError::Download`]: no mirror gives all files; the error has the reason of each.
/// - [`ZooError::Io`]: a file cannot be written.
pub(super) fn download(
    dataset: &PublishedDataset,
    mirrors: &[&str],
    folder: &Path,
    stores: &ObjectStores,
    report: &mut dyn FnMut(FetchStep<'_>),
) -> Result<(), ZooError> {
    let mut reasons = Vec::new();
    for mirror in mirrors {
        match download_all(dataset, mirror, folder, stores, report) {
            Ok(()) => return Ok(()),
            Err(ZooError::Storage(error @ cntflow_storage::StorageError::Object { .. })) => {
                reasons.push(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Err(FetchError::Download {
        name: dataset.info.name.to_owned(),
        reasons: reasons.join("; "),
    }
    .into())
}

fn download_all(
    dataset: &PublishedDataset,
    mirror: &str,
    folder: &Path,
    stores: &ObjectStores,
    report: &mut dyn FnMut(FetchStep<'_>),
) -> Result<(), ZooError> {
    for name in dataset.downloads {
        let url = format!("{}/{name}", mirror.trim_end_matches('/'));
        let mut file = fs_err::File::create(folder.join(name))?;
        stores.stream_to_file(&url, file.file_mut(), &mut |received, size| {
            report(FetchStep::Download {
                url: &url,
                received,
                size,
            });
        })?;
    }
    Ok(())
}
