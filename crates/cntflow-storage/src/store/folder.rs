//! Folders of files that are whole or absent, on a disk or below a prefix of an object store.
//!
//! On a disk a file appears by a rename, in a store by a put; both are atomic. Readers always get
//! paths of local files: an object is copied to a cache on the disk first, once for each version.

use std::io::{BufWriter, Error, Result, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;

use super::{ObjectInfo, ObjectStores, is_url};
use crate::atomic::sync_folder;
use crate::{Limits, Stamp, StorageError, write_atomically};

/// Age from which a copy is removed from the cache if its object is no longer in the folder.
const COPY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// On a disk, or a file system that is shared.
    Local(PathBuf),
    /// On an object store, below a URL without a slash at its end.
    Remote(String),
}

/// A file of a [`Folder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Its name in the folder.
    pub name: String,
    location: FileLocation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FileLocation {
    Local(PathBuf),
    /// The object, and the path of its copy in the cache, which may not exist yet.
    Remote(ObjectInfo, PathBuf),
}

impl FolderFile {
    /// What changes when the file or the object is written to.
    ///
    /// # Errors
    /// The file is not there any more.
    pub fn stamp(&self) -> Result<Stamp> {
        match &self.location {
            FileLocation::Local(path) => Ok(Stamp::of_metadata(&fs::metadata(path)?)),
            FileLocation::Remote(object, _) => Ok(Stamp::of_object(object)),
        }
    }
}

impl Folder {
    /// The folder of a path or a URL; nothing is read or made yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        match path.to_str().filter(|text| is_url(text)) {
            Some(url) => Self::Remote(url.trim_end_matches('/').to_owned()),
            None => Self::Local(path.to_owned()),
        }
    }

    /// A folder in this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(name)),
            Self::Remote(url) => Self::Remote(format!("{url}/{name}")),
        }
    }

    /// Whether it is on an object store.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Path or URL of the file of that name, for messages.
    #[must_use]
    pub fn path_of(&self, name: &str) -> PathBuf {
        match self {
            Self::Local(path) => path.join(name),
            Self::Remote(url) => PathBuf::from(format!("{url}/{name}")),
        }
    }

    /// The files in the folder, sorted by name, without those in folders below; none if there is no
    /// folder. On a disk this includes the temporary files of writers.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn files(&self) -> Result<Vec<FolderFile>> {
        let mut files = match self {
            Self::Local(path) => files_of_disk(path)?,
            Self::Remote(url) => files_of_store(url)?,
        };
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Paths at which the files can be read, in their order; objects are copied to the cache.
    ///
    /// # Errors
    /// An object cannot be read, or cannot be copied to the cache.
    pub fn local_paths<'a>(
        &self,
        files: impl IntoIterator<Item = &'a FolderFile>,
    ) -> Result<Vec<PathBuf>> {
        let files: Vec<&FolderFile> = files.into_iter().collect();
        let missing = files.iter().filter_map(|file| match &file.location {
            FileLocation::Remote(object, copy) if !copy.exists() => Some(object.url.clone()),
            _ => None,
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            stores()?.announce(missing, Limits::default());
        }
        let paths = files.into_iter().map(|file| match &file.location {
            FileLocation::Local(path) => Ok(path.clone()),
            FileLocation::Remote(object, copy) => {
                if !copy.exists() {
                    stores()?.download(&object.url, copy).map_err(io)?;
                }
                Ok(copy.clone())
            }
        });
        paths.collect()
    }

    /// The bytes of a small file; `None` if there is no such file.
    ///
    /// # Errors
    /// It exists and cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Local(path) => match fs::read(path.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                other => other.map(Some),
            },
            Self::Remote(url) => {
                let url = format!("{url}/{name}");
                let stores = stores()?;
                if stores.head(&url).map_err(io)?.is_none() {
                    return Ok(None);
                }
                let content = stores.fetch(&url, &Limits::default()).map_err(io)?;
                Ok(Some(content.to_vec()))
            }
        }
    }

    /// Writes a file through `write`, so that it is either as before or complete, whatever happens
    /// in between.
    ///
    /// # Errors
    /// Those of `write`; the file cannot be written, and the text names it.
    pub fn write<E: From<Error>>(
        &self,
        name: &str,
        write: impl FnOnce(&mut (dyn Write + Send)) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        match self {
            Self::Local(path) => write_atomically(&path.join(name), write),
            Self::Remote(url) => {
                let mut file = tempfile::NamedTempFile::new()?;
                let mut buffered = BufWriter::with_capacity(1 << 16, file.as_file_mut());
                write(&mut buffered)?;
                buffered.flush()?;
                drop(buffered);
                let url = format!("{url}/{name}");
                stores()?.put_file(&url, file.path()).map_err(io)?;
                Ok(())
            }
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        match self {
            Self::Local(path) => fs::remove_file(path.join(name)),
            Self::Remote(url) => stores()?.delete(&format!("{url}/{name}")).map_err(io),
        }
    }

    /// Removes a file so that it does not come back after a power cut. That takes milliseconds on a
    /// disk.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_for_good(&self, name: &str) -> Result<()> {
        self.remove(name)?;
        match self {
            Self::Local(path) => sync_folder(path),
            Self::Remote(_) => Ok(()),
        }
    }
}

