//! Telling networks apart: features from tables, group splits, linfa classifiers and their evaluation.
//!
//! The way of the data: [`Inputs`] (the tables `networks` and `layers` as Polars frames) become a population of usable
//! networks and one row of features per checkpoint; a [`Rule`] makes low and high of an accuracy; splits by training run
//! keep every run on one side; thresholds, imputation, selection and scaling are learned from the training runs alone;
//! classifiers predict the others; figures get bootstrap intervals over runs; CNT features are compared with baselines
//! and with permuted labels. [`discriminate`] does all of it and gives an [`Outcome`]; a [`TrainedClassifier`] predicts
//! other checkpoints.
//!
//! Deliberately absent: files other than saved classifiers, dataflow, threads, printing, and any choice of settings by the
//! data that are evaluated.

mod classifier;
mod columns;
mod discriminate;
mod error;
mod evaluation;
mod exact;
mod feature_table;
mod features;
mod outcome;
mod population;
mod predict;
mod prepare;
mod random;
mod rows;
mod rule;
mod sets;
mod spec;
mod split;
mod study;
mod table;
mod trained;

pub use classifier::{
    COST, ClassifierKind, GRADIENT_TOLERANCE, MAX_ITERATIONS, MAX_ROWS, RIDGE, TREES,
};
pub use discriminate::{Inputs, Progress, discriminate};
pub use error::{DiscriminateError, MISSING_NAMES_SHOWN, Result};
pub use evaluation::bootstrap::Estimate;
pub use evaluation::compare::{Finding, Verdict};
pub use evaluation::control::PermutationControl;
pub use evaluation::results::FoldCounts;
pub use evaluation::scores::Confusion;
pub use evaluation::strata::ALL;
pub use features::STATISTICS;
pub use outcome::{LEAST_STRATUM_GROUPS, Outcome, OutcomeRow, RuleOutcome};
pub use population::PopulationCounts;
pub use predict::MOST_IMPUTED;
pub use rule::{Better, Rule, Thresholds};
pub use sets::FeatureSet;
pub use spec::*;
pub use trained::{CLASSIFIER_VERSION, TrainedClassifier};
