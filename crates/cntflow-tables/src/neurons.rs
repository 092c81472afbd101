//! Rows of the table `neurons`: channel-major (channel, row, column) within each layer.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, DataType};
use cntflow_metrics::{NeuronColumns, NeuronData, Seen};

use crate::layers::{batch, reals};
use crate::record::Record;

/// One row per checkpoint, layer and neuron.
pub(crate) fn neurons(records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let layers: Vec<(&str, &NeuronColumns)> = records
        .iter()
        .flat_map(|record| {
            let layers = record.metrics.iter().flat_map(|metrics| &metrics.neurons);
            layers.map(|layer| (record.entry.checkpoint.as_str(), layer))
        })
        .collect();
    let checkpoints = layers
        .iter()
        .flat_map(|(checkpoint, layer)| std::iter::repeat_n(checkpoint, layer.len()));
    let indices = layers
        .iter()
        .flat_map(|(_, layer)| std::iter::repeat_n(layer.layer, layer.len()));
    let strengths = |column: fn(&NeuronColumns) -> &[f64]| -> ArrayRef {
        reals(layers.iter().flat_map(|(_, layer)| column(layer)).copied())
    };
    let n_rows = layers.iter().map(|(_, layer)| layer.len()).sum();
    let none = layers.iter().all(|(_, layer)| layer.data.is_none());
    let data = |column: fn(&NeuronData) -> Option<&[f64]>| -> ArrayRef {
        if none {
            return new_null_array(&DataType::Float64, n_rows);
        }
        reals(
            layers
                .iter()
                .flat_map(|(_, layer)| over_inputs(layer, column)),
        )
    };
    batch(vec![
        (
            "checkpoint",
            Arc::new(StringArray::from_iter_values(checkpoints)),
        ),
        ("layer", whole(indices)),
        (
            "neuron",
            whole(layers.iter().flat_map(|(_, layer)| 0..layer.len())),
        ),
        (
            "channel",
            whole(layers.iter().flat_map(|(_, layer)| layer.channels())),
        ),
        (
            "row",
            whole(layers.iter().flat_map(|(_, layer)| layer.rows())),
        ),
        (
            "column",
            whole(layers.iter().flat_map(|(_, layer)| layer.columns())),
        ),
        ("s_in", strengths(|layer| &layer.s_in)),
        ("s_out", strengths(|layer| &layer.s_out)),
        ("strength", strengths(|layer| &layer.strength)),
        ("s_abs", strengths(|layer| &layer.s_abs)),
        ("ns_mean", data(|data| pre(data, |seen| &seen.mean))),
        ("ns_std", data(|data| pre(data, |seen| &seen.std))),
        ("ns_min", data(|data| pre(data, |seen| &seen.min))),
        ("ns_max", data(|data| pre(data, |seen| &seen.max))),
        ("na_mean", data(|data| post(data, |seen| &seen.mean))),
        ("na_std", data(|data| post(data, |seen| &seen.std))),
        ("na_min", data(|data| post(data, |seen| &seen.min))),
        ("na_max", data(|data| post(data, |seen| &seen.max))),
        (
            "na_zero_share",
            data(|data| post(data, |seen| &seen.zero_share)),
        ),
    ])
}

fn pre(data: &NeuronData, column: fn(&Seen) -> &[f64]) -> Option<&[f64]> {
    data.pre.as_ref().map(column)
}

fn post(data: &NeuronData, column: fn(&Seen) -> &[f64]) -> Option<&[f64]> {
    data.post.as_ref().map(column)
}

/// A data-dependent column of a layer, NaN where it was not measured.
fn over_inputs<'a>(
    layer: &'a NeuronColumns,
    column: fn(&NeuronData) -> Option<&[f64]>,
) -> impl Iterator<Item = f64> + 'a {
    let values = layer.data.as_ref().and_then(column);
    (0..layer.len()).map(move |neuron| values.map_or(f64::NAN, |values| values[neuron]))
}

fn whole(values: impl Iterator<Item = usize>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(
        values.map(|value| value as u32),
    ))
}
