//! Entries as sources give them, before they are a catalog. Those of a large source are packed as
//! they come, so that not all of them are in memory.

use std::sync::Arc;

use itertools::Itertools;

use crate::block::{Block, MOST_PLAIN};
use crate::{Catalog, CatalogEntry, CatalogError, interner::Interner};

/// Entries in any order. [`CollectedEntries::into_catalog`] sorts them.
#[derive(Default)]
pub struct CollectedEntries {
    /// Earlier ones, in stretches of 32,768. Those of each are sorted.
    packed: Vec<Vec<Block>>,
    /// The latest ones.
    latest: Vec<CatalogEntry>,
    /// What the latest ones have in common.
    interner: Interner,
    /// Whether one of the packed ones has a parent.
    has_packed_parents: bool,
}

impl CollectedEntries {
    /// Adds an entry.
    pub fn push(&mut self, entry: CatalogEntry) {
        if self.latest.len() == MOST_PLAIN {
            self.pack();
        }
        self.latest.push(self.interner.intern(entry));
    }

    /// The entry that was added last, to complete it.
    pub fn last_mut(&mut self) -> Option<&mut CatalogEntry> {
        self.latest.last_mut()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        let packed = self.packed.iter().flatten().map(Block::len);
        packed.sum::<usize>() + self.latest.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Whether any entry has a parent.
    pub fn has_parents(&self) -> bool {
        let has_parent = |entry: &CatalogEntry| entry.parent.is_some();
        self.has_packed_parents || self.latest.iter().any(has_parent)
    }

    /// Calls `take` with each entry, in any order.
    pub fn for_each(&self, mut take: impl FnMut(&CatalogEntry)) {
        let packed = self.packed.iter().flatten().flat_map(Block::entries);
        packed.for_each(|entry| take(&entry));
        self.latest.iter().for_each(take);
    }

    /// Changes each entry, but not its name, until `change` fails.
    ///
    /// # Errors
    /// That of `change`.
    pub fn try_change<E>(
        &mut self,
        mut change: impl FnMut(&mut CatalogEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        for block in self.packed.iter_mut().flatten() {
            let mut entries = block.take();
            for entry in &mut entries {
                change(Arc::make_mut(entry))?;
            }
            *block = Block::packed(entries);
        }
        self.latest.iter_mut().try_for_each(change)
    }

    /// Calls `change` with all entries in memory.
    pub(crate) fn change_all<R>(&mut self, change: impl FnOnce(&mut [CatalogEntry]) -> R) -> R {
        let packed = std::mem::take(&mut self.packed);
        let packed = packed.into_iter().flatten().flat_map(|mut b| b.take());
        let mut all: Vec<CatalogEntry> = packed.map(Arc::unwrap_or_clone).collect();
        all.append(&mut self.latest);
        let changed = change(&mut all);
        self.extend(all);
        changed
    }

    /// The catalog of all entries. An entry that is there twice counts once.
    ///
    /// # Errors
    /// Two different entries claim one name.
    pub fn into_catalog(mut self) -> Result<Catalog, CatalogError> {
        if self.packed.is_empty() {
            let entries = unique(sorted(self.latest).into_iter());
            let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
            return Ok(Catalog::of(entries.len(), vec![Block::Plain(entries)]));
        }
        self.pack();
        let stretches = self.packed.into_iter().enumerate();
        // Of equal names, the one that came first is first.
        let stretches = stretches.map(|(index, blocks)| {
            let entries = blocks.into_iter().flat_map(|mut block| block.take());
            entries.map(move |entry| (index, entry))
        });
        let merged = stretches
            .kmerge_by(|(of_a, a), (of_b, b)| (&a.checkpoint, of_a) < (&b.checkpoint, of_b));
        let mut entries = unique(merged.map(|(_, entry)| entry)).peekable();
        let (mut n_entries, mut blocks) = (0, Vec::new());
        while entries.peek().is_some() {
            let of_block = entries.by_ref().take(Block::ENTRIES);
            let of_block: Vec<_> = of_block.collect::<Result<_, _>>()?;
            n_entries += of_block.len();
            blocks.push(Block::packed(of_block));
        }
        Ok(Catalog::of(n_entries, blocks))
    }

    fn pack(&mut self) {
        self.has_packed_parents = self.has_parents();
        let entries = sorted(std::mem::take(&mut self.latest));
        self.interner = Interner::default();
        let blocks = entries.chunks(Block::ENTRIES);
        let blocks = blocks.map(|entries| Block::packed(entries.to_vec()));
        self.packed.push(blocks.collect());
    }
}

impl Catalog {
    /// Sorts the entries by name. An entry that is there twice counts once.
    ///
    /// # Errors
    /// Two different entries claim one name.
    pub fn new(entries: Vec<CatalogEntry>) -> Result<Self, CatalogError> {
        CollectedEntries::from_iter(entries).into_catalog()
    }
}

impl Extend<CatalogEntry> for CollectedEntries {
    fn extend<I: IntoIterator<Item = CatalogEntry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

impl FromIterator<CatalogEntry> for CollectedEntries {
    fn from_iter<I: IntoIterator<Item = CatalogEntry>>(entries: I) -> Self {
        let mut collected = Self::default();
        collected.extend(entries);
        collected
    }
}

impl std::fmt::Debug for CollectedEntries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("CollectedEntries");
        text.field("len", &self.len()).finish_non_exhaustive()
    }
}

fn sorted(entries: Vec<CatalogEntry>) -> Vec<Arc<CatalogEntry>> {
    let mut entries: Vec<_> = entries.into_iter().map(Arc::new).collect();
    entries.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
    entries
}

/// Each of the sorted entries once. Two that differ under one name are an error.
fn unique(
    entries: impl Iterator<Item = Arc<CatalogEntry>>,
) -> impl Iterator<Item = Result<Arc<CatalogEntry>, CatalogError>> {
    let mut before: Option<Arc<CatalogEntry>> = None;
    entries.filter_map(move |entry| match before.replace(Arc::clone(&entry)) {
        Some(first) if first.checkpoint != entry.checkpoint => Some(Ok(entry)),
        Some(first) if first.location == entry.location => {
            before = Some(first);
            None
        }
        Some(first) => Some(Err(CatalogError::Twice {
            checkpoint: entry.checkpoint.clone(),
            first: first.location.to_string(),
            second: entry.location.to_string(),
        })),
        None => Some(Ok(entry)),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Labels;

    fn entry(number: usize) -> CatalogEntry {
        CatalogEntry {
            checkpoint: format!("{number:07}"),
            location: Path::new(&format!("zoo/{number}")).into(),
            run: format!("run{}", number / 3).into(),
            step: 0,
            architecture: None,
            labels: Labels::default(),
            parent: None,
            absent: None,
        }
    }

    /// Numbers below `n` in an order of no pattern; `n` is no multiple of 7,919.
    fn mixed(n: usize) -> impl Iterator<Item = usize> {
        (0..n).map(move |index| index * 7919 % n)
    }

    #[test]
    fn few_and_many_become_a_sorted_catalog() {
        for n in [0, 1, 10, MOST_PLAIN, MOST_PLAIN + 1, 100_000] {
            let mut collected: CollectedEntries = mixed(n).map(entry).collect();
            assert_eq!((collected.len(), collected.is_empty()), (n, n == 0));
            // Found again under another source.
            collected.extend((0..n).step_by(1000).map(entry));
            let catalog = collected.into_catalog().unwrap();
            assert_eq!(catalog.len(), n);
            let entries = catalog.entries().map(Arc::unwrap_or_clone);
            assert!(entries.eq((0..n).map(entry)), "{n}");
        }
    }

    #[test]
    fn one_name_for_two_files_is_an_error_that_names_both_however_far_apart_they_came() {
        for n in [10, 100_000] {
            let second = CatalogEntry {
                location: Path::new("elsewhere").into(),
                ..entry(7)
            };
            let entries = (0..n).map(entry).chain([second]);
            let error = entries.collect::<CollectedEntries>().into_catalog();
            let text = error.unwrap_err().to_string();
            assert_eq!(
                text,
                "checkpoint 0000007 is listed twice: zoo/7 and elsewhere"
            );
        }
    }

    #[test]
    fn all_are_changed_one_by_one_and_together() {
        for n in [10, 70_000] {
            let mut collected: CollectedEntries = mixed(n).map(entry).collect();
            let changed = collected.try_change(|entry| {
                entry.step = entry.checkpoint.parse::<i64>().unwrap() + 1;
                Ok::<(), ()>(())
            });
            changed.unwrap();
            let sum = collected.change_all(|entries| {
                let steps = entries.iter_mut().map(|entry| {
                    entry.step *= 2;
                    entry.step
                });
                steps.sum::<i64>()
            });
            assert_eq!(sum, (n * (n + 1)) as i64);
            let catalog = collected.into_catalog().unwrap();
            let steps = catalog.entries().map(|entry| entry.step);
            assert!(steps.eq((1..=n as i64).map(|step| 2 * step)));
        }
    }
}
