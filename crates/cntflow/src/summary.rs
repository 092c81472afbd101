//! What is told at the end of a run.

use serde_json::{Value, json};

use crate::pipeline::Carried;
use crate::populations::PopulationsMade;
use crate::progress::duration;
use crate::results::Discriminated;

/// The end of a run for the eye.
pub(crate) fn text(carried: &Carried, discriminated: Option<&Discriminated>) -> String {
    let (new, totals) = (carried.new, carried.totals);
    let mut lines = Vec::new();
    let new_runs = new.trained + new.diverged + new.train_failed;
    if new_runs + carried.resumed.runs > 0 {
        lines.push(format!(
            "runs         {} done: {} resumed, {new_runs} new ({} diverged, {} failed)",
            new_runs + carried.resumed.runs,
            carried.resumed.runs,
            new.diverged,
            new.train_failed
        ));
    }
    lines.push(format!(
        "checkpoints  {} done: {} resumed, {} new; {} ok, {} failed, {} skipped",
        totals.ok + totals.failed + totals.skipped,
        carried.resumed.checkpoints,
        new.measured + new.failed + new.skipped,
        totals.ok,
        totals.failed,
        totals.skipped
    ));
    if !carried.passed_over.is_empty() {
        lines.push(format!(
            "passed over  {} files that are no checkpoints ('cntflow catalog' lists them)",
            carried.passed_over.len()
        ));
    }
    lines.extend(carried.populations.as_ref().map(PopulationsMade::text));
    lines.push(format!(
        "tables       {}",
        carried.folder.path().join("tables").display()
    ));
    if let Some(discriminated) = discriminated {
        lines.push(format!("\n{}", discriminated.text()));
    }
    lines.push(format!("\n{}", ending(carried)));
    lines.join("\n")
}

fn ending(carried: &Carried) -> String {
    let time = duration(carried.seconds);
    match (carried.complete, carried.totals.failed) {
        (false, _) => format!("stopped after {time}; the same command goes on from here"),
        (true, 0) => format!("done in {time}"),
        (true, failed) => format!(
            "done in {time}, but {failed} failed; why: cntflow query {} \"SELECT checkpoint, reason FROM networks WHERE status = \
             'failed'\"; once they are mended, --retry-failed measures them again",
            carried.folder.path().display()
        ),
    }
}

/// The end of a run for machines.
pub(crate) fn json(carried: &Carried, discriminated: Option<&Discriminated>) -> Value {
    let (new, totals) = (carried.new, carried.totals);
    json!({
        "folder": carried.folder.path(),
        "complete": carried.complete,
        "runs": {
            "resumed": carried.resumed.runs,
            "trained": new.trained,
            "diverged": new.diverged,
            "failed": new.train_failed,
        },
        "checkpoints": {
            "done": totals.ok + totals.failed + totals.skipped,
            "resumed": carried.resumed.checkpoints,
            "new": new.measured + new.failed + new.skipped,
            "ok": totals.ok,
            "failed": totals.failed,
            "skipped": totals.skipped,
            "passed_over": carried.passed_over.len(),
        },
        "populations": carried.populations.as_ref().map(PopulationsMade::json),
        "discrimination": discriminated.map(Discriminated::json),
        "seconds": carried.seconds,
        "exit_code": carried.status().code(),
    })
}
