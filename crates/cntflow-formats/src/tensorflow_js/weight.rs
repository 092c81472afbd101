//! Weights: where each lies in its group, and how its elements are encoded.

use std::borrow::Cow;
use std::ops::Range;

use cntflow_storage::{FormatError, Limits};

use super::group::Group;
use super::manifest::{ListedWeight, Quantization};
use crate::{Element, TensorEntry, tensor_entry::checked_bytes};

/// Bytes before every text of a tensor of texts: its length.
const TEXT_LENGTH: usize = 4;

/// Where the elements of a tensor are.
#[derive(Debug)]
pub(super) struct Place {
    /// Index of its group.
    pub(super) group: usize,
    /// Its bytes in the group.
    pub(super) range: Range<usize>,
    pub(super) encoding: Encoding,
}

/// How elements are encoded.
#[derive(Clone, Debug)]
pub(super) enum Encoding {
    /// As they are.
    AsIs(Element),
    /// Whole numbers of so many bytes, times a scale and plus a minimum, as `f32`.
    Scaled(Whole, f64, f64),
    /// The same, rounded to whole numbers.
    Rounded(Whole, f64, f64),
    /// Texts, each behind its length.
    Texts,
    /// Of a type that is not read, by its name.
    Unknown(String),
}

/// Quantised whole numbers without a sign.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    U8,
    U16,
}

impl Whole {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
        }
    }

    fn element(self) -> Element {
        match self {
            Self::U8 => Element::ScaledU8,
            Self::U16 => Element::ScaledU16,
        }
    }
}

impl Encoding {
    fn of(weight: &ListedWeight) -> Self {
        let unknown = || Self::Unknown(weight.dtype.clone());
        let Some(quantization) = &weight.quantization else {
            return match &*weight.dtype {
                "string" => Self::Texts,
                dtype => Element::of_dtype(dtype).map_or_else(unknown, Self::AsIs),
            };
        };
        let Quantization { dtype, scale, min } = quantization;
        let whole = match &**dtype {
            "float16" => return Self::AsIs(Element::F16),
            "uint8" => Whole::U8,
            "uint16" => Whole::U16,
            other => return Self::Unknown(format!("{} quantised as {other}", weight.dtype)),
        };
        match (scale, min, &*weight.dtype) {
            (Some(scale), Some(min), "float32") => Self::Scaled(whole, *scale, *min),
            (Some(scale), Some(min), "int32") => Self::Rounded(whole, *scale, *min),
            _ => unknown(),
        }
    }

    /// The type of the elements that are handed out.
    fn element(&self) -> Element {
        match self {
            Self::AsIs(element) => *element,
            Self::Scaled(whole, ..) => whole.element(),
            Self::Rounded(..) => Element::I32,
            Self::Texts | Self::Unknown(_) => Element::U8,
        }
    }

    /// Elements as bytes, little-endian, from those in the file.
    pub(super) fn decode<'a>(&self, bytes: Cow<'a, [u8]>) -> Result<Cow<'a, [u8]>, FormatError> {
        match *self {
            Self::AsIs(_) => Ok(bytes),
            Self::Scaled(whole, scale, min) => {
                let value = |q: f64| ((q * scale + min) as f32).to_le_bytes();
                Ok(each(&bytes, whole, value).into())
            }
            Self::Rounded(whole, scale, min) => {
                // As JavaScript rounds: halves upwards.
                let value = |q: f64| ((q * scale + min + 0.5).floor() as i32).to_le_bytes();
                Ok(each(&bytes, whole, value).into())
            }
            Self::Texts => Err(FormatError::broken("texts: not read")),
            Self::Unknown(ref dtype) => Err(FormatError::broken(format!(
                "elements of type {dtype}: not read"
            ))),
        }
    }
}

