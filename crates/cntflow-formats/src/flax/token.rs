//! msgpack piece by piece. The crate `rmp` reads markers and lengths; payloads stay in the file.

use std::ops::Range;

use cntflow_storage::FormatError;
use rmp::{Marker, decode};

/// One piece of a msgpack file: a value, or the beginning of one that holds others.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// Nothing.
    Nil,
    /// A flag or a number, as text.
    Number(String),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs of key and value follow.
    Map(u32),
    /// Bytes of a type that the application defines: type and length. They follow.
    Extension(i8, u32),
}

/// The bytes of a file and an offset in them.
pub(super) struct Input<'a> {
    file: &'a [u8],
    pub(super) offset: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { file, offset: 0 }
    }

    /// A range of the file.
    pub(super) fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        &self.file[range]
    }

    /// The next `length` bytes, which are taken.
    pub(super) fn take(&mut self, length: u32) -> Result<&'a [u8], FormatError> {
        let bytes = self.rest().get(..length as usize).ok_or_else(|| {
            FormatError::broken(format!(
                "its msgpack has {length} bytes from byte {} on, the file has {} bytes (cut short)",
                self.offset,
                self.file.len()
            ))
        })?;
        self.offset += bytes.len();
        Ok(bytes)
    }

    /// The next piece, which is taken.
    pub(super) fn token(&mut self) -> Result<Token<'a>, FormatError> {
        let start = self.offset;
        let marker = self.rest().first().copied().map(Marker::from_u8);
        match marker.ok_or_else(|| self.broken(start))? {
            Marker::Null => self.read(decode::read_nil).map(|()| Token::Nil),
            Marker::True | Marker::False => self.number(decode::read_bool),
            Marker::F32 => self.number(decode::read_f32),
            Marker::F64 => self.number(decode::read_f64),
            Marker::U64 => self.number(decode::read_u64),
            Marker::FixPos(_)
            | Marker::FixNeg(_)
            | Marker::U8
            | Marker::U16
            | Marker::U32
            | Marker::I8
            | Marker::I16
            | Marker::I32
            | Marker::I64 => self.number(decode::read_int::<i64, _>),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let length = self.read(decode::read_str_len)?;
                let text = std::str::from_utf8(self.take(length)?);
                text.map(Token::Text).map_err(|_| self.broken(start))
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = self.read(decode::read_bin_len)?;
                self.take(length).map(Token::Bytes)
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                self.read(decode::read_array_len).map(Token::Array)
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                self.read(decode::read_map_len).map(Token::Map)
            }
            Marker::Reserved => Err(self.broken(start)),
            _ => {
                let meta = self.read(decode::read_ext_meta)?;
                Ok(Token::Extension(meta.typeid, meta.size))
            }
        }
    }

    fn number<T: ToString, E>(
        &mut self,
        read: impl FnOnce(&mut &'a [u8]) -> Result<T, E>,
    ) -> Result<Token<'a>, FormatError> {
        self.read(read)
            .map(|number| Token::Number(number.to_string()))
    }

    /// What `read` reads from the bytes that are left.
    fn read<T, E>(
        &mut self,
        read: impl FnOnce(&mut &'a [u8]) -> Result<T, E>,
    ) -> Result<T, FormatError> {
        let mut rest = self.rest();
        let found = read(&mut rest).map_err(|_| self.broken(self.offset))?;
        self.offset = self.file.len() - rest.len();
        Ok(found)
    }

    fn rest(&self) -> &'a [u8] {
        &self.file[self.offset..]
    }

    fn broken(&self, offset: usize) -> FormatError {
        if offset >= self.file.len() {
            return FormatError::broken(format!(
                "its msgpack does not end before the file does, at byte {} (cut short)",
                self.file.len()
            ));
        }
        FormatError::broken(format!("byte {offset} of its msgpack begins no value"))
    }
}
