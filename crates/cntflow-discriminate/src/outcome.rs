//! What a discrimination came to.

use crate::classifier::ClassifierKind;
use crate::evaluation::bootstrap::Estimate;
use crate::evaluation::compare::Verdict;
use crate::evaluation::control::PermutationControl;
use crate::evaluation::results::FoldCounts;
use crate::evaluation::scores::Confusion;
use crate::population::PopulationCounts;
use crate::rule::{Rule, Thresholds};
use crate::sets::FeatureSet;
use crate::spec::DiscriminateSpec;
use crate::trained::TrainedClassifier;

/// One feature set and classifier in one stratum.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// The feature set.
    pub features: FeatureSet,
    /// The classifier; none on [`FeatureSet::Majority`].
    pub classifier: Option<ClassifierKind>,
    /// `all`, or `column=value`.
    pub stratum: String,
    /// Why there are no figures; none if there are. One failed fit in any fold fails all rows of its classifier and set.
    pub failure: Option<String>,
    /// What is to be said about the fits, such as training rows left out by a cap.
    pub note: Option<String>,
    /// Columns that the fits used, the most over folds.
    pub n_features: usize,
    /// Networks of the stratum that were predicted in at least one repeat.
    pub n_networks: usize,
    /// Groups among them.
    pub n_groups: usize,
    /// Mean over repeats of the numbers of predictions.
    pub confusion: Confusion,
    /// Share of right predictions.
    pub accuracy: Estimate,
    /// Mean of the classes' shares of right predictions.
    pub balanced_accuracy: Estimate,
    /// Matthews' correlation coefficient.
    pub matthews: Estimate,
    /// Area under the ROC curve.
    pub auc: Estimate,
    /// Whether it is the lowest AUC among this set's and classifier's strata of at least [`LEAST_STRATUM_GROUPS`] groups.
    pub is_worst_stratum: bool,
}

/// Groups a stratum needs to be called the worst, is 20.
pub const LEAST_STRATUM_GROUPS: usize = 20;

/// What one rule came to.
#[derive(Clone, Debug)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: Rule,
    /// What the rule gives on all usable networks; each fold learned its own, see [`RuleOutcome::folds`].
    pub thresholds: Thresholds,
    /// Usable networks that are low, high, and in the middle that the rule leaves out, by these thresholds.
    pub n_low: usize,
    /// See [`RuleOutcome::n_low`].
    pub n_high: usize,
    /// See [`RuleOutcome::n_low`].
    pub n_middle: usize,
    /// Feature set, then classifier, then stratum; `all` comes first.
    pub rows: Vec<OutcomeRow>,
    /// CNT features against the baselines; those of the best classifiers first.
    pub verdicts: Vec<Verdict>,
    /// Both sides of every fold.
    pub folds: Vec<FoldCounts>,
    /// What permuted labels came to, if asked for and the fit did not fail.
    pub control: Option<PermutationControl>,
    /// The CNT classifier of the highest AUC, fitted on all networks that are low or high.
    pub classifier: Option<TrainedClassifier>,
}

/// What a discrimination came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The experiment's name, as the caller gave it.
    pub experiment: String,
    /// What was asked for.
    pub spec: DiscriminateSpec,
    /// Networks that came in, were used and were left out.
    pub counts: PopulationCounts,
    /// One per rule, in the order of the study.
    pub rules: Vec<RuleOutcome>,
}
