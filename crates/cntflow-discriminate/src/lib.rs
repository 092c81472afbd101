#![doc = include_str!("../README.md")]

mod classifier;
mod columns;
mod discriminate;
mod error;
mod evaluation;
mod exact_floats;
mod features;
mod inputs;
mod outcome;
mod outcome_rows;
mod population;
mod quantile;
mod random;
mod rule;
mod rule_evaluation;
mod saved;
mod spec;
mod split;
mod table;

pub use classifier::{
    ClassifierKind, FOREST_TREES, LOGISTIC_GRADIENT_TOLERANCE, LOGISTIC_MAX_ITERATIONS,
    LOGISTIC_RIDGE, SVM_COST, SVM_MAX_ROWS,
};
pub use discriminate::discriminate;
pub use error::{Damage, DiscriminateError, MAX_MISSING_NAMES, Result, SpecProblem};
pub use evaluation::bootstrap::Estimate;
pub use evaluation::candidates::FoldCounts;
pub use evaluation::comparison::{Finding, Verdict};
pub use evaluation::figures::Confusion;
pub use evaluation::permutation::PermutationControl;
pub use evaluation::strata::WHOLE_POPULATION;
pub use features::{FeatureSet, LAYER_STATISTICS};
pub use inputs::{Inputs, Progress};
pub use outcome::{MIN_STRATUM_GROUPS, Outcome, OutcomeRow, RuleOutcome};
pub use population::PopulationCounts;
pub use rule::{Better, Rule, Thresholds};
pub use saved::{CLASSIFIER_VERSION, MAX_IMPUTED_SHARE, TrainedClassifier};
pub use spec::*;
