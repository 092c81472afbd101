//! Rows of the table `neurons`: channel-major (channel, row, column) within each layer.

use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use arrow_schema::DataType;
use cntflow_metrics::{NeuronColumns, NeuronData, NeuronStatistics};

use crate::arrays::reals_of;
use crate::error::TablesError;
use crate::record::Record;
use crate::schema::checked_batch;
use crate::table::Table;

/// One row per checkpoint, layer and neuron.
pub(crate) fn neurons(records: &[Record]) -> Result<RecordBatch, TablesError> {
    let layers: Vec<(&str, &NeuronColumns)> = records
        .iter()
        .flat_map(|record| {
            let layers = record.metrics.iter().flat_map(|metrics| &metrics.neurons);
            layers.map(|layer| (record.entry.checkpoint.as_str(), layer))
        })
        .collect();
    let n_rows = layers.iter().map(|(_, layer)| layer.len()).sum();
    let indices = |extend: fn(&NeuronColumns, &mut Vec<u32>)| -> ArrayRef {
        let mut column = Vec::with_capacity(n_rows);
        layers
            .iter()
            .for_each(|(_, layer)| extend(layer, &mut column));
        Arc::new(UInt32Array::from(column))
    };
    let strengths = |column: fn(&NeuronColumns) -> &[f64]| -> ArrayRef {
        let mut values = Vec::with_capacity(n_rows);
        layers
            .iter()
            .for_each(|(_, layer)| values.extend_from_slice(column(layer)));
        reals_of(values)
    };
    // Without a probe nine columns are null throughout: they share one array.
    let has_data = layers.iter().any(|(_, layer)| layer.data.is_some());
    let nulls = (!has_data).then(|| new_null_array(&DataType::Float64, n_rows));
    let data = |column: fn(&NeuronData) -> Option<&[f64]>| -> ArrayRef {
        if let Some(nulls) = &nulls {
            return Arc::clone(nulls);
        }
        let mut values = Vec::with_capacity(n_rows);
        for (_, layer) in &layers {
            match layer.data.as_ref().and_then(column) {
                Some(statistic) => values.extend_from_slice(statistic),
                None => values.resize(values.len() + layer.len(), f64::NAN),
            }
        }
        reals_of(values)
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("checkpoint", checkpoint_names(&layers, n_rows)),
        ("layer", indices(extend_layer)),
        ("neuron", indices(extend_neuron)),
        ("channel", indices(extend_channel)),
        ("row", indices(extend_row)),
        ("column", indices(extend_column)),
        ("s_in", strengths(|layer| &layer.s_in)),
        ("s_out", strengths(|layer| &layer.s_out)),
        ("strength", strengths(|layer| &layer.strength)),
        ("s_abs", strengths(|layer| &layer.s_abs)),
        (
            "ns_mean",
            data(|data| pre(data, |statistics| &statistics.mean)),
        ),
        (
            "ns_std",
            data(|data| pre(data, |statistics| &statistics.std)),
        ),
        (
            "ns_min",
            data(|data| pre(data, |statistics| &statistics.min)),
        ),
        (
            "ns_max",
            data(|data| pre(data, |statistics| &statistics.max)),
        ),
        (
            "na_mean",
            data(|data| post(data, |statistics| &statistics.mean)),
        ),
        (
            "na_std",
            data(|data| post(data, |statistics| &statistics.std)),
        ),
        (
            "na_min",
            data(|data| post(data, |statistics| &statistics.min)),
        ),
        (
            "na_max",
            data(|data| post(data, |statistics| &statistics.max)),
        ),
        (
            "na_zero_share",
            data(|data| post(data, |statistics| &statistics.zero_share)),
        ),
    ];
    checked_batch(Table::Neurons, columns)
}

/// The checkpoint of every row. In memory each name is held once; in the file the column is plain
/// text.
fn checkpoint_names(layers: &[(&str, &NeuronColumns)], n_rows: usize) -> ArrayRef {
    let mut distinct: Vec<&str> = Vec::new();
    let mut keys: Vec<u32> = Vec::with_capacity(n_rows);
    for (checkpoint, layer) in layers {
        if distinct.last() != Some(checkpoint) {
            distinct.push(checkpoint);
        }
        keys.resize(keys.len() + layer.len(), distinct.len() as u32 - 1);
    }
    let distinct = StringArray::from_iter_values(distinct);
    Arc::new(DictionaryArray::<UInt32Type>::new(
        keys.into(),
        Arc::new(distinct),
    ))
}

fn extend_layer(layer: &NeuronColumns, column: &mut Vec<u32>) {
    column.resize(column.len() + layer.len(), layer.layer as u32);
}

fn extend_neuron(layer: &NeuronColumns, column: &mut Vec<u32>) {
    column.extend(0..layer.len() as u32);
}

fn extend_channel(layer: &NeuronColumns, column: &mut Vec<u32>) {
    extend_positions(column, layer.channels());
}

fn extend_row(layer: &NeuronColumns, column: &mut Vec<u32>) {
    extend_positions(column, layer.rows());
}

fn extend_column(layer: &NeuronColumns, column: &mut Vec<u32>) {
    extend_positions(column, layer.columns());
}

fn extend_positions(column: &mut Vec<u32>, positions: impl Iterator<Item = usize>) {
    column.extend(positions.map(|position| position as u32));
}

fn pre(data: &NeuronData, column: fn(&NeuronStatistics) -> &[f64]) -> Option<&[f64]> {
    data.pre.as_ref().map(column)
}

fn post(data: &NeuronData, column: fn(&NeuronStatistics) -> &[f64]) -> Option<&[f64]> {
    data.post.as_ref().map(column)
}
