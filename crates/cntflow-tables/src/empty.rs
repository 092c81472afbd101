//! The table `networks` without rows: what a study's queries are checked against before it runs.

use cntflow_catalog::{LabelColumn, LabelKind};
use polars::prelude::{DataFrame, DataType, Field, IntoLazy, LazyFrame, Schema};

use crate::schema::ColumnType;
use crate::table::Table;

/// The table `networks` with these label columns, without rows.
pub fn empty_networks(labels: &[LabelColumn]) -> LazyFrame {
    let mut fields = Vec::new();
    for column in Table::Networks.columns() {
        match column_type(column.data_type) {
            Some(data_type) => fields.push(Field::new(column.name.into(), data_type)),
            None => fields.extend(
                labels
                    .iter()
                    .map(|label| Field::new(label.name.as_str().into(), label_type(label.kind))),
            ),
        }
    }
    let schema: Schema = fields.into_iter().collect();
    DataFrame::empty_with_schema(&schema).lazy()
}

/// The Polars type of a declared column; `None` for label columns.
fn column_type(data_type: ColumnType) -> Option<DataType> {
    Some(match data_type {
        ColumnType::Text => DataType::String,
        ColumnType::Flag => DataType::Boolean,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::UInt32 => DataType::UInt32,
        ColumnType::UInt64 => DataType::UInt64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Bytes => DataType::Binary,
        ColumnType::Int64List => DataType::List(Box::new(DataType::Int64)),
        ColumnType::TextList => DataType::List(Box::new(DataType::String)),
        ColumnType::Float64List => DataType::List(Box::new(DataType::Float64)),
        ColumnType::Label => return None,
    })
}

fn label_type(kind: LabelKind) -> DataType {
    match kind {
        LabelKind::Flag => DataType::Boolean,
        LabelKind::Integer => DataType::Int64,
        LabelKind::Real => DataType::Float64,
        LabelKind::Text => DataType::String,
    }
}
