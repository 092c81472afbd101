//! Tensors of an ONNX file: where their elements are, checked against the file, and the elements.

use std::borrow::Cow;

use cntflow_storage::{FormatError, Limits};

use super::field::{self, data_type};
use super::wire::{Message, Span, Value};
use crate::{Element, tensor_entry::checked_bytes};

/// Most dimensions of a tensor.
const MAX_RANK: usize = 64;

/// Where a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementLocation {
    /// In the file as they are.
    Raw(Span),
    /// In all fields of a message with one number, packed or not.
    Fields {
        /// Where the message is.
        message: Span,
        /// The number of the fields.
        number: u64,
    },
    /// In a file beside the model's.
    Beside {
        /// Offset of the first byte in that file.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Nowhere that is read; the tensor's entry says why.
    Nowhere,
}

/// A `TensorProto`.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its elements; bytes if it is not known.
    pub element: Element,
    /// Where its elements are.
    pub source: ElementLocation,
    /// The file that has its elements, relative to the folder of the model's; empty where they are
    /// not in a file beside it.
    pub file_beside: &'a str,
    /// Why its elements are not read, if they are not.
    pub unread_because: Option<String>,
    /// Bytes of the message that are elements, not structure.
    pub data_bytes: usize,
}

impl<'a> Tensor<'a> {
    /// Reads a `TensorProto`; `name` replaces its own name.
    ///
    /// # Errors
    /// A field is broken, the shape is impossible, or the elements are not as many as the shape
    /// says.
    pub fn read(
        message: Message<'a>,
        name: Option<&'a str>,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let fields = TensorFields::read(message)?;
        let name = name.unwrap_or(fields.name);
        let mut tensor = Self {
            name,
            shape: sizes_of(name, &fields.dims)?,
            element: Element::U8,
            source: ElementLocation::Nowhere,
            file_beside: "",
            unread_because: None,
            data_bytes: fields.data_bytes,
        };
        let Some(element) = element(fields.data_type) else {
            tensor.unread_because = Some(format!(
                "type {} is not known: not read",
                type_name(fields.data_type)
            ));
            checked_bytes(name, &tensor.shape, tensor.element)?;
            return Ok(tensor);
        };
        tensor.element = element;
        let expected = checked_bytes(name, &tensor.shape, element)?;
        if fields.is_external {
            tensor.place_beside(&fields, expected as u64)?;
            return Ok(tensor);
        }
        tensor.source = match (fields.raw, fields.typed) {
            (Some(raw), None) => ElementLocation::Raw(raw),
            (None, Some(number)) => ElementLocation::Fields {
                message: message.span,
                number,
            },
            (None, None) if expected == 0 => ElementLocation::Raw(Span {
                start: message.span.end,
                end: message.span.end,
            }),
            (None, None) => return Err(tensor.length_mismatch(expected, 0)),
            (Some(_), Some(_)) => {
                return Err(FormatError::broken(format!(
                    "tensor {name} has its elements twice"
                )));
            }
        };
        tensor.check_length(message.file, expected, limits)?;
        Ok(tensor)
    }

    /// Says where in another file the elements are. A file outside of the model's folder is never
    /// opened.
    fn place_beside(
        &mut self,
        fields: &TensorFields<'a>,
        expected: u64,
    ) -> Result<(), FormatError> {
        self.unread_because = Some(outside(fields.location));
        if escapes(fields.location) {
            return Ok(());
        }
        let number = |key: &str, text: Option<&str>, default: u64| match text {
            None => Ok(default),
            Some(text) => text.parse::<u64>().map_err(|_| {
                FormatError::broken(format!(
                    "tensor {} has external data with the {key} {text:?}, which is no number",
                    self.name
                ))
            }),
        };
        let length = number("length", fields.length, expected)?;
        if length != expected {
            return Err(FormatError::broken(format!(
                "tensor {} {:?} of {} takes {expected} bytes, its external data has {length}",
                self.name, self.shape, self.element
            )));
        }
        self.source = ElementLocation::Beside {
            offset: number("offset", fields.offset, 0)?,
            length,
        };
        self.file_beside = fields.location;
        Ok(())
    }

    /// Compares the bytes that the elements take with those that the shape and the type need.
    fn check_length(
        &self,
        file: &[u8],
        expected: usize,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let found = match self.source {
            ElementLocation::Raw(span) => span.len(),
            ElementLocation::Fields { message, number } => {
                FormatError::check_limit(
                    format!("bytes of tensor {}", self.name),
                    expected as u64,
                    "decoded_bytes",
                    limits.decoded_bytes,
                )?;
                let decoder = Decoder::of(self.element, number).ok_or_else(|| {
                    FormatError::broken(format!(
                        "tensor {} of {} has its elements in field {number}, which is for other types",
                        self.name, self.element
                    ))
                })?;
                decoder.total_bytes(file, message, number)?
            }
            ElementLocation::Beside { .. } | ElementLocation::Nowhere => expected,
        };
        if found != expected {
            return Err(self.length_mismatch(expected, found));
        }
        Ok(())
    }

