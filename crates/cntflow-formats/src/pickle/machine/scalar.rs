//! Opcodes that make numbers, texts and bytes.

use cntflow_storage::FormatError;

use super::{Machine, parsed};
use crate::pickle::{Value, opcode::*};

/// Longest Python 2 string that is taken for a text, in bytes. Longer ones are the elements of
/// arrays, which stay in the file.
const MAX_TEXT: u64 = 1 << 16;

impl Machine<'_> {
    /// Runs an opcode that makes a number, text or bytes; any other opcode is handed to
    /// [`Machine::container`].
    pub(super) fn scalar(&mut self, opcode: u8, offset: usize) -> Result<(), FormatError> {
        let value = match opcode {
            NONE => Value::None,
            NEWTRUE => Value::Flag(true),
            NEWFALSE => Value::Flag(false),
            INT => match self.input.line()? {
                "00" => Value::Flag(false),
                "01" => Value::Flag(true),
                number => whole(number),
            },
            LONG => whole(self.input.line()?.trim_end_matches('L')),
            BININT => Value::Whole(i64::from(i32::from_le_bytes(self.input.array()?))),
            BININT1 => Value::Whole(i64::from(self.input.byte()?)),
            BININT2 => Value::Whole(i64::from(u16::from_le_bytes(self.input.array()?))),
            LONG1 => self.long(1)?,
            LONG4 => self.long(4)?,
            FLOAT => Value::Real(parsed(self.input.line()?)?),
            BINFLOAT => Value::Real(f64::from_be_bytes(self.input.array()?)),
            STRING => Value::Text(unquoted(self.input.line()?)?),
            UNICODE => Value::Text(self.input.line()?.to_owned()),
            SHORT_BINUNICODE => self.text(1)?,
            BINUNICODE => self.text(4)?,
            BINUNICODE8 => self.text(8)?,
            SHORT_BINSTRING | SHORT_BINBYTES => self.bytes(opcode, 1)?,
            BINSTRING | BINBYTES => self.bytes(opcode, 4)?,
            BINBYTES8 | BYTEARRAY8 => self.bytes(opcode, 8)?,
            _ => return self.container(opcode, offset),
        };
        self.push(value)
    }

    /// A whole number of any length, little-endian, behind its length.
    fn long(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.unsigned(length_bytes)?;
        let bytes = self.input.take(length)?;
        if bytes.len() > 8 {
            return Ok(Value::Huge);
        }
        let sign = match bytes.last() {
            Some(last) if last & 0x80 != 0 => -1,
            _ => 0,
        };
        let number = bytes
            .iter()
            .rev()
            .fold(sign, |sum: i64, &byte| sum << 8 | i64::from(byte));
        Ok(Value::Whole(number))
    }

    /// A text behind its length.
    fn text(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.unsigned(length_bytes)?;
        FormatError::check_limit(
            "bytes of a text in its pickle",
            length,
            "header_bytes",
            self.header_bytes,
        )?;
        self.input.text(length).map(Value::Text)
    }

    /// Bytes behind their length. A Python 2 string may be text or bytes: it is taken for a text if
    /// it is short and valid UTF-8.
    fn bytes(&mut self, opcode: u8, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.unsigned(length_bytes)?;
        if matches!(opcode, SHORT_BINSTRING | BINSTRING) && length <= MAX_TEXT {
            let start = self.input.offset;
            if let Ok(text) = self.input.text(length) {
                return Ok(Value::Text(text));
            }
            self.input.offset = start;
        }
        self.input.range(length).map(Value::Bytes)
    }
}

/// A decimal number.
fn whole(text: &str) -> Value {
    text.parse().map_or(Value::Huge, Value::Whole)
}

/// The text between quotation marks.
fn unquoted(text: &str) -> Result<String, FormatError> {
    let inner = ['\'', '"']
        .iter()
        .find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner
        .map(str::to_owned)
        .ok_or_else(|| FormatError::broken("its pickle has a text without quotation marks"))
}
