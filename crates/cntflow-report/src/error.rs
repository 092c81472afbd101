//! Why there is no report.

use cntflow_tables::SqlError;
use polars::prelude::PolarsError;

use crate::picture::PictureError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A query failed.
    #[error("{about}")]
    Query {
        /// What the query is about.
        about: String,
        /// Why.
        source: SqlError,
    },
    /// The answer to a query lacks a column, or it has another type.
    #[error("the answer to a query cannot be drawn")]
    Column(#[from] PolarsError),
    /// A drawing cannot be made to a picture.
    #[error("{figure}: the drawing cannot be made to a PNG")]
    Picture {
        /// The figure.
        figure: String,
        /// Why.
        source: PictureError,
    },
}
