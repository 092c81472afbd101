//! Metadata: keys with numbers, texts and arrays. Long arrays, such as the tables of a tokenizer,
//! are skipped.

use std::collections::BTreeMap;

use cntflow_storage::{FormatError, Limits};

use super::input::Input;

/// The key of the alignment of the tensors' data.
const ALIGNMENT: &str = "general.alignment";

/// Most elements of an array that is kept, as text.
const MAX_KEPT: u64 = 16;

/// Longest text that is kept, in bytes: templates of chats are longer.
const MAX_TEXT: usize = 4096;

/// Numbers that stand for the types of values.
mod types {
    pub(super) const U8: u32 = 0;
    pub(super) const I8: u32 = 1;
    pub(super) const U16: u32 = 2;
    pub(super) const I16: u32 = 3;
    pub(super) const U32: u32 = 4;
    pub(super) const I32: u32 = 5;
    pub(super) const F32: u32 = 6;
    pub(super) const BOOL: u32 = 7;
    pub(super) const TEXT: u32 = 8;
    pub(super) const ARRAY: u32 = 9;
    pub(super) const U64: u32 = 10;
    pub(super) const I64: u32 = 11;
    pub(super) const F64: u32 = 12;
}

/// The metadata of a file.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// Numbers, texts and short arrays by their keys.
    pub(super) texts: BTreeMap<String, String>,
    /// Alignment of the tensors' data in bytes, if it is given.
    pub(super) alignment: Option<u64>,
}

/// Reads `n_keys` keys with their values.
pub(super) fn read(
    input: &mut Input<'_>,
    n_keys: u64,
    limits: &Limits,
) -> Result<Metadata, FormatError> {
    let mut metadata = Metadata::default();
    for _ in 0..n_keys {
        let key = input.text()?;
        let kind = input.u32()?;
        let value = value(input, kind, limits.depth)?;
        if key == ALIGNMENT {
            metadata.alignment = value.as_deref().and_then(|text| text.parse().ok());
        }
        if let Some(value) = value {
            metadata.texts.insert(key.to_owned(), value);
        }
    }
    Ok(metadata)
}

/// A value as text; `None` for one that is too long. Arrays may be nested `depth` levels deep.
fn value(input: &mut Input<'_>, kind: u32, depth: u64) -> Result<Option<String>, FormatError> {
    if kind == types::TEXT {
        let text = input.text()?;
        return Ok((text.len() <= MAX_TEXT).then(|| text.to_owned()));
    }
    if kind == types::ARRAY {
        return array(input, depth);
    }
    Ok(Some(match kind {
        types::U8 => u8::from_le_bytes(input.array()?).to_string(),
        types::I8 => i8::from_le_bytes(input.array()?).to_string(),
        types::U16 => u16::from_le_bytes(input.array()?).to_string(),
        types::I16 => i16::from_le_bytes(input.array()?).to_string(),
        types::U32 => input.u32()?.to_string(),
        types::I32 => i32::from_le_bytes(input.array()?).to_string(),
        types::F32 => f32::from_le_bytes(input.array()?).to_string(),
        types::BOOL => (input.array()? != [0]).to_string(),
        types::U64 => input.u64()?.to_string(),
        types::I64 => i64::from_le_bytes(input.array()?).to_string(),
        types::F64 => f64::from_le_bytes(input.array()?).to_string(),
        _ => return Err(unknown_type(kind)),
    }))
}

/// The elements of an array, joined by commas; `None` where they are many, or arrays themselves.
fn array(input: &mut Input<'_>, depth: u64) -> Result<Option<String>, FormatError> {
    let depth = depth.checked_sub(1).ok_or_else(|| {
        FormatError::broken("its metadata nest arrays deeper than the limit depth allows")
    })?;
    let kind = input.u32()?;
    let length = input.u64()?;
    if let Some(width) = width(kind)
        && length > MAX_KEPT
    {
        input.take(length.saturating_mul(width))?;
        return Ok(None);
    }
    let mut kept = Some(Vec::new()).filter(|_| length <= MAX_KEPT && kind != types::ARRAY);
    for _ in 0..length {
        let element = value(input, kind, depth)?;
        match (&mut kept, element) {
            (Some(elements), Some(element)) => elements.push(element),
            _ => kept = None,
        }
    }
    Ok(kept.map(|elements| elements.join(", ")))
}

/// Bytes of a value of a type that always has as many.
fn width(kind: u32) -> Option<u64> {
    match kind {
        types::U8 | types::I8 | types::BOOL => Some(1),
        types::U16 | types::I16 => Some(2),
        types::U32 | types::I32 | types::F32 => Some(4),
        types::U64 | types::I64 | types::F64 => Some(8),
        _ => None,
    }
}

fn unknown_type(kind: u32) -> FormatError {
    FormatError::broken(format!(
        "its metadata have a value of type {kind}, which is not known; types are 0 to 12"
    ))
}
