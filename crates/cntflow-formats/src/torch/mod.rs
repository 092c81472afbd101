//! PyTorch's `torch.save`: the zip form (since 1.6), and the form before it, a series of pickles
//! followed by the storages.
//!
//! The pickle lists the tensors ([`walk`]). A tensor is a view of a storage, and storages are in
//! the file as they are; NumPy arrays are in the pickle. Nothing that the pickle would call is
//! called. PyTorch does not compress the members of its zips, so they are used in place. Files that
//! somebody has packed again may have deflated members; these are decoded when a tensor is read.

mod legacy;
mod parts;
mod view;
mod walk;
mod zipped;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use cntflow_storage::{FormatError, Limits, zip::Member};

use super::TensorEntry;
use crate::{
    Description, Element,
    format::{Format, OpenResult},
    numpy::{array::StoredArray, pickled::PickleSource},
    pickle::Pickle,
};
use view::View;
use walk::{ElementLocation, PickleContents};

/// An opened file.
#[derive(Debug)]
struct TorchFile {
    tensors: Vec<TensorEntry>,
    /// Where every tensor's elements are.
    elements: Vec<CheckedLocation>,
    is_big_endian: bool,
    metadata: BTreeMap<String, String>,
    /// The pickle of a whole `nn.Sequential`.
    sequential: Option<Pickle>,
}

/// An [`ElementLocation`] whose storage was found and checked.
#[derive(Debug)]
enum CheckedLocation {
    /// A view of a storage.
    View(Member, View),
    /// A NumPy array, in the pickle.
    Array(StoredArray),
    /// Nowhere that can be read, for this reason.
    Unreadable(String),
}

/// Whether the file is a zip with a member `data.pkl`, or begins with a pickle of PyTorch's magic
/// number.
pub(super) fn recognises(file: &[u8]) -> bool {
    legacy::recognises(file) || zipped::recognises(file)
}

pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let parts = if legacy::recognises(file) {
        legacy::read(file, limits)?
    } else {
        zipped::read(file, limits)?
    };
    let source = PickleSource {
        pickle: &parts.pickle,
        bytes: &parts.bytes,
        is_in_file: parts.is_in_file,
    };
    let mut contents = walk::walk(source, limits)?;
    let mut opened = TorchFile {
        tensors: Vec::with_capacity(contents.tensors.len()),
        elements: Vec::with_capacity(contents.tensors.len()),
        is_big_endian: parts.is_big_endian,
        metadata: std::mem::take(&mut contents.metadata),
        sequential: None,
    };
    opened.add(contents, &parts.storages, limits)?;
    opened.sequential = is_sequential(&parts.pickle).then_some(parts.pickle);
    Ok(Box::new(opened))
}

/// Whether the pickle's root is an `nn.Sequential`. For any other module the file has its
/// attributes, but not the code that says how they are used.
fn is_sequential(pickle: &Pickle) -> bool {
    let root = pickle.object(pickle.root());
    root.is_some_and(|(class, _)| class == ("torch.nn.modules.container", "Sequential"))
}

impl TorchFile {
    /// Lists the tensors, each checked against its storage, and then the storages that no tensor
    /// uses.
    fn add(
        &mut self,
        contents: PickleContents,
        storages: &HashMap<String, Member>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let mut unused: BTreeMap<&str, &Member> = storages
            .iter()
            .map(|(key, storage)| (key.as_str(), storage))
            .collect();
        for tensor in contents.tensors {
            let elements = match tensor.elements {
                ElementLocation::Unreadable(reason) => CheckedLocation::Unreadable(reason),
                ElementLocation::InPickle(array) => CheckedLocation::Array(array),
                ElementLocation::InStorage(key, view) => {
                    unused.remove(key.as_str());
                    let storage = storages.get(&key).ok_or_else(|| {
                        FormatError::broken(format!(
                            "tensor {}: the file has no storage {key}",
                            tensor.entry.name
                        ))
                    })?;
                    view.check(&tensor.entry, storage.bytes(), limits)?;
                    CheckedLocation::View(storage.clone(), view)
                }
            };
            self.tensors.push(tensor.entry);
            self.elements.push(elements);
        }
        for (key, storage) in unused {
            let bytes = storage.bytes();
            self.tensors.push(TensorEntry {
                name: format!("data/{key}"),
                shape: vec![bytes],
                element: Element::U8,
                excluded_because: Some("a storage that no tensor uses".to_owned()),
            });
            let elements = CheckedLocation::View(storage.clone(), View::of_bytes());
            self.elements.push(elements);
        }
        FormatError::check_limit(
            "tensors",
            self.tensors.len() as u64,
            "tensors",
            limits.tensors,
        )
    }
}

impl Format for TorchFile {
    fn name(&self) -> &'static str {
        "PyTorch"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let entry = &self.tensors[index];
        let (storage, view) = match &self.elements[index] {
            CheckedLocation::View(storage, view) => (storage, view),
            CheckedLocation::Array(array) => return array.elements(file, &entry.shape),
            CheckedLocation::Unreadable(reason) => return Err(FormatError::broken(reason)),
        };
        let bytes = storage.decoded(file)?;
        let mut elements = view.elements(bytes, &entry.shape);
        if self.is_big_endian && entry.element.bytes() > 1 {
            let width = entry.element.component_bytes();
            elements
                .to_mut()
                .chunks_exact_mut(width)
                .for_each(<[u8]>::reverse);
        }
        Ok(elements)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn description<'a>(&'a self, _file: &'a [u8]) -> Option<Description<'a>> {
        self.sequential.as_ref().map(Description::TorchSequential)
    }
}
