//! One row of features per checkpoint, from the tables, by Polars.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::{DataFrame, DataType, Expr, LazyFrame, SortMultipleOptions, col};

use crate::columns::{LabelColumn, column_names, numbers, texts};
use crate::error::{DiscriminateError, Result};
use crate::feature_table::FeatureTable;
use crate::population::Population;

const TABLE: &str = "layers";

/// Columns of the table `layers` that are features. Left out on purpose: `count`, `l1`, `l2`, `zeros`, `nan` and
/// `infinite`, which tell a layer's size or whether a metric exists, and `min` and `max`, which grow with the size.
pub const STATISTICS: [&str; 11] = [
    "mean", "std", "skewness", "kurtosis", "q01", "q05", "q25", "q50", "q75", "q95", "q99",
];

/// Label columns that are features by their logarithm (base 10); what is not positive counts as not known.
const LOGARITHMIC: [&str; 2] = ["learning_rate", "initialisation_scale"];

/// Features of the table `layers` for the given checkpoints, one row each, in their order.
///
/// A column is `metric.role.statistic`: `role` is `input`, `output`, or `hidden_mean` and `hidden_std`, the mean and
/// the population standard deviation over the hidden layers; so networks of any depth and kind share columns. A
/// statistic that is null, NaN or infinite in a layer is passed over; one that no network has makes no column.
/// Neither names, kinds nor numbers of layers are features; but a network without hidden layers lacks those columns
/// and one with a single hidden layer has `hidden_std` 0, so in a population of mixed depth these columns hint at it.
///
/// # Errors
/// A column that is not there; Polars' own.
pub(crate) fn layer_features(layers: LazyFrame, checkpoints: &[String]) -> Result<FeatureTable> {
    let frame = summarise_roles(layers)?;
    let row_of: HashMap<&str, usize> = checkpoints
        .iter()
        .enumerate()
        .map(|(row, name)| (name.as_str(), row))
        .collect();
    let keys: Vec<Vec<Option<String>>> = ["checkpoint", "metric", "role"]
        .iter()
        .map(|key| texts(&frame, TABLE, key))
        .collect::<Result<_>>()?;
    let mut cells = Vec::new();
    for statistic in STATISTICS {
        for (column, suffix) in [(mean_name(statistic), "mean"), (std_name(statistic), "std")] {
            let values = numbers(&frame, TABLE, &column)?;
            for (line, value) in values.into_iter().enumerate() {
                let (Some(checkpoint), Some(metric), Some(role)) =
                    (&keys[0][line], &keys[1][line], &keys[2][line])
                else {
                    continue;
                };
                let row = row_of.get(checkpoint.as_str());
                if let (Some(&row), Some(role), true) =
                    (row, role_name(role, suffix), value.is_finite())
                {
                    cells.push((row, format!("{metric}.{role}.{statistic}"), value));
                }
            }
        }
    }
    Ok(fill(cells, checkpoints.len()))
}

/// The part of a column's name that says which layers it is of.
fn role_name(role: &str, suffix: &str) -> Option<&'static str> {
    match (role, suffix) {
        ("input", "mean") => Some("input"),
        ("output", "mean") => Some("output"),
        ("hidden", "mean") => Some("hidden_mean"),
        ("hidden", "std") => Some("hidden_std"),
        _ => None,
    }
}

fn fill(cells: Vec<(usize, String, f64)>, rows: usize) -> FeatureTable {
    let names: BTreeSet<&String> = cells.iter().map(|(_, name, _)| name).collect();
    let mut table = FeatureTable::missing(names.into_iter().cloned().collect(), rows);
    let column_of: HashMap<String, usize> = table
        .names
        .iter()
        .enumerate()
        .map(|(column, name)| (name.clone(), column))
        .collect();
    for (row, name, value) in cells {
        table.set(row, column_of[&name], value);
    }
    table
}

