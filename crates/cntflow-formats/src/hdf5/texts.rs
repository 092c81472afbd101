//! Attributes that hold texts: one or a list, of fixed or variable length.

use std::collections::BTreeMap;

use cntflow_storage::FormatError;
use hdf5_reader::group::Group;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::{Datatype, StringSize, VarLenKind};

use super::error::broken;

/// Texts of a group's attributes, by name; a single text is a list of one.
pub(crate) type Texts = BTreeMap<String, Vec<String>>;

/// Reads the texts of a group and takes their bytes from `budget`; other attributes are ignored.
pub(super) fn texts_of(group: &Group, path: &str, budget: &mut u64) -> Result<Texts, FormatError> {
    let attributes = group.raw_attributes();
    let mut texts = Texts::new();
    for attribute in attributes.map_err(|error| broken(path, &error))? {
        let attribute = attribute.message();
        let list = match &attribute.datatype {
            Datatype::String {
                size: StringSize::Fixed(width),
                ..
            } => Some(fixed(attribute, *width)),
            Datatype::String { .. } => Some(variable(group, path, attribute, budget)?),
            Datatype::VarLen {
                kind: VarLenKind::String,
                base,
                ..
            } if base.is_vlen_string_base() => Some(variable(group, path, attribute, budget)?),
            _ => None,
        };
        if let Some(list) = list {
            texts.insert(attribute.name.clone(), list);
        }
    }
    Ok(texts)
}

/// Texts of `width` bytes each.
fn fixed(attribute: &AttributeMessage, width: u32) -> Vec<String> {
    let texts = attribute.raw_data.chunks_exact((width as usize).max(1));
    texts.map(decode).collect()
}

/// Texts in a heap, to which the attribute has references: length, address and index.
fn variable(
    group: &Group,
    path: &str,
    attribute: &AttributeMessage,
    budget: &mut u64,
) -> Result<Vec<String>, FormatError> {
    let width = 4 + usize::from(group.offset_size()) + 4;
    let references = attribute.raw_data.chunks_exact(width);
    let texts = references.map(|reference| {
        let length = reference
            .first_chunk()
            .map_or(0, |n| u32::from_le_bytes(*n));
        *budget = budget.checked_sub(u64::from(length)).ok_or_else(|| {
            FormatError::broken(format!(
                "attribute {} of {path:?} has more bytes of text than the whole file",
                attribute.name
            ))
        })?;
        let bytes = group.resolve_vlen_reference_bytes(reference, 1);
        Ok(decode(&bytes.map_err(|error| broken(path, &error))?))
    });
    texts.collect()
}

/// A text without its padding of zero bytes.
fn decode(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}
