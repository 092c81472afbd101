//! Calls that rebuild a tensor: a view of a storage, or a NumPy array.

use cntflow_storage::FormatError;

use super::storage::{StorageId, storage_of};
use super::{ElementLocation, Position, Walk};
use crate::{
    Element,
    numpy::{array::StoredArray, pickled::Rebuilt},
    pickle::{Id, Object},
    torch::view::View,
};

impl Walk<'_> {
    /// A view of a storage, which the function of that name would rebuild from these arguments.
    pub(super) fn tensor(
        &mut self,
        function: &str,
        arguments: &[Id],
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        let broken =
            |what: &str| FormatError::broken(format!("tensor {}: {what}", position.shown()));
        let [storage, offset, shape, strides, rest @ ..] = arguments else {
            return Err(broken("its pickle does not say where it lies"));
        };
        let storage = storage_of(pickle, *storage)
            .ok_or_else(|| broken("its storage is not as PyTorch writes them"))?;
        let element = self.element(function, &storage, rest);
        let shape = pickle
            .sizes(*shape)
            .ok_or_else(|| broken("its shape is not a list of whole numbers from 0 up"))?;
        let strides = pickle
            .sizes(*strides)
            .ok_or_else(|| broken("its strides are not a list of whole numbers from 0 up"))?;
        let offset = pickle
            .size(*offset)
            .ok_or_else(|| broken("it begins before its storage"))?
            .checked_add(storage.offset)
            .ok_or_else(|| broken("it begins beyond its storage"))?;
        let Some(element) = element else {
            return self.unreadable("elements of a type that is not known", position);
        };
        let view = View {
            width: element.bytes(),
            offset,
            strides,
        };
        let elements = ElementLocation::InStorage(storage.key, view);
        self.add(shape, element, elements, position)
    }

    /// The type of a tensor's elements: that of its storage, or since `_rebuild_tensor_v3` one of
    /// its own.
    fn element(&self, function: &str, storage: &StorageId, rest: &[Id]) -> Option<Element> {
        let dtype = match function {
            // After the strides: requires_grad, backward hooks, dtype.
            "_rebuild_tensor_v3" => rest
                .get(2)
                .and_then(|&dtype| self.source.pickle.class(dtype)),
            _ => None,
        };
        match dtype {
            Some(("torch", name)) => Element::of_dtype(name),
            _ => storage.element,
        }
    }

    /// A NumPy array, or one of its numbers.
    pub(super) fn numpy(
        &mut self,
        class: (&str, &str),
        object: &Object,
        position: Position<'_>,
    ) -> Result<(), FormatError> {
        let (shape, array) = match self.source.rebuilt(position.shown(), class, object)? {
            Rebuilt::Array(shape, array) => (shape, array),
            Rebuilt::Number(number) => return self.number(&number, position),
            Rebuilt::Objects(_, elements) => return self.elements(&elements, position),
            Rebuilt::Other(what) => return self.unreadable(&what, position),
        };
        self.array_bytes = self.array_bytes.saturating_add(array.bytes_in_memory());
        FormatError::check_limit(
            "bytes of arrays in its pickle",
            self.array_bytes,
            "header_bytes",
            self.limits.header_bytes,
        )?;
        let element = array.dtype.element;
        self.add(shape, element, ElementLocation::InPickle(array), position)
    }

    /// A NumPy scalar beside the tensors, which becomes metadata as Python's own numbers do.
    fn number(&mut self, number: &StoredArray, position: Position<'_>) -> Result<(), FormatError> {
        match number.scalar_text(self.source.bytes)? {
            Some(text) => {
                if position.excluded_because.is_none() {
                    let path = position.path.to_owned();
                    self.contents.metadata.insert(path, text);
                }
                Ok(())
            }
            None => {
                let what = format!("a scalar of {}", number.dtype.element);
                self.unreadable(&what, position)
            }
        }
    }
}
