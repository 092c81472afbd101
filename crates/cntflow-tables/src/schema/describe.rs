//! The columns of a table as a folder has them: the declared columns, with the folder's own label
//! columns in place of `<labels>`.

use polars::prelude::DataType;

use super::{Column, ColumnType, own_columns};
use crate::error::TablesError;
use crate::store::TableStore;
use crate::table::Table;

/// A column for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDescription {
    /// Name.
    pub name: String,
    /// Type, as [`ColumnType`] displays it.
    pub data_type: String,
    /// Unit; `None` for texts, and for numbers without one.
    pub unit: Option<&'static str>,
    /// Meaning.
    pub doc: &'static str,
}

impl TableStore {
    /// The columns of a table, in their order. Where the folder has committed rows, its label
    /// columns stand in place of [`LABELS`](super::LABELS).
    ///
    /// # Errors
    /// As [`TableStore::scan`], except [`TablesError::Empty`].
    pub fn describe_columns(&self, table: Table) -> Result<Vec<ColumnDescription>, TablesError> {
        let labels = if table.columns().iter().any(is_label) {
            self.label_columns(table)?
        } else {
            None
        };
        let mut descriptions = Vec::new();
        for column in table.columns() {
            match &labels {
                Some(labels) if is_label(column) => {
                    descriptions.extend(labels.iter().map(|(name, data_type)| ColumnDescription {
                        name: name.clone(),
                        data_type: data_type.clone(),
                        unit: None,
                        doc: "Label column of the catalog.",
                    }));
                }
                _ => descriptions.push(ColumnDescription {
                    name: column.name.to_owned(),
                    data_type: column.data_type.to_string(),
                    unit: column.unit,
                    doc: column.doc,
                }),
            }
        }
        Ok(descriptions)
    }

    /// Names and types of the label columns; `None` where nothing is committed.
    ///
    /// # Errors
    /// As [`TableStore::scan`], except [`TablesError::Empty`].
    pub fn label_columns(
        &self,
        table: Table,
    ) -> Result<Option<Vec<(String, String)>>, TablesError> {
        let mut rows = match self.scan(table) {
            Ok(rows) => rows,
            Err(TablesError::Empty { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let schema = rows.collect_schema().map_err(TablesError::Scan)?;
        let labels = schema
            .iter()
            .filter(|(name, _)| own_columns(table).all(|own| own != name.as_str()))
            .map(|(name, data_type)| (name.to_string(), type_name(data_type)));
        Ok(Some(labels.collect()))
    }
}

fn is_label(column: &Column) -> bool {
    column.data_type == ColumnType::Label
}

pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::String => ColumnType::Text.to_string(),
        DataType::Boolean => ColumnType::Flag.to_string(),
        DataType::Int64 => ColumnType::Int64.to_string(),
        DataType::Float64 => ColumnType::Float64.to_string(),
        other => other.to_string(),
    }
}