    fn length_mismatch(&self, expected: usize, found: usize) -> FormatError {
        FormatError::broken(format!(
            "tensor {} {:?} of {} takes {expected} bytes, the file has {found} for it",
            self.name, self.shape, self.element
        ))
    }
}

/// The sizes of a shape.
pub(super) fn sizes_of(tensor: &str, dims: &[i64]) -> Result<Vec<usize>, FormatError> {
    let sizes: Result<Vec<usize>, _> = dims.iter().map(|&size| size.try_into()).collect();
    sizes.map_err(|_| {
        FormatError::broken(format!(
            "tensor {tensor} has shape {dims:?}, in which a size is negative"
        ))
    })
}

/// The fields of a `TensorProto`, as far as they are used.
#[derive(Default)]
struct TensorFields<'a> {
    name: &'a str,
    dims: Vec<i64>,
    data_type: u64,
    /// Where `raw_data` is.
    raw: Option<Span>,
    /// Number of the field with elements of a type: `float_data` and the like.
    typed: Option<u64>,
    is_external: bool,
    /// The file of external data.
    location: &'a str,
    /// Where the external data begins in it, and how many bytes it has, as texts.
    offset: Option<&'a str>,
    length: Option<&'a str>,
    /// Bytes of all elements.
    data_bytes: usize,
}

