//! What is printed at the end of a run.

use std::path::Path;

use cntflow_catalog::MetadataMismatch;
use cntflow_dataflow::Stop;
use serde_json::{Value, json};

use super::experiment;
use super::resume::resume_command;
use crate::analysis::population_tables::{ComparisonCounts, LeftOut};
use crate::exit::ExitStatus;
use crate::experiments::run_experiments::Experiments;
use crate::progress::duration::duration_text;
use crate::run::outcome::RunOutcome;
use crate::run::probe_gaps::ProbeGaps;
use crate::run::worker_time::WorkerTime;

/// Everything that a run has done.
pub(crate) struct RunSummary<'a> {
    /// What the study claims, if it says so.
    pub(crate) claim: Option<&'a str>,
    /// Training and measuring.
    pub(crate) outcome: &'a RunOutcome,
    /// The tables of populations, if they were written.
    pub(crate) populations: Option<&'a ComparisonCounts>,
    /// The experiments that are finished, and why others failed.
    pub(crate) experiments: &'a Experiments,
    /// The page, if it was written.
    pub(crate) report: Option<&'a Path>,
    /// Wall time in seconds.
    pub(crate) seconds: f64,
}

impl RunSummary<'_> {
    /// A line for each kind of result, the classifiers, and how the run ended.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.claim.map(claim_line));
        lines.extend(self.runs_line());
        lines.push(self.checkpoints_line());
        let reused = self.outcome.reused.iter().filter(|(_, n)| *n > 0);
        lines
            .extend(reused.map(|(folder, n)| {
                format!("reused       {n} checkpoints of {}", folder.display())
            }));
        let n_skipped_files = self.outcome.skipped_files.len();
        if n_skipped_files > 0 {
            lines.push(format!(
                "skipped      {n_skipped_files} files that are not checkpoints ('cntflow catalog' \
                 lists them)"
            ));
        }
        let metadata = self.outcome.metadata.iter();
        lines.extend(metadata.map(|mismatch| format!("labels       {mismatch}")));
        lines.extend(self.outcome.probe_gaps.as_ref().map(probe_line));
        if let Some(counts) = self.populations {
            lines.push(populations_line(counts));
            lines.extend(nulls_line(counts));
            lines.extend(left_out_line(&counts.left_out));
        }
        lines.extend(times_line(&self.outcome.times));
        let tables = self.outcome.folder.path().join("tables");
        lines.push(format!("tables       {}", tables.display()));
        let report = self.report.iter();
        lines.extend(report.map(|path| format!("report       {}", path.display())));
        for result in &self.experiments.results {
            lines.push(format!("\n{}", experiment::text(result)));
        }
        lines.push(format!("\n{}", self.last_line()));
        lines.join("\n")
    }

    /// The exit status of the command.
    pub(crate) fn status(&self) -> ExitStatus {
        if self.experiments.errors.is_empty() {
            self.outcome.status()
        } else {
            ExitStatus::Failed
        }
    }

    /// Runs that were trained; `None` if there are none.
    fn runs_line(&self) -> Option<String> {
        let (new, earlier) = (self.outcome.new, self.outcome.earlier);
        let n_done = new.n_runs() + earlier.n_runs;
        (n_done > 0).then(|| {
            format!(
                "runs         {n_done} done: {} by earlier runs of this command, {} now ({} diverged, \
                 {} failed)",
                earlier.n_runs,
                new.n_runs(),
                new.diverged,
                new.train_failed
            )
        })
    }

    fn checkpoints_line(&self) -> String {
        let totals = self.outcome.totals;
        format!(
            "checkpoints  {} done: {} by earlier runs of this command, {} now; {} ok, {} failed, \
             {} skipped",
            totals.total(),
            self.outcome.earlier.n_checkpoints,
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
            format!("stopped after {time}; to go on: {}", resume_command())
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
        let earlier = self.outcome.earlier;
        json!({
            "claim": self.claim,
            "folder": self.outcome.folder.path(),
            "complete": self.outcome.is_complete,
            "runs": {
                "resumed": earlier.n_runs,
                "trained": new.trained,
                "diverged": new.diverged,
                "failed": new.train_failed,
            },
            "checkpoints": {
                "done": totals.total(),
                "resumed": earlier.n_checkpoints,
                "reused": self.outcome.reused.iter().map(|(_, n)| n).sum::<usize>(),
                "new": new.n_checkpoints(),
                "ok": totals.ok,
                "failed": totals.failed,
                "skipped": totals.skipped,
                "passed_over": self.outcome.skipped_files.len(),
            },
            "metadata": metadata_json(self.outcome.metadata.as_ref()),
            "probe_gaps": self.outcome.probe_gaps.as_ref().map(|gaps| json!({
                "networks": gaps.n_networks,
                "in_part": gaps.n_in_part,
                "none": gaps.n_without,
                "reason": gaps.reason,
            })),
            "populations": self.populations.map(populations_json),
            "experiments": self.experiments.results.iter().map(experiment::json).collect::<Vec<_>>(),
            "failed_experiments": self.experiments.error_texts(),
            "report": self.report,
            "seconds": self.seconds,
            "workers": self.outcome.times,
            "exit_code": self.status().code(),
        })
    }
}

