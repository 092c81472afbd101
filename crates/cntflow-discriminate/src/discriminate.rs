//! The whole way: tables in, an [`Outcome`] out.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::LazyFrame;

use crate::error::{DiscriminateError, Result};
use crate::feature_table::FeatureTable;
use crate::features::{hyperparameter_features, layer_features, step_feature};
use crate::outcome::Outcome;
use crate::population::Population;
use crate::sets::FeatureSet;
use crate::spec::DiscriminateSpec;
use crate::study::{Study, tested_candidate};

/// What is discriminated.
#[derive(Clone)]
pub struct Inputs<'a> {
    /// Name of the experiment, as it stands in the table `discrimination`.
    pub experiment: &'a str,
    /// The table `networks`.
    pub networks: LazyFrame,
    /// The table `layers`.
    pub layers: LazyFrame,
    /// Digest of the measure options and the probe; a saved classifier refuses tables with another.
    pub measured_with: &'a str,
}

/// How far a discrimination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Folds done, those of the permutations included.
    pub done: usize,
    /// Folds in all.
    pub total: usize,
}

/// Tells networks apart as `spec` asks, on one thread (but for Polars' own); the same inputs give the same outcome.
///
/// # Errors
/// A spec out of range, columns that are not there, fewer groups than folds, a broken split; Polars' own. Fits that fail
/// are rows of the outcome.
pub fn discriminate(
    inputs: &Inputs<'_>,
    spec: &DiscriminateSpec,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    spec.check()?;
    let population = Population::read(inputs.networks.clone(), spec)?;
    if population.group_names.len() < spec.folds {
        return Err(DiscriminateError::TooFewGroups {
            column: spec.group.clone(),
            found: population.group_names.len(),
            folds: spec.folds,
            needed: spec.folds,
        });
    }
    let tables = feature_tables(inputs, spec, &population)?;
    let first_strata = population.strata.first().map(|(_, column)| column.texts());
    let first_strata = first_strata.unwrap_or_else(|| vec![None; population.checkpoints.len()]);
    let study = Study {
        inputs,
        spec,
        population: &population,
        tables: &tables,
        first_strata: &first_strata,
    };
    let total = spec.rule.len() * spec.folds * (spec.repeats + permutation_repeats(spec));
    let mut done = 0;
    let mut after_fold = || {
        done += 1;
        progress(Progress { done, total });
    };
    let rules: Result<_> = spec
        .rule
        .iter()
        .map(|&rule| study.run(rule, &mut after_fold))
        .collect();
    Ok(Outcome {
        experiment: inputs.experiment.to_owned(),
        spec: spec.clone(),
        counts: population.counts,
        rules: rules?,
    })
}

/// Repeats that the permutation control takes: the observed one and one per permutation.
fn permutation_repeats(spec: &DiscriminateSpec) -> usize {
    match (spec.permutations, tested_candidate(spec)) {
        (0, _) | (_, None) => 0,
        (permutations, Some(_)) => permutations + 1,
    }
}

/// The features of every set asked for.
fn feature_tables(
    inputs: &Inputs<'_>,
    spec: &DiscriminateSpec,
    population: &Population,
) -> Result<BTreeMap<FeatureSet, FeatureTable>> {
    let asked: BTreeSet<FeatureSet> = spec.features.iter().copied().collect();
    let measured = match asked.iter().any(|set| set.is_measured()) {
        true => layer_features(inputs.layers.clone(), &population.checkpoints)?,
        false => FeatureTable::default(),
    };
    let table = |set: FeatureSet| match set {
        FeatureSet::Majority => FeatureTable::default(),
        FeatureSet::Hyperparameters => hyperparameter_features(population),
        FeatureSet::Step => step_feature(population),
        _ => measured.of_set(set),
    };
    Ok(asked.into_iter().map(|set| (set, table(set))).collect())
}
