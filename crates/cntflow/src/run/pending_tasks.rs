//! The tasks that are left. A million checkpoints would take several hundred megabytes as tasks, so
//! these are made as workers need them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_dataflow::{Key, key_of};

use super::committed_rows::CommittedRows;
use super::task::Task;
use crate::study::last_checkpoints::last_of_runs;

/// How many of the largest checkpoints are measured first. Any other is at most as large as these,
/// so none of them can keep a worker busy for long at the end.
const N_LARGEST: usize = 4096;

/// The tasks of all processes that are left.
#[derive(Default)]
pub(crate) struct PendingTasks {
    /// Those that are there already; they come first.
    ready: Vec<Task>,
    /// Checkpoints of catalogs, if any are left.
    checkpoints: Option<Arc<PendingCheckpoints>>,
}

/// Checkpoints of two catalogs that are to be measured. Entries are told by their indices in the
/// order of the names of both.
struct PendingCheckpoints {
    catalogs: [Catalog; 2],
    /// Keys of those that are to be measured.
    to_do: Arc<HashSet<Key>>,
    /// By index, whether an entry is the last of its run.
    is_last: Vec<bool>,
    /// The largest ones that are to be measured, by size and index.
    largest: BTreeMap<(Option<u64>, Reverse<usize>), Arc<CatalogEntry>>,
    committed: Arc<CommittedRows>,
}

impl PendingTasks {
    /// Tasks, in their order.
    pub(crate) fn of(ready: Vec<Task>) -> Self {
        Self {
            ready,
            checkpoints: None,
        }
    }

    /// These tasks, and then the checkpoints of catalogs that are to be measured.
    pub(crate) fn and_checkpoints(
        self,
        catalogs: [Catalog; 2],
        to_do: HashSet<Key>,
        committed: &Arc<CommittedRows>,
    ) -> Self {
        if to_do.is_empty() {
            return self;
        }
        let [first, second] = &catalogs;
        let mut largest = BTreeMap::new();
        for (index, entry) in first.entries_with(second).enumerate() {
            if to_do.contains(&key_of(&entry.checkpoint)) {
                largest.insert((entry.location.size(), Reverse(index)), entry);
                if largest.len() > N_LARGEST {
                    largest.pop_first();
                }
            }
        }
        // Of all entries, not only of those that are left: a run's last one may be committed.
        let is_last = last_of_runs(first.entries_with(second));
        let checkpoints = PendingCheckpoints {
            catalogs,
            to_do: Arc::new(to_do),
            is_last,
            largest,
            committed: Arc::clone(committed),
        };
        Self {
            checkpoints: Some(Arc::new(checkpoints)),
            ..self
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.checkpoints.is_none()
    }

    /// Keys of the checkpoints of catalogs that are to be measured.
    pub(crate) fn keys(&self) -> Arc<HashSet<Key>> {
        let keys = self.checkpoints.as_ref().map(|c| Arc::clone(&c.to_do));
        keys.unwrap_or_default()
    }

    /// The tasks: those that were there already, then the largest checkpoints, then the others in
    /// the order of their names.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task> + Send + use<> {
        let ready = self.ready.clone().into_iter();
        let checkpoints = self.checkpoints.clone().into_iter();
        ready.chain(checkpoints.flat_map(|checkpoints| checkpoints.tasks()))
    }
}

impl PendingCheckpoints {
    fn tasks(self: Arc<Self>) -> impl Iterator<Item = Task> + Send {
        let largest: Vec<(usize, Arc<CatalogEntry>, Option<u64>)> = self
            .largest
            .iter()
            .rev()
            .map(|(&(bytes, Reverse(index)), entry)| (index, Arc::clone(entry), bytes))
            .collect();
        let are_first: HashSet<usize> = largest.iter().map(|(index, ..)| *index).collect();
        let are_all = self.to_do.len() == largest.len();
        let [first, second] = if are_all {
            [Catalog::default(), Catalog::default()]
        } else {
            self.catalogs.clone()
        };
        let others = first.entries_with(&second).enumerate();
        let others = others.filter(move |(index, _)| !are_first.contains(index));
        let others = others.map(|(index, entry)| {
            let bytes = entry.location.size();
            (index, entry, bytes)
        });
        largest
            .into_iter()
            .chain(others)
            .filter_map(move |(index, entry, bytes)| self.task(index, entry, bytes))
    }

    /// The task of an entry, if it is to be measured.
    fn task(&self, index: usize, entry: Arc<CatalogEntry>, bytes: Option<u64>) -> Option<Task> {
        let key = key_of(&entry.checkpoint);
        self.to_do.contains(&key).then(|| Task::Measure {
            missing: self.committed.missing(key),
            is_last: self.is_last[index],
            entry,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cntflow_catalog::Labels;

    use super::*;

    fn catalog(folder: &Path, names: impl Iterator<Item = usize>) -> Catalog {
        let entries = names.map(|name| CatalogEntry {
            checkpoint: format!("{name:05}"),
            location: folder.join(format!("{}", name % 7)).as_path().into(),
            run: format!("run{}", name / 2).into(),
            step: 0,
            architecture: None,
            labels: Labels::default(),
            parent: None,
            absent: None,
        });
        Catalog::new(entries.collect()).unwrap()
    }

    #[test]
    fn the_largest_come_first_and_each_that_is_left_once() {
        let folder = tempfile::tempdir().unwrap();
        for size in 0..7 {
            fs_err::write(folder.path().join(size.to_string()), vec![0; size]).unwrap();
        }
        for n in [100, 20_000] {
            let catalogs = [0, 1].map(|k| catalog(folder.path(), (0..n).filter(|i| i % 2 == k)));
            let is_left = |name: usize| !name.is_multiple_of(5);
            let to_do = (0..n).filter(|&name| is_left(name));
            let to_do: HashSet<Key> = to_do.map(|name| key_of(&format!("{name:05}"))).collect();
            let tasks = PendingTasks::of(vec![Task::Train { run: 3 }])
                .and_checkpoints(catalogs, to_do, &Arc::default())
                .tasks();
            let mut names = Vec::new();
            for (index, task) in tasks.enumerate() {
                match task {
                    Task::Train { run } => assert_eq!((index, run), (0, 3)),
                    Task::Measure { entry, is_last, .. } => {
                        let name: usize = entry.checkpoint.parse().unwrap();
                        assert_eq!(is_last, name % 2 == 1, "the last by name");
                        names.push(name);
                    }
                }
            }
            let sizes = names.iter().take(N_LARGEST).map(|name| name % 7);
            assert!(sizes.is_sorted_by(|a, b| a >= b));
            assert!(names[names.len().min(N_LARGEST)..].is_sorted());
            names.sort_unstable();
            assert!(names.into_iter().eq((0..n).filter(|&name| is_left(name))));
        }
    }
}
