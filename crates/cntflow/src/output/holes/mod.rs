//! What `cntflow catalog --holes` prints: which steps the runs of a catalog have and lack.

mod group_text;
mod step_text;

use std::collections::BTreeMap;

use cntflow_catalog::{Catalog, Gap, GroupSteps, Holes, HolesSummary, RunHoles};
use serde_json::{Value, json};

use group_text::ShownGroup;
use step_text::counted;

/// Most groups with holes that are shown as text.
const MOST_GROUPS: usize = 10;

/// The holes of a catalog.
pub(crate) struct HolesListing {
    pub(crate) catalog: Catalog,
    pub(crate) holes: Holes,
    /// Number of files that became no entries.
    pub(crate) n_skipped: usize,
    /// Whether every checkpoint was opened.
    pub(crate) opened: bool,
}

impl HolesListing {
    /// Counts first, then each group with holes and its runs; the middle of long lists is left
    /// out.
    pub(crate) fn text(&self) -> String {
        let mut text = self.summary_text();
        let with_holes = |group: &GroupSteps| group.n_complete < group.n_runs;
        let groups = self.holes.groups();
        let incomplete: Vec<usize> = (0..groups.len())
            .filter(|index| with_holes(&groups[*index]))
            .collect();
        let n_hidden = incomplete.len().saturating_sub(MOST_GROUPS);
        let mut shown: BTreeMap<usize, ShownGroup> = incomplete
            .iter()
            .enumerate()
            .filter(|(place, _)| !is_in_the_middle(*place, n_hidden, MOST_GROUPS))
            .map(|(_, index)| (*index, ShownGroup::default()))
            .collect();
        for run in self.holes.runs_with_holes(&self.catalog) {
            if let Some(group) = shown.get_mut(&run.group) {
                group.push(run);
            }
        }
        for (place, (index, runs)) in shown.iter().enumerate() {
            if n_hidden > 0 && place == MOST_GROUPS / 2 {
                text.push_str(&format!(
                    "\n\n... {} with holes ...",
                    counted(n_hidden, "more group")
                ));
            }
            text.push_str("\n\n");
            text.push_str(&runs.text(&groups[*index]));
        }
        if !shown.is_empty() {
            text.push_str(&format!("\n\n{}", group_text::LEGEND));
        }
        text
    }

    fn summary_text(&self) -> String {
        let HolesSummary {
            groups,
            runs,
            complete,
            ending_early,
            steps,
            missing,
            unreadable,
            without_weights,
            repeated,
            without_run,
        } = *self.holes.summary();
        let mut lines = vec![
            format!(
                "{} in {}: {complete} without holes, {} with holes",
                counted(runs, "run"),
                counted(groups, "group"),
                runs - complete
            ),
            format!(
                "steps: {steps} are there, {missing} are missing; runs that end early: {ending_early}"
            ),
        ];
        if unreadable + without_weights > 0 {
            lines.push(format!(
                "of the steps that are there, {unreadable} cannot be read, {without_weights} have no weights"
            ));
        }
        if repeated > 0 {
            lines.push(format!(
                "{} with the run and the step of another one",
                counted(repeated, "checkpoint")
            ));
        }
        if without_run > 0 {
            lines.push(format!(
                "{} of no known run; a catalog or --run COLUMN says it",
                counted(without_run, "checkpoint")
            ));
        }
        if !self.opened {
            lines
                .push("no checkpoint was opened; --open finds those that are cut short".to_owned());
        }
        if self.n_skipped > 0 {
            lines.push(format!(
                "{} skipped; without --holes they are listed",
                counted(self.n_skipped, "file")
            ));
        }
        lines.join("\n")
    }

    /// A document for the whole, one for each group, and one for each run with holes.
    pub(crate) fn json_lines(&self) -> impl Iterator<Item = Value> + '_ {
        let groups = self.holes.groups();
        let runs = self.holes.runs_with_holes(&self.catalog);
        let runs = runs.map(move |run| run_json(&run, &groups[run.group].name));
        std::iter::once(self.summary_json())
            .chain(groups.iter().map(group_json))
            .chain(runs)
    }

    fn summary_json(&self) -> Value {
        let summary = self.holes.summary();
        json!({
            "kind": "summary",
            "groups": summary.groups,
            "runs": summary.runs,
            "complete": summary.complete,
            "ending_early": summary.ending_early,
            "steps": summary.steps,
            "missing": summary.missing,
            "unreadable": summary.unreadable,
            "without_weights": summary.without_weights,
            "repeated": summary.repeated,
            "without_run": summary.without_run,
            "opened": self.opened,
            "passed_over": self.n_skipped,
        })
    }
}

/// Whether a place of a list is left out, if `n_hidden` of its middle are and `most` are shown.
fn is_in_the_middle(place: usize, n_hidden: usize, most: usize) -> bool {
    (most / 2..most / 2 + n_hidden).contains(&place)
}

fn group_json(group: &GroupSteps) -> Value {
    let steps = group.expected.iter();
    let steps = steps.map(|step| json!({"step": step.step, "runs": step.n_runs}));
    json!({
        "kind": "group",
        "group": group.name,
        "runs": group.n_runs,
        "complete": group.n_complete,
        "expected": steps.collect::<Vec<_>>(),
        "rare_steps": group.n_rare,
    })
}

fn run_json(run: &RunHoles, group: &str) -> Value {
    json!({
        "kind": "run",
        "group": group,
        "run": run.run,
        "steps": run.n_steps,
        "first": run.first,
        "last": run.last,
        "ends_early": run.ends_early,
        "n_missing": run.n_missing,
        "missing": run.missing,
        "gaps": run.gaps.iter().map(gap_json).collect::<Vec<_>>(),
        "unreadable": run.unreadable,
        "without_weights": run.without_weights,
    })
}

fn gap_json(gap: &Gap) -> Value {
    json!({"after": gap.after, "before": gap.before, "spacing": gap.spacing})
}
