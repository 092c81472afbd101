//! The columns that the explorer has: labels and sizes of the networks, and statistics of layers.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use polars::prelude::{DataFrame, DataType, PolarsError};
use serde_json::{Value, json};

use super::codes::{Coding, MISSING};
use crate::error::ReportError;
use crate::figure::Question;
use crate::rows::{groups, reals, texts};
use crate::section::{Context, quoted, text};

/// Columns of `networks` beside the labels.
const OWN: [&str; 5] = ["step", "n_parameters", "n_neurons", "n_links", "status"];

/// Statistics of layers that are there, the first ones first if there are too many.
const STATISTICS: [(&str, &str); 6] = [
    ("link_weights", "std"),
    ("layers_fluctuation", "mean"),
    ("nodes_strength", "mean"),
    ("link_weights", "mean"),
    ("neurons_activation", "mean"),
    ("neurons_strength", "mean"),
];

/// Layers of which a statistic is there: the first ones.
const MOST_LAYERS: usize = 4;

/// Most columns of layers.
const MOST_OF_LAYERS: usize = 12;

/// Most columns in all.
const MOST_COLUMNS: usize = 30;

/// Most different texts of a column: more are names, by which nothing can be coloured.
const MOST_CATEGORIES: usize = 1000;

/// The networks of the explorer.
pub(super) struct Networks {
    /// Names of the checkpoints, sorted.
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
}

/// A column of the explorer.
pub(super) struct Column {
    name: String,
    is_label: bool,
    values: Values,
    /// The table that has it.
    table: &'static str,
    /// Which of its rows.
    condition: Option<String>,
    column: String,
}

enum Values {
    Numbers {
        kind: &'static str,
        coding: Coding,
        codes: Vec<u16>,
    },
    Categories {
        names: Vec<String>,
        codes: Vec<u16>,
    },
}

impl Values {
    /// The codes of numbers; `None` if there is but one value, or some are NaN or infinite: SQL
    /// compares those in ways of its own.
    fn of_numbers(values: &[Option<f64>], is_integer: bool) -> Option<Self> {
        let numbers = || values.iter().copied().flatten();
        let first = numbers().next()?;
        if numbers().all(|value| value == first) || numbers().any(|value| !value.is_finite()) {
            return None;
        }
        let coding = Coding::of(numbers(), is_integer);
        let codes = values.iter();
        Some(Self::Numbers {
            kind: if is_integer { "integer" } else { "real" },
            coding,
            codes: codes
                .map(|value| value.map_or(MISSING, |value| coding.code(value)))
                .collect(),
        })
    }

    /// The codes of texts; `None` if there is but one, or too many.
    fn of_texts(values: &[Option<String>]) -> Option<Self> {
        let mut names: Vec<String> = values.iter().flatten().cloned().collect();
        names.sort();
        names.dedup();
        if names.len() < 2 || names.len() > MOST_CATEGORIES {
            return None;
        }
        let code = |name: &String| {
            names
                .binary_search(name)
                .map_or(MISSING, |code| code as u16)
        };
        let codes = values
            .iter()
            .map(|value| value.as_ref().map_or(MISSING, code));
        Some(Self::Categories {
            codes: codes.collect(),
            names,
        })
    }
}

impl Column {
    /// What the script reads.
    pub(super) fn json(&self) -> Value {
        let sql = json!({"table": self.table, "where": self.condition, "column": self.column});
        let base64 = |codes: &[u16]| {
            let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
            STANDARD.encode(bytes)
        };
        match &self.values {
            Values::Numbers {
                kind,
                coding,
                codes,
            } => json!({
                "name": self.name, "kind": kind, "label": self.is_label, "min": coding.min,
                "step": coding.step, "codes": base64(codes), "sql": sql,
            }),
            Values::Categories { names, codes } => json!({
                "name": self.name, "kind": "category", "label": self.is_label,
                "categories": names, "codes": base64(codes), "sql": sql,
            }),
        }
    }
}

