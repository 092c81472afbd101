//! Arrays in a pickle: the calls by which NumPy would rebuild them, read as data.
//!
//! The functions are in `numpy.core` since NumPy 1 and in `numpy._core` since NumPy 2. Protocols 2
//! to 4 call `multiarray._reconstruct` and set a state, protocol 5 calls `numeric._frombuffer`. In
//! protocol 2, bytes are texts that are to be encoded as Latin-1.

use cntflow_storage::FormatError;

use super::array::{ArrayBytes, StoredArray};
use super::dtype::{self, Dtype};
use crate::{
    pickle::{Id, Object, Pickle, Value},
    tensor_entry::checked_bytes,
};

/// What a call to NumPy would rebuild.
pub(crate) enum Rebuilt {
    /// An array of numbers.
    Array(Vec<usize>, StoredArray),
    /// A scalar.
    Number(StoredArray),
    /// An array of objects: its shape and its elements.
    Objects(Vec<usize>, Vec<Id>),
    /// Something that is not read: what it is.
    Other(String),
}

/// A pickle with the bytes that it was read from.
#[derive(Clone, Copy)]
pub(crate) struct PickleSource<'a> {
    pub(crate) pickle: &'a Pickle,
    /// The file up to the end of the pickle at least, or a decoded member.
    pub(crate) bytes: &'a [u8],
    /// Whether offsets in `bytes` are offsets in the file, so that arrays can be read from there
    /// later.
    pub(crate) is_in_file: bool,
}

/// Whether a module is NumPy's.
pub(crate) fn is_numpy_module(module: &str) -> bool {
    module == "numpy" || module.starts_with("numpy.")
}

impl PickleSource<'_> {
    /// What the call of a NumPy function or class would rebuild.
    pub(crate) fn rebuilt(
        &self,
        path: &str,
        class: (&str, &str),
        object: &Object,
    ) -> Result<Rebuilt, FormatError> {
        let arguments = self.pickle.elements(object.arguments).unwrap_or_default();
        let state = object.state.and_then(|state| self.pickle.elements(state));
        match (class.1, arguments, state) {
            // (version, shape, type, column-major, elements)
            ("_reconstruct", _, Some(&[_, shape, dtype, fortran, data])) => {
                let is_fortran = self.pickle.whole(fortran) == Some(1);
                self.array(path, [shape, dtype, data], is_fortran)
            }
            ("_frombuffer", &[data, dtype, shape, order], _) => {
                let is_fortran = self.pickle.text(order) == Some("F");
                self.array(path, [shape, dtype, data], is_fortran)
            }
            ("scalar", &[dtype, data], _) => match self.dtype(dtype) {
                Some(dtype) => {
                    let number = self.numbers(path, &[], dtype, data, false)?;
                    Ok(Rebuilt::Number(number))
                }
                None => Ok(Rebuilt::Other("a scalar that is no number".to_owned())),
            },
            (name, ..) => Ok(Rebuilt::Other(format!("{}.{name}", class.0))),
        }
    }

    /// An array of numbers or objects, from the values that describe it.
    fn array(
        &self,
        path: &str,
        [shape, dtype, data]: [Id; 3],
        is_fortran: bool,
    ) -> Result<Rebuilt, FormatError> {
        let shape = self.pickle.sizes(shape).ok_or_else(|| {
            FormatError::broken(format!(
                "array {path} has a shape that is not a list of whole numbers from 0 up"
            ))
        })?;
        if let Value::List(elements) = self.pickle.value(data) {
            let n = shape
                .iter()
                .try_fold(1_usize, |product, &size| product.checked_mul(size));
            if n != Some(elements.len()) {
                return Err(FormatError::broken(format!(
                    "array {path} of objects has shape {shape:?} and holds {} objects",
                    elements.len()
                )));
            }
            return Ok(Rebuilt::Objects(shape, elements.clone()));
        }
        match self.dtype(dtype) {
            Some(dtype) => {
                let array = self.numbers(path, &shape, dtype, data, is_fortran)?;
                Ok(Rebuilt::Array(shape, array))
            }
            None => Ok(Rebuilt::Other(
                "elements of a type that is not known".to_owned(),
            )),
        }
    }

    /// An array of numbers, with its bytes compared with its shape.
    fn numbers(
        &self,
        path: &str,
        shape: &[usize],
        dtype: Dtype,
        data: Id,
        is_fortran: bool,
    ) -> Result<StoredArray, FormatError> {
        let expected = checked_bytes(path, shape, dtype.element)?;
        let (bytes, found) = self.data(data).ok_or_else(|| {
            FormatError::broken(format!("array {path} has no elements that can be read"))
        })?;
        if found != expected {
            return Err(FormatError::broken(format!(
                "array {path} {shape:?} of {} takes {expected} bytes, its pickle has {found}",
                dtype.element
            )));
        }
        Ok(StoredArray {
            bytes,
            dtype,
            is_fortran,
        })
    }

    /// Where the bytes of a value are, and how many there are.
    fn data(&self, id: Id) -> Option<(ArrayBytes, usize)> {
        match self.pickle.value(id) {
            Value::Bytes(range) if self.is_in_file => {
                Some((ArrayBytes::InFile(range.clone()), range.len()))
            }
            Value::Bytes(range) => Some(in_memory(self.bytes[range.clone()].to_vec())),
            // In Python 2, texts were bytes.
            Value::Text(text) => Some(in_memory(text.clone().into_bytes())),
            Value::Object(object) => self.bytes_of_call(object),
            _ => None,
        }
    }

    /// Bytes that a call would make: a text encoded, or a copy of others.
    fn bytes_of_call(&self, object: &Object) -> Option<(ArrayBytes, usize)> {
        let arguments = self.pickle.elements(object.arguments)?;
        match (self.pickle.class(object.class)?, arguments) {
            (("_codecs", "encode"), &[text, ..]) => {
                let text = self.pickle.text(text)?.chars();
                let bytes = text.map(|c| u8::try_from(u32::from(c)).ok());
                Some(in_memory(bytes.collect::<Option<Vec<u8>>>()?))
            }
            (("__builtin__" | "builtins", "bytes" | "bytearray"), []) => {
                Some(in_memory(Vec::new()))
            }
            (("__builtin__" | "builtins", "bytearray"), &[inner, ..]) => {
                // Not `self.data(inner)` for every object: a `bytearray` that holds itself would
                // recurse for ever.
                match self.pickle.value(inner) {
                    Value::Bytes(_) | Value::Text(_) => self.data(inner),
                    Value::Object(inner) if self.pickle.class(inner.class)?.0 == "_codecs" => {
                        self.bytes_of_call(inner)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The type that a call `numpy.dtype("f4", False, True)` makes, with the state `(3, "<", ...)`.
    fn dtype(&self, id: Id) -> Option<Dtype> {
        let (("numpy", _), object) = self.pickle.object(id)? else {
            return None;
        };
        let [name, ..] = self.pickle.elements(object.arguments)? else {
            return None;
        };
        let mut dtype = dtype::dtype(self.pickle.text(*name)?)?;
        let state = object.state.and_then(|state| self.pickle.elements(state));
        let order = state.and_then(|state| self.pickle.text(*state.get(1)?));
        dtype.is_big_endian = order == Some(">");
        Some(dtype)
    }
}

/// Bytes that were decoded from the pickle, and their number.
fn in_memory(bytes: Vec<u8>) -> (ArrayBytes, usize) {
    let length = bytes.len();
    (ArrayBytes::InMemory(bytes), length)
}
