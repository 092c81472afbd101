//! The members of a tar archive: ranges of the file.

use std::io::Cursor;

use tar::{Archive, Entry, EntryType};

use super::{ArchiveMember, Listing, StoredBytes};
use crate::FormatError;

/// Bytes of a header; headers and contents begin at multiples of it, and two such blocks of zeros
/// end an archive.
pub(super) const BLOCK: u64 = 512;
/// Offset of the signature in a header, and the signature.
const SIGNATURE: (usize, &[u8]) = (257, b"ustar");
/// Members of a checkpoint of PyTorch before 0.2, which is itself a tar archive. Such a tar is one
/// checkpoint, not an archive of several.
const OLD_TORCH: [&str; 3] = ["pickle", "storages", "tensors"];

/// Whether the file begins with the header of a tar archive.
pub(super) fn is_tar(file: &[u8]) -> bool {
    let (offset, signature) = SIGNATURE;
    file.get(offset..)
        .is_some_and(|rest| rest.starts_with(signature))
}

/// Reads the headers, none of the contents.
pub(super) fn members(file: &[u8]) -> Result<Listing, FormatError> {
    let broken =
        |error: std::io::Error| FormatError::broken(format!("it is a broken tar archive: {error}"));
    let mut archive = Archive::new(Cursor::new(file));
    let mut members = Vec::new();
    let mut end = 0;
    for entry in archive.entries_with_seek().map_err(broken)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) if members.is_empty() => return Err(broken(error)),
            Err(error) => {
                let warning = format!("the rest of the archive cannot be read: {error}");
                return Ok(Some((members, Some(warning))));
            }
        };
        let start = entry.raw_file_position();
        let past = start
            .checked_add(entry.size())
            .ok_or_else(|| FormatError::broken("a member is longer than a file can be"))?;
        end = past.div_ceil(BLOCK) * BLOCK;
        if !entry.header().entry_type().is_dir() {
            members.push(member(&mut entry, start..past));
        }
    }
    let is_one_checkpoint = OLD_TORCH
        .iter()
        .all(|name| members.iter().any(|member| member.name == *name));
    if is_one_checkpoint {
        return Ok(None);
    }
    let is_cut_short = end >= file.len() as u64;
    let warning = is_cut_short.then(|| {
        "the archive has no end mark: it may be cut short, and members may be missing".to_owned()
    });
    Ok(Some((members, warning)))
}

fn member(entry: &mut Entry<'_, Cursor<&[u8]>>, range: std::ops::Range<u64>) -> ArchiveMember {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let name = name.strip_prefix("./").map_or(name.clone(), str::to_owned);
    let bytes = match unreadable(entry) {
        Some(error) => Err(error),
        None => Ok(StoredBytes::InPlace(range)),
    };
    ArchiveMember { name, bytes }
}

/// Why the content of an entry is not the bytes that follow its header.
fn unreadable(entry: &mut Entry<'_, Cursor<&[u8]>>) -> Option<FormatError> {
    let kind = entry.header().entry_type();
    if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
        let reason = format!("it is not a regular file but of type {kind:?}");
        return Some(FormatError::Broken(reason));
    }
    let extensions = entry.pax_extensions().ok().flatten()?;
    let sparse = extensions
        .filter_map(Result::ok)
        .any(|extension| extension.key_bytes().starts_with(b"GNU.sparse"));
    sparse.then(|| FormatError::broken("it is a sparse file, which is not read from archives"))
}
