//! Where a checkpoint lies: a file or an object, a member of an archive, a row of a matrix of weights.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive;
use crate::store;
use crate::{Content, Limits, SharedPath, StorageError};

/// Where a checkpoint lies. A plain wire type.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// A file, or the URL of an object; a URL is text, and is never joined or simplified as a path is.
    pub path: SharedPath,
    /// Name of a member, where the file is an archive (tar, tar.gz, zip).
    pub member: Option<String>,
    /// A row, where one file holds several checkpoints: of the matrix of the Small CNN Zoo, or a snapshot along the first dimension of
    /// every tensor.
    pub row: Option<u64>,
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)?;
        if let Some(member) = &self.member {
            write!(f, ": {member}")?;
        }
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        Ok(())
    }
}

impl Location {
    /// A member of the archive at `path`.
    pub fn of_member(path: &Path, member: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            member: Some(member.into()),
            row: None,
        }
    }

    /// A row of what lies here.
    #[must_use]
    pub fn at_row(&self, row: u64) -> Self {
        Self {
            row: Some(row),
            ..self.clone()
        }
    }

    /// The file or member that this is a row of.
    pub fn whole(&self) -> Self {
        Self {
            row: None,
            ..self.clone()
        }
    }

    /// The URL of the object that it is, where it is no member of an archive.
    pub fn object(&self) -> Option<&str> {
        self.url().filter(|_| self.member.is_none())
    }

    /// Its URL, where it lies in an object store.
    pub fn url(&self) -> Option<&str> {
        self.path.to_str().filter(|text| store::is_url(text))
    }

    /// Size of the file that it lies in, or its share of it, where that can be told without opening it; what measuring it costs.
    pub fn size(&self) -> Option<u64> {
        match self.url() {
            Some(_) => None,
            None => self.path.metadata().ok().map(|file| file.len()),
        }
    }

    /// The name of the file or of the member, without its folders.
    pub fn file_name(&self) -> &str {
        let whole = self
            .member
            .as_deref()
            .or_else(|| self.path.to_str())
            .unwrap_or_default();
        whole.rsplit('/').next().unwrap_or(whole)
    }

    /// Another file of the folder that this one lies in, in the same archive or store.
    pub fn sibling(&self, name: &str) -> Self {
        let beside = |whole: &str| match whole.rfind('/') {
            Some(end) => format!("{}/{name}", &whole[..end]),
            None => name.to_owned(),
        };
        match (&self.member, self.url()) {
            (Some(member), _) => Self::of_member(&self.path, beside(member)),
            (None, Some(url)) => PathBuf::from(beside(url)).into(),
            (None, None) => self.path.with_file_name(name).into(),
        }
    }

    /// The bytes that lie here: of the file, of the object or of the member. A row is part of them.
    ///
    /// # Errors
    /// They cannot be read; there is no such member; or it is larger than `limits` allow.
    pub fn content(&self, limits: &Limits) -> Result<Content, StorageError> {
        match &self.member {
            Some(member) => archive::member(&self.path, member, limits),
            None => whole_content(&self.path, limits),
        }
    }
}

/// The bytes of a file or of an object.
pub(crate) fn whole_content(path: &Path, limits: &Limits) -> Result<Content, StorageError> {
    match path.to_str().filter(|text| store::is_url(text)) {
        Some(url) => store::fetch(url, limits),
        None => Ok(Content::map(path)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_shown_and_have_siblings() {
        let file = Location::from(Path::new("zoo/weights.npy"));
        assert_eq!(file.at_row(17).to_string(), "zoo/weights.npy row 17");
        assert_eq!(file.sibling("layout.csv").to_string(), "zoo/layout.csv");
        let member = Location::of_member(Path::new("zoo.tar"), "run1/model.pt");
        assert_eq!(member.to_string(), "zoo.tar: run1/model.pt");
        assert_eq!(member.file_name(), "model.pt");
        assert_eq!(member.sibling("a").to_string(), "zoo.tar: run1/a");
        let object = Location::from(PathBuf::from("s3://bucket/a//b.npy"));
        assert_eq!(object.sibling("c").to_string(), "s3://bucket/a//c");
        assert_eq!(object.url(), Some("s3://bucket/a//b.npy"));
    }
}
