//! The catalog: one entry for each checkpoint, with its location, run, step and labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::{CatalogEntry, Label};

/// All entries, sorted by name; each name is there once. A clone shares them.
#[derive(Clone, Default)]
pub struct Catalog {
    blocks: Arc<[Block]>,
    n_entries: usize,
}

/// The entries of a catalog, sorted by name. Those of a large catalog are made as they come, see
/// [`Catalog::entries`].
#[derive(Clone, Default)]
pub struct Entries {
    blocks: Arc<[Block]>,
    next_block: usize,
    of_block: std::vec::IntoIter<Arc<CatalogEntry>>,
    n_left: usize,
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
    /// The catalog of blocks, which have so many entries.
    pub(crate) fn of(n_entries: usize, blocks: Vec<Block>) -> Self {
        Self {
            blocks: blocks.into(),
            n_entries,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.n_entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.n_entries == 0
    }

    /// The entries, sorted by name. Of more than 32,768, only about a thousand are in memory at
    /// once; the others are packed into some ten bytes each.
    pub fn entries(&self) -> Entries {
        Entries {
            blocks: Arc::clone(&self.blocks),
            n_left: self.n_entries,
            ..Entries::default()
        }
    }

    /// The entries of this catalog and of another one, sorted by name.
    pub fn entries_with(
        &self,
        other: &Self,
    ) -> impl Iterator<Item = Arc<CatalogEntry>> + Clone + Send + use<> {
        let (mut ours, mut theirs) = (self.entries().peekable(), other.entries().peekable());
        std::iter::from_fn(move || match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) if their.checkpoint < our.checkpoint => theirs.next(),
            (None, _) => theirs.next(),
            (Some(_), _) => ours.next(),
        })
    }

    /// The entries, sorted by name.
    pub fn into_entries(mut self) -> Vec<CatalogEntry> {
        match Arc::get_mut(&mut self.blocks) {
            Some(blocks) => {
                let entries = blocks.iter_mut().flat_map(Block::take);
                entries.map(Arc::unwrap_or_clone).collect()
            }
            None => self.entries().map(Arc::unwrap_or_clone).collect(),
        }
    }

    /// The label columns of all entries, sorted by name.
    pub fn label_columns(&self) -> Vec<LabelColumn> {
        let mut kinds: BTreeMap<String, LabelKind> = BTreeMap::new();
        for entry in self.entries() {
            for (name, label) in entry.labels.iter() {
                let kind = LabelKind::of(label);
                match kinds.get_mut(name) {
                    Some(all) => *all = all.joined(kind),
                    None => _ = kinds.insert(name.to_owned(), kind),
                }
            }
        }
        let kinds = kinds.into_iter();
        kinds
            .map(|(name, kind)| LabelColumn { name, kind })
            .collect()
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl PartialEq for Catalog {
    fn eq(&self, other: &Self) -> bool {
        self.entries().eq(other.entries())
    }
}

impl Iterator for Entries {
    type Item = Arc<CatalogEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.of_block.next() {
                self.n_left -= 1;
                return Some(entry);
            }
            let block = self.blocks.get(self.next_block)?;
            self.next_block += 1;
            self.of_block = block.entries().into_iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.n_left, Some(self.n_left))
    }
}

impl ExactSizeIterator for Entries {}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
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
            parent: None,
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
        assert_eq!(catalog.into_entries()[0].checkpoint, "a");
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