/// What of a table of labels does not fit the checkpoints, as JSON.
pub(crate) fn metadata_json(mismatch: Option<&MetadataMismatch>) -> Value {
    let Some(mismatch) = mismatch else {
        return Value::Null;
    };
    json!({
        "file": mismatch.path,
        "rows_without_checkpoint": mismatch.rows.len(),
        "first": mismatch.rows.first(),
        "checkpoints_without_row": mismatch.entries_without_row,
    })
}

/// How many networks lack results over the probe, and why most of them do.
fn probe_line(gaps: &ProbeGaps) -> String {
    format!(
        "probe        of {} networks, {} have results over the probe for a part of their layers, and \
         {} have none; most often: {}",
        gaps.n_networks, gaps.n_in_part, gaps.n_without, gaps.reason
    )
}

/// Shorter runs say nothing of where their time went, in seconds of all workers.
const LEAST_TIME: f64 = 10.0;

/// Where the time of the workers went; `None` after a short run.
fn times_line(times: &[WorkerTime]) -> Option<String> {
    let sum = |of: fn(&WorkerTime) -> f64| times.iter().map(of).sum::<f64>();
    let parts = [
        sum(|time| time.tasks),
        sum(|time| time.saves),
        sum(|time| time.waits),
    ];
    let total: f64 = parts.iter().sum();
    if total < LEAST_TIME {
        return None;
    }
    let [tasks, saves, waits] = parts.map(|part| 100.0 * part / total);
    let n = times.len();
    let mut line = format!(
        "workers      {n}: {tasks:.0}% of the time at work, {saves:.0}% saving, {waits:.0}% waiting \
         for tasks"
    );
    let idle = times.iter().max_by(|a, b| a.waits.total_cmp(&b.waits));
    // One that waited for a tenth of all time is worth a look.
    if let Some(idle) = idle.filter(|idle| n > 1 && idle.waits > total / n as f64 / 10.0) {
        line.push_str(&format!(
            "; worker {} of process {} waited longest, {}",
            idle.worker,
            idle.process,
            duration_text(idle.waits)
        ));
    }
    Some(line)
}

/// What a run on the tables of another folder has done.
pub(crate) struct ExperimentsSummary<'a> {
    /// What the study claims, if it says so.
    pub(crate) claim: Option<&'a str>,
    /// The folder of the tables.
    pub(crate) tables: &'a Path,
    /// The folder of the results.
    pub(crate) folder: &'a Path,
    /// The experiments that are finished, and why others failed.
    pub(crate) experiments: &'a Experiments,
    /// Set when the user interrupts the program.
    pub(crate) stop: &'a Stop,
    /// Wall time in seconds.
    pub(crate) seconds: f64,
}

