//! Rows of the table `populations`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, Int64Array, LargeBinaryArray, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};

use crate::arrays::reals;
use crate::error::TablesError;
use crate::part_file::{column, number_column, text_column, wrong_type};
use crate::population::{Bin, EncodedPopulation, Group, PopulationKey, PopulationRow};
use crate::schema::{ColumnType, checked_batch, element_field};
use crate::table::Table;

/// Column that names the networks of a row. Parts of schema version 2 and older lack it.
pub(crate) const CHECKPOINTS: &str = "checkpoints";

/// Column with the encoded values.
pub(crate) const SUMMARY: &str = "summary";

/// Column with the value of a label that is text.
const BIN_VALUE: &str = "bin_value";

/// What a row of a part is of.
pub(crate) fn decode_key(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
) -> Result<PopulationKey, TablesError> {
    let text = |name| Ok::<_, TablesError>(text_column(path, rows, name)?.value(row).to_owned());
    let layers = number_column::<UInt32Type>(path, rows, "layer", ColumnType::UInt32)?;
    let bins = number_column::<Int64Type>(path, rows, "bin", ColumnType::Int64)?;
    let only = text_column(path, rows, "checkpoint")?;
    Ok(PopulationKey {
        group: Group {
            architecture: text("architecture")?,
            layer: layers.value(row),
            name: text("name")?,
            role: text("role")?,
            metric: text("metric")?,
        },
        bin: bins.value(row),
        value: bin_value(path, rows, row)?,
        checkpoint: only.is_valid(row).then(|| only.value(row).to_owned()),
    })
}

/// A row with this key, with its values as they are stored.
pub(crate) fn stored(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
    key: PopulationKey,
) -> Result<EncodedPopulation, TablesError> {
    let summaries = column(path, rows, SUMMARY)?;
    let bytes = summaries
        .as_binary_opt::<i64>()
        .ok_or_else(|| wrong_type(path, SUMMARY, ColumnType::Bytes, summaries))?;
    let summary = bytes.value(row).to_vec();
    let PopulationRow {
        key,
        bin,
        checkpoints,
        count,
    } = decode_without_values(path, rows, row, key)?;
    Ok(EncodedPopulation {
        key,
        bin,
        checkpoints,
        count,
        summary,
    })
}

/// A row with this key, without its values.
pub(crate) fn decode_without_values(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
    key: PopulationKey,
) -> Result<PopulationRow, TablesError> {
    let counts = number_column::<UInt64Type>(path, rows, "count", ColumnType::UInt64)?;
    Ok(PopulationRow {
        bin: decode_bin(path, rows, row, &key)?,
        checkpoints: checkpoints(path, rows, row)?,
        count: counts.value(row),
        key,
    })
}

fn decode_bin(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
    key: &PopulationKey,
) -> Result<Bin, TablesError> {
    let real = |name| -> Result<f64, TablesError> {
        let reals = number_column::<Float64Type>(path, rows, name, ColumnType::Float64)?;
        Ok(if reals.is_valid(row) {
            reals.value(row)
        } else {
            f64::NAN
        })
    };
    Ok(Bin {
        bin: key.bin,
        low: real("bin_low")?,
        high: real("bin_high")?,
        value: key.value.clone(),
    })
}

/// The value of the label that the networks of a row share; `None` where a bin is a range, as in
/// all parts of schema version 3 and older, which lack the column.
fn bin_value(path: &Path, rows: &RecordBatch, row: usize) -> Result<Option<String>, TablesError> {
    if rows.column_by_name(BIN_VALUE).is_none() {
        return Ok(None);
    }
    let values = text_column(path, rows, BIN_VALUE)?;
    Ok(values.is_valid(row).then(|| values.value(row).to_owned()))
}

/// The networks of a row.
pub(crate) fn checkpoints(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
) -> Result<BTreeSet<String>, TablesError> {
    let lists = column(path, rows, CHECKPOINTS)?;
    let wrong = || wrong_type(path, CHECKPOINTS, ColumnType::TextList, lists);
    let names = lists.as_list_opt::<i32>().ok_or_else(wrong)?.value(row);
    let names = names.as_string_opt::<i32>().ok_or_else(wrong)?;
    Ok(names.iter().flatten().map(str::to_owned).collect())
}

/// Rows of a part.
pub(crate) fn encode(rows: &[EncodedPopulation]) -> Result<RecordBatch, TablesError> {
    let texts = |text: fn(&Group) -> &str| -> ArrayRef {
        let texts = rows.iter().map(|row| text(&row.key.group));
        Arc::new(StringArray::from_iter_values(texts))
    };
    let bounds = |bound: fn(&Bin) -> f64| reals(rows.iter().map(|row| bound(&row.bin)));
    let layers = rows.iter().map(|row| row.key.group.layer);
    let bins = rows.iter().map(|row| row.key.bin);
    let values: StringArray = rows.iter().map(|row| row.key.value.as_ref()).collect();
    let only: StringArray = rows.iter().map(|row| row.key.checkpoint.as_ref()).collect();
    let mut checkpoints = ListBuilder::new(StringBuilder::new())
        .with_field(element_field(arrow_schema::DataType::Utf8));
    for row in rows {
        checkpoints.append_value(row.checkpoints.iter().map(Some));
    }
    let counts = UInt64Array::from_iter_values(rows.iter().map(|row| row.count));
    let summaries = rows.iter().map(|row| &row.summary);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("architecture", texts(|group| &group.architecture)),
        ("layer", Arc::new(UInt32Array::from_iter_values(layers))),
        ("name", texts(|group| &group.name)),
        ("role", texts(|group| &group.role)),
        ("metric", texts(|group| &group.metric)),
        ("bin", Arc::new(Int64Array::from_iter_values(bins))),
        ("bin_low", bounds(|bin| bin.low)),
        ("bin_high", bounds(|bin| bin.high)),
        (BIN_VALUE, Arc::new(values)),
        ("checkpoint", Arc::new(only)),
        (CHECKPOINTS, Arc::new(checkpoints.finish())),
        ("count", Arc::new(counts)),
        (
            SUMMARY,
            Arc::new(LargeBinaryArray::from_iter_values(summaries)),
        ),
    ];
    checked_batch(Table::Populations, columns)
}
