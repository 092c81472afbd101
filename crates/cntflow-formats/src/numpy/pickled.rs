//! Arrays in a pickle: NumPy's calls that would rebuild them, read as data.
//!
//! NumPy 1 names them in `numpy.core`, NumPy 2 in `numpy._core`; protocols 2 to 4 call `multiarray._reconstruct` and set a state,
//! protocol 5 calls `numeric._frombuffer`. Bytes are texts to be encoded as Latin-1 in protocol 2.

use super::array::{Source, StoredArray};
use super::dtype::{self, Dtype};
use crate::format::checked_bytes;
use crate::pickle::{Id, Object, Pickle, Value};
use cntflow_storage::FormatError;

/// What an object of NumPy's is.
pub(crate) enum Rebuilt {
    /// An array of numbers.
    Array(Vec<usize>, StoredArray),
    /// A number of a type of NumPy's.
    Number(StoredArray),
    /// An array of objects: its shape and they, one after the other.
    Objects(Vec<usize>, Vec<Id>),
    /// Something else, with the reason why it is not read.
    Other(String),
}

/// A pickle and what its bytes lie in: the file from `base` on, or a decoded copy.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) pickle: &'a Pickle,
    pub(crate) bytes: &'a [u8],
    /// Whether `bytes` is the whole file, so that ranges in it can be used later.
    pub(crate) in_file: bool,
}

/// Whether a class is one of NumPy's.
pub(crate) fn is_numpy(module: &str) -> bool {
    module == "numpy" || module.starts_with("numpy.")
}

impl Place<'_> {
    /// The array that an object of NumPy's stands for.
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
                let fortran = self.pickle.whole(fortran) == Some(1);
                self.array(path, [shape, dtype, data], fortran)
            }
            ("_frombuffer", &[data, dtype, shape, order], _) => {
                let fortran = self.pickle.text(order) == Some("F");
                self.array(path, [shape, dtype, data], fortran)
            }
            ("scalar", &[dtype, data], _) => match self.dtype(dtype) {
                Some(dtype) => {
                    let kept = self.numbers(path, &[], dtype, data, false)?;
                    Ok(Rebuilt::Number(kept))
                }
                None => Ok(Rebuilt::Other("a scalar of no number".to_owned())),
            },
            (name, ..) => Ok(Rebuilt::Other(format!("{}.{name}", class.0))),
        }
    }

    fn array(
        &self,
        path: &str,
        [shape, dtype, data]: [Id; 3],
        fortran: bool,
    ) -> Result<Rebuilt, FormatError> {
        let shape = self.pickle.sizes(shape).ok_or_else(|| {
            FormatError::broken(format!(
                "array {path} has a shape that is not of numbers from 0 on"
            ))
        })?;
        if let Value::List(elements) = self.pickle.value(data) {
            let n = shape
                .iter()
                .try_fold(1_usize, |product, &size| product.checked_mul(size));
            return match n == Some(elements.len()) {
                true => Ok(Rebuilt::Objects(shape, elements.clone())),
                false => Err(FormatError::broken(format!(
                    "array {path} {shape:?} of objects holds {} of them",
                    elements.len()
                ))),
            };
        }
        match self.dtype(dtype) {
            Some(dtype) => {
                let kept = self.numbers(path, &shape, dtype, data, fortran)?;
                Ok(Rebuilt::Array(shape, kept))
            }
            None => Ok(Rebuilt::Other(
                "elements of a type that is not known".to_owned(),
            )),
        }
    }

    fn numbers(
        &self,
        path: &str,
        shape: &[usize],
        dtype: Dtype,
        data: Id,
        fortran: bool,
    ) -> Result<StoredArray, FormatError> {
        let expected = checked_bytes(path, shape, dtype.element)?;
        let (source, found) = self.data(data).ok_or_else(|| {
            FormatError::broken(format!("array {path} has no elements that can be read"))
        })?;
        if found != expected {
            return Err(FormatError::broken(format!(
                "array {path} {shape:?} of {} takes {expected} bytes, its pickle has {found}",
                dtype.element
            )));
        }
        Ok(StoredArray {
            source,
            dtype,
            fortran,
        })
    }

    /// Where bytes are, and how many.
    fn data(&self, id: Id) -> Option<(Source, usize)> {
        match self.pickle.value(id) {
            Value::Bytes(range) if self.in_file => Some((Source::File(range.clone()), range.len())),
            Value::Bytes(range) => {
                let bytes = self.bytes[range.clone()].to_vec();
                Some((Source::Held(bytes), range.len()))
            }
            // Of Python 2, whose texts were bytes.
            Value::Text(text) => Some((Source::Held(text.clone().into_bytes()), text.len())),
            Value::Object(object) => self.called(object),
            _ => None,
        }
    }

    /// Bytes that a call would make: a text encoded, or a copy of others.
    fn called(&self, object: &Object) -> Option<(Source, usize)> {
        let arguments = self.pickle.elements(object.arguments)?;
        match (self.pickle.class(object.class)?, arguments) {
            (("_codecs", "encode"), &[text, ..]) => {
                let text = self.pickle.text(text)?.chars();
                let bytes = text.map(|c| u8::try_from(u32::from(c)).ok());
                let bytes = bytes.collect::<Option<Vec<u8>>>()?;
                let length = bytes.len();
                Some((Source::Held(bytes), length))
            }
            (("__builtin__" | "builtins", "bytes" | "bytearray"), []) => {
                Some((Source::Held(Vec::new()), 0))
            }
            (("__builtin__" | "builtins", "bytearray"), &[inner, ..]) => {
                match self.pickle.value(inner) {
                    Value::Bytes(_) | Value::Text(_) => self.data(inner),
                    Value::Object(inner) if self.pickle.class(inner.class)?.0 == "_codecs" => {
                        self.called(inner)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `numpy.dtype("f4", False, True)` with the state `(3, "<", ...)`.
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
        dtype.big_endian = order == Some(">");
        Some(dtype)
    }
}
