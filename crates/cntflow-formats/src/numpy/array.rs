//! One array: where its elements are stored, and how they become row-major and little-endian.

use std::borrow::Cow;
use std::ops::Range;

use cntflow_storage::{FormatError, zip::Member};

use super::dtype::Dtype;
use crate::{Element, StridedLayout};

/// Where the elements of an array are.
#[derive(Clone, Debug)]
pub(crate) enum ArrayBytes {
    /// In the file, as they are.
    InFile(Range<usize>),
    /// In memory, decoded when the file was opened, within `header_bytes`.
    InMemory(Vec<u8>),
    /// In a deflated member, behind a header of `header_bytes`.
    Deflated { member: Member, header_bytes: usize },
    /// Nowhere that can be read, for this reason.
    Unreadable(String),
}

/// An array as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredArray {
    pub(crate) bytes: ArrayBytes,
    pub(crate) dtype: Dtype,
    /// Whether the elements are column-major.
    pub(crate) is_fortran: bool,
}

impl StoredArray {
    /// Bytes of memory that it takes.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        match &self.bytes {
            ArrayBytes::InMemory(bytes) => bytes.len() as u64,
            _ => 0,
        }
    }

    /// The one number of an array without dimensions, as text. `None` if its type is not a float, a
    /// whole number or a flag.
    pub(crate) fn scalar_text(&self, file: &[u8]) -> Result<Option<String>, FormatError> {
        let bytes = self.elements(file, &[])?;
        Ok(match self.dtype.element {
            Element::I8 | Element::I16 | Element::I32 | Element::I64 => {
                Some(i64::from_le_bytes(widened(&bytes, true)).to_string())
            }
            Element::U8 | Element::U16 | Element::U32 | Element::U64 => {
                Some(u64::from_le_bytes(widened(&bytes, false)).to_string())
            }
            Element::Bool => bytes.first().map(|&flag| (flag != 0).to_string()),
            Element::F64 => bytes
                .first_chunk()
                .map(|number| f64::from_le_bytes(*number).to_string()),
            other => other
                .values(bytes)
                .and_then(|values| Some(values.first()?.to_string())),
        })
    }

    /// The elements, row-major and little-endian.
    pub(crate) fn elements<'a>(
        &'a self,
        file: &'a [u8],
        shape: &[usize],
    ) -> Result<Cow<'a, [u8]>, FormatError> {
        let mut bytes = match &self.bytes {
            ArrayBytes::InFile(range) => Cow::Borrowed(&file[range.clone()]),
            ArrayBytes::InMemory(bytes) => Cow::Borrowed(&bytes[..]),
            ArrayBytes::Deflated {
                member,
                header_bytes,
            } => {
                let mut bytes = member.decoded(file)?.into_owned();
                Cow::Owned(bytes.split_off(*header_bytes))
            }
            ArrayBytes::Unreadable(reason) => return Err(FormatError::broken(reason)),
        };
        let width = self.dtype.element.component_bytes();
        if self.dtype.is_big_endian && width > 1 {
            let components = bytes.to_mut().chunks_exact_mut(width);
            components.for_each(<[u8]>::reverse);
        }
        // The order matters only if there are two dimensions to order.
        if self.is_fortran && shape.iter().filter(|&&size| size > 1).count() > 1 {
            return Ok(row_major(&bytes, shape, self.dtype.element.bytes()).into());
        }
        Ok(bytes)
    }
}

/// Widens a little-endian whole number of up to 8 bytes to 8.
fn widened(bytes: &[u8], signed: bool) -> [u8; 8] {
    let negative = signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if negative { 0xFF } else { 0 }; 8];
    for (to, &from) in wide.iter_mut().zip(bytes) {
        *to = from;
    }
    wide
}

/// Column-major elements, each of `width` bytes, put in row-major order.
fn row_major(bytes: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for dimension in 1..shape.len() {
        strides[dimension] = strides[dimension - 1] * shape[dimension - 1];
    }
    let layout = StridedLayout {
        width,
        offset: 0,
        shape,
        strides: &strides,
    };
    layout.gather(bytes)
}
