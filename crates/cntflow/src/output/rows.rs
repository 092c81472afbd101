//! Rows of a frame by the names of its columns.

use polars::prelude::{AnyValue, DataFrame};

/// A frame that is read row by row.
pub(super) struct Rows<'a>(pub(super) &'a DataFrame);

/// One row of a frame.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    frame: &'a DataFrame,
    index: usize,
}

impl<'a> Rows<'a> {
    /// All rows, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let frame = self.0;
        (0..frame.height()).map(move |index| Row { frame, index })
    }
}

impl<'a> Row<'a> {
    fn value(&self, column: &str) -> AnyValue<'a> {
        let column = self.frame.column(column).ok();
        column
            .and_then(|column| column.get(self.index).ok())
            .unwrap_or(AnyValue::Null)
    }

    /// A text; `None` where it is null.
    pub(super) fn text(&self, column: &str) -> Option<&'a str> {
        // Not by value: a column of one row gives it as an owned text.
        let column = self.frame.column(column).ok()?;
        column.str().ok()?.get(self.index)
    }

    /// A number; NaN where it is null.
    pub(super) fn number(&self, column: &str) -> f64 {
        self.value(column).extract::<f64>().unwrap_or(f64::NAN)
    }

    /// A flag; false where it is null.
    pub(super) fn flag(&self, column: &str) -> bool {
        matches!(self.value(column), AnyValue::Boolean(true))
    }
}
