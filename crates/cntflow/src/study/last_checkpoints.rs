//! The last checkpoint of each run.

use std::collections::HashMap;

use cntflow_catalog::CatalogEntry;

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

#[cfg(test)]
mod tests {
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
}
