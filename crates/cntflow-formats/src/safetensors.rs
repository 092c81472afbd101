//! safetensors: the length of a JSON header, the header, and the elements as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use cntflow_storage::{FormatError, Limits};
use safetensors::tensor::{Metadata, SafeTensorError};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::TensorEntry;
use crate::{
    Element,
    format::{Format, OpenResult},
    json_keys::{count_keys, repeated_key},
    tensor_entry::checked_bytes,
};

/// The key of the metadata, which is no tensor.
const METADATA: &str = "__metadata__";

/// An opened file, whose offsets, shapes and types have been checked.
#[derive(Debug)]
struct SafetensorsFile {
    tensors: Vec<TensorEntry>,
    /// Start and end of each tensor's elements in the file.
    spans: Vec<(usize, usize)>,
    metadata: BTreeMap<String, String>,
}

/// Whether the file begins with the length of a header and a JSON object, and the length is below 4
/// GiB. ([`open`] compares it with the limit: here it only tells safetensors from other files.)
pub(super) fn recognises(file: &[u8]) -> bool {
    file.get(8) == Some(&b'{') && header_length(file).is_some_and(|length| length < 1 << 32)
}

fn header_length(file: &[u8]) -> Option<u64> {
    file.first_chunk().map(|head| u64::from_le_bytes(*head))
}

/// Reads the header, compares the file's length with it, and checks offsets, shapes and types.
pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let found = file.len() as u64;
    let length = header_length(file).unwrap_or(u64::MAX);
    FormatError::check_limit(
        "bytes of its header",
        length,
        "header_bytes",
        limits.header_bytes,
    )?;
    if length + 8 > found {
        let expected = length + 8;
        return Err(FormatError::Length { expected, found });
    }
    let text = &file[8..8 + length as usize];
    let broken = |error: serde_json::Error| {
        FormatError::broken(format!("its header is no header of safetensors: {error}"))
    };
    // Keys are counted before memory is allocated for them.
    let n_tensors = count_keys(text, |key| key != METADATA).map_err(broken)?;
    FormatError::check_limit("tensors", n_tensors, "tensors", limits.tensors)?;
    let (header_bytes, listed) = match SafeTensors::read_metadata(file) {
        Ok(checked) => checked,
        Err(error) => {
            // The crate's error has no lengths: the header is parsed again to tell a file that is
            // cut short from a broken one.
            let listed: Metadata = serde_json::from_slice(text).map_err(broken)?;
            let expected = (8 + length).saturating_add(listed.data_len() as u64);
            if expected != found {
                return Err(FormatError::Length { expected, found });
            }
            return Err(FormatError::Broken(explain(&error)));
        }
    };
    let mut named: Vec<_> = listed.tensors().into_iter().collect();
    if (named.len() as u64) < n_tensors
        && let Some(name) = repeated_key(text)
    {
        return Err(FormatError::broken(format!(
            "its header lists tensor {name} twice"
        )));
    }
    named.sort_by_key(|(_, info)| info.data_offsets);
    let mut opened = SafetensorsFile {
        tensors: Vec::with_capacity(named.len()),
        spans: Vec::with_capacity(named.len()),
        metadata: listed
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect(),
    };
    for (name, info) in named {
        let element = element(info.dtype).ok_or_else(|| {
            let dtype = info.dtype;
            FormatError::broken(format!(
                "tensor {name} has type {dtype:?}, which is not known"
            ))
        })?;
        let (start, end) = info.data_offsets;
        let expected = checked_bytes(&name, &info.shape, element)?;
        if expected != end - start {
            return Err(FormatError::broken(format!(
                "tensor {name} {:?} of {element} takes {expected} bytes, its offsets give {}",
                info.shape,
                end - start
            )));
        }
        opened
            .spans
            .push((header_bytes + 8 + start, header_bytes + 8 + end));
        opened.tensors.push(TensorEntry {
            name,
            shape: info.shape.clone(),
            element,
            excluded_because: None,
        });
    }
    Ok(Box::new(opened))
}

/// The [`Element`] of an element type of the crate `safetensors`; `None` if this crate has none.
fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F8_E4M3 => Element::F8E4M3,
        Dtype::F8_E5M2 => Element::F8E5M2,
        Dtype::C64 => Element::C64,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U64 => Element::U64,
        Dtype::U32 => Element::U32,
        Dtype::U16 => Element::U16,
        Dtype::U8 => Element::U8,
        Dtype::BOOL => Element::Bool,
        _ => return None,
    })
}

/// What an error of the crate `safetensors` means, with the name of the tensor if the error has it.
fn explain(error: &SafeTensorError) -> String {
    match error {
        SafeTensorError::InvalidOffset(tensor) => {
            format!("tensor {tensor}: its offsets do not follow the tensor before it")
        }
        SafeTensorError::TensorInvalidInfo => {
            "a tensor's shape and type do not fit its length in bytes".to_owned()
        }
        SafeTensorError::ValidationOverflow => "a tensor's shape overflows".to_owned(),
        other => format!("{other}"),
    }
}

impl Format for SafetensorsFile {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let (start, end) = self.spans[index];
        Ok(Cow::Borrowed(&file[start..end]))
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }
}

/// The texts of `__metadata__`, read without the tensors; `None` if the header cannot be read
/// (opening the file says why).
pub fn peek_metadata(mut file: impl Read, limits: &Limits) -> Option<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: Option<BTreeMap<String, String>>,
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if length > limits.header_bytes {
        return None;
    }
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text).ok()?;
    let header: Header = serde_json::from_slice(&text).ok()?;
    Some(header.metadata.unwrap_or_default())
}
