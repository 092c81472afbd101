//! Opening a checkpoint file: mapped into memory, checked against what its header lists, handed out as views.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Metadata, SafeTensorError};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::CheckpointError;

/// Largest header read, in bytes; the limit of the safetensors format.
const MAX_HEADER: u64 = 100_000_000;

/// Bytes of the shortest safetensors file: the length of the header, and `{}`.
const SHORTEST: u64 = 10;

/// A checkpoint file, open and checked: every tensor lies within the file and is as long as its shape and type say.
#[derive(Debug)]
pub struct OpenCheckpoint {
    path: PathBuf,
    map: Mmap,
    header: Metadata,
    data_start: usize,
}

/// One tensor as the file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its element type as the format names it, e.g. `F32`.
    pub dtype: String,
}

impl OpenCheckpoint {
    /// Opens a safetensors file.
    ///
    /// # Errors
    /// The file cannot be read, is of another format, is cut short, or its header contradicts itself.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let map = map(path)?;
        let (data_start, header) = read_checked_header(path, &map)?;
        Ok(Self {
            path: path.to_owned(),
            map,
            header,
            data_start,
        })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// BLAKE3 of the whole file, in hex.
    pub fn digest(&self) -> String {
        blake3::hash(&self.map).to_hex().to_string()
    }

    /// The texts of `__metadata__`.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.header
            .metadata()
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// All tensors, by name in natural order (`layer2` before `layer10`).
    pub fn tensors(&self) -> Vec<TensorEntry> {
        let named = self.header.tensors();
        let mut tensors: Vec<TensorEntry> = named
            .iter()
            .map(|(name, info)| TensorEntry {
                name: name.clone(),
                shape: info.shape.clone(),
                dtype: format!("{:?}", info.dtype),
            })
            .collect();
        tensors.sort_by(|a, b| alphanumeric_sort::compare_str(&a.name, &b.name));
        tensors
    }

    /// The values of a tensor in row-major order: borrowed from the file where it holds aligned `F32`, converted otherwise.
    ///
    /// # Errors
    /// There is no such tensor, or its type holds no real weights.
    pub fn values(&self, tensor: &str) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let info = self
            .header
            .info(tensor)
            .ok_or_else(|| CheckpointError::Broken {
                path: self.path.clone(),
                reason: format!("no tensor {tensor}"),
            })?;
        let (start, end) = info.data_offsets;
        let bytes = &self.map[self.data_start + start..self.data_start + end];
        let values = match info.dtype {
            Dtype::F32 => match bytemuck::try_cast_slice(bytes) {
                Ok(aligned) => return Ok(Cow::Borrowed(aligned)),
                Err(_) => convert(bytes, f32::from_le_bytes),
            },
            Dtype::F64 => convert(bytes, |b| f64::from_le_bytes(b) as f32),
            Dtype::F16 => convert(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => convert(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            other => {
                let (path, tensor, dtype) =
                    (self.path.clone(), tensor.to_owned(), format!("{other:?}"));
                return Err(CheckpointError::Type {
                    path,
                    tensor,
                    dtype,
                });
            }
        };
        Ok(Cow::Owned(values))
    }
}

fn convert<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| value(*chunk))
        .collect()
}

fn map(path: &Path) -> Result<Mmap, CheckpointError> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    let unknown = |what: String| {
        Err(CheckpointError::UnknownFormat {
            path: path.to_owned(),
            what,
        })
    };
    if metadata.is_dir() {
        return unknown("it is a folder".to_owned());
    }
    if metadata.len() < SHORTEST {
        return unknown(format!(
            "it has {} bytes, the shortest has {SHORTEST}",
            metadata.len()
        ));
    }
    // SAFETY: the map is only read. If another process truncates the file meanwhile, reading past its new end is a bus error,
    // not a wrong number; copying every checkpoint instead would double the memory and the reading time of all of them.
    #[expect(unsafe_code, reason = "a memory map, see above")]
    let map = unsafe { Mmap::map(file.file()) }?;
    Ok(map)
}

/// Reads the header, compares the file's length with what the header lists, and checks offsets, shapes and types.
fn read_checked_header(path: &Path, bytes: &[u8]) -> Result<(usize, Metadata), CheckpointError> {
    let broken = |reason: String| CheckpointError::Broken {
        path: path.to_owned(),
        reason,
    };
    let found = bytes.len() as u64;
    let length = bytes
        .first_chunk()
        .map_or(u64::MAX, |head| u64::from_le_bytes(*head));
    if bytes.get(8) != Some(&b'{') || length > MAX_HEADER {
        return Err(CheckpointError::UnknownFormat {
            path: path.to_owned(),
            what: "it does not begin with the length of a header and the header".to_owned(),
        });
    }
    if length + 8 > found {
        return Err(CheckpointError::Length {
            path: path.to_owned(),
            expected: length + 8,
            found,
        });
    }
    let listed: Metadata = serde_json::from_slice(&bytes[8..8 + length as usize])
        .map_err(|error| broken(format!("its header is not as safetensors has it: {error}")))?;
    let expected = (8 + length).saturating_add(listed.data_len() as u64);
    if expected != found {
        return Err(CheckpointError::Length {
            path: path.to_owned(),
            expected,
            found,
        });
    }
    let checked = SafeTensors::read_metadata(bytes).map_err(|error| broken(explain(&error)))?;
    Ok((checked.0 + 8, checked.1))
}

fn explain(error: &SafeTensorError) -> String {
    match error {
        SafeTensorError::InvalidOffset(tensor) => {
            format!("tensor {tensor}: its offsets do not follow the tensor before it")
        }
        SafeTensorError::TensorInvalidInfo => {
            "a tensor's shape and type do not fit its length in bytes".to_owned()
        }
        SafeTensorError::ValidationOverflow => "a tensor's shape overflows".to_owned(),
        other => format!("{other}"),
    }
}

/// Whether a file looks like safetensors by its first bytes.
pub(crate) fn looks_like_safetensors(path: &Path) -> std::io::Result<bool> {
    let mut head = [0; 9];
    let mut file = fs::File::open(path)?;
    match file.read_exact(&mut head) {
        Ok(()) => {
            Ok(head[8] == b'{'
                && u64::from_le_bytes(std::array::from_fn(|i| head[i])) <= MAX_HEADER)
        }
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The texts of `__metadata__`, read without the tensors; `None` where the header cannot be read (opening says why).
pub(crate) fn peek_metadata(path: &Path) -> Option<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: Option<BTreeMap<String, String>>,
    }
    let mut file = fs::File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return None;
    }
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text).ok()?;
    let header: Header = serde_json::from_slice(&text).ok()?;
    Some(header.metadata.unwrap_or_default())
}
