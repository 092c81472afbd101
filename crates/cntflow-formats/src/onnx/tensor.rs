//! Tensors of an ONNX file: where their elements lie, checked, and the elements.

use std::borrow::Cow;

use super::wire::{Message, Span, Value};
use crate::Element;
use crate::format::checked_bytes;
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

/// Most dimensions of a tensor.
const MAX_RANK: usize = 64;

/// Where a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the file as they are.
    Raw(Span),
    /// Values in the fields of a number of a message, packed or not.
    Fields { message: Span, number: u64 },
    /// Nowhere that is read; the tensor's entry says why.
    Nowhere,
}

/// One tensor as the file has it.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    pub name: &'a str,
    pub shape: Vec<usize>,
    pub element: Element,
    pub source: Source,
    /// Why its elements cannot be read.
    pub unread: Option<String>,
    /// Bytes of the message that are elements, not structure.
    pub data_bytes: usize,
}

impl<'a> Tensor<'a> {
    /// Reads a `TensorProto`; `name` is what it is called where it has no name of its own.
    pub fn read(
        message: Message<'a>,
        name: Option<&'a str>,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let mut own_name = "";
        let mut dims = Vec::new();
        let mut data_type = 0;
        let mut raw = None;
        let mut typed: Option<u64> = None;
        let mut external = false;
        let mut location = "";
        let mut data_bytes = 0;
        for field in message.fields() {
            let field = field?;
            match field.number {
                1 => field.value.integers(&mut dims, MAX_RANK)?,
                2 => data_type = field.value.varint()?,
                3 => {
                    return Err(FormatError::broken(
                        "a tensor in segments, which are not known",
                    ));
                }
                4..=7 | 10 | 11 => {
                    if typed.is_some_and(|number| number != field.number) {
                        return Err(FormatError::broken("a tensor has elements of two types"));
                    }
                    typed = Some(field.number);
                    data_bytes += match field.value {
                        Value::Varint(_) => 0,
                        Value::Fixed(data) | Value::Bytes(data) => data.span.len(),
                    };
                }
                8 => own_name = field.value.text()?,
                9 => {
                    let data = field.value.message()?.span;
                    data_bytes += data.len();
                    if raw.replace(data).is_some() {
                        return Err(FormatError::broken("a tensor has its elements twice"));
                    }
                }
                13 => location = location_of(field.value.message()?)?.unwrap_or(location),
                14 => external = field.value.varint()? == 1,
                _ => {}
            }
        }
        let name = name.unwrap_or(own_name);
        let shape = dims
            .iter()
            .map(|&size| usize::try_from(size))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| FormatError::broken(format!("tensor {name} has shape {dims:?}")))?;
        let mut tensor = Self {
            name,
            shape,
            element: Element::U8,
            source: Source::Nowhere,
            unread: None,
            data_bytes,
        };
        let Some(element) = element(data_type) else {
            tensor.unread = Some(format!(
                "type {} is not known: not read",
                type_name(data_type)
            ));
            checked_bytes(name, &tensor.shape, tensor.element)?;
            return Ok(tensor);
        };
        tensor.element = element;
        let expected = checked_bytes(name, &tensor.shape, element)?;
        if external {
            tensor.unread = Some(outside(location));
            return Ok(tensor);
        }
        tensor.source = match (raw, typed) {
            (Some(raw), None) => Source::Raw(raw),
            (None, Some(number)) => Source::Fields {
                message: message.span,
                number,
            },
            (None, None) if expected == 0 => Source::Raw(Span {
                start: message.span.end,
                end: message.span.end,
            }),
            (None, None) => return Err(tensor.other_length(expected, 0)),
            (Some(_), Some(_)) => {
                return Err(FormatError::broken(format!(
                    "tensor {name} has its elements twice"
                )));
            }
        };
        tensor.check_length(message.file, expected, limits)?;
        Ok(tensor)
    }

    fn check_length(
        &self,
        file: &[u8],
        expected: usize,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let found = match self.source {
            Source::Raw(span) => span.len(),
            Source::Fields { message, number } => {
                FormatError::check_limit(
                    format!("bytes of tensor {}", self.name),
                    expected as u64,
                    "decoded_bytes",
                    limits.decoded_bytes,
                )?;
                let decoder = Decoder::of(self.element, number).ok_or_else(|| {
                    FormatError::broken(format!(
                        "tensor {} of {} has its elements in field {number}, which holds others",
                        self.name, self.element
                    ))
                })?;
                decoder.count(file, message, number)?
            }
            Source::Nowhere => expected,
        };
        match found == expected {
            true => Ok(()),
            false => Err(self.other_length(expected, found)),
        }
    }

    fn other_length(&self, expected: usize, found: usize) -> FormatError {
        FormatError::broken(format!(
            "tensor {} {:?} of {} takes {expected} bytes, the file has {found} for it",
            self.name, self.shape, self.element
        ))
    }
}

/// The elements of a source, which has been checked.
pub fn elements(
    source: Source,
    element: Element,
    file: &[u8],
) -> Result<Cow<'_, [u8]>, FormatError> {
    match source {
        Source::Raw(span) => Ok(Cow::Borrowed(span.of(file))),
        Source::Fields { message, number } => {
            let decoder = Decoder::of(element, number)
                .ok_or_else(|| FormatError::broken("its elements are of another type"))?;
            Ok(Cow::Owned(decoder.decode(file, message, number)?))
        }
        Source::Nowhere => Err(FormatError::broken("its elements are not in the file")),
    }
}

