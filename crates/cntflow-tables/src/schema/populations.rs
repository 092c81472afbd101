//! Columns of the table `populations`.

use super::column::{Column, ColumnType, column, count, index, int64, number, text};

/// One row per group, bin and network, or per group and bin.
pub const COLUMNS: &[Column] = &[
    text(
        "architecture",
        "Neurons of every layer and number of parameters: only networks that share these are compared. `any` with `shapes = \"any\"`.",
    ),
    index(
        "layer",
        "Index of the layer, 0 for the inputs; of the role with `shapes = \"any\"`: 0 `input`, 1 `hidden`, 2 `output`, 3 `network`.",
    ),
    text(
        "name",
        "Name of the layer; of the role with `shapes = \"any\"`.",
    ),
    text(
        "role",
        "Position of the layer: `input`, `hidden` or `output`; `network` for all layers together.",
    ),
    text("metric", "Name of the metric."),
    int64(
        "bin",
        "Index of the bin of the label; 0 where each value is a population.",
    ),
    number(
        "bin_low",
        "Lower bound of the bin, inclusive, in units of the label; null where each value is a population.",
    ),
    number(
        "bin_high",
        "Upper bound of the bin, exclusive, in units of the label; null where each value is a population.",
    ),
    text(
        "bin_value",
        "Value of the label of all networks in the bin; null where bins are ranges.",
    ),
    text(
        "checkpoint",
        "The only network of the row; null where all networks of the bin are together.",
    ),
    column(
        "checkpoints",
        ColumnType::TextList,
        None,
        "All networks of the row.",
    ),
    count("count", "values", "Finite values of these networks."),
    column(
        "summary",
        ColumnType::Bytes,
        None,
        "Encoded summary of the values. The encoding is internal.",
    ),
];
