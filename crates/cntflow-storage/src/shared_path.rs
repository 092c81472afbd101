//! The path of a file that many catalog entries share.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An immutable path, as large as one pointer; clones share the text. It is serialised as any path.
///
/// Why no other type: a path need not be UTF-8, as `ArcStr` requires, and `Arc<Path>` is two
/// pointers large, which counts in a catalog of hundreds of thousands of paths.
#[derive(Clone, Debug, Default, Eq, PartialOrd, Ord, Hash)]
pub struct SharedPath(Arc<PathBuf>);

impl Deref for SharedPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for SharedPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl<T: AsRef<Path> + ?Sized> PartialEq<T> for SharedPath {
    fn eq(&self, other: &T) -> bool {
        self.0.as_path() == other.as_ref()
    }
}

impl From<PathBuf> for SharedPath {
    fn from(path: PathBuf) -> Self {
        Self(Arc::new(path))
    }
}

impl From<&Path> for SharedPath {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl Serialize for SharedPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_path().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PathBuf::deserialize(deserializer).map(Self::from)
    }
}
