//! What is rebuilt to a tensor: a view of a storage, or an array of NumPy's.

use super::storage::{element_of_dtype, storage_of};
use super::{Lies, Walk, shown};
use crate::numpy::array::StoredArray;
use crate::numpy::pickled::Rebuilt;
use crate::pickle::{Id, Object};
use crate::torch::view::View;
use cntflow_storage::FormatError;

impl Walk<'_> {
    /// A view of a storage, as the function of that name rebuilds it.
    pub(super) fn tensor(
        &mut self,
        function: &str,
        arguments: &[Id],
        path: &str,
        excluded_because: Option<&str>,
    ) -> Result<(), FormatError> {
        let broken = |what: &str| FormatError::broken(format!("tensor {}: {what}", shown(path)));
        let [storage, offset, shape, strides, rest @ ..] = arguments else {
            return Err(broken("its pickle does not say where it lies"));
        };
        let storage = storage_of(self.pickle, *storage)
            .ok_or_else(|| broken("its storage is not as PyTorch writes them"))?;
        let dtype = match function {
            "_rebuild_tensor_v3" => rest.get(2).and_then(|&dtype| self.pickle.class(dtype)),
            _ => None,
        };
        let element = match dtype {
            Some(("torch", name)) => element_of_dtype(name),
            _ => storage.element,
        };
        let shape = self
            .pickle
            .sizes(*shape)
            .ok_or_else(|| broken("its shape is not of numbers from 0 on"))?;
        let strides = self
            .pickle
            .sizes(*strides)
            .ok_or_else(|| broken("its strides are not of numbers from 0 on"))?;
        let offset = self
            .pickle
            .size(*offset)
            .ok_or_else(|| broken("it begins before its storage"))?;
        let offset = offset
            .checked_add(storage.offset)
            .ok_or_else(|| broken("it begins beyond its storage"))?;
        let Some(element) = element else {
            return self.unreadable(
                path,
                excluded_because,
                "elements of a type that is not known",
            );
        };
        let width = element.bytes();
        self.add(
            path,
            shape,
            element,
            excluded_because.map(str::to_owned),
            Lies::InStorage(
                storage.key,
                View {
                    width,
                    offset,
                    strides,
                },
            ),
        )
    }

    /// An array of NumPy's, or one of its numbers.
    pub(super) fn numpy(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        excluded_because: Option<&str>,
        depth: u64,
    ) -> Result<(), FormatError> {
        let (shape, kept) = match self.place.rebuilt(shown(path), class, object)? {
            Rebuilt::Array(shape, kept) => (shape, kept),
            Rebuilt::Number(kept) => return self.number(&kept, path, excluded_because),
            Rebuilt::Objects(_, elements) => {
                return self.elements(&elements, path, excluded_because, depth);
            }
            Rebuilt::Other(reason) => {
                return self.unreadable(path, excluded_because, &reason);
            }
        };
        self.held = self.held.saturating_add(kept.held_bytes());
        let (limit, allowed) = ("header_bytes", self.limits.header_bytes);
        FormatError::check_limit("bytes of arrays in its pickle", self.held, limit, allowed)?;
        let element = kept.dtype.element;
        let excluded_because = excluded_because.map(str::to_owned);
        self.add(path, shape, element, excluded_because, Lies::InPickle(kept))
    }

    /// A number beside the tensors: a text like those of Python's own.
    fn number(
        &mut self,
        kept: &StoredArray,
        path: &str,
        excluded_because: Option<&str>,
    ) -> Result<(), FormatError> {
        match kept.number(self.place.bytes)? {
            Some(text) if excluded_because.is_none() => {
                self.found.metadata.insert(path.to_owned(), text);
                Ok(())
            }
            Some(_) => Ok(()),
            None => self.unreadable(
                path,
                excluded_because,
                &format!("a scalar of {}", kept.dtype.element),
            ),
        }
    }
}
