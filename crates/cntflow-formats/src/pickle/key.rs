//! The keys of dictionaries as parts of paths.

use super::{Id, Pickle, Value};

/// Most elements of a tuple that is shown.
const MAX_SHOWN: usize = 8;

impl Pickle {
    /// What a path calls a key: a number or text as it is, a tuple of them in parentheses, a class
    /// by its name. Any other key is called by its index in the dictionary, so that the value under
    /// it is still read.
    pub fn key(&self, id: Id, index: usize) -> String {
        self.simple(id)
            .or_else(|| self.tuple(id))
            .unwrap_or_else(|| format!("<key {index}>"))
    }

    fn tuple(&self, id: Id) -> Option<String> {
        let Value::Tuple(elements) = self.value(id) else {
            return None;
        };
        if elements.len() > MAX_SHOWN {
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
