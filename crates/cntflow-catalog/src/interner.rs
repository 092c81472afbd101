//! What the entries of a catalog have in common, kept once: a run has several checkpoints, and all have a few architectures, names of
//! columns and texts between them.

use std::collections::HashSet;
use std::hash::Hash;

use crate::catalog::CatalogEntry;
use crate::labels::Columns;
use crate::{Label, SharedText};

/// Texts and names of columns seen so far.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<SharedText>,
    columns: HashSet<Columns>,
}

impl Interner {
    /// The entry, with what it has in common with those before it shared with them.
    pub fn intern(&mut self, mut entry: CatalogEntry) -> CatalogEntry {
        entry.checkpoint.shrink_to_fit();
        share(&mut self.texts, &mut entry.run);
        if let Some(architecture) = &mut entry.architecture {
            share(&mut self.texts, architecture);
        }
        let (columns, values) = entry.labels.parts_mut();
        share(&mut self.columns, columns);
        for value in values {
            if let Label::Text(text) = value {
                share(&mut self.texts, text);
            }
        }
        entry
    }
}

/// Puts in place of `own` what is equal to it and known.
fn share<T: Clone + Eq + Hash>(known: &mut HashSet<T>, own: &mut T) {
    match known.get(own) {
        Some(known) => own.clone_from(known),
        None => {
            known.insert(own.clone());
        }
    }
}
