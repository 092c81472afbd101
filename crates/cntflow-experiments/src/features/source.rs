//! All features of a population, and which of them an expression takes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use polars::prelude::LazyFrame;

use super::column::FeatureColumn;
use super::error::Result;
use super::labels::{check_length, count_columns, hyperparameter_columns, step_column};
use super::measured::MeasuredColumns;
use super::metrics::{Sets, check_columns};
use super::table::FeatureTable;
use crate::population::LabelColumn;
use crate::spec::{FeatureExpression, FeatureSet, Representation};

/// What features are read from. All lists have one value per network of the population.
#[derive(Clone)]
pub struct FeatureInputs<'a> {
    /// The table `networks`.
    pub networks: LazyFrame,
    /// The table `layers`.
    pub layers: LazyFrame,
    /// Names of the checkpoints, in the order of the features' rows. Networks may share one, as
    /// those of one run share its untrained checkpoint. A name without rows has no features.
    pub checkpoints: &'a [String],
    /// Steps of the checkpoints; NaN where unknown.
    pub steps: &'a [f64],
    /// Columns of the set `hyperparameters`, with their names.
    pub hyperparameters: &'a [(String, LabelColumn)],
}

/// The features of all expressions that they were read for.
#[derive(Clone, Debug)]
pub struct FeatureSource {
    table: FeatureTable,
    /// For each column, its sets.
    sets: Vec<Sets>,
    /// For each column, those before it that are the same: see [`same_columns`].
    same_before: Vec<Vec<usize>>,
    without_layers: Vec<usize>,
}

/// Reads the columns that any of the expressions takes.
///
/// # Errors
/// The metrics of a set were not measured; a list of the population has another length than its
/// checkpoints; a column of a table is missing or has another type; any error of Polars.
pub fn read_features(
    inputs: &FeatureInputs<'_>,
    representation: Representation,
    expressions: &[FeatureExpression],
) -> Result<FeatureSource> {
    read(
        inputs,
        representation,
        expressions,
        Sets::taken_by(expressions),
    )
}

/// [`read_features`] of whatever the networks have: a set without metrics has no columns.
///
/// # Errors
/// As [`read_features`], but for metrics that were not measured.
pub(crate) fn read_available_features(
    inputs: &FeatureInputs<'_>,
    representation: Representation,
    expressions: &[FeatureExpression],
) -> Result<FeatureSource> {
    read(inputs, representation, expressions, Sets::NONE)
}

/// Reads the columns that any of the expressions takes. The `required` sets must have some.
fn read(
    inputs: &FeatureInputs<'_>,
    representation: Representation,
    expressions: &[FeatureExpression],
    required: Sets,
) -> Result<FeatureSource> {
    let n_rows = inputs.checkpoints.len();
    let wanted = Sets::taken_by(expressions);
    let rows = Rows::of(inputs.checkpoints);
    let mut columns = Vec::new();
    let mut without_layers = Vec::new();
    if wanted.contains(FeatureSet::Step) {
        check_length("step", inputs.steps.len(), n_rows)?;
        columns.push(step_column(inputs.steps));
    }
    if wanted.contains(FeatureSet::Hyperparameters) {
        columns.extend(hyperparameter_columns(inputs.hyperparameters, n_rows)?);
    }
    if wanted.contains(FeatureSet::Counts) {
        columns.extend(count_columns(&inputs.networks, &rows.first_of, n_rows)?);
    }
    if expressions.iter().any(FeatureExpression::is_measured) {
        let first_of = &rows.first_of;
        let layers = &inputs.layers;
        let measured =
            MeasuredColumns::read(layers, first_of, n_rows, representation, wanted, required)?;
        columns.extend(measured.columns);
        without_layers = rows.that_copy_any(&measured.without_layers);
    }
    for column in &mut columns {
        rows.copy_to_others(column);
    }
    let found = columns.iter().map(|column| column.sets);
    check_columns(required, found.fold(Sets::NONE, Sets::union))?;
    Ok(FeatureSource::new(columns, n_rows, without_layers))
}

