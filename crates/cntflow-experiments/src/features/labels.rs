//! Features of the table `networks`: the step, how a network was trained, and its size.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::LazyFrame;

use super::column::FeatureColumn;
use super::error::{FeatureError, Result};
use super::metrics::Sets;
use crate::population::LabelColumn;
use crate::population::columns::{collect_columns, numbers, texts};
use crate::spec::FeatureSet;

const TABLE: &str = "networks";

/// Label columns whose feature is their base-10 logarithm. A value that is not positive has none
/// and becomes NaN.
const LOGARITHMIC: [&str; 2] = ["learning_rate", "initialisation_scale"];

/// Columns of the set `counts`.
const COUNTS: [&str; 4] = ["n_parameters", "n_neurons", "n_links", "n_layers"];

/// The checkpoint's step as the only feature.
pub(super) fn step_column(steps: &[f64]) -> FeatureColumn {
    FeatureColumn::new("step".to_owned(), &[FeatureSet::Step], steps.to_vec())
}

/// Features of the label columns: numbers as they are or by their logarithm; a text column becomes
/// one column of 0 and 1 per value.
///
/// # Errors
/// A column has another number of values than there are networks.
pub(super) fn hyperparameter_columns(
    labels: &[(String, LabelColumn)],
    n_rows: usize,
) -> Result<Vec<FeatureColumn>> {
    let mut columns = Vec::new();
    for (name, column) in labels {
        let n_values = match column {
            LabelColumn::Numbers(values) => values.len(),
            LabelColumn::Texts(values) => values.len(),
        };
        check_length(name, n_values, n_rows)?;
        let new = |name, values| FeatureColumn::new(name, &[FeatureSet::Hyperparameters], values);
        match column {
            LabelColumn::Numbers(values) if LOGARITHMIC.contains(&name.as_str()) => {
                let logarithms = values.iter().map(|value| log10_or_nan(*value)).collect();
                columns.push(new(format!("{name}.log10"), logarithms));
            }
            LabelColumn::Numbers(values) => columns.push(new(name.clone(), values.clone())),
            LabelColumn::Texts(values) => {
                let one_hot = one_hot(name, values).into_iter();
                columns.extend(one_hot.map(|(name, values)| new(name, values)));
            }
        }
    }
    Ok(columns)
}

/// Checks that a list of the population has one value per checkpoint.
///
/// # Errors
/// [`FeatureError::Length`] if it has not.
pub(super) fn check_length(column: &str, n_values: usize, n_checkpoints: usize) -> Result<()> {
    if n_values == n_checkpoints {
        return Ok(());
    }
    Err(FeatureError::Length {
        column: column.to_owned(),
        n_values,
        n_checkpoints,
    })
}

/// Base-10 logarithms of the numbers of parameters, neurons, links and layers.
///
/// # Errors
/// The table lacks one of them, or it holds no numbers; any error of Polars.
pub(super) fn count_columns(
    networks: &LazyFrame,
    row_of: &HashMap<&str, u32>,
    n_rows: usize,
) -> Result<Vec<FeatureColumn>> {
    let required: Vec<&str> = ["checkpoint"].into_iter().chain(COUNTS).collect();
    let frame = collect_columns(networks.clone(), TABLE, &required, &[])?;
    let checkpoints = texts(&frame, TABLE, "checkpoint")?;
    let row = |name: &Option<String>| row_of.get(name.as_deref()?).copied();
    let rows: Vec<Option<u32>> = checkpoints.iter().map(row).collect();
    let column = |name: &str| -> Result<FeatureColumn> {
        let mut values = vec![f64::NAN; n_rows];
        for (row, value) in rows.iter().zip(numbers(&frame, TABLE, name)?) {
            if let Some(row) = row {
                values[*row as usize] = log10_or_nan(value);
            }
        }
        Ok(FeatureColumn {
            name: format!("{name}.log10"),
            sets: Sets::of(&[FeatureSet::Counts]),
            values,
        })
    };
    COUNTS.iter().map(|name| column(name)).collect()
}

fn log10_or_nan(value: f64) -> f64 {
    if value > 0.0 { value.log10() } else { f64::NAN }
}

/// One column of 0 and 1 per value; a missing value is 0 in all of them. A value that no training
/// row has makes a constant column among the training rows, which preparation drops.
fn one_hot(name: &str, values: &[Option<String>]) -> Vec<(String, Vec<f64>)> {
    let distinct: BTreeSet<&String> = values.iter().flatten().collect();
    let column = |value: &String| {
        values
            .iter()
            .map(|other| f64::from(other.as_ref() == Some(value)))
            .collect()
    };
    distinct
        .into_iter()
        .map(|value| (format!("{name}={value}"), column(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, IntoLazy, df};

    use super::*;

    #[test]
    fn texts_become_one_column_per_value_and_learning_rates_logarithms() {
        let labels = [
            (
                "activation".to_owned(),
                LabelColumn::Texts(vec![Some("relu".into()), None, Some("gelu".into())]),
            ),
            (
                "learning_rate".to_owned(),
                LabelColumn::Numbers(vec![0.01, 0.0, 10.0]),
            ),
            (
                "epochs".to_owned(),
                LabelColumn::Numbers(vec![4.0, 8.0, 4.0]),
            ),
        ];
        let columns = hyperparameter_columns(&labels, 3).unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "activation=gelu",
                "activation=relu",
                "learning_rate.log10",
                "epochs"
            ]
        );
        assert_eq!(columns[0].values, [0.0, 0.0, 1.0]);
        assert_eq!(columns[1].values, [1.0, 0.0, 0.0]);
        assert_eq!(columns[2].values[0], -2.0);
        assert!(columns[2].values[1].is_nan());
        assert_eq!(columns[3].values, [4.0, 8.0, 4.0]);
        let error = hyperparameter_columns(&labels, 2).unwrap_err().to_string();
        assert_eq!(
            error,
            "the population has 2 checkpoints, but 3 values of `activation`"
        );
    }

    #[test]
    fn counts_are_logarithms_in_the_order_of_the_population() {
        let networks: DataFrame = df!(
            "checkpoint" => ["b", "a", "other"],
            "n_parameters" => [100_u64, 1000, 7],
            "n_neurons" => [10_u64, 100, 7],
            "n_links" => [Some(10_u64), None, Some(7)],
            "n_layers" => [0_u64, 10, 7],
        )
        .unwrap();
        let rows = HashMap::from([("a", 0), ("b", 1)]);
        let columns = count_columns(&networks.lazy(), &rows, 2).unwrap();
        assert_eq!(columns[0].name, "n_parameters.log10");
        assert_eq!(columns[0].values, [3.0, 2.0]);
        assert!(columns[2].values[0].is_nan() && columns[3].values[1].is_nan());
    }
}
