//! What is printed at the end of a run.

use serde_json::{Value, json};

use super::experiment;
use crate::analysis::population_tables::PopulationCounts;
use crate::progress::duration::duration_text;
use crate::experiments::result::ExperimentResult;
use crate::run::outcome::RunOutcome;

/// Everything that a run has done.
pub(crate) struct RunSummary<'a> {
    /// Training and measuring.
    pub(crate) outcome: &'a RunOutcome,
    /// The tables of populations, if they were written.
    pub(crate) populations: Option<&'a PopulationCounts>,
    /// The experiments that are finished.
    pub(crate) experiments: &'a [ExperimentResult],
    /// Wall time in seconds.
    pub(crate) seconds: f64,
}

impl RunSummary<'_> {
    /// A line for each kind of result, the classifiers, and how the run ended.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.runs_line());
        lines.push(self.checkpoints_line());
        let n_skipped_files = self.outcome.skipped_files.len();
        if n_skipped_files > 0 {
            lines.push(format!(
                "skipped      {n_skipped_files} files that are not checkpoints ('cntflow catalog' \
                 lists them)"
            ));
        }
        lines.extend(self.populations.map(populations_line));
        let tables = self.outcome.folder.path().join("tables");
        lines.push(format!("tables       {}", tables.display()));
        for result in self.experiments {
            lines.push(format!("\n{}", experiment::text(result)));
        }
        lines.push(format!("\n{}", self.last_line()));
        lines.join("\n")
    }

    /// Runs that were trained; `None` if there are none.
    fn runs_line(&self) -> Option<String> {
        let (new, resumed) = (self.outcome.new, self.outcome.resumed);
        let n_done = new.n_runs() + resumed.n_runs;
        (n_done > 0).then(|| {
            format!(
                "runs         {n_done} done: {} resumed, {} new ({} diverged, {} failed)",
                resumed.n_runs,
                new.n_runs(),
                new.diverged,
                new.train_failed
            )
        })
    }

    fn checkpoints_line(&self) -> String {
        let totals = self.outcome.totals;
        format!(
            "checkpoints  {} done: {} resumed, {} new; {} ok, {} failed, {} skipped",
            totals.total(),
            self.outcome.resumed.n_checkpoints,
            self.outcome.new.n_checkpoints(),
            totals.ok,
            totals.failed,
            totals.skipped
        )
    }

    /// How the run ended, and what the user can do next.
    fn last_line(&self) -> String {
        let time = duration_text(self.seconds);
        let n_failed = self.outcome.totals.failed;
        if !self.outcome.is_complete {
            format!("stopped after {time}; run the same command again to resume")
        } else if n_failed == 0 {
            format!("done in {time}")
        } else {
            format!(
                "done in {time}, but {n_failed} failed; for the reasons: cntflow query {} \"SELECT \
                 checkpoint, reason FROM networks WHERE status = 'failed'\"; --retry-failed \
                 measures them again",
                self.outcome.folder.path().display()
            )
        }
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let (new, totals) = (self.outcome.new, self.outcome.totals);
        let resumed = self.outcome.resumed;
        json!({
            "folder": self.outcome.folder.path(),
            "complete": self.outcome.is_complete,
            "runs": {
                "resumed": resumed.n_runs,
                "trained": new.trained,
                "diverged": new.diverged,
                "failed": new.train_failed,
            },
            "checkpoints": {
                "done": totals.total(),
                "resumed": resumed.n_checkpoints,
                "new": new.n_checkpoints(),
                "ok": totals.ok,
                "failed": totals.failed,
                "skipped": totals.skipped,
                "passed_over": self.outcome.skipped_files.len(),
            },
            "populations": self.populations.map(populations_json),
            "experiments": self.experiments.iter().map(experiment::json).collect::<Vec<_>>(),
            "seconds": self.seconds,
            "exit_code": self.outcome.status().code(),
        })
    }
}

fn populations_line(counts: &PopulationCounts) -> String {
    format!(
        "populations  {} in {} groups (shape, layer, metric), {} pairs compared; {} networks in \
         bins, {} without the label left out",
        counts.n_populations,
        counts.n_groups,
        counts.n_pairs,
        counts.n_networks,
        counts.n_without_label
    )
}

fn populations_json(counts: &PopulationCounts) -> Value {
    json!({
        "groups": counts.n_groups,
        "populations": counts.n_populations,
        "pairs": counts.n_pairs,
        "networks": counts.n_networks,
        "without_label": counts.n_without_label,
    })
}
