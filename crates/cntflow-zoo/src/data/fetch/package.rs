//! The files of a folder or of an archive, by their names.

use std::path::{Path, PathBuf};

use cntflow_storage::archive::Archive;
use cntflow_storage::{Content, Limits, StorageError};
use walkdir::WalkDir;

use crate::ZooError;
use crate::data::fetch::error::FetchError;

/// How deep files may be in a folder. A package has them four folders deep.
const MAX_DEPTH: usize = 8;

/// A folder or an archive (tar, tar.gz, zip, Debian package) with the files of a data set.
pub(super) struct Package {
    path: PathBuf,
    /// `None`: a folder.
    archive: Option<Archive>,
    /// Paths within it, parts joined by `/`.
    names: Vec<String>,
}

impl Package {
    /// Lists the files of the folder or archive at `path`.
    ///
    /// # Errors
    /// It is neither, or cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, ZooError> {
        let archive = if path.is_dir() {
            None
        } else {
            Some(open_archive(path)?)
        };
        let names = match &archive {
            Some(archive) => archive
                .members()
                .map(|member| member.name.clone())
                .collect(),
            None => files_below(path)?,
        };
        Ok(Self {
            path: path.to_owned(),
            archive,
            names,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path within the package of the file `name`, in whatever folder it is.
    ///
    /// # Errors
    /// [`FetchError::SeveralFiles`]: two files have this name.
    pub(super) fn find(&self, name: &str) -> Result<Option<&str>, ZooError> {
        let is_it = |path: &&String| path.rsplit('/').next() == Some(name);
        let mut found = self.names.iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(FetchError::SeveralFiles {
                package: self.path.clone(),
                files: [first.clone(), second.clone()],
            }
            .into()),
            (first, _) => Ok(first.map(String::as_str)),
        }
    }

    /// The file `name`, in whatever folder it is.
    ///
    /// # Errors
    /// There is no such file or several, or it cannot be read.
    pub(super) fn read(&self, name: &str) -> Result<PackageFile, ZooError> {
        let found = self.find(name)?.ok_or_else(|| FetchError::MissingFile {
            package: self.path.clone(),
            file: name.to_owned(),
        })?;
        let path = self.path.join(found);
        let content = match &self.archive {
            Some(archive) => archive
                .content_of(found, &Limits::default())
                .map_err(|error| StorageError::content(&path, error))?,
            None => Content::load(&path)?,
        };
        Ok(PackageFile {
            path: path.display().to_string(),
            content,
        })
    }
}

/// A file of a package.
pub(super) struct PackageFile {
    /// Its path, with that of the package, for messages.
    pub(super) path: String,
    pub(super) content: Content,
}

fn open_archive(path: &Path) -> Result<Archive, ZooError> {
    let content = Content::load(path)?;
    let archive = Archive::read(&content, &Limits::default(), |_| false)
        .map_err(|error| StorageError::content(path, error))?;
    let not_a_package = || FetchError::NotAPackage {
        path: path.to_owned(),
    };
    Ok(archive.ok_or_else(not_a_package)?)
}

/// The files below `folder`, in the order of their names.
fn files_below(folder: &Path) -> Result<Vec<String>, ZooError> {
    let mut files = Vec::new();
    let walk = WalkDir::new(folder)
        .max_depth(MAX_DEPTH)
        .sort_by_file_name();
    for entry in walk {
        let entry = entry.map_err(std::io::Error::from)?;
        // Follows links: a data set may be linked into a folder.
        if entry.path().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            files.push(name.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(files)
}
