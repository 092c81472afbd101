//! A drawing: panels and a legend, with a title and a description for those who cannot see it.

use maud::{Markup, html};

use super::canvas::Canvas;
use super::legend::Legend;
use super::panel::px;

/// A drawing for one canvas.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// Unique in the page.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// What it looks like.
    pub(crate) description: String,
    /// Width and height, without the legend.
    pub(crate) size: (f64, f64),
    pub(crate) legend: Legend,
    /// The panels.
    pub(crate) content: Markup,
}

impl Drawing {
    /// A drawing of this size.
    pub(crate) fn new(
        id: &str,
        (title, description): (&str, &str),
        size: (f64, f64),
        legend: Legend,
        content: Markup,
    ) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            size,
            legend,
            content,
        }
    }

    /// Its part of the page: an SVG picture, and its legend above.
    pub(crate) fn html(&self) -> Markup {
        let (title_id, description_id) = (
            format!("{}-title", self.id),
            format!("{}-description", self.id),
        );
        let (width, height) = self.size;
        html! {
            (self.legend.html())
            svg.drawing viewBox=(format!("0 0 {} {}", px(width), px(height))) role="img"
                style=(format!("max-width:{}px", px(width)))
                aria-labelledby=(title_id) aria-describedby=(description_id) {
                title id=(title_id) { (self.title) }
                desc id=(description_id) { (self.description) }
                (self.content)
            }
        }
    }
}

/// All marks, one after the other.
pub(crate) fn all(marks: &[Markup]) -> Markup {
    html! { @for mark in marks { (mark) } }
}

/// The size of a drawing that has this one in the page.
pub(crate) fn size_on(canvas: Canvas, (width, height): (f64, f64)) -> (f64, f64) {
    (canvas.width(width), canvas.height(height))
}
