//! A figure: a drawing, the answer it is drawn from as a table, and the query.

use cntflow_tables::{SqlError, SqlTables};
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

/// A query whose answer is not shown but decides what is.
pub(crate) struct Question {
    /// What it is about.
    pub(crate) about: &'static str,
    pub(crate) sql: String,
}

impl Question {
    /// The answer; `None` if it has no rows.
    ///
    /// # Errors
    /// The query fails.
    pub(crate) fn answer(&self, tables: &SqlTables) -> Result<Option<DataFrame>, ReportError> {
        let answer = tables.query(&self.sql);
        let answer = answer.map_err(|source| ReportError::Query {
            about: self.about.to_owned(),
            source,
        })?;
        Ok((answer.height() > 0).then_some(answer))
    }
}

/// What a figure is before its query is answered.
pub(crate) struct FigureSpec<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) sql: String,
}

impl FigureSpec<'_> {
    /// Asks the query and draws the answer; `None` if it has no rows. Where the query cannot be
    /// asked, as for a label whose name SQL takes for something else, the figure says so.
    ///
    /// # Errors
    /// A table cannot be read, or `draw` misses a column.
    pub(crate) fn draw(
        self,
        tables: &SqlTables,
        draw: impl FnOnce(&DataFrame) -> Result<Option<Markup>, PolarsError>,
    ) -> Result<Option<Figure>, ReportError> {
        let (frame, drawing) = match tables.query(&self.sql) {
            Ok(frame) if frame.height() == 0 => return Ok(None),
            Ok(frame) => {
                let drawing = draw(&frame)?;
                (frame, drawing)
            }
            Err(error @ SqlError::Wrong { .. }) => {
                let problem = html! { p.problem { "This figure cannot be made. " (error) } };
                (DataFrame::empty(), Some(problem))
            }
            Err(source) => {
                let about = self.title.to_owned();
                return Err(ReportError::Query { about, source });
            }
        };
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
            figure id=(format!("figure-{}", self.id)) {
                figcaption {
                    h3 { (self.title) }
                    p { (self.description) }
                }
                @match &self.drawing {
                    Some(drawing) => {
                        (drawing)
                        @if self.frame.height() > 0 { details { summary { "Table" } (table) } }
                    }
                    None => (table),
                }
                details { summary { "SQL" } pre { code.sql { (self.sql) } } }
            }
        })
    }
}
