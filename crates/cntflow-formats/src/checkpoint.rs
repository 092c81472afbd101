//! An open checkpoint: its bytes are read by the module of their format, and its tensors are handed
//! out as values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cntflow_storage::{Content, FormatError, Limits, StorageError};

use crate::{
    CheckpointError, Description, Element, TensorEntry, format::Format, known_formats::known_format,
};

/// A checkpoint, opened and checked: every tensor lies within the file and is as long as its shape
/// and type say.
#[derive(Debug)]
pub struct OpenCheckpoint {
    path: PathBuf,
    content: Content,
    /// The shards, if it is in several files, or files that hold elements of its tensors.
    shards: Vec<Content>,
    /// The number of the snapshot, if `content` is a whole file of snapshots; `None` for a row of a
    /// zoo's matrix, whose content is the row.
    row: Option<u64>,
    format: Box<dyn Format>,
    /// Indices of the tensors by name.
    index_by_name: HashMap<String, usize>,
}

impl OpenCheckpoint {
    /// Opens the content of a file; `path` names it in errors.
    ///
    /// # Errors
    /// It is of no known format, is cut short, asks for more than `limits` allow, or contradicts
    /// itself.
    pub fn read(path: &Path, content: Content, limits: &Limits) -> Result<Self, CheckpointError> {
        let format = known_format(path, &content, limits)?;
        Self::of_format(path, content, format)
    }

    /// A checkpoint from an opened file and the content that it was opened from.
    ///
    /// # Errors
    /// It lists a tensor twice.
    pub(crate) fn of_format(
        path: &Path,
        content: Content,
        format: Box<dyn Format>,
    ) -> Result<Self, CheckpointError> {
        let mut index_by_name = HashMap::with_capacity(format.tensors().len());
        for (index, tensor) in format.tensors().iter().enumerate() {
            if index_by_name.insert(tensor.name.clone(), index).is_some() {
                let reason = format!("it lists tensor {} twice", tensor.name);
                return Err(StorageError::content(path, FormatError::Broken(reason)).into());
            }
        }
        Ok(Self {
            path: path.to_owned(),
            content,
            shards: Vec::new(),
            row: None,
            format,
            index_by_name,
        })
    }

    /// The same checkpoint with the contents of its shards; `content` is their index.
    #[must_use]
    pub(crate) fn with_shards(self, shards: Vec<Content>) -> Self {
        Self { shards, ..self }
    }

    /// Files that hold elements of its tensors, relative to its folder.
    pub(crate) fn files_beside(&self) -> Vec<String> {
        self.format.files_beside()
    }

    /// The same checkpoint with the contents of those files, in their order.
    ///
    /// # Errors
    /// A file does not hold what it must.
    pub(crate) fn with_contents_beside(
        mut self,
        contents: Vec<Content>,
    ) -> Result<Self, CheckpointError> {
        let set = self.format.set_files_beside(contents.clone());
        set.map_err(|error| StorageError::content(&self.path, error))?;
        Ok(self.with_shards(contents))
    }

    /// The same checkpoint, as a snapshot of its content.
    #[must_use]
    pub(crate) fn with_row(self, row: u64) -> Self {
        Self {
            row: Some(row),
            ..self
        }
    }

    /// Its location, as errors name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its format.
    pub fn format(&self) -> &'static str {
        self.format.name()
    }

    /// Bytes of what was opened: a file, an index with all its shards, or a row of a zoo's matrix.
    /// A snapshot counts with its whole file.
    pub fn bytes(&self) -> u64 {
        let contents = std::iter::once(&self.content).chain(&self.shards);
        contents.map(|content| content.len() as u64).sum()
    }

    /// BLAKE3 in hexadecimal: of the file; of the index and all shards, one after the other; of the
    /// whole file and the snapshot's number; of a row of a zoo's matrix, of the bytes of that row
    /// alone.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for content in std::iter::once(&self.content).chain(&self.shards) {
            hasher.update(content);
        }
        if let Some(row) = self.row {
            hasher.update(&row.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Makes sure that no file of the checkpoint was written to while it was read. Asked at the
    /// end: what was read before may be of two states of the file.
    ///
    /// # Errors
    /// One was.
    pub fn check_unchanged(&self) -> Result<(), CheckpointError> {
        for content in std::iter::once(&self.content).chain(&self.shards) {
            content.check_unchanged().map_err(|error| {
                let text = format!("{}: {error}", self.path.display());
                std::io::Error::new(error.kind(), text)
            })?;
        }
        Ok(())
    }

    /// Texts in the file beside its tensors.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.format.metadata()
    }

    /// What the file says of its model; `None` if it says nothing. Computed on each call.
    pub fn description(&self) -> Option<Description<'_>> {
        self.format.description(&self.content)
    }

    /// All tensors, in the file's own order, which need not be that of the layers.
    pub fn tensors(&self) -> &[TensorEntry] {
        self.format.tensors()
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorEntry> {
        let index = self.index_by_name.get(name)?;
        self.format.tensors().get(*index)
    }

    /// The values of a tensor in row-major order: borrowed from the file if it holds aligned `F32`,
    /// converted otherwise.
    ///
    /// # Errors
    /// There is no such tensor, its type is not read as weights, or its elements cannot be decoded.
    pub fn values(&self, tensor: &str) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let (element, elements) = self.elements(tensor)?;
        element
            .values(elements)
            .ok_or_else(|| self.wrong_type(tensor, element))
    }

    /// The numbers of a tensor in row-major order, also whole numbers, which stand for weights
    /// where a scale says so. Those of 32 bits are rounded to the next `f32`.
    ///
    /// # Errors
    /// There is no such tensor, it holds no numbers of at most 32 bits, or its elements cannot be
    /// decoded.
    pub fn numbers(&self, tensor: &str) -> Result<Vec<f32>, CheckpointError> {
        let (element, elements) = self.elements(tensor)?;
        element
            .numbers(elements)
            .ok_or_else(|| self.wrong_type(tensor, element))
    }

    fn wrong_type(&self, tensor: &str, element: Element) -> CheckpointError {
        CheckpointError::Type {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            dtype: element.to_string(),
        }
    }

    /// The type of a tensor's elements and the elements as bytes, row-major and little-endian: of
    /// any type.
    ///
    /// # Errors
    /// There is no such tensor, or its elements cannot be decoded.
    pub fn elements(&self, tensor: &str) -> Result<(Element, Cow<'_, [u8]>), CheckpointError> {
        let index = self.index_by_name.get(tensor).copied().ok_or_else(|| {
            StorageError::content(
                &self.path,
                FormatError::broken(format!("no tensor {tensor}")),
            )
        })?;
        let elements = self.format.elements(&self.content, index);
        let elements = elements.map_err(|source| CheckpointError::Elements {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            source,
        })?;
        Ok((self.format.tensors()[index].element, elements))
    }
}
