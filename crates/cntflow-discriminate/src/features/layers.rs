//! Features from the table `layers`: each statistic of each metric, summarised over
//! the layers of one role.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::{DataFrame, DataType, Expr, LazyFrame, SortMultipleOptions, col};

use super::table::FeatureTable;
use crate::columns::{numbers, require_columns, texts};
use crate::error::Result;

const TABLE: &str = "layers";

/// The columns that identify a row of the table `layers` here, in the order in
/// which rows are sorted.
const KEYS: [&str; 4] = ["checkpoint", "layer", "role", "metric"];

/// Columns of the table `layers` that become features. Some are left out on purpose: `count`, `l1`,
/// `l2`, `zeros`, `nan` and `infinite` reveal a layer's size or whether a metric exists, and `min`
/// and `max` grow with the size.
pub const LAYER_STATISTICS: [&str; 11] = [
    "mean", "std", "skewness", "kurtosis", "q01", "q05", "q25", "q50", "q75", "q95", "q99",
];

/// Features of the given checkpoints from the table `layers`, one row each, in their order.
///
/// A column is named `metric.role.statistic`. `role` is `input`, `output`, `hidden_mean` or
/// `hidden_std`, the last two being the mean and the population standard deviation over the hidden
/// layers. So networks of any depth and kind share columns. A statistic that is null, NaN or
/// infinite in a layer does not count. One that no network has makes no column.
///
/// Names, kinds and numbers of layers are no features. They still leave a trace in a population of
/// mixed depth: a network without hidden layers lacks the `hidden` columns, and one with a single
/// hidden layer has a `hidden_std` of 0.
///
/// # Errors
/// A column is missing; any error of Polars.
pub(crate) fn layer_features(layers: LazyFrame, checkpoints: &[String]) -> Result<FeatureTable> {
    let summaries = summarise_roles(layers)?;
    let row_of: HashMap<&str, usize> = checkpoints
        .iter()
        .enumerate()
        .map(|(row, name)| (name.as_str(), row))
        .collect();
    let lines = summary_lines(&summaries, &row_of)?;
    let mut cells = Vec::new();
    for statistic in LAYER_STATISTICS {
        for summary in [Summary::Mean, Summary::Std] {
            let values = numbers(&summaries, TABLE, &summary.column(statistic))?;
            for (line, value) in lines.iter().zip(values) {
                let Some(line) = line else { continue };
                if let Some(role) = summary.role_name(&line.role)
                    && value.is_finite()
                {
                    cells.push((
                        line.row,
                        format!("{}.{role}.{statistic}", line.metric),
                        value,
                    ));
                }
            }
        }
    }
    Ok(table_of_cells(cells, checkpoints.len()))
}

/// How the layers of one role become one number.
#[derive(Clone, Copy)]
enum Summary {
    Mean,
    Std,
}

impl Summary {
    /// Name of the frame's column that holds this summary of a statistic.
    fn column(self, statistic: &str) -> String {
        match self {
            Self::Mean => format!("{statistic}.over_layers.mean"),
            Self::Std => format!("{statistic}.over_layers.std"),
        }
    }

    /// The role's part of a feature's name. There is one input and one output layer, so their
    /// deviation is no feature.
    fn role_name(self, role: &str) -> Option<&'static str> {
        match (role, self) {
            ("input", Self::Mean) => Some("input"),
            ("output", Self::Mean) => Some("output"),
            ("hidden", Self::Mean) => Some("hidden_mean"),
            ("hidden", Self::Std) => Some("hidden_std"),
            _ => None,
        }
    }
}

/// What a line of the summaries is about: the row of a checkpoint, a metric and a role.
struct SummaryLine {
    row: usize,
    metric: String,
    role: String,
}

/// The keys of all lines, `None` for lines of other checkpoints and for lines with a null key.
fn summary_lines(
    summaries: &DataFrame,
    row_of: &HashMap<&str, usize>,
) -> Result<Vec<Option<SummaryLine>>> {
    let checkpoints = texts(summaries, TABLE, "checkpoint")?;
    let metrics = texts(summaries, TABLE, "metric")?;
    let roles = texts(summaries, TABLE, "role")?;
    let keys = checkpoints.into_iter().zip(metrics).zip(roles);
    let line = |((checkpoint, metric), role): ((Option<String>, _), _)| {
        Some(SummaryLine {
            row: *row_of.get(checkpoint?.as_str())?,
            metric: metric?,
            role: role?,
        })
    };
    Ok(keys.map(line).collect())
}

/// The table of cells given as (row, column name, value). Columns are sorted by name.
fn table_of_cells(cells: Vec<(usize, String, f64)>, n_rows: usize) -> FeatureTable {
    let names: BTreeSet<&String> = cells.iter().map(|(_, name, _)| name).collect();
    let mut table = FeatureTable::missing(names.into_iter().cloned().collect(), n_rows);
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

/// Means and standard deviations over the layers of each checkpoint, metric and role.
fn summarise_roles(layers: LazyFrame) -> Result<DataFrame> {
    let required: Vec<&str> = KEYS.iter().chain(&LAYER_STATISTICS).copied().collect();
    require_columns(&layers, TABLE, &required)?;
    let statistics = LAYER_STATISTICS
        .iter()
        .map(|name| col(*name).cast(DataType::Float64));
    let chosen: Vec<Expr> = KEYS.iter().map(|key| col(*key)).chain(statistics).collect();
    let finite = |name: &str| col(name).filter(col(name).is_finite());
    let summaries: Vec<Expr> = LAYER_STATISTICS
        .iter()
        .flat_map(|name| {
            [
                finite(name).mean().alias(Summary::Mean.column(name)),
                finite(name).std(0).alias(Summary::Std.column(name)),
            ]
        })
        .collect();
    // Sums of the same numbers in another order differ in their last bits, and the order of a
    // table's parts must not show.
    let frame = layers
        .select(chosen)
        .sort(KEYS, SortMultipleOptions::default())
        .group_by_stable([col("checkpoint"), col("metric"), col("role")])
        .agg(summaries);
    Ok(frame.collect()?)
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, IntoLazy};

    use super::*;
    use crate::features::FeatureSet;

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
        for name in LAYER_STATISTICS {
            let values: Vec<Option<f64>> = lines
                .iter()
                .map(|line| (name == "mean").then_some(line.4))
                .collect();
            columns.push(Column::new(name.into(), values));
        }
        DataFrame::new_infer_height(columns).unwrap().lazy()
    }

    #[test]
    fn each_role_is_summarised_and_missing_values_stay_missing() {
        let lines = [
            ("b", 2, "hidden", "coupling", 5.0),
            ("b", 1, "hidden", "coupling", 1.0),
            ("b", 3, "output", "coupling", f64::NAN),
            ("a", 1, "hidden", "coupling", 4.0),
            ("a", 2, "output", "biases", 7.0),
            ("of another population", 2, "output", "biases", 9.0),
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
        assert_eq!(table.columns_of_set(FeatureSet::Wiring).names.len(), 2);
    }
}
