//! The tables declared as data: each column's name, type, unit and meaning.
//!
//! Arrow schemas, the checks of what is written, `cntflow query --schema` and the table reference
//! of the documentation are all made from these lists. Changing a list changes
//! [`SCHEMA_VERSION`](crate::SCHEMA_VERSION).

mod check;
pub mod coverage;
pub mod densities;
mod describe;
pub mod discrimination;
pub mod divergences;
pub mod layers;
pub mod networks;
pub mod neurons;
pub mod populations;
mod reference;

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

pub(crate) use self::check::{checked_batch, own_columns};
pub use self::describe::ColumnDescription;
pub use self::reference::reference_page;
use crate::table::Table;

/// A column of a table. Every column may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the file; [`LABELS`] stands for any number of label columns.
    pub name: &'static str,
    /// Type in the file.
    pub data_type: ColumnType,
    /// Unit of the values; `None` for texts, and for numbers without one.
    pub unit: Option<&'static str>,
    /// Meaning, and what null says.
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
    /// What a label may be: text, flag, [`ColumnType::Int64`] or [`ColumnType::Float64`].
    Label,
}

impl ColumnType {
    /// The types that a label column may have.
    const LABEL: [Self; 4] = [Self::Text, Self::Flag, Self::Int64, Self::Float64];

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
            Self::Int64List => DataType::List(Arc::new(element_field())),
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
            Self::Label => "text, bool, int64 or float64",
        })
    }
}

/// The elements of a list column, under the name that the Parquet format prescribes.
pub(crate) fn element_field() -> Field {
    Field::new("element", DataType::Int64, true)
}

impl Table {
    /// The columns, in the order of the file.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Networks => networks::COLUMNS,
            Self::Layers => layers::COLUMNS,
            Self::Neurons => neurons::COLUMNS,
            Self::Coverage => coverage::COLUMNS,
            Self::Populations => populations::COLUMNS,
            Self::Densities => densities::COLUMNS,
            Self::Divergences => divergences::COLUMNS,
            Self::Discrimination => discrimination::COLUMNS,
        }
    }

    /// What one row is, and which columns identify it.
    pub fn row(self) -> &'static str {
        match self {
            Self::Networks => "One row per checkpoint, measured or not. Key: `checkpoint`.",
            Self::Layers => {
                "One row per checkpoint, layer and metric. Key: `checkpoint`, `layer`, `name`, `metric`."
            }
            Self::Neurons => {
                "One row per checkpoint, layer and neuron. Key: `checkpoint`, `layer`, `neuron`."
            }
            Self::Coverage => {
                "One row per checkpoint and tensor of its file. Key: `checkpoint`, `tensor`."
            }
            Self::Populations => {
                "One row per group of comparable layers and bin: an internal summary that `densities` and `divergences` are made from. `cntflow query` does not list it."
            }
            Self::Densities => {
                "One row per population and point of its density. Key: `architecture`, `layer`, `name`, `metric`, `bin`, `point`."
            }
            Self::Divergences => {
                "One row per pair of populations of one group. Key: `architecture`, `layer`, `name`, `metric`, `bin_a`, `bin_b`."
            }
            Self::Discrimination => {
                "One row per rule, feature set, classifier and stratum. Key: `rule`, `features`, `classifier`, `stratum`."
            }
        }
    }

    /// The Arrow schema of a table without label columns.
    pub(crate) fn schema(self) -> Schema {
        let columns = self.columns().iter();
        let fields = columns
            .filter_map(|column| Some(Field::new(column.name, column.data_type.arrow()?, true)));
        Schema::new(fields.collect::<Vec<_>>())
    }
}

const fn column(
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

const fn text(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Text, None, doc)
}

const fn flag(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Flag, None, doc)
}

const fn int64(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Int64, None, doc)
}

const fn index(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::UInt32, None, doc)
}

const fn count(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::UInt64, Some(unit), doc)
}

/// A real number without a unit.
const fn number(name: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Float64, None, doc)
}

const fn quantity(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    column(name, ColumnType::Float64, Some(unit), doc)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_column_has_a_name_of_its_own_and_a_sentence() {
        for table in Table::ALL {
            let columns = table.columns();
            let names: BTreeSet<&str> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), columns.len(), "{}", table.name());
            for column in columns {
                let sentence = column.doc.ends_with('.') && !column.doc.contains('|');
                assert!(sentence, "{}.{}: {}", table.name(), column.name, column.doc);
            }
        }
    }

    #[test]
    fn only_networks_has_label_columns() {
        let with_labels = Table::ALL.into_iter().filter(|table| {
            let mut columns = table.columns().iter();
            columns.any(|column| column.data_type == ColumnType::Label)
        });
        assert_eq!(with_labels.collect::<Vec<_>>(), [Table::Networks]);
    }
}
