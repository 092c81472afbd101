//! One group of runs as text: the steps that are expected, then the runs that lack some.

use std::collections::VecDeque;

use cntflow_catalog::{Gap, GroupSteps, RunHoles, StepMark};

use super::step_text::{counted, elided, steps_text};
use crate::printer;

/// Most runs of a group that are shown.
const MOST_RUNS: usize = 12;

/// Most pieces of a list of steps.
const MOST_PIECES: usize = 6;

/// Most characters of a run's name, and of its row of steps.
const NAME_WIDTH: usize = 36;
const ROW_WIDTH: usize = 32;

/// What the characters of a row of steps mean.
pub(super) const LEGEND: &str =
    "expected steps from the first to the last, several to a character if there are many:
# there   . missing   + some of several missing   ! cannot be read   - has no weights";

/// The runs of a group that are shown: the first ones and the last ones with holes.
#[derive(Default)]
pub(super) struct ShownGroup {
    first: Vec<RunHoles>,
    last: VecDeque<RunHoles>,
    n_hidden: usize,
}

impl ShownGroup {
    pub(super) fn push(&mut self, run: RunHoles) {
        if self.first.len() < MOST_RUNS / 2 {
            self.first.push(run);
            return;
        }
        self.last.push_back(run);
        if self.last.len() > MOST_RUNS / 2 {
            self.last.pop_front();
            self.n_hidden += 1;
        }
    }

    pub(super) fn text(&self, group: &GroupSteps) -> String {
        let mut rows: Vec<Vec<String>> = self.first.iter().map(row).collect();
        if self.n_hidden > 0 {
            let more = counted(self.n_hidden, "more run");
            rows.push(vec![format!("... {more} ...")]);
        }
        rows.extend(self.last.iter().map(row));
        let header = ["run", "steps", "last", "missing", "expected steps", "which"];
        let mut text = heading(group);
        for line in printer::table(header, rows).lines() {
            text.push_str(&format!("\n {line}"));
        }
        text
    }
}

/// The name of a group, and which steps its runs have.
fn heading(group: &GroupSteps) -> String {
    let name = if group.name.is_empty() {
        "runs without a folder"
    } else {
        &group.name
    };
    let steps: Vec<i64> = group.expected.iter().map(|step| step.step).collect();
    let mut text = format!(
        "{name}: {}, {} without holes\n  expected, {}: {}",
        counted(group.n_runs, "run"),
        group.n_complete,
        counted(steps.len(), "step"),
        steps_text(&steps, MOST_PIECES)
    );
    let partly = group.expected.iter();
    let partly = partly.filter(|step| step.n_runs < group.n_runs);
    let partly: Vec<String> = partly
        .map(|step| format!("{} ({} of {})", step.step, step.n_runs, group.n_runs))
        .collect();
    if !partly.is_empty() {
        let n_steps = partly.len();
        let which = elided(partly, MOST_PIECES);
        text.push_str(&format!("\n  not in all runs, {n_steps} of them: {which}"));
    }
    if group.n_rare > 0 {
        text.push_str(&format!(
            "\n  in fewer than half of the runs: {}",
            counted(group.n_rare, "other step")
        ));
    }
    text
}

fn row(run: &RunHoles) -> Vec<String> {
    vec![
        shortened(&run.run),
        run.n_steps.to_string(),
        run.last.to_string(),
        run.n_missing.to_string(),
        marks_text(&run.marks),
        which_text(run),
    ]
}

/// A name that is cut in its middle if it is long.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= NAME_WIDTH {
        return name.to_owned();
    }
    let end = NAME_WIDTH * 2 / 3;
    let start: String = characters[..NAME_WIDTH - end - 3].iter().collect();
    let end: String = characters[characters.len() - end..].iter().collect();
    format!("{start}...{end}")
}

/// A character for each step, or for each few of them.
fn marks_text(marks: &[StepMark]) -> String {
    let in_each = marks.len().div_ceil(ROW_WIDTH).max(1);
    marks.chunks(in_each).map(mark_of).collect()
}

fn mark_of(marks: &[StepMark]) -> char {
    let all = |mark| marks.iter().all(|each| *each == mark);
    if marks.contains(&StepMark::Unreadable) {
        '!'
    } else if marks.contains(&StepMark::WithoutWeights) {
        '-'
    } else if all(StepMark::Present) {
        '#'
    } else if all(StepMark::Missing) {
        '.'
    } else {
        '+'
    }
}

/// Which steps a run lacks.
fn which_text(run: &RunHoles) -> String {
    let mut parts = Vec::new();
    if !run.missing.is_empty() {
        parts.push(steps_text(&run.missing, MOST_PIECES));
    }
    // What the group misses as well is listed already.
    let gaps = run.gaps.iter().filter(|gap| {
        let listed = run.missing.iter().filter(|step| gap.misses(**step));
        gap.n_missing() > listed.count() as u64
    });
    let gaps: Vec<String> = gaps.map(gap_text).collect();
    if !gaps.is_empty() {
        parts.push(format!("left out: {}", elided(gaps, MOST_PIECES)));
    }
    if run.ends_early {
        parts.push("ends early".to_owned());
    }
    for (steps, what) in [
        (&run.unreadable, "unreadable"),
        (&run.without_weights, "no weights"),
    ] {
        if !steps.is_empty() {
            parts.push(format!("{what}: {}", steps_text(steps, MOST_PIECES)));
        }
    }
    parts.join("; ")
}

/// The steps that a gap of a run's own spacing leaves out.
fn gap_text(gap: &Gap) -> String {
    match (gap.ends(), gap.spacing) {
        ((first, last), _) if first == last => first.to_string(),
        ((first, last), 1) => format!("{first} to {last}"),
        ((first, last), spacing) => format!("{first} to {last} by {spacing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_steps_share_characters_and_a_broken_one_is_seen() {
        use StepMark::{Missing, Present, Unreadable, WithoutWeights};
        assert_eq!(
            marks_text(&[Present, Missing, Unreadable, WithoutWeights]),
            "#.!-"
        );
        let mut marks = vec![Present; 143];
        marks[7] = Missing;
        marks[140] = Unreadable;
        let text = marks_text(&marks);
        assert_eq!(text, format!("#+{}!", "#".repeat(26)));
        assert!(text.len() <= ROW_WIDTH);
    }

    #[test]
    fn long_names_are_cut_in_the_middle() {
        let name = format!("/data/{}/run-00017", "x".repeat(80));
        let text = shortened(&name);
        assert_eq!(text.chars().count(), NAME_WIDTH);
        assert!(text.starts_with("/data/") && text.ends_with("/run-00017"));
        assert_eq!(shortened("zoo/run-1"), "zoo/run-1");
    }
}