fn files_of_disk(folder: &Path) -> Result<Vec<FolderFile>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        Ok(FolderFile {
            name: entry.file_name().to_string_lossy().into_owned(),
            location: FileLocation::Local(entry.path()),
        })
    });
    entries.collect()
}

fn files_of_store(url: &str) -> Result<Vec<FolderFile>> {
    let start = format!("{url}/");
    let cache = cache().join(digest(url));
    let mut files = Vec::new();
    for object in stores()?.list(&start).map_err(io)? {
        let Some(name) = object.url.strip_prefix(&start) else {
            continue;
        };
        if name.contains('/') {
            continue;
        }
        // Without an entity tag a later version cannot be told from this one. The copy is therefore
        // named after this process, so that later processes fetch it anew.
        let version = object.etag.clone();
        let version = version.unwrap_or_else(|| format!("process {}", std::process::id()));
        files.push(FolderFile {
            name: name.to_owned(),
            location: FileLocation::Remote(
                object.clone(),
                cache.join(digest(&format!("{name}\n{version}"))).join(name),
            ),
        });
    }
    remove_old_copies(&cache, &files);
    Ok(files)
}

/// Removes copies of objects that are gone. Recent copies stay, since another process may be
/// reading them. A copy that cannot be removed only costs space.
fn remove_old_copies(cache: &Path, files: &[FolderFile]) {
    let exists = |folder: &Path| {
        files.iter().any(|file| match &file.location {
            FileLocation::Remote(_, copy) => copy.parent() == Some(folder),
            FileLocation::Local(_) => false,
        })
    };
    let Ok(copies) = fs::read_dir(cache) else {
        return;
    };
    for copy in copies.filter_map(std::result::Result::ok) {
        let age = copy.metadata().and_then(|copy| copy.modified());
        let age = age.ok().and_then(|since| since.elapsed().ok());
        if age.is_some_and(|age| age > COPY_LIFETIME) && !exists(&copy.path()) {
            let _ = fs::remove_dir_all(copy.path());
        }
    }
}

/// The folder of copies: `CNTFLOW_CACHE`, or `cntflow/objects` in the user's cache folder.
fn cache() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(own) = folder("CNTFLOW_CACHE") {
        return own.into();
    }
    let user = folder("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| folder("HOME").map(|home| Path::new(&home).join(".cache")));
    user.unwrap_or_else(std::env::temp_dir)
        .join("cntflow/objects")
}

/// A name for the cache: the first 32 hexadecimal digits of a text's BLAKE3.
fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

fn stores() -> Result<&'static ObjectStores> {
    ObjectStores::of_process().map_err(io)
}

fn io(error: StorageError) -> Error {
    match error {
        StorageError::Io(error) => error,
        other => Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_disk_holds_what_was_written() {
        let disk = tempfile::tempdir().unwrap();
        let folder = Folder::at(disk.path()).below("a");
        assert!(folder.files().unwrap().is_empty());
        assert_eq!(folder.read("x").unwrap(), None);
        folder
            .write::<Error>("x", |file| file.write_all(b"1"))
            .unwrap();
        let files = folder.files().unwrap();
        let paths = folder.local_paths(&files).unwrap();
        assert_eq!(paths, [disk.path().join("a/x")]);
        assert_eq!(folder.read("x").unwrap(), Some(b"1".to_vec()));
        let stamp = files[0].stamp().unwrap();
        assert_eq!(files[0].stamp().unwrap(), stamp);
        folder
            .write::<Error>("x", |file| file.write_all(b"12"))
            .unwrap();
        assert_ne!(files[0].stamp().unwrap(), stamp);
        folder.remove("x").unwrap();
        assert!(folder.files().unwrap().is_empty());
    }

    #[test]
    fn a_url_is_a_folder_of_a_store() {
        let folder = Folder::at(Path::new("s3://zoo/out/"));
        assert_eq!(folder, Folder::Remote("s3://zoo/out".to_owned()));
        let path = folder.below("tables").path_of("a.parquet");
        assert_eq!(path, Path::new("s3://zoo/out/tables/a.parquet"));
    }
}
