//! NumPy: `.npy`, `.npz` (a zip of them), and pickles of arrays within lists and dictionaries.
//!
//! Own code: `npyz` reads typed arrays through a reader, where elements are wanted in place and of any type, and no crate reads arrays of
//! objects, whose pickles are the very ones that are dangerous to run.

pub(crate) mod array;
mod dtype;
mod header;
pub(crate) mod pickled;
mod walk;

pub(crate) use header::header;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::TensorEntry;
use super::pickle::Pickle;
use crate::format::{Format, Opening, checked_bytes};
use array::{Source, StoredArray};
use cntflow_storage::FormatError;
use cntflow_storage::Limits;
use cntflow_storage::zip;
use cntflow_storage::zip::Member;
use pickled::Place;

/// The arrays of a file, checked.
#[derive(Debug, Default)]
struct Opened {
    tensors: Vec<TensorEntry>,
    /// How each array's elements are kept.
    kept: Vec<StoredArray>,
    metadata: BTreeMap<String, String>,
    /// Bytes that are held in memory.
    held: u64,
}

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
pub(super) fn open(file: &[u8], limits: &Limits) -> Opening {
    let mut opened = Opened::default();
    if file.starts_with(header::MAGIC) {
        opened.array("", file, &Member::Stored(0..file.len()), limits)?;
    } else if Pickle::recognises(file) {
        let pickle = Pickle::read(file, 0, limits)?;
        ends(pickle.end(), file.len())?;
        let place = Place {
            pickle: &pickle,
            bytes: file,
            in_file: true,
        };
        walk::walk(place, "", &mut opened, limits)?;
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

fn ends(expected: usize, found: usize) -> Result<(), FormatError> {
    let (expected, found) = (expected as u64, found as u64);
    match expected == found {
        true => Ok(()),
        false => Err(FormatError::Length { expected, found }),
    }
}

impl Opened {
    /// Lists one `.npy` file, which is a member or the whole.
    fn array(
        &mut self,
        name: &str,
        file: &[u8],
        member: &Member,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let start = member.beginning(file, 1 << 16)?;
        let mut header = header::header(&start, limits)?;
        if header.descr.trim_start_matches('|') == "O" {
            return self.objects(name, file, member, header.data, limits);
        }
        let dtype = dtype::dtype(&header.descr).ok_or_else(|| {
            FormatError::broken(format!(
                "its elements are {}, which is not read",
                header.descr
            ))
        })?;
        let shown = if name.is_empty() { "array" } else { name };
        let bytes = checked_bytes(shown, &header.shape, dtype.element)?;
        ends(header.data.saturating_add(bytes), member.bytes())?;
        let source = match member {
            Member::Stored(range) => Source::File(range.start + header.data..range.end),
            Member::Deflated { .. } => Source::Deflated {
                member: member.clone(),
                skipped: header.data,
            },
        };
        let kept = StoredArray {
            source,
            dtype,
            fortran: header.fortran,
        };
        self.add(name, std::mem::take(&mut header.shape), kept, None, limits)
    }

    /// Lists the arrays that an array of objects holds: a pickle behind the header.
    fn objects(
        &mut self,
        name: &str,
        file: &[u8],
        member: &Member,
        start: usize,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let decoded;
        let (bytes, start, end) = match member {
            Member::Stored(range) => (&file[..range.end], range.start + start, range.end),
            Member::Deflated { bytes, .. } => {
                FormatError::check_limit(
                    "bytes of its pickle",
                    *bytes as u64,
                    "header_bytes",
                    limits.header_bytes,
                )?;
                decoded = member.decoded(file)?;
                (&*decoded, start, decoded.len())
            }
        };
        let pickle = Pickle::read(bytes, start, limits)?;
        ends(pickle.end(), end)?;
        let place = Place {
            pickle: &pickle,
            bytes,
            in_file: matches!(member, Member::Stored(_)),
        };
        walk::walk(place, name, self, limits)
    }
}

impl Format for Opened {
    fn name(&self) -> &'static str {
        "NumPy"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], place: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        self.kept[place].elements(file, &self.tensors[place].shape)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }
}
