//! The list of all formats. A format is recognised by the content of a file, never by its name.

use std::path::Path;

use cntflow_storage::{Content, Limits, StorageError};

use crate::{
    CheckpointError, flax,
    format::{Format, OpenResult},
    gguf, keras, numpy, onnx, safetensors, torch,
};

/// A format in the list of all formats.
struct FormatEntry {
    /// Whether the bytes of a file are of this format.
    recognises: fn(&[u8]) -> bool,
    /// Opens a file. A reader that needs the bytes for longer than the call keeps a clone of the
    /// content, which shares them.
    open: fn(&Content, &Limits) -> OpenResult,
}

/// All formats, in the order in which they are tried. The closures turn the content into a slice;
/// Keras keeps the content itself.
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
    FormatEntry {
        recognises: gguf::recognises,
        open: |file, limits| gguf::open(file, limits),
    },
    // The last, because msgpack has no magic number.
    FormatEntry {
        recognises: flax::recognises,
        open: |file, limits| flax::open(file, limits),
    },
];

/// Names of all formats, as messages list them.
const NAMES: &str = "safetensors, PyTorch, NumPy, Keras, HDF5, ONNX, GGUF, Flax";

/// Whether the file is of a known format.
pub fn is_known_format(file: &[u8]) -> bool {
    FORMATS.iter().any(|format| (format.recognises)(file))
}

/// Opens content of any known format; `path` names it in errors.
///
/// # Errors
/// As [`crate::OpenCheckpoint::read`].
pub(crate) fn known_format(
    path: &Path,
    content: &Content,
    limits: &Limits,
) -> Result<Box<dyn Format>, CheckpointError> {
    let format = FORMATS.iter().find(|format| (format.recognises)(content));
    let format = format.ok_or_else(|| CheckpointError::UnknownFormat {
        path: path.to_owned(),
        formats: NAMES,
        what: if content.is_empty() {
            "it is empty"
        } else {
            "its content looks like none of them"
        },
    })?;
    let opened = (format.open)(content, limits);
    Ok(opened.map_err(|error| StorageError::content(path, error))?)
}
