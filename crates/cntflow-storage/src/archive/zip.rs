//! The members of a zip archive. Many files are zip archives by their form alone: the caller tells by the names of the members
//! whether an archive is one file.

use std::io::Cursor;
use std::ops::Range;

use zip::CompressionMethod;
use zip::read::ZipArchive;

use super::{Bytes, Listed, Member};
use crate::FormatError;
use crate::zip::list;

/// Whether the file begins as zip archives do.
pub(super) fn recognises(file: &[u8]) -> bool {
    file.starts_with(b"PK\x03\x04") || file.starts_with(b"PK\x05\x06")
}

/// Reads the central directory.
pub(super) fn members(
    file: &[u8],
    is_one_file: fn(&[&str]) -> bool,
) -> Result<Listed, FormatError> {
    let broken = |error: zip::result::ZipError| {
        FormatError::broken(format!("it is a broken zip archive: {error}"))
    };
    let Ok(mut archive) = ZipArchive::new(Cursor::new(file)) else {
        // Cut short, it may have been a checkpoint as well: whoever opens it as one says what is wrong.
        return Ok(None);
    };
    let mut members = Vec::with_capacity(archive.len());
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(broken)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if member.is_dir() {
            continue;
        }
        let start = member.data_start().unwrap_or(u64::MAX);
        let range = start..start.saturating_add(member.compressed_size());
        let bytes = match member.compression() {
            _ if member.encrypted() => Err("it is encrypted".to_owned()),
            _ if member.is_symlink() => Err("it is a link".to_owned()),
            CompressionMethod::Stored => Ok(Bytes::Plain(range)),
            other if u16_of(other) == DEFLATE => Ok(Bytes::Deflated {
                range,
                length: member.size(),
                checksum: member.crc32(),
            }),
            other => Err(format!("it is compressed by {other}, which is not read")),
        };
        members.push(Member { name, bytes });
    }
    let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
    if is_one_file(&names) {
        return Ok(None);
    }
    list::check(file, &archive)?;
    list::apart(members.iter().filter_map(Member::place))?;
    Ok(Some((members, None)))
}

impl Member {
    /// Its name and where it lies, where it can be read.
    fn place(&self) -> Option<(&str, Range<u64>)> {
        match self.bytes.as_ref().ok()? {
            Bytes::Plain(range) | Bytes::Deflated { range, .. } => {
                Some((&self.name, range.clone()))
            }
        }
    }
}

/// The number of deflate among the methods of compression.
const DEFLATE: u16 = 8;

#[expect(
    deprecated,
    reason = "the crate names deflate only where it decodes it; here flate2 does"
)]
fn u16_of(method: CompressionMethod) -> u16 {
    method.to_u16()
}