/// Four bytes for each whole number.
fn each(bytes: &[u8], whole: Whole, value: impl Fn(f64) -> [u8; 4]) -> Vec<u8> {
    match whole {
        Whole::U8 => bytes.iter().flat_map(|&q| value(f64::from(q))).collect(),
        Whole::U16 => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let numbers = pairs.iter().map(|&pair| u16::from_le_bytes(pair));
            numbers.flat_map(|q| value(f64::from(q))).collect()
        }
    }
}

/// Bytes that all weights of a group take.
pub(super) fn bytes_of_all(weights: &[ListedWeight], group: &Group) -> Result<u64, FormatError> {
    let mut end = 0;
    for weight in weights {
        end = end_of(weight, &Encoding::of(weight), end, group)?;
    }
    Ok(end as u64)
}

/// The weights of a group, which is as long as they are together.
pub(super) fn place(
    weights: &[ListedWeight],
    group: &Group,
    group_index: usize,
    limits: &Limits,
) -> Result<Vec<(TensorEntry, Place)>, FormatError> {
    let mut placed = Vec::with_capacity(weights.len());
    let mut start = 0;
    for weight in weights {
        let encoding = Encoding::of(weight);
        let end = end_of(weight, &encoding, start, group)?;
        let element = encoding.element();
        let decoded = checked_bytes(&weight.name, &weight.shape, element)?;
        if !matches!(encoding, Encoding::AsIs(_)) {
            let what = format!("bytes of tensor {}, decoded", weight.name);
            let (limit, allowed) = ("decoded_bytes", limits.decoded_bytes);
            FormatError::check_limit(what, decoded as u64, limit, allowed)?;
        }
        let is_text = matches!(encoding, Encoding::Texts);
        let entry = TensorEntry {
            name: weight.name.clone(),
            shape: weight.shape.clone(),
            element,
            excluded_because: is_text.then(|| "texts: not read".to_owned()),
        };
        let place = Place {
            group: group_index,
            range: start..end,
            encoding,
        };
        placed.push((entry, place));
        start = end;
    }
    Ok(placed)
}

/// The offset behind a weight that begins at `start` of its group.
fn end_of(
    weight: &ListedWeight,
    encoding: &Encoding,
    start: usize,
    group: &Group,
) -> Result<usize, FormatError> {
    let n_values = checked_bytes(&weight.name, &weight.shape, Element::U8)?;
    let width = match encoding {
        Encoding::AsIs(element) => element.bytes(),
        Encoding::Scaled(whole, ..) | Encoding::Rounded(whole, ..) => whole.bytes(),
        Encoding::Texts => return end_of_texts(weight, n_values, start, group),
        Encoding::Unknown(dtype) => {
            return Err(FormatError::broken(format!(
                "tensor {} has elements of type {dtype}, so that nothing behind it can be found",
                weight.name
            )));
        }
    };
    let end = n_values
        .checked_mul(width)
        .and_then(|n| n.checked_add(start));
    end.ok_or_else(|| {
        FormatError::broken(format!(
            "tensor {} {:?} takes more bytes than a file can hold",
            weight.name, weight.shape
        ))
    })
}

/// The offset behind a tensor of texts, whose lengths are in the file.
fn end_of_texts(
    weight: &ListedWeight,
    n_values: usize,
    start: usize,
    group: &Group,
) -> Result<usize, FormatError> {
    let mut end = start;
    for _ in 0..n_values {
        let length = group.bytes(end..end.saturating_add(TEXT_LENGTH));
        let next = length
            .first_chunk()
            .map(|length| u32::from_le_bytes(*length) as usize);
        let next = next.and_then(|length| end.checked_add(TEXT_LENGTH)?.checked_add(length));
        end = next.filter(|&next| next <= group.length()).ok_or_else(|| {
            FormatError::broken(format!(
                "tensor {} holds {n_values} texts, which end beyond the {} bytes of its group (cut short)",
                weight.name,
                group.length()
            ))
        })?;
    }
    Ok(end)
}
