//! Columns of a frame from a list of rows.

use polars::prelude::{Column, DataType, IntoSeries, ListChunked, NamedFrom, Series};

/// A column of texts.
pub(super) fn texts<T>(name: &str, rows: &[T], value: impl Fn(&T) -> Option<String>) -> Column {
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
}

/// A column of reals. NaN becomes null: a figure that is not defined is not there.
pub(super) fn numbers<T>(name: &str, rows: &[T], value: impl Fn(&T) -> f64) -> Column {
    let defined = |number: f64| (!number.is_nan()).then_some(number);
    let values: Vec<_> = rows.iter().map(|row| defined(value(row))).collect();
    Column::new(name.into(), values)
}

/// A column of counts.
pub(super) fn counts<T>(name: &str, rows: &[T], value: impl Fn(&T) -> u64) -> Column {
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
}

/// A column of whole numbers.
pub(super) fn integers<T>(name: &str, rows: &[T], value: impl Fn(&T) -> Option<i64>) -> Column {
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
}

/// A column of flags.
pub(super) fn flags<T>(name: &str, rows: &[T], value: impl Fn(&T) -> bool) -> Column {
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
}

/// A column of lists of reals.
pub(super) fn number_lists<'a, T>(
    name: &str,
    rows: &'a [T],
    value: impl Fn(&'a T) -> &'a [f64],
) -> Column {
    let lists = rows.iter().map(|row| Series::new("".into(), value(row)));
    list_column(name, &DataType::Float64, lists)
}

/// A column of lists of whole numbers.
pub(super) fn integer_lists<T>(name: &str, rows: &[T], value: impl Fn(&T) -> Vec<i64>) -> Column {
    let lists = rows.iter().map(|row| Series::new("".into(), value(row)));
    list_column(name, &DataType::Int64, lists)
}

/// A column of lists, whose elements have their type also where there is no row to tell it.
fn list_column(
    name: &str,
    element: &DataType,
    lists: impl ExactSizeIterator<Item = Series>,
) -> Column {
    let column = if lists.len() == 0 {
        ListChunked::full_null_with_dtype(name.into(), 0, element)
    } else {
        lists.collect::<ListChunked>().with_name(name.into())
    };
    column.into_series().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_without_rows_have_the_type_of_their_elements() {
        let none: [Vec<f64>; 0] = [];
        let reals = number_lists("x", &none, Vec::as_slice);
        assert_eq!(reals.dtype(), &DataType::List(Box::new(DataType::Float64)));
        let whole = integer_lists("x", &none, |_| Vec::new());
        assert_eq!(whole.dtype(), &DataType::List(Box::new(DataType::Int64)));
    }
}
