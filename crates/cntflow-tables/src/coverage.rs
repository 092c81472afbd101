//! Rows of the table `coverage`.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StringArray};

use crate::error::TablesError;
use crate::record::{CoverageRow, Record};
use crate::schema::{checked_batch, element_field};
use crate::table::Table;

/// One row per tensor of every checkpoint's file.
pub(crate) fn coverage(records: &[Record]) -> Result<RecordBatch, TablesError> {
    let rows = || {
        records.iter().flat_map(|record| {
            let tensors = record.coverage.iter();
            tensors.map(|row| (record.entry.checkpoint.as_str(), row))
        })
    };
    let texts = |text: fn(&CoverageRow) -> Option<&str>| -> ArrayRef {
        Arc::new(rows().map(|(_, row)| text(row)).collect::<StringArray>())
    };
    let checkpoints = StringArray::from_iter_values(rows().map(|(checkpoint, _)| checkpoint));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("checkpoint", Arc::new(checkpoints)),
        ("tensor", texts(|row| Some(&row.tensor))),
        (
            "shape",
            Arc::new(shapes(rows().map(|(_, row)| &*row.shape))),
        ),
        ("dtype", texts(|row| Some(row.dtype))),
        ("used_as", texts(|row| row.used_as.as_deref())),
        ("reason", texts(|row| row.reason.as_deref())),
    ];
    checked_batch(Table::Coverage, columns)
}

fn shapes<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> ListArray {
    let mut lists = list_builder();
    for shape in shapes {
        lists.append_value(shape.iter().map(|&length| i64::try_from(length).ok()));
    }
    lists.finish()
}

fn list_builder() -> ListBuilder<Int64Builder> {
    ListBuilder::new(Int64Builder::new()).with_field(element_field(arrow_schema::DataType::Int64))
}

/// A text that is not a shape such as `[784, 32]`, although it stands where a shape should.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAShape(pub(crate) String);

/// Lists of the shapes of schema version 1, which are texts such as `[784, 32]`.
///
/// # Errors
/// The first text that is no shape.
pub(crate) fn shapes_from_texts<'a>(
    texts: impl Iterator<Item = Option<&'a str>>,
) -> Result<ListArray, NotAShape> {
    let mut lists = list_builder();
    for text in texts {
        let shape = text.map(|text| parse_shape(text).ok_or_else(|| NotAShape(text.to_owned())));
        lists.append_option(shape.transpose()?.map(|shape| shape.into_iter().map(Some)));
    }
    Ok(lists.finish())
}

fn parse_shape(text: &str) -> Option<Vec<i64>> {
    let lengths = text.strip_prefix('[')?.strip_suffix(']')?;
    if lengths.is_empty() {
        return Some(Vec::new());
    }
    let lengths = lengths.split(',');
    lengths.map(|length| length.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_schema_version_1_become_the_same_lists() {
        let written = [vec![784_usize, 32], vec![], vec![7]];
        let texts: Vec<String> = written.iter().map(|shape| format!("{shape:?}")).collect();
        let read = shapes_from_texts(texts.iter().map(|text| Some(text.as_str())));
        assert_eq!(read, Ok(shapes(written.iter().map(Vec::as_slice))));
    }

    #[test]
    fn a_text_that_is_no_shape_is_named() {
        let read = shapes_from_texts([Some("[2, x]")].into_iter());
        assert_eq!(read, Err(NotAShape("[2, x]".to_owned())));
    }
}
