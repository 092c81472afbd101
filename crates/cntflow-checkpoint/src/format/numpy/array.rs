//! One array: where its elements are, and how they become row-major and little-endian.

use std::borrow::Cow;
use std::ops::Range;

use super::dtype::Dtype;
use crate::format::FormatError;
use crate::format::archive::Member;

/// Where the elements of an array are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// In the file, as they are.
    File(Range<usize>),
    /// Decoded when the file was opened, within `header_bytes`.
    Held(Vec<u8>),
    /// At the end of a deflated member, behind so many bytes.
    Deflated { member: Member, skipped: usize },
    /// Nowhere that could be read, for this reason.
    Unreadable(String),
}

/// How an array's elements are kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) source: Source,
    pub(super) dtype: Dtype,
    /// Column-major.
    pub(super) fortran: bool,
}

impl Kept {
    /// The elements, row-major and little-endian.
    pub(super) fn elements<'a>(
        &'a self,
        file: &'a [u8],
        shape: &[usize],
    ) -> Result<Cow<'a, [u8]>, FormatError> {
        let mut bytes = match &self.source {
            Source::File(range) => Cow::Borrowed(&file[range.clone()]),
            Source::Held(bytes) => Cow::Borrowed(&bytes[..]),
            Source::Deflated { member, skipped } => {
                let mut bytes = member.decoded(file)?.into_owned();
                Cow::Owned(bytes.split_off(*skipped))
            }
            Source::Unreadable(reason) => return Err(FormatError::broken(reason)),
        };
        let width = self.dtype.element.component_bytes();
        if self.dtype.big_endian && width > 1 {
            let components = bytes.to_mut().chunks_exact_mut(width);
            components.for_each(<[u8]>::reverse);
        }
        match self.fortran && shape.iter().filter(|&&size| size > 1).count() > 1 {
            true => Ok(row_major(&bytes, shape, self.dtype.element.bytes()).into()),
            false => Ok(bytes),
        }
    }
}

/// Column-major elements of so many bytes in row-major order.
fn row_major(bytes: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut steps = vec![width; shape.len()];
    for dimension in 1..shape.len() {
        steps[dimension] = steps[dimension - 1] * shape[dimension - 1];
    }
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    for _ in 0..bytes.len() / width {
        ordered.extend_from_slice(&bytes[place..place + width]);
        for dimension in (0..shape.len()).rev() {
            index[dimension] += 1;
            place += steps[dimension];
            if index[dimension] < shape[dimension] {
                break;
            }
            place -= steps[dimension] * shape[dimension];
            index[dimension] = 0;
        }
    }
    ordered
}
