//! Protobuf's wire format: a message is a row of fields, each a number and a varint, 4 bytes, 8 bytes, or a length and bytes.
//!
//! Nothing is copied and nothing recurses: a nested message is a span of the file until somebody walks it.

use cntflow_storage::FormatError;

/// A part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn of(self, file: &[u8]) -> &[u8] {
        &file[self.start..self.end]
    }

    pub fn len(self) -> usize {
        self.end - self.start
    }
}

/// The bytes of one message, or of a text, or of packed numbers.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub file: &'a [u8],
    pub span: Span,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u64,
    pub value: Value<'a>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Varint(u64),
    /// 4 or 8 bytes.
    Fixed(Message<'a>),
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

    pub fn bytes(self) -> &'a [u8] {
        &self.file[self.span.start..self.span.end]
    }

    pub fn text(self) -> Result<&'a str, FormatError> {
        std::str::from_utf8(self.bytes()).map_err(|_| {
            FormatError::broken(format!("the text at byte {} is no UTF-8", self.span.start))
        })
    }

    pub fn fields(self) -> Fields<'a> {
        Fields {
            message: self,
            at: self.span.start,
        }
    }

    /// Its bytes as varints, one after the other.
    pub fn varints(self) -> impl Iterator<Item = Result<u64, FormatError>> + 'a {
        let mut fields = self.fields();
        std::iter::from_fn(move || (fields.at < self.span.end).then(|| fields.varint()))
    }
}

/// The fields of a message in their order; after an error there are no more.
#[derive(Debug)]
pub struct Fields<'a> {
    message: Message<'a>,
    at: usize,
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, FormatError> {
        let start = self.at;
        let mut value = 0_u64;
        for place in 0..10 {
            if self.at >= self.message.span.end {
                return Err(self.too_short(self.at as u64 + 1));
            }
            let byte = self.message.file[self.at];
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if place == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FormatError::broken(format!(
            "the number at byte {start} has more than 64 bits"
        )))
    }

    fn take(&mut self, length: u64) -> Result<Message<'a>, FormatError> {
        let (start, end) = (self.at, self.message.span.end);
        if length > (end - start) as u64 {
            return Err(self.too_short((start as u64).saturating_add(length)));
        }
        self.at += length as usize;
        let span = Span {
            start,
            end: self.at,
        };
        Ok(Message {
            file: self.message.file,
            span,
        })
    }

    /// A field that goes on until `expected`, after the end.
    fn too_short(&self, expected: u64) -> FormatError {
        let found = self.message.span.end as u64;
        if self.message.span.end == self.message.file.len() {
            return FormatError::Length { expected, found };
        }
        FormatError::broken(format!(
            "the field at byte {} ends at byte {expected}, the message that it is in at {found}",
            self.at
        ))
    }

    fn field(&mut self) -> Result<Field<'a>, FormatError> {
        let start = self.at;
        let key = self.varint()?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.take(4)?),
            other => {
                return Err(FormatError::broken(format!(
                    "the field at byte {start} has wire type {other}, which is not known"
                )));
            }
        };
        match number {
            0 => Err(FormatError::broken(format!(
                "the field at byte {start} has number 0"
            ))),
            number => Ok(Field { number, value }),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.span.end {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.message.span.end;
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    pub fn message(self) -> Result<Message<'a>, FormatError> {
        match self {
            Self::Bytes(message) => Ok(message),
            Self::Varint(_) | Self::Fixed(_) => Err(FormatError::broken(
                "a number stands where a text or message must",
            )),
        }
    }

    pub fn text(self) -> Result<&'a str, FormatError> {
        self.message()?.text()
    }

    pub fn varint(self) -> Result<u64, FormatError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Fixed(_) | Self::Bytes(_) => Err(FormatError::broken(
                "a varint is missing where one must stand",
            )),
        }
    }

    pub fn f32(self) -> Result<f32, FormatError> {
        let bytes = match self {
            Self::Fixed(four) => four.bytes().try_into().ok(),
            Self::Varint(_) | Self::Bytes(_) => None,
        };
        bytes
            .map(f32::from_le_bytes)
            .ok_or_else(|| FormatError::broken("a 32-bit float is missing where one must stand"))
    }

    /// One number, or several packed: adds them to a list of at most `most`.
    pub fn integers(self, list: &mut Vec<i64>, most: usize) -> Result<(), FormatError> {
        let mut push = |value: u64| {
            if list.len() >= most {
                return Err(FormatError::broken(format!(
                    "a list has more than {most} numbers"
                )));
            }
            list.push(value as i64);
            Ok(())
        };
        match self {
            Self::Varint(value) => push(value),
            Self::Bytes(packed) => packed.varints().try_for_each(|value| push(value?)),
            Self::Fixed(_) => Err(FormatError::broken("a float stands where a varint must")),
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
        check(&[0x12, 9, 0], "11 bytes, the file has 3");
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
