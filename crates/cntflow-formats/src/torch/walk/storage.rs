//! Storages and types of elements, by the names that pickles give them.

use std::collections::HashMap;

use crate::{
    Element,
    pickle::{Id, Pickle, Value},
};

/// A storage, as a persistent identifier describes it.
pub(super) struct StorageId {
    pub(super) key: String,
    pub(super) element: Option<Element>,
    /// Offset in elements at which a view of the storage begins; only the form before 1.6 has such
    /// views.
    pub(super) offset: usize,
}

/// The storage of a persistent identifier: `("storage", class, key, device, number of elements)`.
/// In the form before 1.6 a view of a storage has `(key, offset, size)` last.
pub(super) fn storage_of(pickle: &Pickle, id: Id) -> Option<StorageId> {
    let Value::Persistent(name) = pickle.value(id) else {
        return None;
    };
    let [kind, class, key, _, _, rest @ ..] = pickle.elements(*name)? else {
        return None;
    };
    let offset = rest
        .first()
        .and_then(|&view| pickle.elements(view))
        .and_then(|view| pickle.size(*view.get(1)?));
    let is_storage = pickle.text(*kind) == Some("storage");
    is_storage.then_some(StorageId {
        key: pickle.plain(*key)?,
        element: pickle
            .class(*class)
            .and_then(|(_, name)| element_of_storage(name)),
        offset: offset.unwrap_or(0),
    })
}

/// Bytes of an element of every storage that the pickle refers to, by the storage's key.
pub(crate) fn element_widths(pickle: &Pickle) -> HashMap<String, usize> {
    let storages = pickle.ids().filter_map(|id| storage_of(pickle, id));
    let width = |storage: StorageId| {
        // The length of an untyped or unknown storage is in bytes.
        let width = storage.element.map_or(1, Element::bytes);
        (storage.key, width)
    };
    storages.map(width).collect()
}

/// The type of the elements of a class of storages.
fn element_of_storage(class: &str) -> Option<Element> {
    Some(match class {
        "DoubleStorage" => Element::F64,
        "FloatStorage" => Element::F32,
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::BF16,
        "LongStorage" => Element::I64,
        "IntStorage" => Element::I32,
        "ShortStorage" => Element::I16,
        "CharStorage" => Element::I8,
        "ByteStorage" | "UntypedStorage" => Element::U8,
        "BoolStorage" => Element::Bool,
        "ComplexFloatStorage" => Element::C64,
        "ComplexDoubleStorage" => Element::C128,
        _ => return None,
    })
}
