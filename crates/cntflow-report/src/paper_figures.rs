//! The figures of the page as files for papers.

use polars::prelude::DataFrame;

use crate::error::ReportError;
use crate::figure::Figure;
use crate::picture::png;
use crate::report::Report;
use crate::section::Context;
use crate::sections;
use crate::svg::{Column, Origin};

/// A figure of the page, drawn for papers.
#[derive(Debug)]
pub struct PaperFigure {
    /// Its name in the page, of ASCII letters, digits and hyphens.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// How to read it, in sentences.
    pub description: String,
    /// The query.
    pub sql: String,
    /// The answer that it is drawn from.
    pub frame: DataFrame,
    /// The drawing for one column and that for two.
    pub drawings: Vec<PaperDrawing>,
}

/// A drawing for a column of a paper.
#[derive(Debug)]
pub struct PaperDrawing {
    /// Its width.
    pub column: Column,
    /// The drawing as SVG 1.1, which needs nothing else.
    pub svg: String,
}

impl Report<'_> {
    /// The page, and each of its drawings for papers.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn html_and_figures(&self) -> Result<(String, Vec<PaperFigure>), ReportError> {
        let context = Context::with_papers(self);
        let sections = sections::all(&context)?;
        let page = self.page_of(&context, &sections, None)?;
        let figures = sections.into_iter().flat_map(|section| section.figures);
        let figures = figures.filter(|figure| !figure.papers.is_empty());
        let figures = figures.map(|figure| self.paper_figure(figure));
        Ok((page, figures.collect()))
    }

    fn paper_figure(&self, figure: Figure) -> PaperFigure {
        let origin = Origin {
            study: self.name,
            description: &figure.description,
            sql: &figure.sql,
        };
        let drawings = figure.papers.iter().map(|(column, drawing)| PaperDrawing {
            column: *column,
            svg: drawing.document(*column, &origin),
        });
        PaperFigure {
            drawings: drawings.collect(),
            id: figure.id,
            title: figure.title,
            description: figure.description,
            sql: figure.sql,
            frame: figure.frame,
        }
    }
}

impl PaperFigure {
    /// A drawing of this figure as PNG with 300 dots per inch.
    ///
    /// # Errors
    /// The picture has more than 100 million dots.
    pub fn png(&self, drawing: &PaperDrawing) -> Result<Vec<u8>, ReportError> {
        png(&drawing.svg).map_err(|source| ReportError::Picture {
            figure: self.title.clone(),
            source,
        })
    }
}
