//! Keys of dictionaries as parts of paths.

use super::{Id, Pickle, Value};

/// The most elements of a tuple that is shown.
const SHOWN: usize = 8;

impl Pickle {
    /// What a path calls the key at `place` of a dictionary: a number or text as it is, a tuple of them in parentheses, a class by its
    /// name, and of anything else its place, so that what lies under it is read all the same.
    pub fn key(&self, id: Id, place: usize) -> String {
        self.simple(id)
            .or_else(|| self.tuple(id))
            .unwrap_or_else(|| format!("<key {place}>"))
    }

    fn tuple(&self, id: Id) -> Option<String> {
        let Value::Tuple(elements) = self.value(id) else {
            return None;
        };
        if elements.len() > SHOWN {
            return None;
        }
        let parts: Option<Vec<String>> = elements.iter().map(|&part| self.simple(part)).collect();
        Some(format!("({})", parts?.join(", ")))
    }

    fn simple(&self, id: Id) -> Option<String> {
        match self.value(id) {
            Value::None => Some("None".to_owned()),
            Value::Class { module, name } => Some(format!("{module}.{name}")),
            _ => self.plain(id),
        }
    }
}
