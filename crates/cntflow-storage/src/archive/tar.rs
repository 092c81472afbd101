//! The members of a tar archive: ranges of the file.

use std::io::Cursor;

use tar::{Archive, Entry, EntryType};

use super::{Bytes, Listed, Member};
use crate::FormatError;

/// Where a header says that it is one, and what it says.
const MAGIC_AT: usize = 257;
const MAGIC: &[u8] = b"ustar";
/// Headers and contents begin at multiples of it; an archive ends with two such blocks of zeros.
const BLOCK: u64 = 512;
/// Members of a checkpoint as torch wrote it before 0.2: a tar archive of its own.
const OLD_TORCH: [&str; 3] = ["pickle", "storages", "tensors"];

/// Whether the file begins with the header of a tar archive.
pub(super) fn recognises(file: &[u8]) -> bool {
    file.get(MAGIC_AT..)
        .is_some_and(|rest| rest.starts_with(MAGIC))
}

/// Reads the headers, none of the contents.
pub(super) fn members(file: &[u8]) -> Result<Listed, FormatError> {
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
                let remark = format!("the rest of the archive cannot be read: {error}");
                return Ok(Some((members, Some(remark))));
            }
        };
        let contents = entry.raw_file_position();
        let length = entry.size();
        let past = contents
            .checked_add(length)
            .ok_or_else(|| FormatError::broken("a member is longer than a file can be"))?;
        end = past.div_ceil(BLOCK) * BLOCK;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").map_or(name.clone(), str::to_owned);
        let bytes = match unreadable(&mut entry) {
            Some(reason) => Err(reason),
            None => Ok(Bytes::Plain(contents..past)),
        };
        members.push(Member { name, bytes });
    }
    if OLD_TORCH
        .iter()
        .all(|known| members.iter().any(|member| member.name == *known))
    {
        return Ok(None);
    }
    let cut = end >= file.len() as u64;
    let remark = cut.then(|| {
        "the archive has no mark of its end: it may be cut short, and members be missing".to_owned()
    });
    Ok(Some((members, remark)))
}

/// Why the contents of an entry are not the bytes that lie there.
fn unreadable(entry: &mut Entry<'_, Cursor<&[u8]>>) -> Option<String> {
    let kind = entry.header().entry_type();
    if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
        return Some(format!("it is no file in the archive but of type {kind:?}"));
    }
    let extensions = entry.pax_extensions().ok().flatten()?;
    let sparse = extensions
        .filter_map(Result::ok)
        .any(|extension| extension.key_bytes().starts_with(b"GNU.sparse"));
    sparse.then(|| "it is a sparse file, which is not read from archives".to_owned())
}