/// The networks with their columns; `None` if there are none that differ.
///
/// # Errors
/// A table cannot be read.
pub(super) fn networks(context: &Context<'_>) -> Result<Option<Networks>, ReportError> {
    if !context.tables.has("networks") {
        return Ok(None);
    }
    // The page begins with the first label and the first statistic.
    let judged_by = context.label();
    let others = context.report.labels.iter().map(String::as_str);
    let others = others.filter(|label| Some(*label) != judged_by);
    let own = OWN.into_iter().map(|name| (name, false));
    let labels = |name| (name, true);
    let first = judged_by.into_iter().map(labels).chain(own);
    let wanted = first.chain(others.map(labels));
    let wanted: Vec<(&str, bool)> = wanted
        .filter(|(name, _)| context.has_column(name))
        .collect();
    let selected: Vec<String> = wanted.iter().map(|(name, _)| quoted(name)).collect();
    let spec = Question {
        about: "columns of the networks",
        sql: format!(
            "SELECT checkpoint, {} FROM networks ORDER BY checkpoint",
            selected.join(", ")
        ),
    };
    let Some(answer) = spec.answer(context.tables)? else {
        return Ok(None);
    };
    let names = texts(&answer, "checkpoint")?;
    let mut columns = of_layers(context, &names)?;
    for (name, is_label) in wanted {
        if let Some(values) = values(&answer, name)? {
            columns.push(Column {
                name: name.to_owned(),
                is_label,
                values,
                table: "networks",
                condition: None,
                column: name.to_owned(),
            });
        }
    }
    columns.truncate(MOST_COLUMNS);
    Ok((!columns.is_empty()).then_some(Networks { names, columns }))
}

/// The values of a column of `networks`; `None` if the explorer cannot have it.
fn values(frame: &DataFrame, name: &str) -> Result<Option<Values>, PolarsError> {
    let column = frame.column(name)?;
    if column.dtype().is_numeric() {
        let is_integer = column.dtype().is_integer();
        return Ok(Values::of_numbers(&reals(frame, name)?, is_integer));
    }
    if *column.dtype() != DataType::String {
        return Ok(None);
    }
    let texts = column.str()?.iter();
    let texts: Vec<Option<String>> = texts.map(|text| text.map(str::to_owned)).collect();
    Ok(Values::of_texts(&texts))
}

/// Statistics of layers: first the first statistic of each layer.
fn of_layers(context: &Context<'_>, names: &[String]) -> Result<Vec<Column>, ReportError> {
    if !context.tables.has("layers") {
        return Ok(Vec::new());
    }
    let mut metrics: Vec<String> = STATISTICS.iter().map(|(metric, _)| text(metric)).collect();
    metrics.sort();
    metrics.dedup();
    let metrics = metrics.join(", ");
    // Where a layer has several rows of a metric, no condition tells them apart.
    let spec = Question {
        about: "layers of the networks",
        sql: format!(
            "SELECT layer, metric, COUNT(*) AS n, COUNT(DISTINCT checkpoint) AS checkpoints FROM \
             layers WHERE metric IN ({metrics}) GROUP BY layer, metric ORDER BY layer, metric"
        ),
    };
    let Some(there) = spec.answer(context.tables)? else {
        return Ok(Vec::new());
    };
    let (layers, of_metric) = (reals(&there, "layer")?, texts(&there, "metric")?);
    let (n, checkpoints) = (reals(&there, "n")?, reals(&there, "checkpoints")?);
    let single = (0..layers.len()).filter(|&row| n[row] == checkpoints[row]);
    let single: Vec<(u32, &str)> = single
        .filter_map(|row| Some((layers[row]? as u32, of_metric[row].as_str())))
        .collect();
    let mut wanted: Vec<(u32, &str, &str)> = Vec::new();
    for (metric, statistic) in STATISTICS {
        let of_statistic = single.iter().filter(|(_, of)| *of == metric);
        let of_statistic = of_statistic.map(|(layer, _)| (*layer, metric, statistic));
        wanted.extend(of_statistic.take(MOST_LAYERS));
    }
    wanted.truncate(MOST_OF_LAYERS);
    let layers: Vec<String> = wanted.iter().map(|(layer, ..)| layer.to_string()).collect();
    if layers.is_empty() {
        return Ok(Vec::new());
    }
    let spec = Question {
        about: "statistics of layers",
        sql: format!(
            "SELECT checkpoint, layer, metric, mean, std FROM layers WHERE metric IN ({metrics}) \
             AND layer IN ({})",
            layers.join(", ")
        ),
    };
    let Some(rows) = spec.answer(context.tables)? else {
        return Ok(Vec::new());
    };
    let columns = Rows::new(&rows, names)?.columns(&wanted);
    Ok(columns)
}

