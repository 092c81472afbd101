//! The header: version, counts, metadata and the list of tensors. The source is ggml's
//! specification of the format (`docs/gguf.md`).

use std::collections::BTreeMap;

use cntflow_storage::{FormatError, Limits};

use super::input::Input;
use super::metadata;
use super::metadata::Metadata;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"GGUF";

/// The versions that are read.
const VERSIONS: [u32; 2] = [2, 3];

/// Most dimensions that a tensor of ggml has.
const MAX_DIMENSIONS: u32 = 4;

/// The data begin at a multiple of so many bytes, unless the metadata say otherwise.
const DEFAULT_ALIGNMENT: u64 = 32;

/// Fewest bytes that a tensor takes in the list: the lengths and numbers without name and sizes.
const MIN_TENSOR_BYTES: u64 = 24;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: Vec<ListedTensor>,
    /// Offset in the file from which on the tensors' offsets count.
    pub(super) data_start: usize,
}

/// A tensor as the header lists it.
#[derive(Debug)]
pub(super) struct ListedTensor {
    pub(super) name: String,
    /// Row-major: the dimension whose elements are neighbours is the last.
    pub(super) shape: Vec<usize>,
    pub(super) type_number: u32,
    pub(super) offset: u64,
}

/// Reads the header.
pub(super) fn read(file: &[u8], limits: &Limits) -> Result<Header, FormatError> {
    let mut input = Input::new(file, MAGIC.len(), limits.header_bytes);
    check_version(input.u32()?)?;
    let n_tensors = input.u64()?;
    let n_keys = input.u64()?;
    FormatError::check_limit("tensors", n_tensors, "tensors", limits.tensors)?;
    FormatError::check_limit("keys of its metadata", n_keys, "tensors", limits.tensors)?;
    let metadata = metadata::read(&mut input, n_keys, limits)?;
    if n_tensors.saturating_mul(MIN_TENSOR_BYTES) > input.left() {
        return Err(FormatError::broken(format!(
            "its header announces {n_tensors} tensors, but only {} bytes follow (cut short)",
            input.left()
        )));
    }
    let tensors = (0..n_tensors).map(|_| tensor(&mut input));
    let tensors: Vec<ListedTensor> = tensors.collect::<Result<_, _>>()?;
    let Metadata { texts, alignment } = metadata;
    let alignment = alignment.unwrap_or(DEFAULT_ALIGNMENT);
    if alignment == 0 || alignment > u64::from(u32::MAX) {
        return Err(FormatError::broken(format!(
            "its alignment is {alignment} bytes"
        )));
    }
    let data_start = (input.offset as u64).next_multiple_of(alignment);
    Ok(Header {
        metadata: texts,
        tensors,
        data_start: data_start as usize,
    })
}

fn check_version(version: u32) -> Result<(), FormatError> {
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    // Of a big-endian file the bytes of the small number are reversed.
    if VERSIONS.contains(&version.swap_bytes()) {
        return Err(FormatError::broken(
            "it is big-endian; only little-endian GGUF files are read",
        ));
    }
    Err(FormatError::broken(format!(
        "it has version {version} of GGUF; versions 2 and 3 are read"
    )))
}

fn tensor(input: &mut Input<'_>) -> Result<ListedTensor, FormatError> {
    let name = input.text()?.to_owned();
    let n_dimensions = input.u32()?;
    if n_dimensions > MAX_DIMENSIONS {
        return Err(FormatError::broken(format!(
            "tensor {name} has {n_dimensions} dimensions; up to {MAX_DIMENSIONS} are read"
        )));
    }
    let mut shape = Vec::with_capacity(n_dimensions as usize);
    for _ in 0..n_dimensions {
        let size = input.u64()?;
        let size = usize::try_from(size).map_err(|_| {
            FormatError::broken(format!("tensor {name} has a dimension of {size} elements"))
        })?;
        shape.push(size);
    }
    // GGUF lists the dimension whose elements are neighbours first.
    shape.reverse();
    Ok(ListedTensor {
        name,
        shape,
        type_number: input.u32()?,
        offset: input.u64()?,
    })
}