impl ExperimentsSummary<'_> {
    /// The folders, then each experiment.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<String> = self.claim.map(claim_line).into_iter().collect();
        lines.push(format!("tables       {}", self.tables.display()));
        lines.push(format!("results      {}", self.folder.display()));
        for result in &self.experiments.results {
            lines.push(format!("\n{}", experiment::text(result)));
        }
        let time = duration_text(self.seconds);
        lines.push(if self.experiments.is_stopped {
            format!("\nstopped after {time}; to go on: {}", resume_command())
        } else {
            format!("\ndone in {time}")
        });
        lines.join("\n")
    }

    /// The exit status of the command.
    pub(crate) fn status(&self) -> ExitStatus {
        self.experiments.status(self.stop)
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "claim": self.claim,
            "tables": self.tables,
            "folder": self.folder,
            "complete": !self.experiments.is_stopped,
            "experiments": self.experiments.results.iter().map(experiment::json).collect::<Vec<_>>(),
            "failed_experiments": self.experiments.error_texts(),
            "seconds": self.seconds,
            "exit_code": self.status().code(),
        })
    }
}

fn claim_line(claim: &str) -> String {
    format!("claim        {claim}")
}

fn populations_line(counts: &ComparisonCounts) -> String {
    format!(
        "populations  {} (bin, layer, metric) in {} groups, {} pairs compared; {} networks of {} runs",
        counts.n_populations, counts.n_groups, counts.n_pairs, counts.n_networks, counts.n_runs
    )
}

/// How many pairs differ by more than chance; `None` if nothing was compared.
fn nulls_line(counts: &ComparisonCounts) -> Option<String> {
    let tests = counts.tests;
    if tests.n_tested == 0 {
        return (counts.n_pairs > 0)
            .then(|| "nulls        none: column 'null_reason' of divergences says why".to_owned());
    }
    Some(format!(
        "nulls        {} of {} pairs differ more than permuted networks do (p < .05, \
         Benjamini-Hochberg), {} of {} more than 95% of random halves",
        tests.n_different, tests.n_tested, tests.n_above_halves, tests.n_with_halves
    ))
}

/// What is in no population; `None` if nothing was left out.
fn left_out_line(left_out: &LeftOut) -> Option<String> {
    let mut parts = Vec::new();
    if left_out.n_bins > 0 {
        parts.push(format!(
            "{} bins with fewer than {} runs, holding {} networks",
            left_out.n_bins, left_out.min_runs, left_out.n_networks
        ));
    }
    let others = [
        (left_out.n_earlier, "earlier checkpoints"),
        (
            left_out.n_runs_not_measured,
            "runs whose last checkpoint failed or diverged",
        ),
        (left_out.n_without_label, "networks without the label"),
        (left_out.n_without_values, "networks without stored values"),
    ];
    let others = others.into_iter().filter(|&(n, _)| n > 0);
    parts.extend(others.map(|(n, what)| format!("{n} {what}")));
    (!parts.is_empty()).then(|| format!("left out     {}", parts.join("; ")))
}

/// The counts as JSON.
pub(crate) fn populations_json(counts: &ComparisonCounts) -> Value {
    let left_out = &counts.left_out;
    json!({
        "groups": counts.n_groups,
        "populations": counts.n_populations,
        "pairs": counts.n_pairs,
        "pairs_from_before": counts.n_from_before,
        "pairs_tested": counts.tests.n_tested,
        "pairs_different": counts.tests.n_different,
        "pairs_with_halves": counts.tests.n_with_halves,
        "pairs_above_halves": counts.tests.n_above_halves,
        "networks": counts.n_networks,
        "runs": counts.n_runs,
        "without_label": left_out.n_without_label,
        "left_out": {
            "min_runs": left_out.min_runs,
            "bins": left_out.n_bins,
            "networks_in_bins": left_out.n_networks,
            "earlier_checkpoints": left_out.n_earlier,
            "runs_not_measured": left_out.n_runs_not_measured,
            "without_values": left_out.n_without_values,
        },
    })
}
