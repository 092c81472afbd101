//! The holes of one run.

use arcstr::ArcStr;

use super::grid::StepCount;
use super::spacing::{Gap, gaps};
use super::steps::{RunStep, StepState};

/// What a run has of a step that is expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepMark {
    /// A checkpoint.
    Present,
    /// Nothing.
    Missing,
    /// A checkpoint that cannot be read.
    Unreadable,
    /// The reason why there are no weights.
    WithoutWeights,
}

/// A run with its holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHoles {
    /// Its name.
    pub run: ArcStr,
    /// Index of its group.
    pub group: usize,
    /// Number of its steps that are there, readable or not.
    pub n_steps: usize,
    /// Its first step.
    pub first: i64,
    /// Its last step.
    pub last: i64,
    /// Whether steps that are expected after its last one are missing.
    pub ends_early: bool,
    /// What it has of each step that is expected in its group.
    pub marks: Vec<StepMark>,
    /// Steps that are expected in its group and missing.
    pub missing: Vec<i64>,
    /// Steps that its own spacing leaves out.
    pub gaps: Vec<Gap>,
    /// Number of all missing steps.
    pub n_missing: u64,
    /// Steps that are there and cannot be read.
    pub unreadable: Vec<i64>,
    /// Steps that the catalog has without weights.
    pub without_weights: Vec<i64>,
}

impl RunHoles {
    /// Compares the steps of a run, sorted, with those that are expected.
    pub(super) fn of(
        run: ArcStr,
        group: usize,
        of_run: &[RunStep],
        expected: &[StepCount],
    ) -> Self {
        let steps: Vec<i64> = of_run.iter().map(|step| step.step).collect();
        let in_state = |state| {
            let steps = of_run.iter().filter(move |step| step.state == state);
            steps.map(|step| step.step).collect::<Vec<i64>>()
        };
        let marks: Vec<StepMark> = expected
            .iter()
            .map(|step| mark(of_run, step.step))
            .collect();
        let marked = marks.iter().zip(expected);
        let missing = marked.filter(|(mark, _)| **mark == StepMark::Missing);
        let missing: Vec<i64> = missing.map(|(_, step)| step.step).collect();
        let gaps = gaps(&steps);
        let last = steps.last().copied().unwrap_or_default();
        Self {
            run,
            group,
            n_steps: steps.len(),
            first: steps.first().copied().unwrap_or_default(),
            last,
            ends_early: missing.last().is_some_and(|missing| *missing > last),
            n_missing: count_missing(&missing, &gaps),
            marks,
            missing,
            gaps,
            unreadable: in_state(StepState::Unreadable),
            without_weights: in_state(StepState::WithoutWeights),
        }
    }

    /// Whether every expected step is there, and can be read.
    pub(super) fn is_complete(&self) -> bool {
        self.n_missing == 0 && self.unreadable.is_empty() && self.without_weights.is_empty()
    }
}

/// What the sorted steps of a run have of one step.
fn mark(of_run: &[RunStep], step: i64) -> StepMark {
    match of_run.binary_search_by_key(&step, |step| step.step) {
        Err(_) => StepMark::Missing,
        Ok(index) => match of_run[index].state {
            StepState::Present => StepMark::Present,
            StepState::Unreadable => StepMark::Unreadable,
            StepState::WithoutWeights => StepMark::WithoutWeights,
        },
    }
}

/// Number of missing steps: a step that both the group and the own spacing miss counts once.
fn count_missing(missing: &[i64], gaps: &[Gap]) -> u64 {
    let outside_gaps = |step: &&i64| !gaps.iter().any(|gap| gap.misses(**step));
    let n_outside = missing.iter().filter(outside_gaps).count() as u64;
    let n_in_gaps = gaps.iter().map(Gap::n_missing);
    n_in_gaps.fold(n_outside, u64::saturating_add)
}
