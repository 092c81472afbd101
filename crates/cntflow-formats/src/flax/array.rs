//! Arrays: the tuple that flax packs into an extension, and arrays in pieces.

use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_storage::FormatError;

use super::codes::{ARRAY, CHUNKED};
use super::token::{Input, Token};
use crate::{Element, tensor_entry::checked_bytes};

/// Most dimensions of an array: numpy and jax have at most 64.
const MOST_DIMENSIONS: u32 = 64;

/// An array as it lies in the file.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    /// The type of its elements; `Err` has the name of one that is not known.
    pub(super) element: Result<Element, String>,
    /// Where the elements are.
    pub(super) pieces: Vec<Range<usize>>,
}

/// Reads the array that is packed into the next `length` bytes: `(shape, type, elements)`.
pub(super) fn read(input: &mut Input<'_>, length: u32, name: &str) -> Result<Array, FormatError> {
    let start = input.offset;
    let bytes = input.take(length)?;
    let broken = || {
        FormatError::broken(format!(
            "{name} is no array of shape, type and elements as flax packs them"
        ))
    };
    let mut packed = Input::new(bytes);
    let Token::Array(3) = packed.token()? else {
        return Err(broken());
    };
    let Token::Array(n_dimensions) = packed.token()? else {
        return Err(broken());
    };
    if n_dimensions > MOST_DIMENSIONS {
        return Err(FormatError::broken(format!(
            "{name} has {n_dimensions} dimensions, at most {MOST_DIMENSIONS} are read"
        )));
    }
    let mut shape = Vec::new();
    for _ in 0..n_dimensions {
        shape.push(size(&packed.token()?).ok_or_else(broken)?);
    }
    let Token::Text(dtype) = packed.token()? else {
        return Err(broken());
    };
    let Token::Bytes(elements) = packed.token()? else {
        return Err(broken());
    };
    let end = start + packed.offset;
    let element = Element::of_dtype(dtype).ok_or_else(|| dtype.to_owned());
    if let Ok(element) = element {
        let expected = checked_bytes(name, &shape, element)?;
        if expected != elements.len() {
            return Err(FormatError::broken(format!(
                "{name} {shape:?} of {element} takes {expected} bytes, its array has {}",
                elements.len()
            )));
        }
    }
    Ok(Array {
        shape,
        element,
        pieces: std::iter::once(end - elements.len()..end).collect(),
    })
}

/// Reads an array in pieces: a map whose first key, [`CHUNKED`], has been read, with `n_pairs`
/// pairs in all. `shape` has the sizes and `chunks` the flat pieces, each by their indices.
pub(super) fn read_chunked(
    input: &mut Input<'_>,
    n_pairs: u32,
    name: &str,
) -> Result<Array, FormatError> {
    let broken = |what: &str| FormatError::broken(format!("{name} is an array in pieces {what}"));
    // The value of the first key says nothing more.
    if let Token::Map(n) | Token::Array(n) = input.token()?
        && n > 0
    {
        return Err(broken(&format!("whose key {CHUNKED} holds {n} values")));
    }
    let (mut shape, mut chunks) = (None, None);
    for _ in 1..n_pairs {
        match input.token()? {
            Token::Text("shape") => {
                let sizes = indexed(input, name, |input| {
                    size(&input.token()?).ok_or_else(|| broken("whose shape is none"))
                })?;
                shape = Some(sizes);
            }
            Token::Text("chunks") => {
                let pieces = indexed(input, name, |input| match input.token()? {
                    Token::Extension(ARRAY, length) => read(input, length, name),
                    _ => Err(broken("of which one is no array")),
                })?;
                chunks = Some(pieces);
            }
            _ => return Err(broken("with keys that flax does not write")),
        }
    }
    match (shape, chunks) {
        (Some(shape), Some(chunks)) => joined(shape, chunks, name),
        _ => Err(broken("without shape or pieces")),
    }
}

/// The pieces as one array.
fn joined(shape: Vec<usize>, chunks: Vec<Array>, name: &str) -> Result<Array, FormatError> {
    let n_found: usize = chunks
        .iter()
        .flat_map(|chunk| &chunk.pieces)
        .map(ExactSizeIterator::len)
        .sum();
    let broken = |what: String| Err(FormatError::broken(what));
    let Some(first) = chunks.first() else {
        return broken(format!("{name} {shape:?} is an array of no pieces"));
    };
    let element = first.element.clone();
    if chunks.iter().any(|chunk| chunk.element != element) {
        return broken(format!("{name} is an array of pieces of different types"));
    }
    if let Ok(element) = element {
        let expected = checked_bytes(name, &shape, element)?;
        if expected != n_found {
            return broken(format!(
                "{name} {shape:?} of {element} takes {expected} bytes, its pieces have {n_found}"
            ));
        }
    }
    Ok(Array {
        shape,
        element,
        pieces: chunks.into_iter().flat_map(|chunk| chunk.pieces).collect(),
    })
}

/// The values of a map with the keys `0`, `1`, ..., as flax writes tuples.
fn indexed<'a, T>(
    input: &mut Input<'a>,
    name: &str,
    mut value: impl FnMut(&mut Input<'a>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let broken = || FormatError::broken(format!("{name} has a tuple whose keys are not 0, 1, ..."));
    let Token::Map(n) = input.token()? else {
        return Err(broken());
    };
    let mut values = BTreeMap::new();
    for _ in 0..n {
        let Token::Text(key) = input.token()? else {
            return Err(broken());
        };
        let index: u32 = key.parse().map_err(|_| broken())?;
        if index >= n || values.insert(index, value(input)?).is_some() {
            return Err(broken());
        }
    }
    Ok(values.into_values().collect())
}

fn size(token: &Token<'_>) -> Option<usize> {
    match token {
        Token::Number(number) => number.parse().ok(),
        _ => None,
    }
}
