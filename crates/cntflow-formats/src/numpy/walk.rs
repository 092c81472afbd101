//! The contents of a pickle by their paths: arrays, and numbers and texts beside them.

use cntflow_storage::{FormatError, Limits};

use super::array::{ArrayBytes, StoredArray};
use super::dtype::Dtype;
use super::file::NumpyFile;
use super::pickled::{PickleSource, Rebuilt, is_numpy_module};
use crate::{
    Element,
    pickle::{Id, Object, joined},
};

/// Lists everything that the pickle's root holds; paths begin with `name`.
pub(super) fn walk(
    source: PickleSource<'_>,
    name: &str,
    opened: &mut NumpyFile,
    limits: &Limits,
) -> Result<(), FormatError> {
    let mut walk = Walk {
        source,
        limits,
        visits: source.pickle.visit_budget(),
        opened,
    };
    walk.value(source.pickle.root(), name, 0)
}

/// The state of a walk over a pickle.
struct Walk<'a> {
    source: PickleSource<'a>,
    limits: &'a Limits,
    /// Values that may still be visited; shared values count each time.
    visits: u64,
    opened: &'a mut NumpyFile,
}

impl Walk<'_> {
    fn value(&mut self, id: Id, path: &str, depth: u64) -> Result<(), FormatError> {
        let pickle = self.source.pickle;
        self.visits = pickle.spend_visit(self.visits)?;
        FormatError::check_limit("levels of its pickle", depth, "depth", self.limits.depth)?;
        if let Some(pairs) = pickle.pairs(id) {
            return self.pairs(pairs, path, depth + 1);
        }
        if let Some(elements) = pickle.elements_or_members(id) {
            return self.elements(elements, path, depth + 1);
        }
        if let Some((class, object)) = pickle.object(id) {
            if is_numpy_module(class.0) {
                return self.rebuilt(class, object, path, depth);
            }
            return self.other(class, object, path, depth);
        }
        if let (Some(text), false) = (pickle.plain(id), path.is_empty()) {
            self.opened.metadata.insert(path.to_owned(), text);
        }
        Ok(())
    }

    fn elements(&mut self, elements: &[Id], path: &str, depth: u64) -> Result<(), FormatError> {
        for (index, &element) in elements.iter().enumerate() {
            self.value(element, &joined(path, &index.to_string())?, depth)?;
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[(Id, Id)], path: &str, depth: u64) -> Result<(), FormatError> {
        for (index, &(key, value)) in pairs.iter().enumerate() {
            let key = self.source.pickle.key(key, index);
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
        match self.source.rebuilt(path, class, object)? {
            Rebuilt::Array(shape, array) => self.opened.add(path, shape, array, None, self.limits),
            Rebuilt::Number(number) => self.opened.add(path, Vec::new(), number, None, self.limits),
            // A single object: the array is only what np.save needs around it.
            Rebuilt::Objects(shape, elements) if shape.is_empty() => {
                self.value(elements[0], path, depth + 1)
            }
            Rebuilt::Objects(_, elements) => self.elements(&elements, path, depth + 1),
            Rebuilt::Other(what) => self.unreadable(path, &what),
        }
    }

    /// An object of another class: its attributes, items and pairs.
    fn other(
        &mut self,
        class: (&str, &str),
        object: &Object,
        path: &str,
        depth: u64,
    ) -> Result<(), FormatError> {
        let state = object
            .state
            .and_then(|state| self.source.pickle.pairs(state));
        if state.is_none() && object.items.is_empty() && object.pairs.is_empty() {
            let what = format!("an object of {}.{}", class.0, class.1);
            return self.unreadable(path, &what);
        }
        self.pairs(state.unwrap_or_default(), path, depth + 1)?;
        self.pairs(&object.pairs, path, depth + 1)?;
        self.elements(&object.items, path, depth + 1)
    }

    /// Lists what cannot be read, with the reason. A tensor without elements stands for it.
    fn unreadable(&mut self, path: &str, what: &str) -> Result<(), FormatError> {
        let reason = format!("{what}: not read");
        let array = StoredArray {
            bytes: ArrayBytes::Unreadable(reason.clone()),
            dtype: Dtype {
                element: Element::U8,
                is_big_endian: false,
            },
            is_fortran: false,
        };
        self.opened
            .add(path, vec![0], array, Some(reason), self.limits)
    }
}
