//! Rows of the table `layers`.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use cntflow_metrics::{LayerRow, Summary};

use crate::arrays::reals;
use crate::error::TablesError;
use crate::record::Record;
use crate::schema::checked_batch;
use crate::table::Table;

/// A real statistic of a summary: the name of its column, and its value.
type Statistic = (&'static str, fn(&Summary) -> f64);

/// The real statistics in the order of their columns.
const STATISTICS: [Statistic; 16] = [
    ("mean", |s| s.mean),
    ("std", |s| s.std),
    ("skewness", |s| s.skewness),
    ("kurtosis", |s| s.kurtosis),
    ("min", |s| s.min),
    ("q01", |s| s.q01),
    ("q05", |s| s.q05),
    ("q25", |s| s.q25),
    ("q50", |s| s.q50),
    ("q75", |s| s.q75),
    ("q95", |s| s.q95),
    ("q99", |s| s.q99),
    ("max", |s| s.max),
    ("l1", |s| s.l1),
    ("l2", |s| s.l2),
    ("zeros", |s| s.zeros),
];

/// One row per checkpoint, layer and metric.
pub(crate) fn layers(records: &[Record]) -> Result<RecordBatch, TablesError> {
    let rows = || {
        records.iter().flat_map(|record| {
            let rows = record.metrics.iter().flat_map(|metrics| &metrics.layers);
            rows.map(|row| (record.entry.checkpoint.as_str(), row))
        })
    };
    let texts = |text: fn(&LayerRow) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            rows().map(|(_, row)| text(row)),
        ))
    };
    let flags = |flag: fn(&LayerRow) -> bool| -> ArrayRef {
        let values = rows().map(|(_, row)| Some(flag(row)));
        Arc::new(values.collect::<BooleanArray>())
    };
    let counts = |count: fn(&Summary) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            rows().map(|(_, row)| count(&row.summary)),
        ))
    };
    let checkpoints = StringArray::from_iter_values(rows().map(|(checkpoint, _)| checkpoint));
    let indices = UInt32Array::from_iter_values(rows().map(|(_, row)| row.layer as u32));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("checkpoint", Arc::new(checkpoints)),
        ("layer", Arc::new(indices)),
        ("name", texts(|row| &row.name)),
        ("kind", texts(|row| row.kind.as_str())),
        ("role", texts(|row| row.role.as_str())),
        ("open_in", flags(|row| row.open.into)),
        ("open_out", flags(|row| row.open.from)),
        ("metric", texts(|row| row.metric.as_str())),
        ("count", counts(|summary| summary.count)),
    ];
    for (name, value) in STATISTICS {
        columns.push((name, reals(rows().map(|(_, row)| value(&row.summary)))));
    }
    columns.push(("nan", counts(|summary| summary.nan)));
    columns.push(("infinite", counts(|summary| summary.infinite)));
    checked_batch(Table::Layers, columns)
}
