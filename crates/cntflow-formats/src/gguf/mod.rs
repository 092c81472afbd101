//! GGUF, the files of llama.cpp and of everything that is built on ggml: metadata, the list of
//! tensors, and their elements, many of them quantised in blocks.
//!
//! Versions 2 and 3 are read, little-endian. Opening reads metadata and the list alone. Quantised
//! elements become `F32` when a tensor is read ([`blocks`]).
//!
//! No crate is used for this: the small ones decode no blocks (`gguf`, `gguf-rs`, `gguf-rs-lib`),
//! or not those of 256 elements (`ggml-quants` of `ggus`).

mod blocks;
mod header;
mod input;
mod metadata;
mod tensor_type;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_storage::{FormatError, Limits};

use crate::{
    Element, TensorEntry,
    format::{Format, OpenResult},
    tensor_entry::checked_bytes,
};
use header::{Header, ListedTensor};
use tensor_type::{Stored, TensorType};

/// An opened file, whose offsets, shapes and types have been checked.
#[derive(Debug)]
struct GgufFile {
    tensors: Vec<TensorEntry>,
    /// Where each tensor is; `None` for one of a type that is not read.
    places: Vec<Option<Place>>,
    metadata: BTreeMap<String, String>,
}

/// Where and how a tensor is stored.
#[derive(Debug)]
struct Place {
    /// Its bytes in the file.
    range: Range<usize>,
    stored: Stored,
}

/// Whether the file begins with GGUF's magic number.
pub(super) fn recognises(file: &[u8]) -> bool {
    file.starts_with(header::MAGIC)
}

/// Reads the header, and checks every tensor against the file.
pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let header = header::read(file, limits)?;
    let mut opened = GgufFile {
        tensors: Vec::with_capacity(header.tensors.len()),
        places: Vec::with_capacity(header.tensors.len()),
        metadata: BTreeMap::new(),
    };
    for tensor in &header.tensors {
        let (entry, place) = placed(tensor, &header, file, limits)?;
        opened.tensors.push(entry);
        opened.places.push(place);
    }
    opened.refuse_overlaps()?;
    opened.metadata = header.metadata;
    Ok(Box::new(opened))
}

/// A tensor with the range of its bytes in the file; one of a type that is not read has none.
fn placed(
    tensor: &ListedTensor,
    header: &Header,
    file: &[u8],
    limits: &Limits,
) -> Result<(TensorEntry, Option<Place>), FormatError> {
    let entry = |element, excluded_because| TensorEntry {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        element,
        excluded_because,
    };
    let (element, stored) = match TensorType::of_number(tensor.type_number) {
        TensorType::Read(element, stored) => (element, stored),
        TensorType::NotRead(name) => {
            checked_bytes(&tensor.name, &tensor.shape, Element::U8)?;
            let reason = format!("elements of type {name}: not read");
            return Ok((entry(Element::U8, Some(reason)), None));
        }
    };
    let n_bytes = stored_bytes(tensor, element, stored, limits)?;
    let start = usize::try_from(tensor.offset)
        .ok()
        .and_then(|offset| offset.checked_add(header.data_start));
    let range = start
        .and_then(|start| Some(start..start.checked_add(n_bytes)?))
        .filter(|range| range.end <= file.len());
    let range = range.ok_or_else(|| {
        FormatError::broken(format!(
            "tensor {} takes {n_bytes} bytes from byte {} of the data on, which begins at byte {}; the file has {} bytes (cut short)",
            tensor.name, tensor.offset, header.data_start, file.len()
        ))
    })?;
    Ok((entry(element, None), Some(Place { range, stored })))
}

/// Bytes that a tensor takes in the file.
fn stored_bytes(
    tensor: &ListedTensor,
    element: Element,
    stored: Stored,
    limits: &Limits,
) -> Result<usize, FormatError> {
    let n_bytes = checked_bytes(&tensor.name, &tensor.shape, element)?;
    let Stored::Blocks(block) = stored else {
        return Ok(n_bytes);
    };
    // Rows are quantised one by one.
    let row = tensor.shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(block.n_values) {
        return Err(FormatError::broken(format!(
            "tensor {} {:?} of {element} has rows of {row} elements, which is no multiple of the {} of a block",
            tensor.name, tensor.shape, block.n_values
        )));
    }
    let what = format!("bytes of tensor {}, decoded", tensor.name);
    FormatError::check_limit(what, n_bytes as u64, "decoded_bytes", limits.decoded_bytes)?;
    Ok(n_bytes / element.bytes() / block.n_values * block.bytes)
}

impl GgufFile {
    /// Refuses tensors that share bytes: few bytes could otherwise be decoded very often.
    fn refuse_overlaps(&self) -> Result<(), FormatError> {
        let places = self.tensors.iter().zip(&self.places);
        let mut ranges: Vec<(&Range<usize>, &str)> = places
            .filter_map(|(tensor, place)| Some((&place.as_ref()?.range, &*tensor.name)))
            .filter(|(range, _)| !range.is_empty())
            .collect();
        ranges.sort_by_key(|(range, _)| range.start);
        let mut pairs = ranges.iter().zip(ranges.iter().skip(1));
        match pairs.find(|((a, _), (b, _))| a.end > b.start) {
            None => Ok(()),
            Some(((a, first), (b, second))) => Err(FormatError::broken(format!(
                "tensor {first} ends at byte {}, tensor {second} begins at byte {} before that",
                a.end, b.start
            ))),
        }
    }
}

impl Format for GgufFile {
    fn name(&self) -> &'static str {
        "GGUF"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let Some(Place { range, stored }) = &self.places[index] else {
            let reason = self.tensors[index].excluded_because.as_deref();
            return Err(FormatError::broken(reason.unwrap_or_default()));
        };
        let bytes = &file[range.clone()];
        Ok(match stored {
            Stored::AsIs => Cow::Borrowed(bytes),
            Stored::Blocks(block) => block.decode(bytes).into(),
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }
}
