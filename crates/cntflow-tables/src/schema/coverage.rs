//! Columns of the table `coverage`.

use super::column::{Column, ColumnType, column, text};

/// One row per checkpoint and tensor.
pub const COLUMNS: &[Column] = &[
    text("checkpoint", "Name of the checkpoint."),
    text("tensor", "Name of the tensor in the file."),
    column(
        "shape",
        ColumnType::Int64List,
        Some("elements"),
        "Length of the tensor along each axis, in the file's order; empty for a scalar. Schema version 1 had this as text such as `[784, 32]`.",
    ),
    text(
        "dtype",
        "Element type in the file, such as `F32` or `BF16`.",
    ),
    text(
        "used_as",
        "What the tensor is in the network, such as `kernel of fc1`; null if it is not used.",
    ),
    text(
        "reason",
        "Why the tensor is not used, or what was assumed about it; null where there is nothing to say.",
    ),
];
