//! Taking checkpoints out of the tables again.

use std::collections::BTreeSet;

use crate::error::TablesError;
use crate::population_parts::read_checkpoints;
use crate::store::{Committed, TableStore, read_status};
use crate::table::Table;

impl TableStore {
    /// Removes all rows of these checkpoints, as if they had never been measured, and of those
    /// whose values are stored together with theirs: the summary of a population cannot give back
    /// one of its networks. Batches without any of them stay as they are. No other process may
    /// write meanwhile. Returns all checkpoints that were removed.
    ///
    /// # Errors
    /// As [`TableStore::merge`]; the rows stay then.
    pub fn withdraw(
        &self,
        checkpoints: &BTreeSet<String>,
        name: &str,
    ) -> Result<BTreeSet<String>, TablesError> {
        if checkpoints.is_empty() {
            return Ok(BTreeSet::new());
        }
        let batches = self.batches()?;
        let without = self.stored_with(checkpoints)?;
        let mut affected = Vec::new();
        let mut removed = BTreeSet::new();
        for batch in batches {
            let mut of_batch = Committed::new();
            for path in self.parts_of_batches(Table::Networks, std::slice::from_ref(&batch))? {
                read_status(&path, |checkpoint, status| {
                    of_batch.insert(checkpoint.to_owned(), status);
                })?;
            }
            let before = removed.len();
            removed.extend(of_batch.into_keys().filter(|name| without.contains(name)));
            if removed.len() > before {
                affected.push(batch);
            }
        }
        if !affected.is_empty() {
            self.rewrite(&affected, name, &removed)?;
        }
        Ok(removed)
    }

    /// These checkpoints, and all whose values are stored together with theirs.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn stored_with(
        &self,
        checkpoints: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, TablesError> {
        Ok(with_all_stored_together(
            checkpoints,
            &self.stored_together()?,
        ))
    }

    /// The checkpoints of each row of `populations` that has several.
    fn stored_together(&self) -> Result<Vec<BTreeSet<String>>, TablesError> {
        let mut together = BTreeSet::new();
        for path in self.committed_parts(Table::Populations)? {
            for stored in read_checkpoints(&path)? {
                if stored.len() > 1 {
                    together.insert(stored);
                }
            }
        }
        Ok(together.into_iter().collect())
    }

    /// The checkpoints whose values are stored for populations in these committed batches.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn with_values(&self, batches: &[String]) -> Result<BTreeSet<String>, TablesError> {
        let mut names = BTreeSet::new();
        for path in self.parts_of_batches(Table::Populations, batches)? {
            names.extend(read_checkpoints(&path)?.into_iter().flatten());
        }
        Ok(names)
    }
}

/// The checkpoints, and all that are stored together with any of them, directly or by others.
fn with_all_stored_together(
    checkpoints: &BTreeSet<String>,
    together: &[BTreeSet<String>],
) -> BTreeSet<String> {
    let mut all = checkpoints.clone();
    let mut left: Vec<&BTreeSet<String>> = together.iter().collect();
    loop {
        let n_left = left.len();
        left.retain(|stored| {
            let is_apart = all.is_disjoint(stored);
            if !is_apart {
                all.extend(stored.iter().cloned());
            }
            is_apart
        });
        if left.len() == n_left {
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::tests::{checkpoints, ten_batches};

    #[test]
    fn withdrawn_checkpoints_are_as_never_measured() {
        let (_folder, store, names) = ten_batches();
        let withdrawn = BTreeSet::from(["c3".to_owned(), "c7".to_owned()]);
        assert_eq!(store.withdraw(&withdrawn, "x").unwrap(), withdrawn);
        let left: Vec<String> = names
            .into_iter()
            .filter(|name| !withdrawn.contains(name))
            .collect();
        assert_eq!(checkpoints(&store), left);
        // Batches without any of them are not written again.
        let batches = store.batches().unwrap();
        assert!(batches.contains(&"b0-00000".to_owned()), "{batches:?}");
    }

    /// Otherwise the values of `c` would go with the summary that it shares with `b`.
    #[test]
    fn what_is_stored_together_by_way_of_others_goes_as_well() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let together: [BTreeSet<String>; 3] =
            [set(&["b", "c"]), set(&["a", "b"]), set(&["d", "e"])];
        let all: BTreeSet<String> = with_all_stored_together(&set(&["a"]), &together);
        assert_eq!(all, set(&["a", "b", "c"]));
    }
}
