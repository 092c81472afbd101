//! The catalog: one entry for each checkpoint, with its location, run, step and labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CatalogEntry, CatalogError, Label, interner::Interner};

/// All entries, sorted by name; each name is there once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    entries: Vec<Arc<CatalogEntry>>,
}

/// One label column: a name and the narrowest type that holds all its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelColumn {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    pub kind: LabelKind,
}

/// The type of a label column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// Flags.
    Flag,
    /// Whole numbers.
    Integer,
    /// Real numbers.
    Real,
    /// Texts; also columns whose values have no other type in common.
    Text,
}

impl Catalog {
    /// Sorts the entries by name. An entry that is there twice counts once.
    ///
    /// # Errors
    /// Two different entries claim one name.
    pub fn new(entries: Vec<CatalogEntry>) -> Result<Self, CatalogError> {
        Self::default().with(entries)
    }

    /// A catalog with the entries of this one and `more`.
    ///
    /// # Errors
    /// As [`Catalog::new`].
    pub fn with(&self, more: Vec<CatalogEntry>) -> Result<Self, CatalogError> {
        let mut interner = Interner::default();
        let mut entries = self.entries.clone();
        let interned = more
            .into_iter()
            .map(|entry| Arc::new(interner.intern(entry)));
        entries.extend(interned);
        entries.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
        entries.dedup_by(|a, b| a.checkpoint == b.checkpoint && a.location == b.location);
        if let Some([first, second]) = entries
            .array_windows()
            .find(|[a, b]| a.checkpoint == b.checkpoint)
        {
            return Err(CatalogError::Twice {
                checkpoint: first.checkpoint.clone(),
                first: first.location.to_string(),
                second: second.location.to_string(),
            });
        }
        Ok(Self { entries })
    }

    /// The entries, sorted by name.
    pub fn entries(&self) -> &[Arc<CatalogEntry>] {
        &self.entries
    }

    /// The entries, sorted by name.
    pub fn into_entries(self) -> Vec<CatalogEntry> {
        let entries = self.entries.into_iter();
        entries.map(Arc::unwrap_or_clone).collect()
    }

    /// The label columns of all entries, sorted by name.
    pub fn label_columns(&self) -> Vec<LabelColumn> {
        let mut kinds: BTreeMap<&str, LabelKind> = BTreeMap::new();
        for (name, label) in self.entries.iter().flat_map(|entry| entry.labels.iter()) {
            let kind = LabelKind::of(label);
            kinds
                .entry(name)
                .and_modify(|all| *all = all.joined(kind))
                .or_insert(kind);
        }
        kinds
            .into_iter()
            .map(|(name, kind)| LabelColumn {
                name: name.to_owned(),
                kind,
            })
            .collect()
    }
}

impl LabelKind {
    fn of(label: &Label) -> Self {
        match label {
            Label::Flag(_) => Self::Flag,
            Label::Integer(_) => Self::Integer,
            Label::Real(_) => Self::Real,
            Label::Text(_) => Self::Text,
        }
    }

    /// The narrowest kind that holds values of both.
    pub fn joined(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Integer, Self::Real) | (Self::Real, Self::Integer) => Self::Real,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn entry(checkpoint: &str, labels: &[(&str, Label)]) -> CatalogEntry {
        CatalogEntry {
            checkpoint: checkpoint.to_owned(),
            location: Path::new(checkpoint).into(),
            run: "r".into(),
            step: 0,
            architecture: None,
            labels: labels
                .iter()
                .map(|(name, label)| ((*name).to_owned(), label.clone()))
                .collect(),
            absent: None,
        }
    }

    #[test]
    fn label_columns_take_the_narrowest_type_that_holds_all_values() {
        let entries = vec![
            entry(
                "b",
                &[
                    ("a", Label::Integer(1)),
                    ("b", Label::Flag(true)),
                    ("c", Label::Real(0.5)),
                ],
            ),
            entry(
                "a",
                &[("a", Label::Real(1.5)), ("b", Label::Text("x".into()))],
            ),
        ];
        let catalog = Catalog::new(entries).unwrap();
        let columns: Vec<_> = catalog
            .label_columns()
            .into_iter()
            .map(|column| (column.name, column.kind))
            .collect();
        let expected = [
            ("a", LabelKind::Real),
            ("b", LabelKind::Text),
            ("c", LabelKind::Real),
        ];
        assert_eq!(
            columns,
            expected.map(|(name, kind)| (name.to_owned(), kind))
        );
        assert_eq!(catalog.entries()[0].checkpoint, "a");
    }

    #[test]
    fn one_name_for_two_files_is_an_error_that_names_both() {
        let mut second = entry("a", &[]);
        second.location = Path::new("elsewhere").into();
        let text = Catalog::new(vec![entry("a", &[]), second])
            .unwrap_err()
            .to_string();
        assert_eq!(text, "checkpoint a is listed twice: a and elsewhere");
    }
}