/// Rows of `layers`.
struct Rows {
    /// By row: the index of its checkpoint.
    checkpoint: Vec<Option<usize>>,
    layer: Vec<Option<f64>>,
    metrics: Vec<String>,
    /// By row: the index of its metric.
    metric: Vec<usize>,
    mean: Vec<Option<f64>>,
    std: Vec<Option<f64>>,
    n_checkpoints: usize,
}

impl Rows {
    fn new(frame: &DataFrame, names: &[String]) -> Result<Self, PolarsError> {
        let index = names.iter().map(String::as_str).zip(0..);
        let index: HashMap<&str, usize> = index.collect();
        let checkpoints = frame.column("checkpoint")?.str()?;
        let (metrics, metric) = groups(&texts(frame, "metric")?);
        Ok(Self {
            checkpoint: checkpoints
                .iter()
                .map(|name| index.get(name?).copied())
                .collect(),
            layer: reals(frame, "layer")?,
            metrics,
            metric,
            mean: reals(frame, "mean")?,
            std: reals(frame, "std")?,
            n_checkpoints: names.len(),
        })
    }

    fn columns(&self, wanted: &[(u32, &str, &str)]) -> Vec<Column> {
        let columns = wanted.iter().filter_map(|&(layer, metric, statistic)| {
            let of = self.metrics.iter().position(|known| known == metric)?;
            let source = if statistic == "std" {
                &self.std
            } else {
                &self.mean
            };
            let mut values = vec![None; self.n_checkpoints];
            let layers = self.layer.iter().map(|own| *own == Some(f64::from(layer)));
            let is_wanted = layers.zip(&self.metric).map(|(is, own)| is && *own == of);
            let rows = is_wanted.zip(&self.checkpoint).zip(source);
            for ((is_wanted, checkpoint), value) in rows {
                if let Some(checkpoint) = checkpoint.filter(|_| is_wanted) {
                    values[checkpoint] = *value;
                }
            }
            Some(Column {
                name: format!("layer {layer} {metric} {statistic}"),
                is_label: false,
                values: Values::of_numbers(&values, false)?,
                table: "layers",
                condition: Some(format!("layer = {layer} AND metric = {}", text(metric))),
                column: statistic.to_owned(),
            })
        });
        columns.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_sql_would_compare_otherwise_are_left_out() {
        assert!(Values::of_numbers(&[Some(1.0), Some(f64::NAN)], false).is_none());
        assert!(Values::of_numbers(&[None, None], false).is_none());
        assert!(Values::of_numbers(&[Some(1.0), Some(1.0)], false).is_none());
        assert!(Values::of_numbers(&[Some(1.0), None, Some(2.0)], false).is_some());
        let many = (0..=MOST_CATEGORIES).map(|name| Some(name.to_string()));
        assert!(Values::of_texts(&many.collect::<Vec<_>>()).is_none());
    }

    #[test]
    fn categories_are_sorted_and_a_null_is_missing() {
        let texts = ["tanh", "relu", "tanh"].map(|text| Some(text.to_owned()));
        let texts: Vec<Option<String>> = texts.into_iter().chain([None]).collect();
        let Some(Values::Categories { names, codes }) = Values::of_texts(&texts) else {
            panic!("no categories");
        };
        assert_eq!(names, ["relu", "tanh"]);
        assert_eq!(codes, [1, 0, 1, MISSING]);
    }
}
