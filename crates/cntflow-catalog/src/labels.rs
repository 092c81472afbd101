//! The labels of one checkpoint, by column.
//!
//! A catalog has one of these for each checkpoint, nearly all with the same columns. Column names
//! are stored apart from the values, so that entries can share them; a map for each entry would
//! take several times the memory.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Label;

/// Names of columns, sorted.
pub(crate) type Columns = Arc<[Box<str>]>;

/// Labels by the names of their columns, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    columns: Columns,
    /// One for each column.
    values: Box<[Label]>,
}

impl Labels {
    /// The label in a column.
    pub fn get(&self, column: &str) -> Option<&Label> {
        self.index_of(column).ok().map(|index| &self.values[index])
    }

    /// Whether there is a label in a column.
    pub fn contains_key(&self, column: &str) -> bool {
        self.index_of(column).is_ok()
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Names of the columns, sorted.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &**column)
    }

    /// Columns and labels, sorted by column.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Label)> {
        self.columns().zip(&self.values)
    }

    /// Sets the label of a column, replacing any that is there. Use [`Extend`] to set several: each
    /// call copies all labels.
    pub fn insert(&mut self, column: impl Into<String>, label: Label) {
        self.extend([(column.into(), label)]);
    }

    /// Removes the label of a column, and returns it.
    pub fn remove(&mut self, column: &str) -> Option<Label> {
        let removed = self.get(column).cloned();
        if removed.is_some() {
            let others = self.iter().filter(|(name, _)| *name != column);
            *self = others.map(owned).collect();
        }
        removed
    }

    /// The column names and the values, for the interner.
    pub(crate) fn parts_mut(&mut self) -> (&mut Columns, &mut [Label]) {
        (&mut self.columns, &mut self.values)
    }

    fn index_of(&self, column: &str) -> Result<usize, usize> {
        self.columns.binary_search_by(|name| (**name).cmp(column))
    }
}

fn owned((column, label): (&str, &Label)) -> (String, Label) {
    (column.to_owned(), label.clone())
}

impl Index<&str> for Labels {
    type Output = Label;

    /// # Panics
    /// There is no label in that column.
    fn index(&self, column: &str) -> &Label {
        let label = self.get(column);
        label.unwrap_or_else(|| panic!("there is no label in column '{column}'"))
    }
}

impl From<BTreeMap<String, Label>> for Labels {
    fn from(labels: BTreeMap<String, Label>) -> Self {
        let (columns, values): (Vec<Box<str>>, Vec<Label>) = labels
            .into_iter()
            .map(|(column, label)| (column.into_boxed_str(), label))
            .unzip();
        Self {
            columns: columns.into(),
            values: values.into(),
        }
    }
}

impl FromIterator<(String, Label)> for Labels {
    /// Of two labels of one column the later counts.
    fn from_iter<I: IntoIterator<Item = (String, Label)>>(labels: I) -> Self {
        labels.into_iter().collect::<BTreeMap<_, _>>().into()
    }
}

impl Extend<(String, Label)> for Labels {
    fn extend<I: IntoIterator<Item = (String, Label)>>(&mut self, labels: I) {
        let mut all: BTreeMap<String, Label> = self.iter().map(owned).collect();
        all.extend(labels);
        *self = all.into();
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_the_later_of_two_counts() {
        let pairs = [("b", 1), ("a", 2), ("b", 3)];
        let mut labels: Labels = pairs
            .map(|(column, value)| (column.to_owned(), Label::Integer(value)))
            .into_iter()
            .collect();
        assert_eq!(labels.columns().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(labels["b"], 3.into());
        labels.insert("aa", true.into());
        labels.insert("a", 0.5.into());
        let owned: Vec<_> = labels.iter().map(owned).collect();
        let expected = [("a", 0.5.into()), ("aa", true.into()), ("b", 3.into())];
        assert_eq!(
            owned,
            expected.map(|(name, label)| (name.to_owned(), label))
        );
        assert_eq!(labels.remove("aa"), Some(true.into()));
        assert_eq!((labels.remove("aa"), labels.len()), (None, 2));
    }

    #[test]
    fn labels_cross_a_wire_as_a_map() {
        let labels: Labels = [("rate".to_owned(), "x".into())].into_iter().collect();
        let text = serde_json::to_string(&labels).unwrap();
        assert_eq!(text, r#"{"rate":{"Text":"x"}}"#);
        assert_eq!(serde_json::from_str::<Labels>(&text).unwrap(), labels);
    }
}
