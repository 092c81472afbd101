//! The trait [`Format`]: a checkpoint file that has been opened. Each format is one module.
//!
//! A reader gets the bytes of a whole file (mapped, so that only what is used is read) and returns
//! its tensors, checked: the elements of each lie within the file and are as many as its shape
//! says. Lengths, offsets, counts and ratios of compression are compared with the file and with
//! [`cntflow_storage::Limits`] before memory is allocated for them. Nothing in a file is ever run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use cntflow_storage::{Content, FormatError};

use crate::{Description, TensorEntry};

/// An opened checkpoint file of some format, with its tensors checked against the file.
pub trait Format: fmt::Debug + Send + Sync {
    /// The name of the format: `safetensors`, `PyTorch`, ...
    fn name(&self) -> &'static str;

    /// Every tensor of the file, in the file's own order; no two of one name.
    fn tensors(&self) -> &[TensorEntry];

    /// The elements of the tensor at `index` of [`Format::tensors`], row-major and little-endian,
    /// as many as its shape says. `file` is what the format was opened from; elements that it holds
    /// in this form are borrowed.
    ///
    /// # Errors
    /// They cannot be decoded: a compressed stream is damaged, say.
    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError>;

    /// Texts that the file carries beside its tensors (hyperparameters, a version).
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Files that hold elements of its tensors, relative to its folder: they are opened and given
    /// to [`Format::set_files_beside`]. Each is in that folder or in one below.
    fn files_beside(&self) -> Vec<String> {
        Vec::new()
    }

    /// Takes the contents of [`Format::files_beside`], in their order.
    ///
    /// # Errors
    /// A file does not hold what it must.
    fn set_files_beside(&mut self, contents: Vec<Content>) -> Result<(), FormatError> {
        let _ = contents;
        Ok(())
    }

    /// What the file says of its model; computed on each call, so that reading tensors does not pay
    /// for it. `file` is what the format was opened from.
    fn description<'a>(&'a self, file: &'a [u8]) -> Option<Description<'a>> {
        let _ = file;
        None
    }
}

/// The result of opening a file of a format.
pub(crate) type OpenResult = Result<Box<dyn Format>, FormatError>;
