//! Numbers, texts and bytes.

use super::{Done, Machine, parsed};
use crate::pickle::Value;
use cntflow_storage::FormatError;

/// Bytes of Python 2 that may be a text.
const SHORT: u64 = 1 << 16;

impl Machine<'_> {
    /// Numbers, texts and bytes.
    pub(super) fn scalar(&mut self, opcode: u8, at: usize) -> Done {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Flag(true),
            0x89 => Value::Flag(false),
            b'I' => match self.input.line()? {
                "00" => Value::Flag(false),
                "01" => Value::Flag(true),
                number => whole(number),
            },
            b'L' => whole(self.input.line()?.trim_end_matches('L')),
            b'J' => Value::Whole(i64::from(i32::from_le_bytes(self.input.array()?))),
            b'K' => Value::Whole(i64::from(self.input.byte()?)),
            b'M' => Value::Whole(i64::from(u16::from_le_bytes(self.input.array()?))),
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'F' => Value::Real(parsed(self.input.line()?)?),
            b'G' => Value::Real(f64::from_be_bytes(self.input.array()?)),
            b'S' => Value::Text(unquoted(self.input.line()?)?),
            b'V' => Value::Text(self.input.line()?.to_owned()),
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b'U' | b'C' => self.bytes(opcode, 1)?,
            b'T' | b'B' => self.bytes(opcode, 4)?,
            0x8e | 0x96 => self.bytes(opcode, 8)?,
            _ => return self.container(opcode, at),
        };
        self.push(value)
    }

    fn long(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
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

    fn text(&mut self, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
        FormatError::check_limit(
            "bytes of a text in its pickle",
            length,
            "header_bytes",
            self.limit,
        )?;
        self.input.text(length).map(Value::Text)
    }

    /// Bytes; those of Python 2, which had no others, are a text where they can be.
    fn bytes(&mut self, opcode: u8, length_bytes: u64) -> Result<Value, FormatError> {
        let length = self.input.length(length_bytes)?;
        if matches!(opcode, b'U' | b'T') && length <= SHORT {
            let at = self.input.at;
            if let Ok(text) = self.input.text(length) {
                return Ok(Value::Text(text));
            }
            self.input.at = at;
        }
        self.input.range(length).map(Value::Bytes)
    }
}

fn whole(text: &str) -> Value {
    text.parse().map_or(Value::Huge, Value::Whole)
}

fn unquoted(text: &str) -> Result<String, FormatError> {
    let inner = ['\'', '"']
        .iter()
        .find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner
        .map(str::to_owned)
        .ok_or_else(|| FormatError::broken("its pickle has a text without quotation marks"))
}
