//! Rows of the table `links`.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use cntflow_metrics::{StrongLink, StrongestLinks};

use crate::arrays::reals;
use crate::error::TablesError;
use crate::record::Record;
use crate::schema::checked_batch;
use crate::table::Table;

/// A link with what it shares with others: its checkpoint, its layer of links, its rank.
type Row<'r> = (&'r str, &'r StrongestLinks, usize, &'r StrongLink);

/// Number of rows of one record.
pub(crate) fn n_links(record: &Record) -> usize {
    let layers = record.metrics.iter().flat_map(|metrics| &metrics.links);
    layers.map(|layer| layer.links.len()).sum()
}

/// One row per checkpoint, layer of links and rank.
pub(crate) fn links(records: &[Record]) -> Result<RecordBatch, TablesError> {
    let rows: Vec<Row<'_>> = records.iter().flat_map(rows_of).collect();
    let indices = |index: fn(&Row<'_>) -> Option<usize>| -> ArrayRef {
        let indices = rows.iter().map(|row| Some(index(row)? as u32));
        Arc::new(indices.collect::<UInt32Array>())
    };
    let counts = |count: fn(&StrongestLinks) -> u64| -> ArrayRef {
        let counts = rows.iter().map(|(_, layer, ..)| count(layer));
        Arc::new(UInt64Array::from_iter_values(counts))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("checkpoint", texts(&rows, |(checkpoint, ..)| checkpoint)),
        ("layer", indices(|(_, layer, ..)| Some(layer.layer))),
        ("name", texts(&rows, |(_, layer, ..)| &layer.name)),
        ("rank", indices(|(_, _, rank, _)| Some(*rank))),
        (
            "from_layer",
            indices(|(_, layer, ..)| Some(layer.from_layer)),
        ),
        ("from_neuron", indices(|(.., link)| link.from.neuron)),
        (
            "from_channel",
            indices(|(.., link)| Some(link.from.channel)),
        ),
        ("to_neuron", indices(|(.., link)| link.to.neuron)),
        ("to_channel", indices(|(.., link)| Some(link.to.channel))),
        ("kernel_row", indices(|(.., link)| Some(link.tap?.0))),
        ("kernel_column", indices(|(.., link)| Some(link.tap?.1))),
        ("weight", reals(rows.iter().map(|(.., link)| link.weight))),
        ("n_from", counts(|layer| layer.n_from)),
        ("n_to", counts(|layer| layer.n_to)),
        ("n_links", counts(|layer| layer.n_links)),
    ];
    checked_batch(Table::Links, columns)
}

fn texts<'r>(rows: &[Row<'r>], text: fn(&Row<'r>) -> &'r str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
}

fn rows_of(record: &Record) -> impl Iterator<Item = Row<'_>> {
    let checkpoint = record.entry.checkpoint.as_str();
    let layers = record.metrics.iter().flat_map(|metrics| &metrics.links);
    layers.flat_map(move |layer| {
        let ranked = layer.links.iter().zip(1..);
        ranked.map(move |(link, rank)| (checkpoint, layer, rank, link))
    })
}
