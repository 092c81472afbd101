//! Compressed files. How much may come out is bounded before it is taken into memory or onto the
//! disk.

use std::fs::File;
use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;

use super::tar;
use crate::{Content, FormatError, Limits};

/// Bytes decoded at a time.
const CHUNK: usize = 1 << 16;

/// The most bytes that may be decoded, and the name of the limit that says so.
struct Bound {
    bytes: u64,
    limit: &'static str,
}

impl Bound {
    /// The lower of a limit and of what `file` may expand to.
    fn new(file: &[u8], limits: &Limits, limit: &'static str, bytes: u64) -> Self {
        let expanded = limits.expansion.saturating_mul(file.len() as u64);
        if expanded < bytes {
            Self {
                bytes: expanded,
                limit: "expansion",
            }
        } else {
            Self { bytes, limit }
        }
    }
}

/// Whether the file begins as gzip files do.
pub(super) fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(&[0x1F, 0x8B, 8])
}

/// Whether the file is a gzip file that holds a tar archive, by its first bytes.
pub(super) fn holds_tar(file: &[u8]) -> bool {
    if !is_gzip(file) {
        return false;
    }
    let mut first = Vec::new();
    let read = MultiGzDecoder::new(file)
        .take(tar::BLOCK)
        .read_to_end(&mut first);
    read.is_ok() && tar::is_tar(&first)
}

/// The content of a gzip file, decoded into memory; any other file as it is.
///
/// # Errors
/// The gzip stream is damaged, or decodes to more than `limits.decoded_bytes` or `limits.expansion`
/// allow.
pub fn decompressed(file: &Content, limits: &Limits) -> Result<Content, FormatError> {
    if !is_gzip(file) {
        return Ok(file.clone());
    }
    let bound = Bound::new(file, limits, "decoded_bytes", limits.decoded_bytes);
    let mut decoded = Vec::new();
    decode(MultiGzDecoder::new(&**file), &bound, |chunk| {
        decoded.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(Content::in_memory(decoded))
}

/// The content of a gzip file, decoded into a temporary file without a name.
pub(super) fn to_temporary_file(file: &[u8], limits: &Limits) -> Result<Content, FormatError> {
    let bound = Bound::new(file, limits, "archive_bytes", limits.archive_bytes);
    let mut spool: File = tempfile::tempfile().map_err(|error| not_decoded(&error))?;
    decode(MultiGzDecoder::new(file), &bound, |chunk| {
        spool.write_all(chunk).map_err(|error| not_decoded(&error))
    })?;
    Content::map_file(&spool).map_err(|error| not_decoded(&error))
}

/// The content of an xz file, decoded into a temporary file without a name.
pub(super) fn xz_to_temporary_file(
    mut file: &[u8],
    limits: &Limits,
) -> Result<Content, FormatError> {
    let mut spool = BoundedFile {
        file: tempfile::tempfile().map_err(|error| not_decoded(&error))?,
        length: 0,
        bound: limits.archive_bytes,
    };
    let decoded = lzma_rs::xz_decompress(&mut file, &mut spool);
    FormatError::check_limit(
        "bytes decompressed",
        spool.length,
        "archive_bytes",
        limits.archive_bytes,
    )?;
    decoded.map_err(|error| FormatError::broken(format!("it cannot be decompressed: {error}")))?;
    Content::map_file(&spool.file).map_err(|error| not_decoded(&error))
}

fn not_decoded(error: &std::io::Error) -> FormatError {
    FormatError::broken(format!(
        "it cannot be decoded into a temporary file: {error}"
    ))
}

/// A file that takes no more than `bound` bytes.
struct BoundedFile {
    file: File,
    /// Bytes given to it, written or not.
    length: u64,
    bound: u64,
}

impl Write for BoundedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length > self.bound {
            return Err(std::io::Error::other("beyond the limit"));
        }
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Gives what `decoder` reads to `take`, chunk by chunk, and no more than `bound` allows.
fn decode(
    mut decoder: impl Read,
    bound: &Bound,
    mut take: impl FnMut(&[u8]) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut chunk = vec![0; CHUNK];
    let mut decoded = 0;
    loop {
        let length = decoder
            .read(&mut chunk)
            .map_err(|error| FormatError::broken(format!("it cannot be decompressed: {error}")))?;
        if length == 0 {
            return Ok(());
        }
        decoded += length as u64;
        FormatError::check_limit("bytes decompressed", decoded, bound.limit, bound.bytes)?;
        take(&chunk[..length])?;
    }
}
