//! Record batches checked against the declared columns.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::{Column, ColumnType};
use crate::error::TablesError;
use crate::table::Table;

type Columns = Peekable<vec::IntoIter<(String, ArrayRef)>>;

/// A record batch of `table` whose columns are those declared, in their order.
///
/// # Errors
/// [`TablesError::ColumnMismatch`] at the first column that is missing, not declared, or of another
/// type; [`TablesError::Rows`] for columns of different lengths.
pub(crate) fn checked_batch(
    table: Table,
    columns: Vec<(impl Into<String>, ArrayRef)>,
) -> Result<RecordBatch, TablesError> {
    let columns = columns
        .into_iter()
        .map(|(name, array)| (name.into(), array));
    let mut columns = columns.collect::<Vec<_>>().into_iter().peekable();
    let mut checked = Checked {
        table,
        fields: Vec::new(),
        arrays: Vec::new(),
    };
    for declared in table.columns() {
        if declared.data_type == ColumnType::Label {
            checked.take_labels(declared, &mut columns)?;
        } else {
            checked.take(declared, columns.next())?;
        }
    }
    if let Some((name, array)) = columns.next() {
        return Err(checked.mismatch(&name, None, Some(array.data_type())));
    }
    let schema = Arc::new(Schema::new(checked.fields));
    RecordBatch::try_new(schema, checked.arrays).map_err(|source| TablesError::Rows {
        table: table.name(),
        source,
    })
}

/// Columns of a table that are not labels: names that no label column may have.
pub(crate) fn own_columns(table: Table) -> impl Iterator<Item = &'static str> {
    let columns = table.columns().iter();
    columns
        .filter(|column| column.data_type != ColumnType::Label)
        .map(|column| column.name)
}

/// The columns that agree with the declaration so far.
struct Checked {
    table: Table,
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Checked {
    fn take(
        &mut self,
        declared: &Column,
        written: Option<(String, ArrayRef)>,
    ) -> Result<(), TablesError> {
        let Some((name, array)) = written.filter(|(name, _)| name == declared.name) else {
            return Err(self.mismatch(declared.name, Some(declared.data_type), None));
        };
        if !fits(declared.data_type, array.data_type()) {
            let data_type = Some(array.data_type());
            return Err(self.mismatch(&name, Some(declared.data_type), data_type));
        }
        self.push(name, array);
        Ok(())
    }

    /// Takes all columns as labels until one has the name of a declared column.
    fn take_labels(&mut self, declared: &Column, columns: &mut Columns) -> Result<(), TablesError> {
        let table = self.table;
        let is_label = |(name, _): &(String, ArrayRef)| own_columns(table).all(|own| own != name);
        while let Some((name, array)) = columns.next_if(is_label) {
            let allowed = ColumnType::LABEL;
            if !allowed
                .into_iter()
                .any(|label| fits(label, array.data_type()))
            {
                let data_type = Some(array.data_type());
                return Err(self.mismatch(&name, Some(declared.data_type), data_type));
            }
            self.push(name, array);
        }
        Ok(())
    }

    fn push(&mut self, name: String, array: ArrayRef) {
        self.fields
            .push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    fn mismatch(
        &self,
        column: &str,
        declared: Option<ColumnType>,
        written: Option<&DataType>,
    ) -> TablesError {
        let nothing = || "no column".to_owned();
        TablesError::ColumnMismatch {
            table: self.table.name(),
            column: column.to_owned(),
            declared: declared.map_or_else(nothing, |declared| declared.to_string()),
            written: written.map_or_else(nothing, DataType::to_string),
        }
    }
}

/// Whether an array of this Arrow type becomes a column of the declared type in the file. A
/// dictionary array does if its values do: Parquet stores the values, not the dictionary array.
fn fits(declared: ColumnType, written: &DataType) -> bool {
    let written = match written {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    declared.arrow().as_ref() == Some(written)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, StringArray, UInt32Array};

    use super::*;

    /// Columns of `coverage`, of which one may be replaced.
    fn coverage(replaced: &str, by: Option<&ArrayRef>) -> Vec<(&'static str, ArrayRef)> {
        let columns = Table::Coverage.columns().iter();
        let columns = columns.filter_map(|column| {
            let data_type = column.data_type.arrow()?;
            let array = arrow_array::new_null_array(&data_type, 2);
            Some((column.name, array))
        });
        let replace = |(name, array)| match by {
            _ if name != replaced => Some((name, array)),
            Some(other) => Some((name, Arc::clone(other))),
            None => None,
        };
        columns.filter_map(replace).collect()
    }

    #[track_caller]
    fn check_refused(columns: Vec<(&'static str, ArrayRef)>, message: &str) {
        let error = checked_batch(Table::Coverage, columns).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn declared_columns_are_taken() {
        let batch = checked_batch(Table::Coverage, coverage("", None)).unwrap();
        assert_eq!(*batch.schema(), Table::Coverage.schema());
    }

    #[test]
    fn another_type_is_refused_with_both_types() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["[2]", "[]"]));
        check_refused(
            coverage("shape", Some(&texts)),
            "table coverage: column 'shape': expected list<int64>, got Utf8",
        );
    }

    #[test]
    fn a_missing_column_is_refused() {
        check_refused(
            coverage("tensor", None),
            "table coverage: column 'tensor': expected text, got no column",
        );
    }

    #[test]
    fn a_column_that_is_not_declared_is_refused() {
        let mut columns = coverage("", None);
        columns.push(("extra", Arc::new(Float64Array::from(vec![0.0, 1.0]))));
        check_refused(
            columns,
            "table coverage: column 'extra': expected no column, got Float64",
        );
    }

    #[test]
    fn a_label_of_another_type_is_refused() {
        let label: ArrayRef = Arc::new(UInt32Array::from(vec![1]));
        let columns = Table::Networks.columns().iter().filter_map(|column| {
            if column.data_type == ColumnType::Label {
                return Some(("seed", Arc::clone(&label)));
            }
            let data_type = column.data_type.arrow()?;
            Some((column.name, arrow_array::new_null_array(&data_type, 1)))
        });
        let error = checked_batch(Table::Networks, columns.collect()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "table networks: column 'seed': expected text, bool, int64 or float64, got UInt32"
        );
    }
}
