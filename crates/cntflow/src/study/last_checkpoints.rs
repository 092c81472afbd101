//! The last checkpoint of each run.

use std::collections::HashMap;
use std::sync::Arc;

use cntflow_catalog::CatalogEntry;
use cntflow_dataflow::{Key, key_of};

/// Where a checkpoint stands in its run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunPosition<'a> {
    /// The run.
    pub(crate) run: &'a str,
    /// Step of the checkpoint.
    pub(crate) step: i64,
    /// Name of the checkpoint.
    pub(crate) checkpoint: &'a str,
}

/// Where the checkpoint of a catalog entry stands in its run.
pub(crate) fn run_position(entry: &CatalogEntry) -> RunPosition<'_> {
    RunPosition {
        run: &entry.run,
        step: entry.step,
        checkpoint: &entry.checkpoint,
    }
}

/// The checkpoint of the highest step of each run. Whether it was or can be measured does not
/// matter: a run that diverged at its end has no earlier checkpoint in place of its last.
#[derive(Debug, Default)]
pub(crate) struct LastCheckpoints<'a> {
    /// Step and name by run.
    by_run: HashMap<&'a str, (i64, &'a str)>,
}

impl<'a> LastCheckpoints<'a> {
    /// The last of these checkpoints for each run, in whatever order they come. Of two with one
    /// step the last by name counts.
    pub(crate) fn of(checkpoints: impl IntoIterator<Item = RunPosition<'a>>) -> Self {
        let mut by_run = HashMap::new();
        for RunPosition {
            run,
            step,
            checkpoint,
        } in checkpoints
        {
            let last = by_run.entry(run).or_insert((step, checkpoint));
            *last = (step, checkpoint).max(*last);
        }
        Self { by_run }
    }

    /// Whether this is the last checkpoint of its run.
    pub(crate) fn contains(&self, position: RunPosition<'_>) -> bool {
        let last = self.by_run.get(position.run);
        last.is_some_and(|&(_, checkpoint)| checkpoint == position.checkpoint)
    }
}

/// Of entries that come sorted by name, whether each is the last checkpoint of its run. It does not
/// need all of them at once.
pub(crate) fn last_of_runs(entries: impl Iterator<Item = Arc<CatalogEntry>>) -> Vec<bool> {
    let mut is_last = Vec::new();
    let mut by_run: HashMap<Key, (i64, usize)> = HashMap::new();
    for (index, entry) in entries.enumerate() {
        is_last.push(false);
        let last = by_run
            .entry(key_of(&entry.run))
            .or_insert((entry.step, index));
        *last = (entry.step, index).max(*last);
    }
    for (_, index) in by_run.into_values() {
        is_last[index] = true;
    }
    is_last
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cntflow_catalog::Labels;

    use super::*;

    fn at<'a>(run: &'a str, step: i64, checkpoint: &'a str) -> RunPosition<'a> {
        RunPosition {
            run,
            step,
            checkpoint,
        }
    }

    #[test]
    fn the_last_checkpoint_has_the_highest_step_and_then_the_last_name() {
        let all = [
            at("r", 2, "a"),
            at("r", 10, "b"),
            at("s", 1, "d"),
            at("s", 1, "c"),
        ];
        for order in [all, [all[3], all[2], all[1], all[0]]] {
            let last = LastCheckpoints::of(order);
            assert_eq!(
                all.map(|one| last.contains(one)),
                [false, true, true, false]
            );
        }
    }

    #[test]
    fn entries_in_the_order_of_their_names_need_not_be_kept() {
        let entry = |run: &str, step, checkpoint: &str| {
            Arc::new(CatalogEntry {
                checkpoint: checkpoint.to_owned(),
                location: Path::new(checkpoint).into(),
                run: run.into(),
                step,
                architecture: None,
                labels: Labels::default(),
                parent: None,
                absent: None,
            })
        };
        let entries = [
            entry("r", 2, "a"),
            entry("r", 10, "b"),
            entry("s", 1, "c"),
            entry("s", 1, "d"),
        ];
        let positions = entries.iter().map(|entry| run_position(entry));
        let last = LastCheckpoints::of(positions.clone());
        let expected: Vec<bool> = positions.map(|one| last.contains(one)).collect();
        assert_eq!(last_of_runs(entries.iter().cloned()), expected);
        assert_eq!(expected, [false, true, false, true]);
    }
}