/// Rows of the population by checkpoint. Tables are read into the first row of each.
struct Rows<'a> {
    first_of: HashMap<&'a str, u32>,
    /// For each row, the first one of the same checkpoint.
    first: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn of(checkpoints: &'a [String]) -> Self {
        let mut first_of = HashMap::new();
        let names = checkpoints.iter().zip(0..);
        let first = names.map(|(name, row)| *first_of.entry(name.as_str()).or_insert(row));
        Self {
            first: first.collect(),
            first_of,
        }
    }

    fn others(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.first.iter().map(|first| *first as usize).enumerate();
        rows.filter(|(row, first)| row != first)
    }

    /// Gives the other rows of a checkpoint the features of the first. Features that come from the
    /// population's own lists have their values in every row already.
    fn copy_to_others(&self, column: &mut FeatureColumn) {
        let own = Sets::of(&[FeatureSet::Step, FeatureSet::Hyperparameters]);
        if column.sets.meets(own) {
            return;
        }
        for (row, first) in self.others() {
            column.values[row] = column.values[first];
        }
    }

    /// All rows of the checkpoints whose first row is in the list.
    fn that_copy_any(&self, firsts: &[usize]) -> Vec<usize> {
        let is_in_list = |first: &u32| firsts.binary_search(&(*first as usize)).is_ok();
        let rows = self.first.iter().enumerate();
        rows.filter(|(_, first)| is_in_list(first))
            .map(|(row, _)| row)
            .collect()
    }
}

impl FeatureSource {
    fn new(mut columns: Vec<FeatureColumn>, n_rows: usize, without_layers: Vec<usize>) -> Self {
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        // A label such as `step` may be in two sets: one column, both sets.
        columns.dedup_by(|later, first| {
            let is_same = later.name == first.name;
            if is_same {
                first.sets = first.sets.union(later.sets);
            }
            is_same
        });
        let sets = columns.iter().map(|column| column.sets).collect();
        let same_before = same_columns(&columns);
        let named = columns
            .into_iter()
            .map(|column| (column.name, column.values));
        Self {
            table: FeatureTable::from_columns(named.collect(), n_rows),
            sets,
            same_before,
            without_layers,
        }
    }

    /// All columns.
    pub fn table(&self) -> &FeatureTable {
        &self.table
    }

    /// The indices of an expression's columns, ascending: those of its sets without those that are
    /// in a set that it leaves out.
    ///
    /// A union holds no column twice: neither by its name, nor one of a layer that has a slot among
    /// CNT metrics and another one among the baselines, such as the mean over one hidden layer.
    pub fn columns(&self, expression: &FeatureExpression) -> Vec<usize> {
        let plus = Sets::of_all(&expression.plus);
        let minus = Sets::of_all(&expression.minus);
        let mut is_taken = vec![false; self.sets.len()];
        for (column, sets) in self.sets.iter().enumerate() {
            let is_twice = self.same_before[column]
                .iter()
                .any(|&first| is_taken[first]);
            is_taken[column] = sets.meets(plus) && !sets.meets(minus) && !is_twice;
        }
        (0..self.sets.len())
            .filter(|&column| is_taken[column])
            .collect()
    }

    /// The table of an expression's columns.
    pub fn select(&self, expression: &FeatureExpression) -> FeatureTable {
        self.table.select(&self.columns(expression))
    }

    /// Rows of the networks that have no row in the table `layers`. All their measured features are
    /// missing. Empty if no expression is measured.
    pub fn without_layers(&self) -> &[usize] {
        &self.without_layers
    }
}

/// For each column, those before it that have the same metric, statistic and numbers, and are in
/// none of its sets. Columns of one set are never the same: which of them a population has must not
/// depend on chance.
fn same_columns(columns: &[FeatureColumn]) -> Vec<Vec<usize>> {
    let mut by_digest: HashMap<(&str, &str, u64), Vec<usize>> = HashMap::new();
    let mut same_before = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let parts = column
            .name
            .split_once('.')
            .zip(column.name.rsplit_once('.'));
        let Some(((metric, _), (_, statistic))) = parts else {
            same_before.push(Vec::new());
            continue;
        };
        let key = (metric, statistic, digest(&column.values));
        let others = by_digest.entry(key).or_default();
        let is_same = |other: &usize| {
            let other = &columns[*other];
            !other.sets.meets(column.sets) && has_same_numbers(&other.values, &column.values)
        };
        same_before.push(others.iter().copied().filter(is_same).collect());
        others.push(index);
    }
    same_before
}

/// A digest of the numbers. Every NaN has the same.
fn digest(values: &[f64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in values {
        let value = if value.is_nan() { f64::NAN } else { *value };
        value.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}

fn has_same_numbers(a: &[f64], b: &[f64]) -> bool {
    let are_same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    a.iter().zip(b).all(are_same)
}
