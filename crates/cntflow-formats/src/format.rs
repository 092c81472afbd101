//! The trait [`Format`] and the list of all formats. Each format is one module, recognised by the
//! content of a file, never by its name.
//!
//! A reader gets the bytes of a whole file (mapped, so that only what is used is read) and returns
//! its tensors, checked: the elements of each lie within the file and are as many as its shape
//! says. Lengths, offsets, counts and ratios of compression are compared with the file and with
//! [`Limits`] before memory is allocated for them. Nothing in a file is ever run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use cntflow_storage::{Content, FormatError, Limits};

use crate::{Description, Element, keras, numpy, onnx, safetensors, torch};

/// One tensor as a file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name; in nested dictionaries the keys joined by dots.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its elements.
    pub element: Element,
    /// Why it is no weight of the network, if the file shows it: `optimizer state`, say.
    pub excluded_because: Option<String>,
}

impl TensorEntry {
    /// Number of elements.
    ///
    /// Readers have checked that the product does not overflow.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// An opened checkpoint file of some format, with its tensors checked against the file.
pub trait Format: fmt::Debug + Send + Sync {
    /// The name of the format: `safetensors`, `PyTorch`, ...
    fn name(&self) -> &'static str;

    /// Every tensor of the file, in the file's own order; no two of one name.
    fn tensors(&self) -> &[TensorEntry];

    /// The elements of the tensor at `index` of [`Format::tensors`], row-major and little-endian,
    /// as many as its shape says. `file` is what the format was opened from; elements that it holds
    /// in this form are borrowed.
    ///
    /// # Errors
    /// They cannot be decoded: a compressed stream is damaged, say.
    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError>;

    /// Texts that the file carries beside its tensors (hyperparameters, a version).
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// What the file says of its model; computed on each call, so that reading tensors does not pay
    /// for it. `file` is what the format was opened from.
    fn description<'a>(&'a self, file: &'a [u8]) -> Option<Description<'a>> {
        let _ = file;
        None
    }
}

/// Bytes that the elements of a shape take.
///
/// # Errors
/// The product overflows; the text names the tensor and the shape.
pub(crate) fn checked_bytes(
    tensor: &str,
    shape: &[usize],
    element: Element,
) -> Result<usize, FormatError> {
    let product = shape
        .iter()
        .try_fold(element.bytes(), |product, &size| product.checked_mul(size));
    // A size of zero would hide that the others overflow, which a later reshape would not.
    let without_zeros = shape
        .iter()
        .filter(|&&size| size > 0)
        .try_fold(element.bytes(), |product, &size| product.checked_mul(size));
    match (product, without_zeros) {
        (Some(product), Some(bytes)) if bytes <= isize::MAX as usize => Ok(product),
        _ => Err(FormatError::broken(format!(
            "tensor {tensor} has shape {shape:?}: more elements than a file can hold"
        ))),
    }
}

/// The result of opening a file of a format.
pub(crate) type Opening = Result<Box<dyn Format>, FormatError>;

/// A format in the list of all formats.
struct FormatEntry {
    /// Whether the bytes of a file are of this format.
    recognises: fn(&[u8]) -> bool,
    /// Opens a file. A reader that needs the bytes for longer than the call keeps a clone of the
    /// content, which shares them.
    open: fn(&Content, &Limits) -> Opening,
}

/// All formats, in the order in which they are tried.
const FORMATS: &[FormatEntry] = &[
    FormatEntry {
        recognises: safetensors::recognises,
        open: |file, limits| safetensors::open(file, limits),
    },
    FormatEntry {
        recognises: torch::recognises,
        open: |file, limits| torch::open(file, limits),
    },
    FormatEntry {
        recognises: numpy::recognises,
        open: |file, limits| numpy::open(file, limits),
    },
    FormatEntry {
        recognises: keras::recognises,
        open: keras::open,
    },
    FormatEntry {
        recognises: onnx::recognises,
        open: |file, limits| onnx::open(file, limits),
    },
];

/// Names of all formats, as messages list them.
pub(crate) const NAMES: &str = "safetensors, PyTorch, NumPy, Keras, HDF5, ONNX";

/// Whether the file is of a known format.
pub fn is_known_format(file: &[u8]) -> bool {
    FORMATS.iter().any(|format| (format.recognises)(file))
}

/// Opens a file of any known format; `None` if it is of none.
///
/// # Errors
/// It is of a known format, and something is wrong with it.
pub(crate) fn open(
    file: &Content,
    limits: &Limits,
) -> Result<Option<Box<dyn Format>>, FormatError> {
    let format = FORMATS.iter().find(|format| (format.recognises)(file));
    format.map(|format| (format.open)(file, limits)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_overflow_are_named() {
        let huge = 1 << 62;
        assert_eq!(checked_bytes("a", &[2, 3], Element::F32), Ok(24));
        assert_eq!(checked_bytes("a", &[], Element::F64), Ok(8));
        assert_eq!(checked_bytes("a", &[0, 7], Element::F64), Ok(0));
        for shape in [vec![huge, 2], vec![huge, huge], vec![0, huge, huge]] {
            let text = checked_bytes("a", &shape, Element::F32).unwrap_err();
            assert!(text.to_string().contains("tensor a"), "{text}");
        }
    }
}
