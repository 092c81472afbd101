//! The outcome of a discrimination: everything that the table `discrimination` and the printed
//! results are made from.

use crate::classifier::ClassifierKind;
use crate::evaluation::bootstrap::Estimate;
use crate::evaluation::candidates::FoldCounts;
use crate::evaluation::comparison::Verdict;
use crate::evaluation::figures::Confusion;
use crate::evaluation::permutation::PermutationControl;
use crate::features::FeatureSet;
use crate::population::PopulationCounts;
use crate::rule::{Rule, Thresholds};
use crate::saved::TrainedClassifier;
use crate::spec::DiscriminateSpec;

/// How one classifier does on one feature set in one stratum.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// The feature set.
    pub features: FeatureSet,
    /// The classifier; `None` for [`FeatureSet::Majority`].
    pub classifier: Option<ClassifierKind>,
    /// `all`, or `column=value`.
    pub stratum: String,
    /// Why there are no figures. If a fit fails in any fold, the candidate has one row without
    /// figures, for all networks.
    pub failure: Option<String>,
    /// A remark on the fits, such as training rows left out by a limit.
    pub note: Option<String>,
    /// Number of columns that the fits used, the largest over folds.
    pub n_features: usize,
    /// Networks of the stratum that were predicted in at least one repeat.
    pub n_networks: usize,
    /// Groups among these networks.
    pub n_groups: usize,
    /// The confusion matrix, averaged over repeats.
    pub confusion: Confusion,
    /// Share of right predictions.
    pub accuracy: Estimate,
    /// Share of right predictions in each class, averaged over the two classes.
    pub balanced_accuracy: Estimate,
    /// Matthews' correlation coefficient.
    pub matthews: Estimate,
    /// Area under the ROC curve.
    pub auc: Estimate,
    /// Whether the AUC is the lowest of this set and classifier among strata of at least
    /// [`MIN_STRATUM_GROUPS`] groups.
    pub is_worst_stratum: bool,
}

/// Smallest number of groups with which a stratum can be marked as the worst: 20.
pub const MIN_STRATUM_GROUPS: usize = 20;

/// The outcome of one rule.
#[derive(Clone, Debug)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: Rule,
    /// The thresholds that the rule learns from all usable networks. Each fold has its own, see
    /// [`RuleOutcome::folds`].
    pub thresholds: Thresholds,
    /// Usable networks that are low by these thresholds.
    pub n_low: usize,
    /// Usable networks that are high by these thresholds.
    pub n_high: usize,
    /// Usable networks in the middle by these thresholds. The rule leaves them out.
    pub n_middle: usize,
    /// Sorted by feature set, then classifier, then stratum. The stratum `all` comes first.
    pub rows: Vec<OutcomeRow>,
    /// Comparisons of CNT features with the baselines. Those between the best
    /// classifiers come first.
    pub verdicts: Vec<Verdict>,
    /// The sizes of every fold.
    pub folds: Vec<FoldCounts>,
    /// The permutation control, if the study asks for it and no fit on the true labels fails.
    pub control: Option<PermutationControl>,
    /// The classifier with the highest AUC on CNT metrics, fitted to all
    /// networks that are low or high.
    pub classifier: Option<TrainedClassifier>,
}

/// The outcome of a discrimination.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The experiment's name, as the caller gave it.
    pub experiment: String,
    /// The section of the study file, with its defaults.
    pub spec: DiscriminateSpec,
    /// How many networks there were, can be used, and were left out.
    pub counts: PopulationCounts,
    /// One outcome per rule, in the order of the study.
    pub rules: Vec<RuleOutcome>,
}
