//! The walk over a file: arrays by their paths, and numbers and texts beside them.

use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_storage::{FormatError, Limits};

use super::array::{self, Array};
use super::codes::{ARRAY, CHUNKED, SCALAR};
use super::token::{Input, Token};
use crate::{Element, TensorEntry};

/// Longest path of keys, in bytes.
const MAX_PATH: usize = 4096;

/// Parts of keys at the root under which training scripts save the state of optimizers.
const OPTIMIZER_KEYS: [&str; 2] = ["opt_state", "optimizer"];

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) tensors: Vec<TensorEntry>,
    pub(super) pieces: Vec<Vec<Range<usize>>>,
    /// Numbers and texts beside the tensors, by their paths.
    pub(super) metadata: BTreeMap<String, String>,
}

/// Lists everything that the file holds.
pub(super) fn walk(file: &[u8], limits: &Limits) -> Result<Contents, FormatError> {
    let mut walk = Walk {
        input: Input::new(file),
        limits,
        path_bytes: 0,
        array_bytes: 0,
        contents: Contents::default(),
    };
    walk.value("", 0)?;
    let end = walk.input.offset;
    if end != file.len() {
        return Err(FormatError::Length {
            expected: end as u64,
            found: file.len() as u64,
        });
    }
    Ok(walk.contents)
}

/// The state of a walk.
struct Walk<'a> {
    input: Input<'a>,
    limits: &'a Limits,
    /// Bytes of all paths that are kept.
    path_bytes: u64,
    /// Bytes of all arrays so far.
    array_bytes: u64,
    contents: Contents,
}

impl Walk<'_> {
    fn value(&mut self, path: &str, depth: u64) -> Result<(), FormatError> {
        let allowed = self.limits.depth;
        FormatError::check_limit(format!("levels of {path}"), depth, "depth", allowed)?;
        FormatError::check_limit(
            "bytes beside its arrays",
            self.input.offset as u64 - self.array_bytes,
            "header_bytes",
            self.limits.header_bytes,
        )?;
        match self.input.token()? {
            Token::Map(n) => self.map(n, path, depth),
            Token::Array(n) => (0..n)
                .try_for_each(|index| self.value(&joined(path, &index.to_string())?, depth + 1)),
            Token::Extension(ARRAY, length) => {
                let array = array::read(&mut self.input, length, path)?;
                self.add(array, path)
            }
            Token::Extension(SCALAR, length) => {
                let array = array::read(&mut self.input, length, path)?;
                self.scalar(&array, path)
            }
            Token::Extension(kind, length) => {
                self.input.take(length)?;
                self.unreadable(format!("msgpack's extension {kind}: not read"), path)
            }
            Token::Text(text) => self.note(path, text.to_owned()),
            Token::Number(number) => self.note(path, number),
            Token::Nil | Token::Bytes(_) => Ok(()),
        }
    }

    fn map(&mut self, n_pairs: u32, path: &str, depth: u64) -> Result<(), FormatError> {
        for index in 0..n_pairs {
            let key = match self.input.token()? {
                Token::Text(CHUNKED) if index == 0 => {
                    let array = array::read_chunked(&mut self.input, n_pairs, path)?;
                    return self.add(array, path);
                }
                Token::Text(key) => key.to_owned(),
                Token::Number(key) => key,
                _ => {
                    return Err(FormatError::broken(format!(
                        "a key of '{path}' is neither text nor number"
                    )));
                }
            };
            self.value(&joined(path, &key)?, depth + 1)?;
        }
        Ok(())
    }

    /// A scalar of NumPy, which becomes metadata as msgpack's own numbers do.
    fn scalar(&mut self, array: &Array, path: &str) -> Result<(), FormatError> {
        let text = array.element.as_ref().ok().zip(array.pieces.first());
        let text = text.and_then(|(element, range)| self.scalar_text(*element, range.clone()));
        text.map_or(Ok(()), |text| self.note(path, text))
    }

    fn scalar_text(&self, element: Element, range: Range<usize>) -> Option<String> {
        let bytes = self.input.bytes(range);
        let text = match element {
            Element::F64 => f64::from_le_bytes(bytes.try_into().ok()?).to_string(),
            Element::I64 => i64::from_le_bytes(bytes.try_into().ok()?).to_string(),
            Element::I32 => i32::from_le_bytes(bytes.try_into().ok()?).to_string(),
            Element::U32 => u32::from_le_bytes(bytes.try_into().ok()?).to_string(),
            Element::Bool => (bytes != [0]).to_string(),
            real => real.values(bytes.into())?.first()?.to_string(),
        };
        Some(text)
    }

    /// Adds a number or text to the metadata, unless it is the state of an optimizer.
    fn note(&mut self, path: &str, text: String) -> Result<(), FormatError> {
        if path.is_empty() || is_of_optimizer(path) {
            return Ok(());
        }
        self.contents.metadata.insert(path.to_owned(), text);
        let count = self.contents.metadata.len() as u64;
        let what = "numbers and texts beside its tensors";
        FormatError::check_limit(what, count, "tensors", self.limits.tensors)?;
        self.count_path(path)
    }

    fn add(&mut self, array: Array, path: &str) -> Result<(), FormatError> {
        let lengths = array.pieces.iter().map(|range| range.len() as u64);
        self.array_bytes += lengths.sum::<u64>();
        let element = match array.element {
            Ok(element) => element,
            Err(dtype) => {
                let reason = format!("elements of type {dtype}: not read");
                return self.unreadable(reason, path);
            }
        };
        let reason = is_of_optimizer(path).then(|| "optimizer state".to_owned());
        self.list(path, array.shape, element, reason)?;
        self.contents.pieces.push(array.pieces);
        Ok(())
    }

    /// Lists what cannot be read, with the reason. A tensor without elements stands for it.
    fn unreadable(&mut self, reason: String, path: &str) -> Result<(), FormatError> {
        self.list(path, vec![0], Element::F32, Some(reason))?;
        self.contents.pieces.push(Vec::new());
        Ok(())
    }

    fn list(
        &mut self,
        path: &str,
        shape: Vec<usize>,
        element: Element,
        excluded_because: Option<String>,
    ) -> Result<(), FormatError> {
        let name = if path.is_empty() { "array" } else { path };
        self.contents.tensors.push(TensorEntry {
            name: name.to_owned(),
            shape,
            element,
            excluded_because,
        });
        let count = self.contents.tensors.len() as u64;
        FormatError::check_limit("tensors", count, "tensors", self.limits.tensors)?;
        self.count_path(path)
    }

    /// Counts the bytes of a path: a long key that many tensors share is in the file only once.
    fn count_path(&mut self, path: &str) -> Result<(), FormatError> {
        self.path_bytes += path.len() as u64;
        FormatError::check_limit(
            "bytes of the names of its tensors",
            self.path_bytes,
            "header_bytes",
            self.limits.header_bytes,
        )
    }
}

fn is_of_optimizer(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    OPTIMIZER_KEYS.iter().any(|key| first.contains(key))
}

/// A path with one more key.
fn joined(path: &str, key: &str) -> Result<String, FormatError> {
    if path.len() + key.len() >= MAX_PATH {
        return Err(FormatError::broken(format!(
            "the path of a value has {} bytes; up to {MAX_PATH} are read",
            path.len() + key.len() + 1
        )));
    }
    Ok(match path {
        "" => key.to_owned(),
        _ => format!("{path}/{key}"),
    })
}
