//! The key `protocol`: sizes and seeds of splits and intervals.

use serde::{Deserialize, Serialize};

use super::{SpecProblem, TestColumn};
use crate::error::{ExperimentError, Result};

/// How an experiment is split and judged. Every key has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocol {
    /// Share of the groups in the test set, in (0, 1): 0.3.
    pub test_share: f64,
    /// Folds of each repeat of the cross-validation among the training groups, at least 2: 5.
    pub folds: usize,
    /// Repeats of the folds, at least 1: 3.
    pub repeats: usize,
    /// Seed of splits, fits, draws and permutations: 0.
    pub seed: u64,
    /// Confidence of intervals, in (0, 1): 0.95.
    pub confidence: f64,
    /// Bootstrap draws over groups, for figures without a formula: 2,000.
    pub draws: usize,
    /// Largest difference of two AUC (R2, tau) that counts as none in the equivalence test: 0.01.
    pub margin: f64,
    /// A test set of all networks with one value of a column, in place of a drawn one. Then
    /// `test_share` has no meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestColumn>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            test_share: 0.3,
            folds: 5,
            repeats: 3,
            seed: 0,
            confidence: 0.95,
            draws: 2_000,
            margin: 0.01,
            test: None,
        }
    }
}

/// Fewest draws of a bootstrap.
const MIN_DRAWS: usize = 20;

impl Protocol {
    /// Checks every value against its range.
    pub(super) fn check(&self) -> Result<()> {
        for (key, least, found) in [
            ("protocol.folds", 2, self.folds),
            ("protocol.repeats", 1, self.repeats),
            // Quantiles of fewer draws are no interval.
            ("protocol.draws", MIN_DRAWS, self.draws),
        ] {
            if found < least {
                let problem = SpecProblem::TooSmall { least, found };
                return Err(ExperimentError::Spec { key, problem });
            }
        }
        for (key, found) in [
            ("protocol.test_share", self.test_share),
            ("protocol.confidence", self.confidence),
            ("protocol.margin", self.margin),
        ] {
            if !(found > 0.0 && found < 1.0) {
                let problem = SpecProblem::NotBetweenZeroAndOne { found };
                return Err(ExperimentError::Spec { key, problem });
            }
        }
        Ok(())
    }
}
