//! A column of a table, and short ways to write one.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field};

/// A column of a table. Every column may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the file; [`LABELS`] stands for any number of label columns.
    pub name: &'static str,
    /// Type in the file.
    pub data_type: ColumnType,
    /// Unit of the values; `None` for texts, and for numbers without one.
    pub unit: Option<&'static str>,
    /// What a value means, and what null means.
    pub doc: &'static str,
}

/// Name in [`Column`] that stands for the label columns: as many as the catalog has, under the
/// catalog's names.
pub const LABELS: &str = "<labels>";

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// `true` or `false`.
    Flag,
    /// Whole number, 64 bits, signed.
    Int64,
    /// Whole number, 32 bits, unsigned.
    UInt32,
    /// Whole number, 64 bits, unsigned.
    UInt64,
    /// Real number, 64 bits.
    Float64,
    /// Bytes.
    Bytes,
    /// List of signed 64-bit whole numbers.
    Int64List,
    /// List of 64-bit real numbers.
    Float64List,
    /// List of texts.
    TextList,
    /// What a label may be: text, flag, [`ColumnType::Int64`] or [`ColumnType::Float64`].
    Label,
}

impl ColumnType {
    /// The types that a label column may have.
    pub(super) const LABEL: [Self; 4] = [Self::Text, Self::Flag, Self::Int64, Self::Float64];

    /// The Arrow type; `None` for [`ColumnType::Label`], which is one of several.
    pub fn arrow(self) -> Option<DataType> {
        Some(match self {
            Self::Text => DataType::Utf8,
            Self::Flag => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float64 => DataType::Float64,
            Self::Bytes => DataType::LargeBinary,
            Self::Int64List => DataType::List(Arc::new(element_field(DataType::Int64))),
            Self::Float64List => DataType::List(Arc::new(element_field(DataType::Float64))),
            Self::TextList => DataType::List(Arc::new(element_field(DataType::Utf8))),
            Self::Label => return None,
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Flag => "bool",
            Self::Int64 => "int64",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Float64 => "float64",
            Self::Bytes => "bytes",
            Self::Int64List => "list<int64>",
            Self::Float64List => "list<float64>",
            Self::TextList => "list<text>",
            Self::Label => "text, bool, int64 or float64",
        })
    }
}

/// The elements of a list column, under the name that the Parquet format prescribes.
pub(crate) fn element_field(data_type: DataType) -> Field {
    Field::new("element", data_type, true)
}

pub(super) const fn column(
    name: &'static str,
    data_type: ColumnType,
    unit: Option<&'static str>,
    doc: &'static str,
) -> Column {
    Column {
        name,
        data_type,
        unit,
        doc,
    }
}

pub(super) const fn text(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Text, None, doc)
}

pub(super) const fn flag(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Flag, None, doc)
}

pub(super) const fn int64(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Int64, None, doc)
}

pub(super) const fn index(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::UInt32, None, doc)
}

pub(super) const fn count(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::UInt64, Some(unit), doc)
}

/// A real number without a unit.
pub(super) const fn number(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Float64, None, doc)
}

pub(super) const fn quantity(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Float64, Some(unit), doc)
}