/// Means and standard deviations over a role's layers. Rows are sorted first: sums of the same numbers in another order
/// differ in their last bits, and the order of a table's parts is no part of the result.
fn summarise_roles(layers: LazyFrame) -> Result<DataFrame> {
    let names = column_names(&layers)?;
    let keys = ["checkpoint", "layer", "role", "metric"];
    if let Some(missing) = keys
        .iter()
        .chain(&STATISTICS)
        .find(|key| !names.iter().any(|name| name == *key))
    {
        return Err(DiscriminateError::MissingColumn {
            table: TABLE,
            column: (*missing).to_owned(),
        });
    }
    let number = |name: &str| col(name).cast(DataType::Float64);
    let statistics = STATISTICS.iter().map(|name| number(name));
    let chosen: Vec<Expr> = keys.iter().map(|key| col(*key)).chain(statistics).collect();
    let finite = |name: &str| col(name).filter(col(name).is_finite());
    let summaries: Vec<Expr> = STATISTICS
        .iter()
        .flat_map(|name| {
            [
                finite(name).mean().alias(mean_name(name)),
                finite(name).std(0).alias(std_name(name)),
            ]
        })
        .collect();
    let frame = layers
        .select(chosen)
        .sort(keys, SortMultipleOptions::default())
        .group_by_stable([col("checkpoint"), col("metric"), col("role")])
        .agg(summaries);
    Ok(frame.collect()?)
}

fn mean_name(statistic: &str) -> String {
    format!("{statistic}.over_layers.mean")
}

fn std_name(statistic: &str) -> String {
    format!("{statistic}.over_layers.std")
}

/// Features of the label columns: numbers as they are or by their logarithm, texts one column per value.
pub(crate) fn hyperparameter_features(population: &Population) -> FeatureTable {
    let mut columns = Vec::new();
    for (name, column) in &population.hyperparameters {
        match column {
            LabelColumn::Numbers(values) if LOGARITHMIC.contains(&name.as_str()) => {
                let log = |value: &f64| {
                    if *value > 0.0 {
                        value.log10()
                    } else {
                        f64::NAN
                    }
                };
                columns.push((format!("{name}.log10"), values.iter().map(log).collect()));
            }
            LabelColumn::Numbers(values) => columns.push((name.clone(), values.clone())),
            LabelColumn::Texts(values) => columns.extend(one_hot(name, values)),
        }
    }
    FeatureTable::from_columns(columns, population.checkpoints.len())
}

/// The checkpoint's step as the only feature.
pub(crate) fn step_feature(population: &Population) -> FeatureTable {
    FeatureTable::from_columns(
        vec![("step".to_owned(), population.steps.clone())],
        population.checkpoints.len(),
    )
}

/// One column of 0 and 1 per value; a missing value is 0 in all of them. A value that no training row has makes a
/// constant column there, which a fold's preparation drops.
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
    use polars::prelude::{Column, IntoLazy};

    use super::*;
    use crate::sets::FeatureSet;

    fn layers(lines: &[(&str, u32, &str, &str, f64)]) -> LazyFrame {
        let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
        let mut columns = vec![
            text("checkpoint", lines.iter().map(|line| line.0).collect()),
            Column::new(
                "layer".into(),
                lines.iter().map(|line| line.1).collect::<Vec<_>>(),
            ),
            text("role", lines.iter().map(|line| line.2).collect()),
            text("metric", lines.iter().map(|line| line.3).collect()),
        ];
        for name in STATISTICS {
            let values: Vec<Option<f64>> = lines
                .iter()
                .map(|line| (name == "mean").then_some(line.4))
                .collect();
            columns.push(Column::new(name.into(), values));
        }
        DataFrame::new_infer_height(columns).unwrap().lazy()
    }

    #[test]
    fn roles_are_summarised_and_gaps_stay_gaps() {
        let lines = [
            ("b", 2, "hidden", "coupling", 5.0),
            ("b", 1, "hidden", "coupling", 1.0),
            ("b", 3, "output", "coupling", f64::NAN),
            ("a", 1, "hidden", "coupling", 4.0),
            ("a", 2, "output", "biases", 7.0),
            ("elsewhere", 2, "output", "biases", 9.0),
        ];
        let table = layer_features(layers(&lines), &["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(
            table.names,
            [
                "biases.output.mean",
                "coupling.hidden_mean.mean",
                "coupling.hidden_std.mean"
            ]
        );
        assert_eq!(
            [table.value(0, 0), table.value(0, 1), table.value(0, 2)],
            [7.0, 4.0, 0.0]
        );
        assert_eq!([table.value(1, 1), table.value(1, 2)], [3.0, 2.0]);
        assert!(table.value(1, 0).is_nan());
        assert_eq!(table.of_set(FeatureSet::Wiring).names.len(), 2);
    }

    #[test]
    fn texts_are_one_hot() {
        let columns = one_hot(
            "activation",
            &[Some("relu".into()), None, Some("gelu".into())],
        );
        assert_eq!(
            columns[0],
            ("activation=gelu".to_owned(), vec![0.0, 0.0, 1.0])
        );
        assert_eq!(
            columns[1],
            ("activation=relu".to_owned(), vec![1.0, 0.0, 0.0])
        );
    }
}
