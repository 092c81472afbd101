//! Protobuf's wire format: a message is a sequence of fields, each a number with a varint, 4 bytes,
//! 8 bytes, or a length and bytes.
//!
//! Nothing is copied and nothing recurses: a nested message is a span of the file until somebody
//! walks it.

use cntflow_storage::FormatError;

/// Wire types: what follows the key of a field.
mod wire_type {
    pub(super) const VARINT: u64 = 0;
    pub(super) const FIXED64: u64 = 1;
    pub(super) const BYTES: u64 = 2;
    pub(super) const FIXED32: u64 = 5;
}

/// A part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first byte.
    pub start: usize,
    /// Offset behind its last byte.
    pub end: usize,
}

impl Span {
    /// Its bytes in the file.
    pub fn of(self, file: &[u8]) -> &[u8] {
        &file[self.start..self.end]
    }

    /// Number of its bytes.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The bytes of one message, or of a text, or of packed numbers.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The whole file.
    pub file: &'a [u8],
    /// Where the message is in it.
    pub span: Span,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its number in `onnx.proto`.
    pub number: u64,
    /// What it holds.
    pub value: Value<'a>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A whole number or a flag.
    Varint(u64),
    /// A float or whole number of 4 or 8 bytes.
    Fixed(Message<'a>),
    /// A text, a message, or packed numbers.
    Bytes(Message<'a>),
}

impl<'a> Message<'a> {
    /// A whole file as a message.
    pub fn whole(file: &'a [u8]) -> Self {
        let span = Span {
            start: 0,
            end: file.len(),
        };
        Self { file, span }
    }

    /// Its bytes.
    pub fn bytes(self) -> &'a [u8] {
        &self.file[self.span.start..self.span.end]
    }

    /// Its bytes as a text.
    ///
    /// # Errors
    /// They are no UTF-8.
    pub fn text(self) -> Result<&'a str, FormatError> {
        std::str::from_utf8(self.bytes()).map_err(|_| {
            FormatError::broken(format!("the text at byte {} is no UTF-8", self.span.start))
        })
    }

    /// Its fields, in their order.
    pub fn fields(self) -> Fields<'a> {
        Fields {
            message: self,
            offset: self.span.start,
        }
    }

    /// Its bytes as varints, one after the other.
    pub fn varints(self) -> impl Iterator<Item = Result<u64, FormatError>> + 'a {
        let mut fields = self.fields();
        std::iter::from_fn(move || (fields.offset < self.span.end).then(|| fields.varint()))
    }
}

/// The fields of a message in their order; after an error there are no more.
#[derive(Debug)]
pub struct Fields<'a> {
    message: Message<'a>,
    /// Offset of the next field in the file.
    offset: usize,
}

impl<'a> Fields<'a> {
    /// A number in groups of 7 bits, the lowest first; the highest bit of a byte says that another
    /// byte follows.
    fn varint(&mut self) -> Result<u64, FormatError> {
        let start = self.offset;
        let mut value = 0_u64;
        for index in 0..10 {
            if self.offset >= self.message.span.end {
                return Err(self.too_short(self.offset as u64 + 1));
            }
            let byte = self.message.file[self.offset];
            self.offset += 1;
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FormatError::broken(format!(
            "the number at byte {start} has more than 64 bits"
        )))
    }

