//! Datasets: their shape, the type of their elements, and where these are.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use cntflow_storage::{Content, FormatError, Limits};
use hdf5_reader::error::ByteOrder;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::{Datatype, Hdf5File};

use super::error::broken;
use crate::{Element, tensor_entry::checked_bytes};

/// A dataset as the file lists it.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Its path from the root, without a slash in front.
    pub(crate) path: String,
    /// Its shape. If its elements are no numbers, the bytes of one element are added as the last
    /// dimension.
    pub(crate) shape: Vec<usize>,
    /// Type of its elements; bytes where they are no numbers.
    pub(crate) element: Element,
    /// Why it is no tensor of numbers: `text`, say.
    pub(crate) excluded_because: Option<String>,
    storage: ElementLocation,
}

/// Where the elements of a dataset are.
enum ElementLocation {
    /// Contiguous in the file, row-major and little-endian.
    InFile(Range<usize>),
    /// Chunked, compressed, in a header, never written, or big-endian.
    Decoded {
        dataset: Box<hdf5_reader::Dataset>,
        is_big_endian: bool,
    },
}

impl fmt::Debug for ElementLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFile(range) => write!(f, "{range:?}"),
            Self::Decoded { .. } => f.write_str("decoded"),
        }
    }
}

/// The largest number of bytes that one dataset may be decoded to: `decoded_bytes`, or `expansion`
/// times the file's bytes if that is less.
pub(super) fn max_decoded(content: &Content, limits: &Limits) -> u64 {
    let expanded = (content.len() as u64).saturating_mul(limits.expansion);
    limits.decoded_bytes.min(expanded)
}

impl Dataset {
    /// Checks a dataset's type and size, and that it lies within the file.
    pub(super) fn new(
        path: String,
        dataset: hdf5_reader::Dataset,
        file: &Hdf5File,
        content: &Content,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let with_path = |error| broken(&path, &error);
        let sizes: Result<Vec<usize>, _> = dataset
            .shape()
            .iter()
            .map(|&n| usize::try_from(n))
            .collect();
        let too_large = |_| FormatError::broken(format!("{path}: its shape is too large"));
        let mut shape = sizes.map_err(too_large)?;
        let kind = Kind::of(&dataset).map_err(with_path)?;
        if kind.excluded_because.is_some() {
            shape.push(dataset.raw_element_size().map_err(with_path)?);
        }
        // A null dataspace has no dimensions and no element: without this its shape would be that
        // of a scalar.
        if shape.is_empty() && matches!(dataset.num_elements(), Ok(0)) {
            shape.push(0);
        }
        let bytes = checked_bytes(&path, &shape, kind.element)?;
        let stored = StoredBytes::of(&dataset, file, bytes).map_err(with_path)?;
        let storage = match stored.range.filter(|_| !kind.is_big_endian) {
            Some(range) if range.end <= content.len() => ElementLocation::InFile(range),
            Some(range) => {
                return Err(FormatError::broken(format!(
                    "tensor {path} is at bytes {range:?}, file has {} (cut short)",
                    content.len()
                )));
            }
            None => {
                check_decoded(&path, bytes, stored.is_filtered, content, limits)?;
                ElementLocation::Decoded {
                    dataset: Box::new(dataset),
                    is_big_endian: kind.is_big_endian,
                }
            }
        };
        Ok(Self {
            shape,
            element: kind.element,
            excluded_because: kind.excluded_because,
            storage,
            path,
        })
    }

