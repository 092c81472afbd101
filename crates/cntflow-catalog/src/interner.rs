//! Interning: what the entries of a catalog have in common is stored once. A run has several
//! checkpoints, and all entries share a few architectures, column names and texts.

use std::collections::HashSet;
use std::hash::Hash;

use arcstr::ArcStr;

use crate::{Label, entry::CatalogEntry, labels::Columns};

/// The texts and column names of the entries so far.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<ArcStr>,
    columns: HashSet<Columns>,
}

impl Interner {
    /// The entry, with texts and column names that equal those of earlier entries replaced by
    /// clones of them.
    pub fn intern(&mut self, mut entry: CatalogEntry) -> CatalogEntry {
        entry.checkpoint.shrink_to_fit();
        intern(&mut self.texts, &mut entry.run);
        if let Some(architecture) = &mut entry.architecture {
            intern(&mut self.texts, architecture);
        }
        if let Some(parent) = &mut entry.parent {
            intern(&mut self.texts, &mut parent.name);
            if let Some(architecture) = &mut parent.architecture {
                intern(&mut self.texts, architecture);
            }
        }
        let (columns, values) = entry.labels.parts_mut();
        intern(&mut self.columns, columns);
        for value in values {
            if let Label::Text(text) = value {
                intern(&mut self.texts, text);
            }
        }
        entry
    }
}

/// Replaces a value by the equal one of the pool, or adds it to the pool.
fn intern<T: Clone + Eq + Hash>(pool: &mut HashSet<T>, value: &mut T) {
    match pool.get(value) {
        Some(pooled) => value.clone_from(pooled),
        None => {
            pool.insert(value.clone());
        }
    }
}
