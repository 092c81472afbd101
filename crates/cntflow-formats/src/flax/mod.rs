//! Flax: pytrees as `flax.serialization` writes them (`flax_model.msgpack`), nested msgpack maps
//! whose leaves are arrays. A tensor's name is the keys from the root on, joined by `/`.
//!
//! An array is an extension of type 1 that holds shape, name of the type of its elements, and the
//! elements. One of more than 1 GiB is a map with pieces ([`array`]). A scalar of NumPy is an
//! extension of type 3.

mod array;
mod codes;
mod token;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_storage::{FormatError, Limits};

use crate::{
    TensorEntry,
    format::{Format, OpenResult},
};
use codes::{ARRAY, CHUNKED, COMPLEX, SCALAR};
use token::{Input, Token};

/// First bytes of the maps that a file begins with: up to 15 pairs, or as many as 2 or 4 bytes say.
/// An empty map is none: pickles begin with its byte.
const MAPS: [(u8, u8); 2] = [(0x81, 0x8f), (0xde, 0xdf)];

/// Pieces in which an array is looked for, to tell flax' files from other msgpack.
const LOOKED_AT: usize = 10_000;

/// An opened file.
#[derive(Debug)]
struct FlaxFile {
    tensors: Vec<TensorEntry>,
    /// Where the elements of each tensor are: in one piece, or in several that follow each other.
    pieces: Vec<Vec<Range<usize>>>,
    metadata: BTreeMap<String, String>,
}

/// Whether the file begins with a map in which there is an array as flax writes it.
pub(super) fn recognises(file: &[u8]) -> bool {
    let is_map = |first: &u8| MAPS.iter().any(|(low, high)| (low..=high).contains(&first));
    file.first().is_some_and(is_map) && holds_an_array(&mut Input::new(file))
}

/// Whether there is an array before anything that flax does not write.
fn holds_an_array(input: &mut Input<'_>) -> bool {
    for _ in 0..LOOKED_AT {
        match input.token() {
            Ok(Token::Extension(ARRAY | SCALAR, _) | Token::Text(CHUNKED)) => return true,
            Ok(Token::Extension(COMPLEX, length)) if input.take(length).is_ok() => {}
            Ok(Token::Extension(..)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    false
}

/// Lists the arrays, each checked against the file.
pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let found = walk::walk(file, limits)?;
    Ok(Box::new(FlaxFile {
        tensors: found.tensors,
        pieces: found.pieces,
        metadata: found.metadata,
    }))
}

impl Format for FlaxFile {
    fn name(&self) -> &'static str {
        "Flax"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let entry = &self.tensors[index];
        match &self.pieces[index][..] {
            [] if entry.n_values() > 0 => {
                let reason = entry.excluded_because.as_deref();
                Err(FormatError::broken(reason.unwrap_or_default()))
            }
            [range] => Ok(Cow::Borrowed(&file[range.clone()])),
            ranges => {
                let pieces: Vec<&[u8]> = ranges.iter().map(|range| &file[range.clone()]).collect();
                Ok(pieces.concat().into())
            }
        }
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a": array of f32}`.
    fn file(array: &[u8]) -> Vec<u8> {
        [&b"\x81\xa1a\xc7"[..], &[array.len() as u8], b"\x01", array].concat()
    }

    const PAIR: &[u8] = b"\x93\x91\x02\xa7float32\xc4\x08\0\0\x80\x3f\0\0\0\xc0";

    #[test]
    fn an_array_is_shape_type_and_elements() {
        let file = file(PAIR);
        assert!(recognises(&file));
        let opened = open(&file, &Limits::default()).unwrap();
        let tensor = &opened.tensors()[0];
        assert_eq!((&*tensor.name, &tensor.shape[..]), ("a", &[2][..]));
        let elements = opened.elements(&file, 0).unwrap();
        assert_eq!(*elements, *b"\0\0\x80\x3f\0\0\0\xc0");
    }

    #[test]
    fn only_a_map_with_an_array_is_recognised() {
        assert!(!recognises(b""));
        assert!(!recognises(b"\x80\x02."));
        assert!(!recognises(b"\x81\xa1a\x01"));
        assert!(!recognises(b"\x81\xa1a\xc7\x01\x07a"));
        // Where only the beginning is at hand.
        let whole = file(PAIR);
        assert!(recognises(&whole[..7]));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = file(PAIR);
        for length in 0..whole.len() {
            assert!(
                open(&whole[..length], &Limits::default()).is_err(),
                "{length}"
            );
        }
    }
}
