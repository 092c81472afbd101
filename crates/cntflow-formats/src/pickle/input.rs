//! Reading the bytes of a pickle piece by piece.

use std::ops::Range;

use cntflow_storage::FormatError;

/// The bytes of a pickle and an offset in them.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    pub(super) offset: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    fn cut_short(&self) -> FormatError {
        let found = self.bytes.len();
        FormatError::broken(format!(
            "its pickle is cut short: it does not end before the bytes do, at byte {found}"
        ))
    }

    /// The range of the next `length` bytes, which are taken.
    pub(super) fn range(&mut self, length: u64) -> Result<Range<usize>, FormatError> {
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| self.offset.checked_add(length))
            .filter(|&end| end <= self.bytes.len())
            .ok_or_else(|| self.cut_short())?;
        let range = self.offset..end;
        self.offset = end;
        Ok(range)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], FormatError> {
        let range = self.range(length)?;
        Ok(&self.bytes[range])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let bytes = self.take(N as u64)?;
        bytes.try_into().map_err(|_| self.cut_short())
    }

    pub(super) fn byte(&mut self) -> Result<u8, FormatError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A whole number of 1, 2, 4 or 8 bytes, little-endian, without a sign.
    pub(super) fn unsigned(&mut self, bytes: u64) -> Result<u64, FormatError> {
        let bytes = self.take(bytes)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    /// The text up to the next line break, which is taken too.
    pub(super) fn line(&mut self) -> Result<&'a str, FormatError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or_else(|| self.cut_short())?;
        self.offset += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| not_text(self.offset))
    }

    /// A text of `length` bytes.
    pub(super) fn text(&mut self, length: u64) -> Result<String, FormatError> {
        let start = self.offset;
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| not_text(start))?;
        Ok(text.to_owned())
    }
}

fn not_text(offset: usize) -> FormatError {
    FormatError::broken(format!(
        "the text at byte {offset} of its pickle is not UTF-8"
    ))
}
