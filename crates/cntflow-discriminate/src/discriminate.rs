//! The whole discrimination: from tables to an [`Outcome`].

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{DiscriminateError, Result};
use crate::features::{
    FeatureSet, FeatureTable, hyperparameter_features, layer_features, step_feature,
};
use crate::inputs::{Inputs, Progress};
use crate::outcome::Outcome;
use crate::population::Population;
use crate::rule_evaluation::{RuleEvaluator, tested_candidate};
use crate::spec::DiscriminateSpec;

/// Evaluates classifiers of low and high performers, as `spec` asks. It runs on one thread, except
/// for Polars. The same inputs give the same outcome. A failed fit is a row of the outcome.
///
/// # Errors
/// A value of the spec is out of range, a column is missing, there are fewer groups than folds, a
/// split is broken; any error of Polars.
pub fn discriminate(
    inputs: &Inputs<'_>,
    spec: &DiscriminateSpec,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    spec.check()?;
    let population = Population::read(inputs.networks.clone(), spec)?;
    let n_groups = population.group_names.len();
    if n_groups < spec.folds {
        return Err(DiscriminateError::TooFewGroups {
            column: spec.group.clone(),
            n_groups,
            n_folds: spec.folds,
        });
    }
    let tables = feature_tables(inputs, spec, &population)?;
    let evaluator = RuleEvaluator {
        inputs,
        spec,
        population: &population,
        tables: &tables,
        split_strata: &split_strata(&population),
    };
    let n_repeats = spec.repeats + n_permutation_repeats(spec);
    let total = spec.rule.len() * spec.folds * n_repeats;
    let mut done = 0;
    let mut after_fold = || {
        done += 1;
        progress(Progress { done, total });
    };
    let rules: Result<_> = spec
        .rule
        .iter()
        .map(|&rule| evaluator.evaluate(rule, &mut after_fold))
        .collect();
    Ok(Outcome {
        experiment: inputs.experiment.to_owned(),
        spec: spec.clone(),
        counts: population.counts,
        rules: rules?,
    })
}

/// The texts over which splits are balanced: the first stratum column, or nothing if there is none.
fn split_strata(population: &Population) -> Vec<Option<String>> {
    match population.strata.first() {
        Some((_, column)) => column.texts(),
        None => vec![None; population.checkpoints.len()],
    }
}

/// Repeats that the permutation control adds: one for the true labels and one per permutation.
fn n_permutation_repeats(spec: &DiscriminateSpec) -> usize {
    if spec.permutations == 0 || tested_candidate(spec).is_none() {
        0
    } else {
        spec.permutations + 1
    }
}

/// The features of every set that the spec names.
fn feature_tables(
    inputs: &Inputs<'_>,
    spec: &DiscriminateSpec,
    population: &Population,
) -> Result<BTreeMap<FeatureSet, FeatureTable>> {
    let sets: BTreeSet<FeatureSet> = spec.features.iter().copied().collect();
    // All measured sets are columns of one table, which is read once, and only if it is needed.
    let measured = if sets.iter().any(|set| set.is_measured()) {
        layer_features(inputs.layers.clone(), &population.checkpoints)?
    } else {
        FeatureTable::default()
    };
    let n_rows = population.checkpoints.len();
    let table = |set: FeatureSet| match set {
        FeatureSet::Majority => FeatureTable::default(),
        FeatureSet::Hyperparameters => hyperparameter_features(&population.hyperparameters, n_rows),
        FeatureSet::Step => step_feature(&population.steps),
        _ => measured.columns_of_set(set),
    };
    Ok(sets.into_iter().map(|set| (set, table(set))).collect())
}
