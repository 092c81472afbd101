//! Results of cross-validation: a candidate's predictions or failure, the sizes of each
//! fold, and fits on all rows.

use super::figures::{Prediction, RankedPredictions};
use crate::classifier::{ClassifierKind, FitFailure, Model};
use crate::features::{FeatureSet, Preparation};
use crate::rule::Thresholds;

/// A feature set with the classifier fitted on it; [`FeatureSet::Majority`] has none.
pub(crate) type Candidate = (FeatureSet, Option<ClassifierKind>);

/// Groups and rows among the training and the test rows of one fold, without those in the middle
/// that the rule leaves out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldCounts {
    /// Index of the repeat, from 0.
    pub repeat: usize,
    /// Index of the fold within its repeat, from 0.
    pub fold: usize,
    /// Groups among the training rows.
    pub training_groups: usize,
    /// Training rows.
    pub training_rows: usize,
    /// Training rows that are high.
    pub training_high: usize,
    /// Groups among the test rows. None of them has training rows.
    pub test_groups: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Test rows that are high by the training rows' thresholds.
    pub test_high: usize,
    /// The thresholds that the rule learned from the training groups.
    pub thresholds: Thresholds,
}

/// The predictions of one candidate, or why there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct CandidateResult {
    /// One list per repeat.
    pub(crate) repeats: Vec<Vec<Prediction>>,
    /// The first failed fit and its reason. After it, no further fold is fitted.
    pub(crate) failure: Option<String>,
    /// The first remark on a fit.
    pub(crate) note: Option<String>,
    /// Number of columns that the fits used, the largest over folds.
    pub(crate) n_features: usize,
}

impl CandidateResult {
    /// The predictions of each repeat, ranked; `None` if a fit failed.
    pub(crate) fn ranked(&self) -> Option<Vec<RankedPredictions>> {
        self.failure.is_none().then(|| {
            self.repeats
                .iter()
                .cloned()
                .map(RankedPredictions::new)
                .collect()
        })
    }

    /// Remembers the first failure, with its fold.
    pub(crate) fn record_failure(&mut self, fold: FoldIndex, failure: &FitFailure) {
        let text = || {
            format!(
                "repeat {}, fold {}: {failure}",
                fold.repeat + 1,
                fold.fold + 1
            )
        };
        self.failure.get_or_insert_with(text);
    }
}

/// Which fold of which repeat, both counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoldIndex {
    pub(crate) repeat: usize,
    pub(crate) fold: usize,
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