    /// The elements, row-major and little-endian.
    pub(super) fn elements<'a>(&'a self, content: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        match &self.storage {
            ElementLocation::InFile(range) => Ok(Cow::Borrowed(&content[range.clone()])),
            ElementLocation::Decoded { .. } if self.shape.contains(&0) => Ok(Cow::Borrowed(&[])),
            ElementLocation::Decoded {
                dataset,
                is_big_endian,
            } => {
                let bytes = dataset.read_raw_bytes();
                let mut bytes = bytes.map_err(|error| broken(&self.path, &error))?;
                if *is_big_endian {
                    let elements = bytes.chunks_exact_mut(self.element.bytes());
                    elements.for_each(<[u8]>::reverse);
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

/// Checks how many bytes a dataset takes once decoded. Elements that no filter has compressed must
/// not be more than the file's bytes.
fn check_decoded(
    path: &str,
    bytes: usize,
    is_filtered: bool,
    content: &Content,
    limits: &Limits,
) -> Result<(), FormatError> {
    let what = format!("bytes of tensor {path}");
    let bytes = bytes as u64;
    FormatError::check_limit(&*what, bytes, "decoded_bytes", limits.decoded_bytes)?;
    if is_filtered {
        let allowed = max_decoded(content, limits);
        return FormatError::check_limit(what, bytes, "expansion", allowed);
    }
    if bytes > content.len() as u64 {
        return Err(FormatError::broken(format!(
            "tensor {path} takes {bytes} bytes uncompressed, but the file has only {}",
            content.len()
        )));
    }
    Ok(())
}

/// How the file stores the bytes of a dataset.
#[derive(Default)]
struct StoredBytes {
    /// Their range in the file; `None` if they are not contiguous, or were never written.
    range: Option<Range<usize>>,
    /// Whether they are encoded by filters, such as compression.
    is_filtered: bool,
}

impl StoredBytes {
    fn of(
        dataset: &hdf5_reader::Dataset,
        file: &Hdf5File,
        bytes: usize,
    ) -> Result<Self, hdf5_reader::error::Error> {
        let header = file.get_or_parse_header(dataset.address())?;
        let mut stored = Self::default();
        let mut external = false;
        for message in &header.messages {
            match message {
                HdfMessage::ExternalFiles(_) => external = true,
                HdfMessage::FilterPipeline(_) => stored.is_filtered = true,
                HdfMessage::DataLayout(message) => {
                    if let DataLayout::Contiguous { address, size } = message.layout
                        && !Cursor::is_undefined_offset(address, file.superblock().offset_size)
                    {
                        let start = usize::try_from(address).ok();
                        let end = start.and_then(|start| start.checked_add(bytes));
                        let range = start.zip(end).filter(|_| size >= bytes as u64);
                        stored.range = range.map(|(start, end)| start..end);
                    }
                }
                _ => {}
            }
        }
        stored.range = stored.range.filter(|_| !external);
        Ok(stored)
    }
}

/// The type of a dataset's elements.
struct Kind {
    element: Element,
    is_big_endian: bool,
    excluded_because: Option<String>,
}

impl Kind {
    fn of(dataset: &hdf5_reader::Dataset) -> Result<Self, hdf5_reader::error::Error> {
        let number = |element: Option<Element>, order: ByteOrder| {
            element.map(|element| Self {
                element,
                is_big_endian: order == ByteOrder::BigEndian,
                excluded_because: None,
            })
        };
        let kind = match dataset.dtype() {
            Datatype::FloatingPoint { byte_order, .. } => {
                number(float(&dataset.raw_datatype()?), *byte_order)
            }
            Datatype::FixedPoint {
                size,
                signed,
                byte_order,
            } => number(integer(*size, *signed), *byte_order),
            Datatype::Enum { base, members } => match **base {
                // A flag as h5py writes it.
                Datatype::FixedPoint { size: 1, .. }
                    if members.iter().any(|member| member.name == "FALSE") =>
                {
                    number(Some(Element::Bool), ByteOrder::LittleEndian)
                }
                _ => None,
            },
            // NumPy has no brain floats: they are written as opaque elements of 2 bytes.
            Datatype::Opaque { size: 2, .. } => {
                number(Some(Element::BF16), ByteOrder::LittleEndian)
            }
            _ => None,
        };
        Ok(kind.unwrap_or_else(|| Self {
            element: Element::U8,
            is_big_endian: false,
            excluded_because: Some(not_numbers(dataset.dtype()).to_owned()),
        }))
    }
}

/// Why elements of this type are excluded: what they are instead of numbers.
fn not_numbers(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::String { .. } => "text",
        Datatype::VarLen { .. } => "references to elements of variable length",
        Datatype::Reference { .. } => "references",
        Datatype::Compound { .. } => "compound elements",
        Datatype::FloatingPoint { .. } => "floats of an uncommon layout",
        Datatype::FixedPoint { .. } => "whole numbers of an uncommon size",
        _ => "elements that are no numbers",
    }
}

/// The element type of whole numbers of `size` bytes.
fn integer(size: u8, signed: bool) -> Option<Element> {
    Some(match (size, signed) {
        (1, true) => Element::I8,
        (2, true) => Element::I16,
        (4, true) => Element::I32,
        (8, true) => Element::I64,
        (1, false) => Element::U8,
        (2, false) => Element::U16,
        (4, false) => Element::U32,
        (8, false) => Element::U64,
        _ => return None,
    })
}

/// The element type of a float's datatype message: its size is at byte 4, the bits of its exponent
/// at byte 13, those of its mantissa at byte 15.
fn float(message: &[u8]) -> Option<Element> {
    let (bytes, exponent, mantissa) = (*message.get(4)?, *message.get(13)?, *message.get(15)?);
    match (bytes, exponent, mantissa) {
        (2, 5, 10) => Some(Element::F16),
        (2, 8, 7) => Some(Element::BF16),
        (4, 8, 23) => Some(Element::F32),
        (8, 11, 52) => Some(Element::F64),
        _ => None,
    }
}
