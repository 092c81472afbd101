//! Opens the checkpoint at a location: one file, an index of shards, a model of TensorFlow.js, or a
//! row of a file that holds several checkpoints.

use std::path::{Path, PathBuf};

use cntflow_storage::{Content, Limits, Location};

use crate::{CheckpointError, OpenCheckpoint, sharded, tensorflow_js, zoo_matrix};

impl OpenCheckpoint {
    /// Opens a file or an object of any known format, within the default limits.
    ///
    /// # Errors
    /// As [`OpenCheckpoint::read`]; the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_at(&Location::from(path), &Limits::default())
    }

    /// The same checkpoint with the files beside it that hold elements of its tensors.
    fn with_files_beside(
        self,
        location: &Location,
        limits: &Limits,
    ) -> Result<Self, CheckpointError> {
        let names = self.files_beside();
        let mut contents = Vec::with_capacity(names.len());
        for name in &names {
            let content = location.sibling(name).content(limits);
            contents.push(content.map_err(|source| CheckpointError::FileBeside {
                path: self.path().to_owned(),
                source,
            })?);
        }
        if contents.is_empty() {
            return Ok(self);
        }
        self.with_contents_beside(contents)
    }

    /// Opens the checkpoint at a location: a file, an object, a member of an archive, or a row of
    /// one of these.
    ///
    /// # Errors
    /// As [`Location::content`] and [`OpenCheckpoint::read`]; there is no such row; a file that
    /// holds elements of its tensors cannot be read, or is too short.
    pub fn open_at(location: &Location, limits: &Limits) -> Result<Self, CheckpointError> {
        match location.row {
            Some(row) => zoo_matrix::open(location, row, limits),
            None if sharded::is_index(location.file_name()) => sharded::open(location, limits),
            None if tensorflow_js::is_model_name(location.file_name()) => {
                tensorflow_js::open(location, limits)
            }
            None => {
                let content = match (&location.member, location.url()) {
                    // All of a checkpoint is used: `load` reads small files instead of mapping
                    // them, which is faster.
                    (None, None) => Content::load(&location.path)?,
                    _ => location.content(limits)?,
                };
                let name = PathBuf::from(location.to_string());
                Self::read(&name, content, limits)?.with_files_beside(location, limits)
            }
        }
    }
}
