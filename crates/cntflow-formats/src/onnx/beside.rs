//! External data: files in the folder of a model's that hold elements of its tensors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cntflow_storage::{Content, FormatError};

use super::proto::{Model, exclusion_of_type};
use super::tensor::ElementLocation;
use crate::{Element, TensorEntry};

/// How often the bytes of a file may be elements of tensors, on average. Tied weights are a few
/// tensors of the same bytes; without a bound a small file could stand for any number of them.
const MOST_SHARED: u64 = 4;

/// The files that hold elements, and which tensor has them in which.
#[derive(Debug, Default)]
pub(super) struct FilesBeside {
    /// Index of the file of each tensor, by the tensor's.
    file_of_tensor: BTreeMap<usize, usize>,
    /// Names of the files.
    names: Vec<String>,
    /// Their contents; empty where they are not opened.
    contents: Vec<Content>,
}

impl FilesBeside {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut files = Self::default();
        let mut indices: BTreeMap<&str, usize> = BTreeMap::new();
        for (tensor, listed) in model.tensors.iter().enumerate() {
            let name = listed.tensor.file_beside;
            if name.is_empty() || listed.graph.is_none() {
                continue;
            }
            let next = indices.len();
            let file = *indices.entry(name).or_insert(next);
            if file == next {
                files.names.push(name.to_owned());
            }
            files.file_of_tensor.insert(tensor, file);
        }
        files
    }

    /// The files, relative to the folder of the model's.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// Takes the contents of the files; their tensors are read from now on.
    ///
    /// # Errors
    /// A file is shorter than a tensor's place in it, or is shared by too many tensors.
    pub(super) fn set(
        &mut self,
        contents: Vec<Content>,
        tensors: &mut [TensorEntry],
        sources: &[(ElementLocation, Element)],
    ) -> Result<(), FormatError> {
        self.contents = contents;
        let mut used: Vec<u64> = vec![0; self.names.len()];
        for (&index, &file) in &self.file_of_tensor {
            let tensor = &mut tensors[index];
            let (ElementLocation::Beside { offset, length }, element) = sources[index] else {
                continue;
            };
            let found = self.contents.get(file).map_or(0, |content| content.len()) as u64;
            if offset.checked_add(length).is_none_or(|end| end > found) {
                return Err(FormatError::broken(format!(
                    "tensor {} has {length} bytes from byte {offset} of {} on, which has {found}",
                    tensor.name, self.names[file]
                )));
            }
            used[file] = used[file].saturating_add(length);
            let most = found.saturating_mul(MOST_SHARED);
            if used[file] > most {
                return Err(FormatError::broken(format!(
                    "its tensors take more than {most} bytes of {}, which has {found}",
                    self.names[file]
                )));
            }
            tensor.excluded_because = exclusion_of_type(element);
        }
        Ok(())
    }

    /// The elements of a tensor.
    ///
    /// # Errors
    /// Its file has not been opened.
    pub(super) fn elements(
        &self,
        tensor: usize,
        offset: u64,
        length: u64,
    ) -> Result<Cow<'_, [u8]>, FormatError> {
        let file = self.file_of_tensor.get(&tensor);
        let content = file.and_then(|&file| self.contents.get(file));
        let end = offset.saturating_add(length) as usize;
        let elements = content.and_then(|content| content.get(offset as usize..end));
        elements
            .map(Cow::Borrowed)
            .ok_or_else(|| FormatError::broken("its elements are in a file that is not opened"))
    }

    /// Tells a model which of its tensors are read.
    pub(super) fn tell(&self, model: &mut Model<'_>) {
        for &tensor in self.file_of_tensor.keys() {
            let Some(listed) = model.tensors.get_mut(tensor) else {
                continue;
            };
            if self.contents.is_empty() {
                listed.tensor.source = ElementLocation::Nowhere;
            } else {
                listed.excluded_because = exclusion_of_type(listed.tensor.element);
            }
        }
    }
}
