//! What cross-validation hands on: predictions or failures, both sides of every fold, and fits on all rows.

use super::scores::{Prediction, Ranked};
use crate::classifier::{ClassifierKind, Model};
use crate::prepare::Preparation;
use crate::rule::Thresholds;
use crate::sets::FeatureSet;

/// One line of the comparison: a feature set and what is fitted on it (nothing on [`FeatureSet::Majority`]).
pub(crate) type Candidate = (FeatureSet, Option<ClassifierKind>);

/// The groups and rows on the two sides of one fold, after the rule left out its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldCounts {
    /// The repeat, from 0.
    pub repeat: usize,
    /// The fold within its repeat, from 0.
    pub fold: usize,
    /// Groups among the training rows.
    pub training_groups: usize,
    /// Training rows.
    pub training_rows: usize,
    /// Training rows that are high.
    pub training_high: usize,
    /// Groups among the test rows; none of them is among the training rows' groups.
    pub test_groups: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Test rows that are high by the training rows' thresholds.
    pub test_high: usize,
    /// What the rule learned from the training groups.
    pub thresholds: Thresholds,
}

/// What came of a candidate: its predictions, one list per repeat, or why there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct CandidateResult {
    pub(crate) repeats: Vec<Vec<Prediction>>,
    pub(crate) failure: Option<String>,
    pub(crate) note: Option<String>,
    /// Columns kept, at most over folds.
    pub(crate) features: usize,
}

impl CandidateResult {
    /// The predictions of each repeat, ranked; `None` for a candidate that failed.
    pub(crate) fn ranked(&self) -> Option<Vec<Ranked>> {
        self.failure
            .is_none()
            .then(|| self.repeats.iter().cloned().map(Ranked::new).collect())
    }

    /// Remembers the first failure and its place.
    pub(crate) fn fail(&mut self, repeat: usize, fold: usize, reason: &str) {
        let place = || format!("repeat {}, fold {}: {reason}", repeat + 1, fold + 1);
        self.failure.get_or_insert_with(place);
    }
}

/// A classifier fitted on all rows that have a class.
pub(crate) struct FinalFit {
    pub(crate) preparation: Preparation,
    pub(crate) thresholds: Thresholds,
    pub(crate) model: Model,
    pub(crate) n_rows: usize,
    pub(crate) n_groups: usize,
    pub(crate) n_high: usize,
}
