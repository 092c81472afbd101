//! What is deflated: gzip files, and members of zip archives. How much comes out is bounded before it is held.

use std::io::Read;

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use super::tar;
use crate::FormatError;
use crate::{Content, Limits};

/// Bytes decoded at a time.
const PIECE: usize = 1 << 16;
/// Bytes that a header of a tar archive takes.
const HEADER: u64 = 512;

/// Whether the file begins as gzip files do.
pub(super) fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(&[0x1F, 0x8B, 8])
}

/// Whether a gzip file holds a tar archive, by its first bytes.
pub(super) fn holds_tar(file: &[u8]) -> bool {
    let mut first = Vec::new();
    let decoded = MultiGzDecoder::new(file).take(HEADER);
    is_gzip(file) && { decoded }.read_to_end(&mut first).is_ok() && tar::recognises(&first)
}

/// The content of a gzip file in memory, of another file as it is; for texts.
pub fn unpacked(file: &Content, limits: &Limits) -> Result<Content, FormatError> {
    if !is_gzip(file) {
        return Ok(file.clone());
    }
    let mut text = Vec::new();
    decode(
        MultiGzDecoder::new(&file[..]),
        bound(file, limits),
        |piece| {
            text.extend_from_slice(piece);
            Ok(())
        },
    )?;
    Ok(Content::held(text))
}

fn bound(file: &[u8], limits: &Limits) -> (u64, &'static str) {
    let expanded = limits.expansion.saturating_mul(file.len() as u64);
    if expanded < limits.decoded_bytes {
        (expanded, "expansion")
    } else {
        (limits.decoded_bytes, "decoded_bytes")
    }
}

/// The content of a gzip file in a temporary file without a name.
pub(super) fn spooled(file: &[u8], limits: &Limits) -> Result<Content, FormatError> {
    let broken = |error: std::io::Error| {
        FormatError::broken(format!(
            "it cannot be decoded into a temporary file: {error}"
        ))
    };
    let mut spool = tempfile::tempfile().map_err(broken)?;
    let expanded = limits.expansion.saturating_mul(file.len() as u64);
    let bound = if expanded < limits.archive_bytes {
        (expanded, "expansion")
    } else {
        (limits.archive_bytes, "archive_bytes")
    };
    decode(MultiGzDecoder::new(file), bound, |piece| {
        std::io::Write::write_all(&mut spool, piece).map_err(broken)
    })?;
    Content::map_file(&spool).map_err(broken)
}

/// Decodes piece by piece, at most as many bytes as `bound` says.
fn decode(
    mut from: impl Read,
    (most, limit): (u64, &'static str),
    mut take: impl FnMut(&[u8]) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut piece = vec![0; PIECE];
    let mut decoded = 0;
    loop {
        let n = from
            .read(&mut piece)
            .map_err(|error| FormatError::broken(format!("it cannot be decompressed: {error}")))?;
        if n == 0 {
            return Ok(());
        }
        decoded += n as u64;
        FormatError::check_limit("bytes decompressed", decoded, limit, most)?;
        take(&piece[..n])?;
    }
}

/// A deflated member of a zip archive, which says how long it is and what its checksum is.
pub(super) fn inflated(
    packed: &[u8],
    length: u64,
    checksum: u32,
    limits: &Limits,
) -> Result<Vec<u8>, FormatError> {
    let (most, limit) = bound(packed, limits);
    FormatError::check_limit("bytes decompressed", length, limit, most)?;
    let mut crc = Crc::new();
    let mut whole = Vec::new();
    decode(DeflateDecoder::new(packed), (most, limit), |piece| {
        crc.update(piece);
        whole.extend_from_slice(piece);
        match whole.len() as u64 > length {
            true => Err(FormatError::broken(format!(
                "it is longer than the {length} bytes that the archive says"
            ))),
            false => Ok(()),
        }
    })?;
    if whole.len() as u64 != length {
        let found = whole.len() as u64;
        let expected = length;
        return Err(FormatError::Length { expected, found });
    }
    if crc.sum() != checksum {
        return Err(FormatError::broken(format!(
            "its checksum is {:08x}, the archive says {checksum:08x}",
            crc.sum()
        )));
    }
    Ok(whole)
}