impl<'a> TensorFields<'a> {
    fn read(message: Message<'a>) -> Result<Self, FormatError> {
        let mut fields = Self::default();
        for field in message.fields() {
            let field = field?;
            match field.number {
                field::tensor::DIMS => field.value.integers(&mut fields.dims, MAX_RANK)?,
                field::tensor::DATA_TYPE => fields.data_type = field.value.varint()?,
                field::tensor::SEGMENT => {
                    return Err(FormatError::broken(
                        "a tensor is stored in segments, which are not read",
                    ));
                }
                field::tensor::FLOAT_DATA
                | field::tensor::INT32_DATA
                | field::tensor::STRING_DATA
                | field::tensor::INT64_DATA
                | field::tensor::DOUBLE_DATA
                | field::tensor::UINT64_DATA => fields.add_typed(field.number, field.value)?,
                field::tensor::NAME => fields.name = field.value.text()?,
                field::tensor::RAW_DATA => fields.set_raw(field.value.message()?.span)?,
                field::tensor::EXTERNAL_DATA => {
                    let (key, value) = text_pair(field.value.message()?)?;
                    match key {
                        "location" => fields.location = value,
                        "offset" => fields.offset = Some(value),
                        "length" => fields.length = Some(value),
                        _ => {}
                    }
                }
                field::tensor::DATA_LOCATION => {
                    fields.is_external = field.value.varint()? == field::data_location::EXTERNAL;
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    fn add_typed(&mut self, number: u64, value: Value<'_>) -> Result<(), FormatError> {
        if self.typed.is_some_and(|typed| typed != number) {
            return Err(FormatError::broken("a tensor has elements of two types"));
        }
        self.typed = Some(number);
        self.data_bytes += match value {
            Value::Varint(_) => 0,
            Value::Fixed(data) | Value::Bytes(data) => data.span.len(),
        };
        Ok(())
    }

    fn set_raw(&mut self, data: Span) -> Result<(), FormatError> {
        self.data_bytes += data.len();
        if self.raw.replace(data).is_some() {
            return Err(FormatError::broken("a tensor has its elements twice"));
        }
        Ok(())
    }
}

/// The elements of a source, which has been checked.
///
/// # Errors
/// The elements are of another type, or are not in the file.
pub fn elements(
    source: ElementLocation,
    element: Element,
    file: &[u8],
) -> Result<Cow<'_, [u8]>, FormatError> {
    match source {
        ElementLocation::Raw(span) => Ok(Cow::Borrowed(span.of(file))),
        ElementLocation::Fields { message, number } => {
            let decoder = Decoder::of(element, number)
                .ok_or_else(|| FormatError::broken("its elements are of another type"))?;
            Ok(Cow::Owned(decoder.decode(file, message, number)?))
        }
        ElementLocation::Beside { .. } | ElementLocation::Nowhere => {
            Err(FormatError::broken("its elements are not in the file"))
        }
    }
}

/// Whether a path leads outside of the folder that it is relative to, or to no file.
fn escapes(location: &str) -> bool {
    let parts: Vec<&str> = location.split(['/', '\\']).collect();
    let leads_nowhere = ["", "."].contains(&parts[parts.len() - 1]);
    let is_absolute = parts[0].is_empty() || parts[0].contains(':');
    parts.contains(&"..") || is_absolute || leads_nowhere || location.contains('\0')
}

/// Why a tensor in another file is not read.
fn outside(location: &str) -> String {
    if escapes(location) {
        return format!(
            "external data in {location:?}, a path outside the file's folder: not read"
        );
    }
    format!("external data in {location}: not read")
}

/// Key and value of a `StringStringEntryProto`.
///
/// # Errors
/// A field is broken.
pub fn text_pair(entry: Message<'_>) -> Result<(&str, &str), FormatError> {
    let (mut key, mut value) = ("", "");
    for field in entry.fields() {
        let field = field?;
        match field.number {
            field::entry::KEY => key = field.value.text()?,
            field::entry::VALUE => value = field.value.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// The type of elements of a `TensorProto.DataType`.
fn element(data_type: u64) -> Option<Element> {
    Some(match data_type {
        data_type::FLOAT => Element::F32,
        data_type::UINT8 => Element::U8,
        data_type::INT8 => Element::I8,
        data_type::UINT16 => Element::U16,
        data_type::INT16 => Element::I16,
        data_type::INT32 => Element::I32,
        data_type::INT64 => Element::I64,
        data_type::BOOL => Element::Bool,
        data_type::FLOAT16 => Element::F16,
        data_type::DOUBLE => Element::F64,
        data_type::UINT32 => Element::U32,
        data_type::UINT64 => Element::U64,
        data_type::COMPLEX64 => Element::C64,
        data_type::COMPLEX128 => Element::C128,
        data_type::BFLOAT16 => Element::BF16,
        data_type::FLOAT8E4M3FN => Element::F8E4M3,
        data_type::FLOAT8E5M2 => Element::F8E5M2,
        _ => return None,
    })
}

/// The name of a type that is not read.
fn type_name(data_type: u64) -> String {
    match data_type {
        data_type::UNDEFINED => "UNDEFINED".to_owned(),
        data_type::STRING => "STRING".to_owned(),
        data_type::FLOAT8E4M3FNUZ => "FLOAT8E4M3FNUZ".to_owned(),
        data_type::FLOAT8E5M2FNUZ => "FLOAT8E5M2FNUZ".to_owned(),
        data_type::UINT4 => "UINT4".to_owned(),
        data_type::INT4 => "INT4".to_owned(),
        data_type::FLOAT4E2M1 => "FLOAT4E2M1".to_owned(),
        other => format!("number {other}"),
    }
}

/// How the values of a typed field become elements.
#[derive(Clone, Copy, Debug)]
enum Decoder {
    /// Floats of as many bytes as given, as they are.
    Fixed(usize),
    /// Varints; the element is the lowest bytes of each, as many as given.
    Varint(usize),
}

impl Decoder {
    /// The decoder of a type in the field with this number; `None` if that field does not hold the
    /// type.
    fn of(element: Element, number: u64) -> Option<Self> {
        use Element::{
            BF16, Bool, C64, C128, F8E4M3, F8E5M2, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32,
            U64,
        };
        Some(match (number, element) {
            (field::tensor::FLOAT_DATA, F32 | C64) | (field::attribute::FLOATS, F32) => {
                Self::Fixed(4)
            }
            (field::tensor::DOUBLE_DATA, F64 | C128) => Self::Fixed(8),
            (
                field::tensor::INT32_DATA,
                I32 | I16 | I8 | U16 | U8 | Bool | F16 | BF16 | F8E4M3 | F8E5M2,
            )
            | (field::tensor::INT64_DATA, I64)
            | (field::tensor::UINT64_DATA, U64 | U32) => Self::Varint(element.bytes()),
            _ => return None,
        })
    }

    /// Bytes of all elements together.
    fn total_bytes(self, file: &[u8], span: Span, number: u64) -> Result<usize, FormatError> {
        let mut total = 0;
        for field in (Message { file, span }).fields() {
            let field = field?;
            if field.number == number {
                total += self.bytes_of(field.value)?;
            }
        }
        Ok(total)
    }

    /// Bytes of the elements in one field.
    fn bytes_of(self, value: Value<'_>) -> Result<usize, FormatError> {
        match (self, value) {
            (Self::Fixed(bytes), Value::Fixed(data)) if data.span.len() == bytes => Ok(bytes),
            (Self::Fixed(bytes), Value::Bytes(data)) if data.span.len().is_multiple_of(bytes) => {
                Ok(data.span.len())
            }
            (Self::Varint(bytes), Value::Varint(_)) => Ok(bytes),
            // The last byte of a varint is its only one without the highest bit.
            (Self::Varint(bytes), Value::Bytes(data)) => {
                let ends = data.bytes().iter().filter(|&&byte| byte < 0x80).count();
                Ok(ends.saturating_mul(bytes))
            }
            _ => Err(FormatError::broken(
                "a field of a tensor holds values of another wire type than its elements need",
            )),
        }
    }

    /// All elements, little-endian.
    fn decode(self, file: &[u8], span: Span, number: u64) -> Result<Vec<u8>, FormatError> {
        let mut elements = Vec::with_capacity(self.total_bytes(file, span, number)?);
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
                _ => {
                    return Err(FormatError::broken(
                        "a field of a tensor holds values of another wire type than its elements need",
                    ));
                }
            }
        }
        Ok(elements)
    }
}
