//! An answer as a table of the page.

use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use crate::rows::column_texts;

/// Rows that are shown. The query gives all.
const ROWS_SHOWN: usize = 200;

/// A table with a header; its caption says how many rows are left out.
pub(crate) fn table(frame: &DataFrame, caption: &str) -> Result<Markup, PolarsError> {
    let shown = frame.head(Some(ROWS_SHOWN));
    let columns: Vec<Vec<String>> = shown
        .columns()
        .iter()
        .map(column_texts)
        .collect::<Result<_, _>>()?;
    let is_number: Vec<bool> = shown
        .columns()
        .iter()
        .map(|column| column.dtype().is_numeric())
        .collect();
    let n_rows = frame.height();
    Ok(html! {
        div.table tabindex="0" role="group" aria-label=(format!("Table: {caption}")) {
            table {
                caption {
                    (caption)
                    @if n_rows > ROWS_SHOWN {
                        ": the first " (ROWS_SHOWN) " of " (n_rows) " rows"
                    }
                }
                thead {
                    tr {
                        @for name in shown.get_column_names() {
                            th scope="col" { (name.as_str()) }
                        }
                    }
                }
                tbody {
                    @for row in 0..shown.height() {
                        tr {
                            @for (cells, is_number) in columns.iter().zip(&is_number) {
                                @if *is_number {
                                    td.number { (cells[row]) }
                                } @else {
                                    td { (cells[row]) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}
