//! NumPy: `.npy`, `.npz` (a zip of them), and pickles of arrays within lists and dictionaries.
//!
//! This is own code: `npyz` reads typed arrays through a reader, while here elements of any type
//! are used in place, and no crate reads arrays of objects, whose pickles are dangerous to run.

pub(crate) mod array;
mod dtype;
mod file;
mod header;
pub(crate) mod pickled;
mod walk;

pub(crate) use header::{BEGINNING, header};

use std::borrow::Cow;
use std::collections::BTreeMap;

use cntflow_storage::{
    FormatError, Limits,
    zip::{self, Member},
};

use super::TensorEntry;
use super::pickle::Pickle;
use crate::{
    format::{Format, OpenResult},
    tensor_entry::checked_bytes,
};
use array::{ArrayBytes, StoredArray};
use file::NumpyFile;
use pickled::PickleSource;

/// An array, a zip of arrays, or a pickle of protocol 2 to 5.
pub(super) fn recognises(file: &[u8]) -> bool {
    file.starts_with(header::MAGIC) || Pickle::recognises(file) || is_npz(file)
}

fn is_npz(file: &[u8]) -> bool {
    zip::first_member(file)
        .is_some_and(|(name, content)| name.ends_with(".npy") || content.starts_with(header::MAGIC))
        || zip::has_some_member(file, |name| name.ends_with(".npy"))
}

/// Opens a file of any of the three.
pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let mut opened = NumpyFile::default();
    if file.starts_with(header::MAGIC) {
        opened.array("", file, &Member::Stored(0..file.len()), limits)?;
    } else if Pickle::recognises(file) {
        let pickle = Pickle::read(file, 0, limits)?;
        check_length(pickle.end(), file.len())?;
        let source = PickleSource {
            pickle: &pickle,
            bytes: file,
            is_in_file: true,
        };
        walk::walk(source, "", &mut opened, limits)?;
        if opened
            .tensors
            .iter()
            .all(|tensor| tensor.excluded_because.is_some())
        {
            return Err(FormatError::broken("its pickle holds no arrays"));
        }
    } else {
        for (name, member) in zip::members(file, limits)? {
            let name = name.strip_suffix(".npy").unwrap_or(&name);
            let read = opened.array(name, file, &member, limits);
            read.map_err(|error| error.within(format!("array {name}")))?;
        }
    }
    Ok(Box::new(opened))
}

/// Compares the bytes that an array or pickle takes with those that there are.
fn check_length(expected: usize, found: usize) -> Result<(), FormatError> {
    if expected != found {
        let (expected, found) = (expected as u64, found as u64);
        return Err(FormatError::Length { expected, found });
    }
    Ok(())
}

impl NumpyFile {
    /// Lists the array of a `.npy` file: a member of a zip, or the whole file.
    fn array(
        &mut self,
        name: &str,
        file: &[u8],
        member: &Member,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let beginning = member.beginning(file, header::BEGINNING)?;
        let header = header::header(&beginning, limits)?;
        if header.descr.trim_start_matches('|') == "O" {
            return self.objects(name, file, member, header.bytes, limits);
        }
        let dtype = dtype::dtype(&header.descr).ok_or_else(|| {
            FormatError::broken(format!(
                "its elements have type '{}', which is not read",
                header.descr
            ))
        })?;
        let shown = if name.is_empty() { "array" } else { name };
        let bytes = checked_bytes(shown, &header.shape, dtype.element)?;
        check_length(header.bytes.saturating_add(bytes), member.bytes())?;
        let bytes = match member {
            Member::Stored(range) => ArrayBytes::InFile(range.start + header.bytes..range.end),
            Member::Deflated { .. } => ArrayBytes::Deflated {
                member: member.clone(),
                header_bytes: header.bytes,
            },
        };
        let array = StoredArray {
            bytes,
            dtype,
            is_fortran: header.is_fortran,
        };
        self.add(name, header.shape, array, None, limits)
    }

    /// Lists the arrays that an array of objects holds: a pickle behind the header.
    fn objects(
        &mut self,
        name: &str,
        file: &[u8],
        member: &Member,
        header_bytes: usize,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let decoded;
        let (bytes, start, end) = match member {
            Member::Stored(range) => (&file[..range.end], range.start + header_bytes, range.end),
            Member::Deflated { .. } => {
                decoded = member.small_content(file, "its pickle", limits)?;
                (&*decoded, header_bytes, decoded.len())
            }
        };
        let pickle = Pickle::read(bytes, start, limits)?;
        check_length(pickle.end(), end)?;
        let source = PickleSource {
            pickle: &pickle,
            bytes,
            is_in_file: matches!(member, Member::Stored(_)),
        };
        walk::walk(source, name, self, limits)
    }
}

impl Format for NumpyFile {
    fn name(&self) -> &'static str {
        "NumPy"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        self.arrays[index].elements(file, &self.tensors[index].shape)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }
}