    /// The next `length` bytes.
    fn take(&mut self, length: u64) -> Result<Message<'a>, FormatError> {
        let (start, end) = (self.offset, self.message.span.end);
        if length > (end - start) as u64 {
            return Err(self.too_short((start as u64).saturating_add(length)));
        }
        self.offset += length as usize;
        let span = Span {
            start,
            end: self.offset,
        };
        Ok(Message {
            file: self.message.file,
            span,
        })
    }

    /// The error of a field that ends at `expected`, behind the end of the message.
    fn too_short(&self, expected: u64) -> FormatError {
        let found = self.message.span.end as u64;
        if self.message.span.end == self.message.file.len() {
            return FormatError::Length { expected, found };
        }
        FormatError::broken(format!(
            "the field at byte {} ends at byte {expected}, beyond the end of its message at byte {found}",
            self.offset
        ))
    }

    fn field(&mut self) -> Result<Field<'a>, FormatError> {
        let start = self.offset;
        let key = self.varint()?;
        let number = key >> 3;
        let value = match key & 7 {
            wire_type::VARINT => Value::Varint(self.varint()?),
            wire_type::FIXED64 => Value::Fixed(self.take(8)?),
            wire_type::BYTES => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            wire_type::FIXED32 => Value::Fixed(self.take(4)?),
            other => {
                return Err(FormatError::broken(format!(
                    "the field at byte {start} has wire type {other}, which is not known"
                )));
            }
        };
        if number == 0 {
            return Err(FormatError::broken(format!(
                "the field at byte {start} has number 0"
            )));
        }
        Ok(Field { number, value })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.message.span.end {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.offset = self.message.span.end;
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    /// The bytes of a message or text.
    ///
    /// # Errors
    /// It is a number.
    pub fn message(self) -> Result<Message<'a>, FormatError> {
        match self {
            Self::Bytes(message) => Ok(message),
            Self::Varint(_) | Self::Fixed(_) => Err(FormatError::broken(
                "a field holds a number instead of a text or message",
            )),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// It is a number, or no UTF-8.
    pub fn text(self) -> Result<&'a str, FormatError> {
        self.message()?.text()
    }

    /// A whole number or a flag.
    ///
    /// # Errors
    /// It is something else.
    pub fn varint(self) -> Result<u64, FormatError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Fixed(_) | Self::Bytes(_) => Err(FormatError::broken("a field holds no varint")),
        }
    }

    /// A float of 32 bits.
    ///
    /// # Errors
    /// It is something else.
    pub fn f32(self) -> Result<f32, FormatError> {
        let bytes = match self {
            Self::Fixed(four) => four.bytes().try_into().ok(),
            Self::Varint(_) | Self::Bytes(_) => None,
        };
        bytes
            .map(f32::from_le_bytes)
            .ok_or_else(|| FormatError::broken("a field holds no 32-bit float"))
    }

    /// Adds one number, or several packed ones, to a list of at most `max`.
    ///
    /// # Errors
    /// The list becomes too long, or it is something else.
    pub fn integers(self, list: &mut Vec<i64>, max: usize) -> Result<(), FormatError> {
        let mut push = |value: u64| {
            if list.len() >= max {
                return Err(FormatError::broken(format!(
                    "a list has more than {max} numbers"
                )));
            }
            list.push(value as i64);
            Ok(())
        };
        match self {
            Self::Varint(value) => push(value),
            Self::Bytes(packed) => packed.varints().try_for_each(|value| push(value?)),
            Self::Fixed(_) => Err(FormatError::broken(
                "a field holds a float instead of a varint",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_walked_and_broken_ones_say_where() {
        let file = [
            0x08, 0x96, 0x01, 0x12, 2, b'a', b'b', 0x1d, 0, 0, 0x80, 0x3f,
        ];
        let fields: Vec<_> = Message::whole(&file).fields().map(Result::unwrap).collect();
        let numbers: Vec<u64> = fields.iter().map(|field| field.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(fields[0].value.varint().unwrap(), 150);
        assert_eq!(fields[1].value.text().unwrap(), "ab");
        assert_eq!(fields[2].value.f32().unwrap(), 1.0);
        let check = |file: &[u8], expected: &str| {
            let error = Message::whole(file).fields().find_map(Result::err).unwrap();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(&[0x12, 9, 0], "11 bytes, file has 3");
        check(&[0x08], "cut short");
        check(&[0x0b], "wire type 3");
        check(&[0x00, 0x00], "number 0");
        check(
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            "64 bits",
        );
        let huge = [0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        check(&huge, "18446744073709551615 bytes");
    }
}