/// The value of `location` if this is that entry of `external_data`.
fn location_of(entry: Message<'_>) -> Result<Option<&str>, FormatError> {
    let (key, value) = text_pair(entry)?;
    Ok((key == "location").then_some(value))
}

/// Why a tensor is not read that lies in another file. That file is never opened, whatever its path.
fn outside(location: &str) -> String {
    let parts: Vec<&str> = location.split(['/', '\\']).collect();
    let escapes = parts.contains(&"..") || parts[0].is_empty() || parts[0].contains(':');
    match escapes {
        true => {
            format!("external data in {location:?}, a path outside the file's folder: not read")
        }
        false => format!("external data in {location}: not read"),
    }
}

/// Key and value of a `StringStringEntryProto`.
pub fn text_pair(entry: Message<'_>) -> Result<(&str, &str), FormatError> {
    let (mut key, mut value) = ("", "");
    for field in entry.fields() {
        let field = field?;
        match field.number {
            1 => key = field.value.text()?,
            2 => value = field.value.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn element(data_type: u64) -> Option<Element> {
    Some(match data_type {
        1 => Element::F32,
        2 => Element::U8,
        3 => Element::I8,
        4 => Element::U16,
        5 => Element::I16,
        6 => Element::I32,
        7 => Element::I64,
        9 => Element::Bool,
        10 => Element::F16,
        11 => Element::F64,
        12 => Element::U32,
        13 => Element::U64,
        14 => Element::C64,
        15 => Element::C128,
        16 => Element::BF16,
        17 => Element::F8E4M3,
        19 => Element::F8E5M2,
        _ => return None,
    })
}

fn type_name(data_type: u64) -> String {
    match data_type {
        0 => "UNDEFINED".to_owned(),
        8 => "STRING".to_owned(),
        18 => "FLOAT8E4M3FNUZ".to_owned(),
        20 => "FLOAT8E5M2FNUZ".to_owned(),
        21 => "UINT4".to_owned(),
        22 => "INT4".to_owned(),
        23 => "FLOAT4E2M1".to_owned(),
        other => format!("number {other}"),
    }
}

/// How the values of a typed field become elements.
#[derive(Clone, Copy, Debug)]
enum Decoder {
    /// Floats as they are, of so many bytes.
    Fixed(usize),
    /// Varints, of which so many low bytes are the element.
    Varint(usize),
}

impl Decoder {
    fn of(element: Element, number: u64) -> Option<Self> {
        use Element::{
            BF16, Bool, C64, C128, F8E4M3, F8E5M2, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32,
            U64,
        };
        Some(match (number, element) {
            (4, F32 | C64) | (super::proto::FLOATS, F32) => Self::Fixed(4),
            (10, F64 | C128) => Self::Fixed(8),
            (5, I32 | I16 | I8 | U16 | U8 | Bool | F16 | BF16 | F8E4M3 | F8E5M2)
            | (7, I64)
            | (11, U64 | U32) => Self::Varint(element.bytes()),
            _ => return None,
        })
    }

    /// Bytes of all elements together.
    fn count(self, file: &[u8], span: Span, number: u64) -> Result<usize, FormatError> {
        let mut total = 0;
        for field in (Message { file, span }).fields() {
            let field = field?;
            if field.number == number {
                total += self.bytes_of(field.value)?;
            }
        }
        Ok(total)
    }

    fn bytes_of(self, value: Value<'_>) -> Result<usize, FormatError> {
        match (self, value) {
            (Self::Fixed(bytes), Value::Fixed(data)) if data.span.len() == bytes => Ok(bytes),
            (Self::Fixed(bytes), Value::Bytes(data)) if data.span.len().is_multiple_of(bytes) => {
                Ok(data.span.len())
            }
            (Self::Varint(bytes), Value::Varint(_)) => Ok(bytes),
            // Every varint ends with the one byte whose highest bit is not set.
            (Self::Varint(bytes), Value::Bytes(data)) => {
                let ends = data.bytes().iter().filter(|&&byte| byte < 0x80).count();
                Ok(ends.saturating_mul(bytes))
            }
            _ => Err(FormatError::broken("elements of another type than its own")),
        }
    }

    fn decode(self, file: &[u8], span: Span, number: u64) -> Result<Vec<u8>, FormatError> {
        let mut elements = Vec::with_capacity(self.count(file, span, number)?);
        for field in (Message { file, span }).fields() {
            let field = field?;
            if field.number != number {
                continue;
            }
            match (self, field.value) {
                (Self::Varint(bytes), Value::Varint(value)) => {
                    elements.extend_from_slice(&value.to_le_bytes()[..bytes]);
                }
                (Self::Varint(bytes), Value::Bytes(packed)) => {
                    for value in packed.varints() {
                        elements.extend_from_slice(&value?.to_le_bytes()[..bytes]);
                    }
                }
                (Self::Fixed(_), Value::Fixed(data) | Value::Bytes(data)) => {
                    elements.extend_from_slice(data.bytes());
                }
                _ => return Err(FormatError::broken("elements of another type than its own")),
            }
        }
        Ok(elements)
    }
}
