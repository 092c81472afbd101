//! What a pickle holds, by paths: arrays, and numbers and texts beside them.

use super::Opened;
use super::array::{Source, StoredArray};
use super::dtype::Dtype;
use super::pickled::{Place, Rebuilt, is_numpy};
use crate::Element;
use crate::TensorEntry;
use crate::pickle::{Id, Object, joined};
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

/// Goes through everything that the pickle's root holds; `name` is what its paths begin with.
pub(super) fn walk(
    place: Place<'_>,
    name: &str,
    opened: &mut Opened,
    limits: &Limits,
) -> Result<(), FormatError> {
    let mut walk = Walk {
        place,
        limits,
        visits: place.pickle.visits(),
        opened,
    };
    walk.value(place.pickle.root(), name, 0)
}

struct Walk<'a> {
    place: Place<'a>,
    limits: &'a Limits,
    /// Values that may still be gone through, shared ones as often as they are met.
    visits: u64,
    opened: &'a mut Opened,
}

impl Walk<'_> {
    fn value(&mut self, id: Id, path: &str, depth: u64) -> Result<(), FormatError> {
        let pickle = self.place.pickle;
        self.visits = pickle.visit(self.visits)?;
        FormatError::check_limit("levels of its pickle", depth, "depth", self.limits.depth)?;
        if let Some(pairs) = pickle.pairs(id) {
            return self.pairs(pairs, path, depth + 1);
        }
        if let Some(elements) = pickle.contents(id) {
            return self.elements(elements, path, depth + 1);
        }
        if let Some((class, object)) = pickle.object(id) {
            return match is_numpy(class.0) {
                true => self.rebuilt(class, object, path, depth),
                false => self.other(class, object, path, depth),
            };
        }
        if let (Some(text), false) = (pickle.plain(id), path.is_empty()) {
            self.opened.metadata.insert(path.to_owned(), text);
        }
        Ok(())
    }

    fn elements(&mut self, elements: &[Id], path: &str, depth: u64) -> Result<(), FormatError> {
        for (place, &element) in elements.iter().enumerate() {
            self.value(element, &joined(path, &place.to_string())?, depth)?;
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[(Id, Id)], path: &str, depth: u64) -> Result<(), FormatError> {
        for (place, &(key, value)) in pairs.iter().enumerate() {
            let key = self.place.pickle.key(key, place);
            self.value(value, &joined(path, &key)?, depth)?;
        }
        Ok(())
    }

    fn rebuilt(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        depth: u64,
    ) -> Result<(), FormatError> {
        match self.place.rebuilt(path, class, object)? {
            Rebuilt::Array(shape, kept) => self.opened.add(path, shape, kept, None, self.limits),
            Rebuilt::Number(kept) => self.opened.add(path, Vec::new(), kept, None, self.limits),
            // A single object: the array is only what np.save needs around it.
            Rebuilt::Objects(shape, elements) if shape.is_empty() => {
                self.value(elements[0], path, depth + 1)
            }
            Rebuilt::Objects(_, elements) => self.elements(&elements, path, depth + 1),
            Rebuilt::Other(reason) => self.unreadable(path, reason),
        }
    }

    /// An object of any other class: its attributes, items and keys.
    fn other(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        depth: u64,
    ) -> Result<(), FormatError> {
        let state = object
            .state
            .and_then(|state| self.place.pickle.pairs(state));
        if state.is_none() && object.items.is_empty() && object.pairs.is_empty() {
            return self.unreadable(path, format!("an object of {}.{}", class.0, class.1));
        }
        self.pairs(state.unwrap_or_default(), path, depth + 1)?;
        self.pairs(&object.pairs, path, depth + 1)?;
        self.elements(&object.items, path, depth + 1)
    }

    /// Lists what cannot be read, with the reason.
    fn unreadable(&mut self, path: &str, what: String) -> Result<(), FormatError> {
        let reason = format!("{what}: not read");
        let kept = StoredArray {
            source: Source::Unreadable(reason.clone()),
            dtype: Dtype {
                element: Element::U8,
                big_endian: false,
            },
            fortran: false,
        };
        self.opened
            .add(path, vec![0], kept, Some(reason), self.limits)
    }
}

impl Opened {
    /// Lists an array.
    pub(super) fn add(
        &mut self,
        path: &str,
        shape: Vec<usize>,
        kept: StoredArray,
        excluded_because: Option<String>,
        limits: &Limits,
    ) -> Result<(), FormatError> {
        let name = if path.is_empty() { "array" } else { path };
        self.tensors.push(TensorEntry {
            name: name.to_owned(),
            shape,
            element: kept.dtype.element,
            excluded_because,
        });
        self.held += kept.held_bytes();
        self.kept.push(kept);
        FormatError::check_limit(
            "bytes of arrays in its pickle",
            self.held,
            "header_bytes",
            limits.header_bytes,
        )?;
        FormatError::check_limit(
            "arrays",
            self.tensors.len() as u64,
            "tensors",
            limits.tensors,
        )
    }
}
