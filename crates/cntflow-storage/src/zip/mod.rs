//! Zip files, read in place: PyTorch's checkpoints, `.npz`, `.keras`, and archives of checkpoints.
//!
//! The `zip` crate parses the list of members. What a hostile list can get wrong is checked here,
//! in one place for all readers: `Directory` compares the list with the file (names, counts,
//! overlap), `Entry::member` checks one member (encryption, method, bounds, expansion), and
//! [`Member::decoded`] checks its length and checksum.

mod directory;
mod member;

use std::io::Cursor;

use zip::ZipArchive;

use crate::{FormatError, Limits};

pub(crate) use directory::{Directory, Entry};
pub use member::Member;

/// First bytes of a member's header, and hence of a zip file with members.
const MEMBER_SIGNATURE: &[u8] = b"PK\x03\x04";
/// First bytes of the end record, and hence of a zip file without members.
const END_SIGNATURE: &[u8] = b"PK\x05\x06";

/// Whether the file begins as zip files do.
pub fn is_zip(file: &[u8]) -> bool {
    starts_with_member(file) || file.starts_with(END_SIGNATURE)
}

/// Whether the file begins with the header of a zip member.
pub fn starts_with_member(file: &[u8]) -> bool {
    file.starts_with(MEMBER_SIGNATURE)
}

/// Name of the first member and the bytes that follow its header, read from that header alone.
///
/// This also works on a file that is cut short, whose list of members is lost.
pub fn first_member(file: &[u8]) -> Option<(&str, &[u8])> {
    /// Bytes of a member's header before its name.
    const HEADER: usize = 30;
    if !starts_with_member(file) {
        return None;
    }
    let length_at = |offset: usize| {
        let bytes = file.get(offset..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let (name, extra) = (length_at(26)?, length_at(28)?);
    let content = file.get(HEADER + name + extra..)?;
    let name = std::str::from_utf8(&file[HEADER..HEADER + name]).ok()?;
    Some((name, content))
}

/// Whether the zip has members of all these names; `None` if its list of members cannot be read.
pub fn has_all_members(file: &[u8], names: &[&str]) -> Option<bool> {
    let archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let has = |name: &&str| archive.index_for_name(name).is_some();
    Some(names.iter().all(has))
}

/// Whether the file is a zip with a member whose name is `wanted`.
pub fn has_some_member(file: &[u8], wanted: impl Fn(&str) -> bool) -> bool {
    starts_with_member(file)
        && ZipArchive::new(Cursor::new(file))
            .is_ok_and(|zip| zip.file_names().flatten().any(|name| wanted(&name)))
}

/// Names and members of a zip, folders left out, in the order of its list. All members are checked.
///
/// # Errors
/// The list cannot be read, repeats a name, or is longer than `limits.tensors`; members overlap,
/// end beyond the file, are encrypted, are links, are compressed by something other than deflate,
/// or expand beyond the limits.
pub fn members(file: &[u8], limits: &Limits) -> Result<Vec<(String, Member)>, FormatError> {
    let mut directory = Directory::open(file)?;
    let count = directory.len() as u64;
    FormatError::check_limit("members of its zip", count, "tensors", limits.tensors)?;
    let entries = directory.entries()?;
    directory.check(&entries)?;
    let members = entries.into_iter().map(|entry| {
        let member = entry.member(file.len(), limits);
        let member =
            member.map_err(|error| error.within(format!("member {} of its zip", entry.name)))?;
        Ok((entry.name, member))
    });
    members.collect()
}
