//! Opening a checkpoint: its bytes, read by the format that they are of, handed out as views that fit.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cntflow_storage::{Content, FormatError, Limits, Location, StorageError};

use crate::format::{self, Format};
use crate::{CheckpointError, Description, TensorEntry, sharded, zoo_matrix};

/// A checkpoint, open and checked: every tensor lies within the file and is as long as its shape and type say.
#[derive(Debug)]
pub struct OpenCheckpoint {
    path: PathBuf,
    content: Content,
    /// Further files that it is made of; their format keeps them too.
    others: Vec<Content>,
    /// Which of the checkpoints of its content it is, where that holds several.
    row: Option<u64>,
    format: Box<dyn Format>,
    /// Places of the tensors by name.
    places: HashMap<String, usize>,
}

impl OpenCheckpoint {
    /// Opens a file or an object of any format that is known, with the default limits.
    ///
    /// # Errors
    /// As [`OpenCheckpoint::read`]; the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_at(&Location::from(path), &Limits::default())
    }

    /// Opens the checkpoint at a location: a file, an object, a member of an archive, or a row of one of these.
    ///
    /// # Errors
    /// As [`Location::content`] and [`OpenCheckpoint::read`]; there is no such row.
    pub fn open_at(location: &Location, limits: &Limits) -> Result<Self, CheckpointError> {
        match location.row {
            Some(row) => zoo_matrix::open(location, row, limits),
            None if sharded::is_index(location.file_name()) => sharded::open(location, limits),
            None => {
                let content = match (&location.member, location.url()) {
                    (None, None) => Content::load(&location.path)?,
                    _ => location.content(limits)?,
                };
                let name = PathBuf::from(location.to_string());
                Self::read(&name, content, limits)
            }
        }
    }

    /// Opens the content of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// It is of no known format, is cut short, asks for more than `limits` allow, or contradicts itself.
    pub fn read(path: &Path, content: Content, limits: &Limits) -> Result<Self, CheckpointError> {
        let format = known_format(path, &content, limits)?;
        Self::of_format(path, content, format)
    }

    /// A checkpoint whose format has been opened from `content`.
    ///
    /// # Errors
    /// It lists a tensor twice.
    pub fn of_format(
        path: &Path,
        content: Content,
        format: Box<dyn Format>,
    ) -> Result<Self, CheckpointError> {
        let mut places = HashMap::with_capacity(format.tensors().len());
        for (place, tensor) in format.tensors().iter().enumerate() {
            if places.insert(tensor.name.clone(), place).is_some() {
                let reason = format!("it lists tensor {} twice", tensor.name);
                return Err(StorageError::content(path, FormatError::Broken(reason)).into());
            }
        }
        Ok(Self {
            path: path.to_owned(),
            content,
            others: Vec::new(),
            row: None,
            format,
            places,
        })
    }

    /// The same with further files that it is made of.
    pub fn with_others(self, others: Vec<Content>) -> Self {
        Self { others, ..self }
    }

    /// The same as one of several checkpoints of its content.
    pub fn with_row(self, row: u64) -> Self {
        Self {
            row: Some(row),
            ..self
        }
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What people call its format.
    pub fn format(&self) -> &'static str {
        self.format.name()
    }

    /// Size of the file, or of all its files, in bytes.
    pub fn bytes(&self) -> u64 {
        let contents = std::iter::once(&self.content).chain(&self.others);
        contents.map(|content| content.len() as u64).sum()
    }

    /// BLAKE3 of the whole file, in hex; of several files one after the other, and of a part of a file with its number.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for content in std::iter::once(&self.content).chain(&self.others) {
            hasher.update(content);
        }
        if let Some(row) = self.row {
            hasher.update(&row.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The texts it carries beside its tensors.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.format.metadata()
    }

    /// What the file says of its model, made now; `None` where it says nothing.
    pub fn description(&self) -> Option<Description<'_>> {
        self.format.description(&self.content)
    }

    /// All tensors, in the file's own order, which may be that of the layers or none.
    pub fn tensors(&self) -> &[TensorEntry] {
        self.format.tensors()
    }

    /// The tensor of a name.
    pub fn tensor(&self, name: &str) -> Option<&TensorEntry> {
        self.places
            .get(name)
            .map(|&place| &self.format.tensors()[place])
    }

    /// The values of a tensor in row-major order: borrowed from the file where it holds aligned `F32`, converted otherwise.
    ///
    /// # Errors
    /// There is no such tensor, its type holds no real weights, or its elements cannot be decoded.
    pub fn values(&self, tensor: &str) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let place = self.places.get(tensor).copied().ok_or_else(|| {
            StorageError::content(
                &self.path,
                FormatError::broken(format!("no tensor {tensor}")),
            )
        })?;
        let element = self.format.tensors()[place].element;
        let elements = self.format.elements(&self.content, place);
        let elements = elements.map_err(|source| CheckpointError::Elements {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            source,
        })?;
        element
            .values(elements)
            .ok_or_else(|| CheckpointError::Type {
                path: self.path.clone(),
                tensor: tensor.to_owned(),
                dtype: element.to_string(),
            })
    }
}

/// Opens content of any format that is known.
///
/// # Errors
/// As [`OpenCheckpoint::read`].
pub(crate) fn known_format(
    path: &Path,
    content: &Content,
    limits: &Limits,
) -> Result<Box<dyn Format>, CheckpointError> {
    let opened =
        format::open(content, limits).map_err(|error| StorageError::content(path, error))?;
    opened.ok_or_else(|| CheckpointError::UnknownFormat {
        path: path.to_owned(),
        formats: format::NAMES,
        what: if content.is_empty() {
            "it is empty"
        } else {
            "its first bytes are of none of them"
        },
    })
}
