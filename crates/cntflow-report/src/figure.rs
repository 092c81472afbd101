//! A figure: a drawing, the answer it is drawn from as a table, and the query.

use cntflow_tables::SqlTables;
use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::frame_table;

/// A figure of the page.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Unique in the page.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// How to read it, in sentences.
    pub(crate) description: String,
    /// The query.
    pub(crate) sql: String,
    /// The answer.
    pub(crate) frame: DataFrame,
    /// The drawing; `None` for a table alone.
    pub(crate) drawing: Option<Markup>,
}

/// What a figure is before its query is answered.
pub(crate) struct FigureSpec<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) sql: String,
}

impl FigureSpec<'_> {
    /// Asks the query and draws the answer; `None` if it has no rows.
    ///
    /// # Errors
    /// The query fails, or `draw` misses a column.
    pub(crate) fn draw(
        self,
        tables: &SqlTables,
        draw: impl FnOnce(&DataFrame) -> Result<Option<Markup>, PolarsError>,
    ) -> Result<Option<Figure>, ReportError> {
        let frame = tables
            .query(&self.sql)
            .map_err(|source| ReportError::Query {
                figure: self.title.to_owned(),
                source,
            })?;
        if frame.height() == 0 {
            return Ok(None);
        }
        let drawing = draw(&frame)?;
        Ok(Some(Figure {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            sql: self.sql,
            frame,
            drawing,
        }))
    }

    /// A figure that is its table.
    ///
    /// # Errors
    /// The query fails.
    pub(crate) fn table(self, tables: &SqlTables) -> Result<Option<Figure>, ReportError> {
        self.draw(tables, |_| Ok(None))
    }
}

impl Figure {
    /// Its part of the page.
    ///
    /// # Errors
    /// A cell of the table cannot be read.
    pub(crate) fn html(&self) -> Result<Markup, PolarsError> {
        let table = frame_table::table(&self.frame, &self.title)?;
        Ok(html! {
            figure id=(self.id) {
                figcaption {
                    h3 { (self.title) }
                    p { (self.description) }
                }
                @match &self.drawing {
                    Some(drawing) => {
                        (drawing)
                        details { summary { "Table" } (table) }
                    }
                    None => (table),
                }
                details { summary { "SQL" } pre { code.sql { (self.sql) } } }
            }
        })
    }
}
