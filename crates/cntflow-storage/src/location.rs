//! The location of a checkpoint as a value: a file or an object, a member of an archive, a row of a
//! file that holds several.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Content, Limits, SharedPath, StorageError, archive, store};

/// The location of a checkpoint: plain data that is sent between processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// A file, or the URL of an object. A URL is text: it is never joined or normalised as a path
    /// is.
    pub path: SharedPath,
    /// Name of a member, if the file is an archive (tar, tar.gz, zip).
    pub member: Option<String>,
    /// A row, if the file holds several checkpoints: a row of the Small CNN Zoo's matrix, or a
    /// snapshot along the first dimension of every tensor.
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

    /// A row of this location.
    #[must_use]
    pub fn at_row(&self, row: u64) -> Self {
        Self {
            row: Some(row),
            ..self.clone()
        }
    }

    /// The file, object or member that this is a row of.
    pub fn whole(&self) -> Self {
        Self {
            row: None,
            ..self.clone()
        }
    }

    /// The URL, if this is a whole object or a row of one; `None` for a file on a disk and for a
    /// member of an archive.
    pub fn object_url(&self) -> Option<&str> {
        self.url().filter(|_| self.member.is_none())
    }

    /// The URL of the object, or of the archive that holds the member; `None` on a disk.
    /// [`Location::object_url`] excludes members.
    pub fn url(&self) -> Option<&str> {
        self.path.to_str().filter(|text| store::is_url(text))
    }

    /// Size in bytes of the file that holds it, used to estimate the cost of measuring. `None` for
    /// a missing file, and for an object, because its store would have to be asked.
    pub fn size(&self) -> Option<u64> {
        if self.url().is_some() {
            return None;
        }
        self.path.metadata().ok().map(|file| file.len())
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

    /// Whether it is an index of a checkpoint that is in several files beside it, by its name: JSON
    /// itself holds no weights.
    pub fn is_index(&self) -> bool {
        self.member.is_none() && self.file_name().ends_with(".json")
    }

    /// The location that is shown as this text: the reverse of its [`Display`](fmt::Display). A
    /// text with `: ` names a member, one that ends with ` row ` and a number a row.
    pub fn from_shown(text: &str) -> Self {
        let with_row = text.rsplit_once(" row ");
        let with_row = with_row.and_then(|(whole, row)| Some((whole, row.parse().ok()?)));
        let (text, row) = match with_row {
            Some((whole, row)) => (whole, Some(row)),
            None => (text, None),
        };
        let (path, member) = match text.split_once(": ") {
            Some((archive, member)) => (archive, Some(member.to_owned())),
            None => (text, None),
        };
        Self {
            path: Path::new(path).into(),
            member,
            row,
        }
    }

    /// The same location without `.` and `..` in its path, its URL or its member, as far as names
    /// alone tell.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let path = match (&self.member, self.path.to_str()) {
            (None, Some(text)) => match text.split_once("://") {
                // The bucket or host is no folder.
                Some((scheme, rest)) => match rest.split_once('/') {
                    Some((host, key)) => format!("{scheme}://{host}/{}", without_dots(key)),
                    None => text.to_owned(),
                },
                None => without_dots(text),
            },
            (Some(_), _) | (_, None) => {
                let member = self.member.as_deref().map(without_dots);
                return Self {
                    member,
                    ..self.clone()
                };
            }
        };
        Self {
            path: Path::new(&path).into(),
            ..self.clone()
        }
    }

    /// Another file in the same folder, in the same archive or store.
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

    /// The bytes of the file, object or member; of a row, those of the whole that it is a row of.
    ///
    /// # Errors
    /// They cannot be read, there is no such member, or it is larger than `limits` allow.
    pub fn content(&self, limits: &Limits) -> Result<Content, StorageError> {
        match &self.member {
            Some(member) => archive::member(&self.path, member, limits),
            None => whole_content(&self.path, limits),
        }
    }
}

/// A path without `.` and `..`, but those that it begins with.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !["", ".."].contains(last)) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
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
        for location in [&file, &file.at_row(17), &member, &member.at_row(0)] {
            assert_eq!(Location::from_shown(&location.to_string()), *location);
        }
        let object = Location::from(PathBuf::from("s3://bucket/a//b.npy"));
        assert_eq!(object.sibling("c").to_string(), "s3://bucket/a//c");
        assert_eq!(object.url(), Some("s3://bucket/a//b.npy"));
    }

    #[test]
    fn names_alone_tell_what_dots_mean() {
        let check = |text: &str, expected: &str| {
            let location = Location::from_shown(text).normalised();
            assert_eq!(location.to_string(), expected);
        };
        check("zoo/b/../a.pt", "zoo/a.pt");
        check("./zoo/./a.pt", "zoo/a.pt");
        check("../../a.pt", "../../a.pt");
        check("/../a.pt", "/../a.pt");
        check("s3://bucket/x/../a", "s3://bucket/a");
        check("s3://bucket/../a", "s3://bucket/../a");
        check("a/../zoo.tar: b/../c.pt", "a/../zoo.tar: c.pt");
    }
}
