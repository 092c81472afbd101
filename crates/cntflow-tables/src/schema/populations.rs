//! Columns of the table `populations`.

use super::column::{Column, ColumnType, column, count, index, int64, number, text};

/// One row per group, bin and network, or per group and bin.
pub const COLUMNS: &[Column] = &[
    text(
        "architecture",
        "Neurons of every layer and number of parameters: only networks that share these are compared.",
    ),
    index("layer", "Index of the layer, 0 for the inputs."),
    text("name", "Name of the layer."),
    text(
        "role",
        "Position of the layer: `input`, `hidden` or `output`.",
    ),
    text("metric", "Name of the metric."),
    int64("bin", "Index of the bin of the label."),
    number(
        "bin_low",
        "Lower bound of the bin, inclusive, in units of the label.",
    ),
    number(
        "bin_high",
        "Upper bound of the bin, exclusive, in units of the label.",
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
