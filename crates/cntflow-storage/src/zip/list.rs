//! The list of a zip's members, compared with what the file holds.
//!
//! The `zip` crate keeps the last of several members of one name and reads as many as the end record says. Two readers of such a file
//! may see different weights, so the list is gone through once more here, and a member that the crate does not give is an error.

use std::collections::HashSet;
use std::io::Cursor;
use std::ops::Range;

use zip::ZipArchive;

use crate::FormatError;

/// What an entry of the list begins with.
const ENTRY: &[u8] = b"PK\x01\x02";
/// Bytes of an entry before its name.
const FIXED: usize = 46;

/// Checks that the list of `archive`, which was opened from `file`, has each name once and no more entries than the crate reads.
///
/// # Errors
/// A name is there twice, or there are entries that the end record does not count.
pub(crate) fn check(file: &[u8], archive: &ZipArchive<Cursor<&[u8]>>) -> Result<(), FormatError> {
    let mut names = HashSet::with_capacity(archive.len());
    let mut listed = 0;
    let mut twice = None;
    let start = usize::try_from(archive.central_directory_start()).ok();
    let mut rest = start.and_then(|start| file.get(start..)).unwrap_or(&[]);
    while let Some((name, behind)) = entry(rest) {
        listed += 1;
        if !names.insert(name) {
            twice.get_or_insert(name);
        }
        rest = behind;
    }
    match twice {
        Some(name) => Err(FormatError::broken(format!(
            "its zip lists member {} twice: {listed} members of {} names",
            String::from_utf8_lossy(name),
            names.len()
        ))),
        None if listed != archive.len() => Err(FormatError::broken(format!(
            "its zip lists {listed} members, its end record {}",
            archive.len()
        ))),
        None => Ok(()),
    }
}

/// Checks that no two members share bytes: a small file could hold any number of large ones otherwise.
///
/// # Errors
/// Two overlap.
pub(crate) fn apart<'n>(
    members: impl Iterator<Item = (&'n str, Range<u64>)>,
) -> Result<(), FormatError> {
    let mut sorted: Vec<_> = members.filter(|(_, range)| !range.is_empty()).collect();
    sorted.sort_by_key(|(_, range)| range.start);
    let mut pairs = sorted.array_windows();
    match pairs.find(|[before, after]| before.1.end > after.1.start) {
        Some([before, after]) => Err(FormatError::broken(format!(
            "members {} and {} of its zip overlap",
            before.0, after.0
        ))),
        None => Ok(()),
    }
}

/// Name of the entry that `list` begins with, and what is behind the entry.
fn entry(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = list.strip_prefix(ENTRY)?.get(..FIXED - ENTRY.len())?;
    let length = |at: usize| {
        let bytes = fixed.get(at - ENTRY.len()..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let behind = list.get(FIXED + name + extra + comment..)?;
    Some((&list[FIXED..FIXED + name], behind))
}
