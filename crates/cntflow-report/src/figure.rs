//! A figure: a drawing, the answer it is drawn from as a table, and the query.

use cntflow_tables::{SqlError, SqlTables};
use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::frame_table;
use crate::svg::{Canvas, Column, Drawing};

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
    /// What the page shows above the table; `None` for a table alone.
    pub(crate) drawing: Option<Markup>,
    /// The same drawing for papers, if they were asked for.
    pub(crate) papers: Vec<(Column, Drawing)>,
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
    /// Asks the query and draws the answer for the page and for columns of papers; `None` if it has
    /// no rows. Where the query cannot be asked, as for a label whose name SQL takes for something
    /// else, the figure says so.
    ///
    /// # Errors
    /// A table cannot be read, or `draw` misses a column.
    pub(crate) fn draw(
        self,
        tables: &SqlTables,
        columns: &[Column],
        draw: impl Fn(Canvas, &DataFrame) -> Result<Drawing, PolarsError>,
    ) -> Result<Option<Figure>, ReportError> {
        let Some(mut figure) = self.table(tables)? else {
            return Ok(None);
        };
        if figure.drawing.is_none() {
            figure.drawing = Some(draw(Canvas::Page, &figure.frame)?.html());
            for &column in columns {
                let drawing = draw(Canvas::Paper(column), &figure.frame)?;
                figure.papers.push((column, drawing));
            }
        }
        Ok(Some(figure))
    }

    /// A figure that is its table, or says why there is none.
    ///
    /// # Errors
    /// The query fails.
    pub(crate) fn table(self, tables: &SqlTables) -> Result<Option<Figure>, ReportError> {
        match tables.query(&self.sql) {
            Ok(frame) if frame.height() == 0 => Ok(None),
            Ok(frame) => Ok(Some(self.figure(frame, None))),
            Err(error @ SqlError::Wrong { .. }) => {
                let problem = html! { p.problem { "This figure cannot be made. " (error) } };
                Ok(Some(self.figure(DataFrame::empty(), Some(problem))))
            }
            Err(source) => {
                let about = self.title.to_owned();
                Err(ReportError::Query { about, source })
            }
        }
    }

    fn figure(self, frame: DataFrame, drawing: Option<Markup>) -> Figure {
        Figure {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            sql: self.sql,
            frame,
            drawing,
            papers: Vec::new(),
        }
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
