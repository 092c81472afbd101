//! The folder that fetched data sets are in.

use std::env;
use std::path::{Path, PathBuf};

use crate::ZooError;

/// The folder that fetched data sets are in, one folder of IDX files for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetCache {
    folder: PathBuf,
}

impl DatasetCache {
    /// The cache in `folder`, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The user's cache: `$CNTFLOW_DATA`, else `$XDG_CACHE_HOME/cntflow/datasets`, else
    /// `~/.cache/cntflow/datasets`.
    ///
    /// # Errors
    /// [`ZooError::NoCache`]: neither of the variables is set, nor `HOME`.
    pub fn of_user() -> Result<Self, ZooError> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(folder) = variable("CNTFLOW_DATA") {
            return Ok(Self::at(folder));
        }
        let caches = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let caches = caches.or_else(|| Some(Path::new(&variable("HOME")?).join(".cache")));
        let caches = caches.ok_or(ZooError::NoCache)?;
        Ok(Self::at(caches.join("cntflow").join("datasets")))
    }

    /// The cache's own folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a data set of this name, whether or not it is there.
    pub(super) fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder of a data set that has been fetched.
    ///
    /// # Errors
    /// [`ZooError::NotFetched`]: it is not there.
    pub(super) fn fetched(&self, name: &str) -> Result<PathBuf, ZooError> {
        if self.has(name) {
            return Ok(self.folder_of(name));
        }
        Err(ZooError::NotFetched {
            name: name.to_owned(),
            cache: self.folder.clone(),
        })
    }

    /// Whether the data set of this name is there. It is whole if it is there.
    pub fn has(&self, name: &str) -> bool {
        self.folder_of(name).is_dir()
    }
}
