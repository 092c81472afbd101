//! Folders of files that are whole or absent, on a disk or below a prefix of an object store.
//!
//! A disk gives that by a rename, a store by a put. What is read from a store is copied to a cache on the disk first, each version of an
//! object once, so that readers get files.

use std::io::{BufWriter, Error, Result, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;

use super::{Found, ObjectStores, is_url};
use crate::{Limits, StorageError, write_atomically};

/// Time after which copies that are not in the folder any more are removed from the cache.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// On a disk, or a file system that is shared.
    Local(PathBuf),
    /// Below a URL, which has no slash at its end.
    Remote(String),
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Its name in the folder.
    pub name: String,
    place: FilePlace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FilePlace {
    Local(PathBuf),
    /// The object, and where its copy lies or will lie.
    Remote(Found, PathBuf),
}

impl Folder {
    /// The folder of a path or a URL; nothing is read or made yet.
    #[must_use]
    pub fn at(place: &Path) -> Self {
        match place.to_str().filter(|text| is_url(text)) {
            Some(url) => Self::Remote(url.trim_end_matches('/').to_owned()),
            None => Self::Local(place.to_owned()),
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

    /// Where a file of that name lies, for messages: a path or a URL.
    #[must_use]
    pub fn place_of(&self, name: &str) -> PathBuf {
        match self {
            Self::Local(path) => path.join(name),
            Self::Remote(url) => PathBuf::from(format!("{url}/{name}")),
        }
    }

    /// The files in the folder, without those in folders below, sorted by name; none where there is no folder. On a disk these are all,
    /// temporary ones of writers included.
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

    /// Makes files readable, and gives where, in their order.
    ///
    /// # Errors
    /// An object cannot be read, or not be copied to the cache.
    pub fn readable<'a>(
        &self,
        files: impl IntoIterator<Item = &'a FolderFile>,
    ) -> Result<Vec<PathBuf>> {
        let files: Vec<&FolderFile> = files.into_iter().collect();
        let missing = files.iter().filter_map(|file| match &file.place {
            FilePlace::Remote(object, copy) if !copy.exists() => Some(object.url.clone()),
            _ => None,
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            stores()?.expect(missing, Limits::default());
        }
        let paths = files.into_iter().map(|file| match &file.place {
            FilePlace::Local(path) => Ok(path.clone()),
            FilePlace::Remote(object, copy) => {
                if !copy.exists() {
                    stores()?.download(&object.url, copy).map_err(io)?;
                }
                Ok(copy.clone())
            }
        });
        paths.collect()
    }

    /// The bytes of a small file; `None` where there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
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

    /// Writes a file through `write`, so that it is either as before or complete, whatever happens in between.
    ///
    /// # Errors
    /// What `write` says; the file cannot be written; the text names it.
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
}

fn files_of_disk(folder: &Path) -> Result<Vec<FolderFile>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        Ok(FolderFile {
            name: entry.file_name().to_string_lossy().into_owned(),
            place: FilePlace::Local(entry.path()),
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
        // Of a store that names no versions nothing is kept for the next process.
        let version = object.etag.clone();
        let version = version.unwrap_or_else(|| format!("process {}", std::process::id()));
        files.push(FolderFile {
            name: name.to_owned(),
            place: FilePlace::Remote(
                object.clone(),
                cache.join(digest(&format!("{name}\n{version}"))).join(name),
            ),
        });
    }
    remove_old_copies(&cache, &files);
    Ok(files)
}

/// Removes copies of what is not there any more. Those of a day stay: another process may be reading. What cannot be removed costs
/// room and nothing else.
fn remove_old_copies(cache: &Path, files: &[FolderFile]) {
    let is_there = |folder: &Path| {
        files.iter().any(|file| match &file.place {
            FilePlace::Remote(_, copy) => copy.parent() == Some(folder),
            FilePlace::Local(_) => false,
        })
    };
    let Ok(copies) = std::fs::read_dir(cache) else {
        return;
    };
    for copy in copies.filter_map(std::result::Result::ok) {
        let age = copy.metadata().and_then(|copy| copy.modified());
        let age = age.ok().and_then(|since| since.elapsed().ok());
        if age.is_some_and(|age| age > KEPT_FOR) && !is_there(&copy.path()) {
            let _ = std::fs::remove_dir_all(copy.path());
        }
    }
}

/// Where copies are kept: `CNTFLOW_CACHE`, or `cntflow/objects` in the user's cache folder.
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
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path()).below("a");
        assert!(folder.files().unwrap().is_empty());
        assert_eq!(folder.read("x").unwrap(), None);
        folder
            .write::<Error>("x", |file| file.write_all(b"1"))
            .unwrap();
        let files = folder.files().unwrap();
        let paths = folder.readable(&files).unwrap();
        assert_eq!(paths, [place.path().join("a/x")]);
        assert_eq!(folder.read("x").unwrap(), Some(b"1".to_vec()));
        folder.remove("x").unwrap();
        assert!(folder.files().unwrap().is_empty());
    }

    #[test]
    fn a_url_is_a_folder_of_a_store() {
        let folder = Folder::at(Path::new("s3://zoo/out/"));
        assert_eq!(folder, Folder::Remote("s3://zoo/out".to_owned()));
        let place = folder.below("tables").place_of("a.parquet");
        assert_eq!(place, Path::new("s3://zoo/out/tables/a.parquet"));
    }
}
