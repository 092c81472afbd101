//! PyTorch's `torch.save`: the zip form (since 1.6) and the one before it, a run of pickles with the storages behind.
//!
//! The pickle says what there is ([`walk`]); a tensor is a view of a storage, and the storages lie in the file as they are; arrays of
//! NumPy's lie in the pickle. Nothing of what the pickle would call is called. Of the zip form members that are stored are used in
//! place; PyTorch writes no others, but people pack files again, so deflated ones are decoded when they are asked for.

mod legacy;
mod view;
mod walk;
mod zipped;

use crate::Description;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::TensorEntry;
use crate::Element;
use crate::format::{Format, Opening};
use crate::numpy::array::StoredArray;
use crate::numpy::pickled::Place;
use crate::pickle::Pickle;
use cntflow_storage::FormatError;
use cntflow_storage::Limits;
use cntflow_storage::zip::Member;
use view::View;
use walk::{Found, Lies};

/// What a file of either form consists of.
struct Parts<'a> {
    pickle: Pickle,
    /// What the pickle was read from: the file up to the pickle's end at least, or a decoded member.
    bytes: Cow<'a, [u8]>,
    /// Whether places in `bytes` are places in the file.
    in_file: bool,
    storages: HashMap<String, Member>,
    big_endian: bool,
}

#[derive(Debug)]
struct Opened {
    tensors: Vec<TensorEntry>,
    /// Where every tensor's elements are.
    elements: Vec<Elements>,
    big_endian: bool,
    metadata: BTreeMap<String, String>,
    /// The pickle of a whole `nn.Sequential`.
    sequential: Option<Pickle>,
}

/// Where the elements of a tensor are.
#[derive(Debug)]
enum Elements {
    /// A view of a storage.
    View(Member, View),
    /// An array of NumPy's, in the pickle.
    Array(StoredArray),
    /// Nowhere that could be read, for this reason.
    Unreadable(String),
}

/// A zip with a member `data.pkl`, or a pickle of PyTorch's magic number.
pub(super) fn recognises(file: &[u8]) -> bool {
    legacy::recognises(file) || zipped::recognises(file)
}

pub(super) fn open(file: &[u8], limits: &Limits) -> Opening {
    let parts = match legacy::recognises(file) {
        true => legacy::read(file, limits)?,
        false => zipped::read(file, limits)?,
    };
    let place = Place {
        pickle: &parts.pickle,
        bytes: &parts.bytes,
        in_file: parts.in_file,
    };
    let found = walk::walk(place, limits)?;
    let mut opened = Opened {
        tensors: Vec::with_capacity(found.tensors.len()),
        elements: Vec::with_capacity(found.tensors.len()),
        big_endian: parts.big_endian,
        metadata: found.metadata.clone(),
        sequential: None,
    };
    opened.add(found, parts.storages, limits)?;
    opened.sequential = is_sequential(&parts.pickle).then_some(parts.pickle);
    Ok(Box::new(opened))
}

/// Whether the pickle's root is an `nn.Sequential`: of any other module the file holds attributes but not the code that uses them.
fn is_sequential(pickle: &Pickle) -> bool {
    let root = pickle.object(pickle.root());
    root.is_some_and(|(class, _)| class == ("torch.nn.modules.container", "Sequential"))
}

impl Opened {
    /// Lists the tensors, each checked against its storage, and then the storages that no tensor sees.
    fn add(
        &mut self,
        found: Found,
        storages: HashMap<String, Member>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let mut unseen: BTreeMap<&str, &Member> = storages
            .iter()
            .map(|(key, storage)| (key.as_str(), storage))
            .collect();
        for tensor in found.tensors {
            let elements = match tensor.lies {
                Lies::Nowhere(reason) => Elements::Unreadable(reason),
                Lies::InPickle(kept) => Elements::Array(kept),
                Lies::InStorage(key, view) => {
                    unseen.remove(key.as_str());
                    let storage = storages.get(&key).ok_or_else(|| {
                        FormatError::broken(format!(
                            "tensor {}: the file has no storage {key}",
                            tensor.entry.name
                        ))
                    })?;
                    view.check(&tensor.entry, storage.bytes(), limits)?;
                    Elements::View(storage.clone(), view)
                }
            };
            self.tensors.push(tensor.entry);
            self.elements.push(elements);
        }
        for (key, storage) in unseen {
            let bytes = storage.bytes();
            self.tensors.push(TensorEntry {
                name: format!("data/{key}"),
                shape: vec![bytes],
                element: Element::U8,
                excluded_because: Some("a storage that no tensor sees".to_owned()),
            });
            let elements = Elements::View(storage.clone(), View::of_bytes());
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

impl Format for Opened {
    fn name(&self) -> &'static str {
        "PyTorch"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], place: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let entry = &self.tensors[place];
        let (storage, view) = match &self.elements[place] {
            Elements::View(storage, view) => (storage, view),
            Elements::Array(kept) => return kept.elements(file, &entry.shape),
            Elements::Unreadable(reason) => return Err(FormatError::broken(reason)),
        };
        let bytes = storage.decoded(file)?;
        let mut elements = view.elements(bytes, &entry.shape);
        if self.big_endian && entry.element.bytes() > 1 {
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
