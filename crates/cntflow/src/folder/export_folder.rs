//! The folder of an export: tables for publication, only to be read.

use std::path::Path;

use anyhow::bail;
use cntflow_storage::make_folder;
use cntflow_storage::store::Folder;

use super::record::StudyRecord;
use super::removal::remove_output;
use super::study_folder::require_own_folder;
use crate::exit::UsageError;

/// Makes the folder ready for an export and writes its record.
///
/// # Errors
/// The folder is a URL or has other files, which are then left as they are; it holds an export and
/// `fresh` is off; it cannot be written to.
pub(crate) fn prepare_export(path: &Path, record: &StudyRecord, fresh: bool) -> anyhow::Result<()> {
    if Folder::at(path).is_remote() {
        let message = format!("{}: an export is written to a disk", path.display());
        return Err(UsageError(message).into());
    }
    let earlier = StudyRecord::read(path)?;
    require_own_folder(path, record, earlier.as_ref(), fresh)?;
    if earlier.is_some() && !fresh {
        bail!(
            "{}: this folder holds an export; --fresh replaces it",
            path.display()
        );
    }
    make_folder(path)?;
    remove_output(path)?;
    record.write(path)
}
