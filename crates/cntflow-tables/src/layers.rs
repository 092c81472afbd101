//! Rows of the tables `layers` and `coverage`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::ArrowError;
use cntflow_metrics::{LayerRow, Summary};

use crate::record::Record;

/// A real statistic of a summary: its column and how it is read.
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
pub(crate) fn layers(records: &[Record]) -> Result<RecordBatch, ArrowError> {
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
        ("metric", texts(|row| row.metric.as_str())),
        ("count", counts(|summary| summary.count)),
    ];
    for (name, value) in STATISTICS {
        columns.push((name, reals(rows().map(|(_, row)| value(&row.summary)))));
    }
    columns.push(("nan", counts(|summary| summary.nan)));
    columns.push(("infinite", counts(|summary| summary.infinite)));
    batch(columns)
}

/// One row per tensor found.
pub(crate) fn coverage(records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let rows = || {
        records.iter().flat_map(|record| {
            record
                .coverage
                .iter()
                .map(|row| (record.entry.checkpoint.as_str(), row))
        })
    };
    let checkpoints = StringArray::from_iter_values(rows().map(|(checkpoint, _)| checkpoint));
    let tensors = StringArray::from_iter_values(rows().map(|(_, row)| row.tensor.as_str()));
    let shapes = StringArray::from_iter_values(rows().map(|(_, row)| format!("{:?}", row.shape)));
    let types = StringArray::from_iter_values(rows().map(|(_, row)| row.dtype));
    let uses: StringArray = rows().map(|(_, row)| row.used_as.as_deref()).collect();
    let reasons: StringArray = rows().map(|(_, row)| row.reason.as_deref()).collect();
    batch(vec![
        ("checkpoint", Arc::new(checkpoints)),
        ("tensor", Arc::new(tensors)),
        ("shape", Arc::new(shapes)),
        ("dtype", Arc::new(types)),
        ("used_as", Arc::new(uses)),
        ("reason", Arc::new(reasons)),
    ])
}

/// A column of real numbers; NaN stands for "there is none" and is null, so that no reader averages over it unawares.
pub(crate) fn reals(values: impl Iterator<Item = f64>) -> ArrayRef {
    reals_of(values.collect())
}

/// [`reals`] of values that have been gathered.
pub(crate) fn reals_of(values: Vec<f64>) -> ArrayRef {
    if values.iter().any(|value| value.is_nan()) {
        let present = values.iter().map(|value| !value.is_nan()).collect();
        return Arc::new(Float64Array::new(values.into(), Some(present)));
    }
    Arc::new(Float64Array::from(values))
}

/// A record batch in which every column may be null.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
}
