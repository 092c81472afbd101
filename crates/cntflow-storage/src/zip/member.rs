//! A member of a zip that has been checked: where it is in the file, and its content.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::{Content, FormatError, Limits};

/// A member within the file that does not expand beyond the limits.
///
/// Its methods take the file that it was listed from, and panic on a shorter one.
#[derive(Clone, Debug)]
pub enum Member {
    /// The bytes of the content, as they lie in the file.
    Stored(Range<usize>),
    /// The content, deflated.
    Deflated {
        /// Where the deflated bytes lie in the file.
        compressed: Range<usize>,
        /// Number of bytes that they decode to.
        bytes: usize,
        /// CRC-32 of the decoded bytes.
        checksum: u32,
    },
}

impl Member {
    /// Size of the content in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Stored(range) => range.len(),
            Self::Deflated { bytes, .. } => *bytes,
        }
    }

    /// The content: borrowed from the file if it is stored, decoded otherwise.
    ///
    /// # Errors
    /// The deflated stream is damaged, or decodes to another length or checksum than the zip lists.
    pub fn decoded<'a>(&self, file: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        match self {
            Self::Stored(range) => Ok(Cow::Borrowed(&file[range.clone()])),
            Self::Deflated {
                compressed,
                bytes,
                checksum,
            } => inflate(&file[compressed.clone()], *bytes, *checksum).map(Cow::Owned),
        }
    }

    /// The content as bytes that can be kept: a part of `file` if it is stored, decoded into memory
    /// otherwise.
    ///
    /// # Errors
    /// As [`Member::decoded`].
    pub fn content(&self, file: &Content) -> Result<Content, FormatError> {
        match self {
            Self::Stored(range) => Ok(file.part(range.clone())),
            Self::Deflated { .. } => Ok(Content::in_memory(self.decoded(file)?.into_owned())),
        }
    }

    /// The content of a member that holds structure (a pickle, a configuration), which
    /// `limits.header_bytes` bounds; `what` names it in messages.
    ///
    /// # Errors
    /// It is larger than the limit, or as [`Member::decoded`].
    pub fn small_content<'a>(
        &self,
        file: &'a [u8],
        what: &str,
        limits: &Limits,
    ) -> Result<Cow<'a, [u8]>, FormatError> {
        FormatError::check_limit(
            format!("bytes of {what}"),
            self.bytes() as u64,
            "header_bytes",
            limits.header_bytes,
        )?;
        self.decoded(file)
    }

    /// The first bytes of the content: all of them if it is stored, at most `most` otherwise.
    ///
    /// # Errors
    /// The deflated stream is damaged.
    pub fn beginning<'a>(&self, file: &'a [u8], most: u64) -> Result<Cow<'a, [u8]>, FormatError> {
        let Self::Deflated { compressed, .. } = self else {
            return self.decoded(file);
        };
        let mut decoded = Vec::new();
        let mut decoder = DeflateDecoder::new(&file[compressed.clone()]).take(most);
        decoder
            .read_to_end(&mut decoded)
            .map_err(|error| damaged(&error))?;
        Ok(Cow::Owned(decoded))
    }
}

fn damaged(error: &std::io::Error) -> FormatError {
    FormatError::broken(format!("a member of its zip cannot be decoded: {error}"))
}

/// The `bytes` bytes that a deflated stream decodes to.
fn inflate(compressed: &[u8], bytes: usize, checksum: u32) -> Result<Vec<u8>, FormatError> {
    let mut decoded = Vec::new();
    // One byte more than is listed shows that the stream goes on, and no more is taken into memory.
    let mut decoder = DeflateDecoder::new(compressed).take(bytes as u64 + 1);
    decoder
        .read_to_end(&mut decoded)
        .map_err(|error| damaged(&error))?;
    if decoded.len() > bytes {
        return Err(FormatError::broken(format!(
            "a member of its zip is longer than the {bytes} bytes that are listed"
        )));
    }
    if decoded.len() < bytes {
        return Err(FormatError::broken(format!(
            "a member of its zip has {} bytes, {bytes} are listed",
            decoded.len()
        )));
    }
    let mut crc = Crc::new();
    crc.update(&decoded);
    if crc.sum() != checksum {
        return Err(FormatError::broken(format!(
            "a member of its zip has checksum {:08x}, its list says {checksum:08x}",
            crc.sum()
        )));
    }
    Ok(decoded)
}
