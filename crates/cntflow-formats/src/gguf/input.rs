//! Reading a header piece by piece: little-endian numbers, and texts behind their lengths.

use cntflow_storage::FormatError;

/// The bytes of a file and an offset in them.
pub(super) struct Input<'a> {
    file: &'a [u8],
    pub(super) offset: usize,
    /// Most bytes that the header may have.
    header_bytes: u64,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a [u8], offset: usize, header_bytes: u64) -> Self {
        Self {
            file,
            offset,
            header_bytes,
        }
    }

    /// Number of bytes that are left.
    pub(super) fn left(&self) -> u64 {
        (self.file.len() - self.offset) as u64
    }

    /// The next `length` bytes, which are taken.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], FormatError> {
        if length > self.left() {
            return Err(FormatError::broken(format!(
                "its header asks for {length} bytes from byte {} on, the file has {} bytes (cut short)",
                self.offset,
                self.file.len()
            )));
        }
        let end = self.offset + length as usize;
        FormatError::check_limit(
            "bytes of its header",
            end as u64,
            "header_bytes",
            self.header_bytes,
        )?;
        let bytes = &self.file[self.offset..end];
        self.offset = end;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormatError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FormatError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, FormatError> {
        let length = self.u64()?;
        let start = self.offset;
        std::str::from_utf8(self.take(length)?).map_err(|_| {
            FormatError::broken(format!(
                "the text at byte {start} of its header is not UTF-8"
            ))
        })
    }
}
