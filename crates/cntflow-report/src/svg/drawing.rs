//! A drawing: panels and a legend, with a title and a description for those who cannot see it.

use maud::{Markup, html};

use super::panel::px;

/// What the colours mean.
#[derive(Debug, Default)]
pub(crate) struct Legend {
    /// What the names are.
    pub(crate) title: String,
    /// Names and their styles.
    pub(crate) entries: Vec<(String, String)>,
}

impl Legend {
    fn html(&self) -> Markup {
        html! {
            @if !self.entries.is_empty() {
                ul.legend aria-label=(self.title) {
                    @if !self.title.is_empty() { li { (self.title) ":" } }
                    @for (name, style) in &self.entries {
                        li {
                            svg width="14" height="10" aria-hidden="true" {
                                rect width="14" height="10" rx="2" style=(style) {}
                            }
                            (name)
                        }
                    }
                }
            }
        }
    }
}

/// An SVG picture of this size with content, and its legend above.
pub(crate) fn drawing(
    id: &str,
    (title, description): (&str, &str),
    (width, height): (f64, f64),
    legend: &Legend,
    content: &Markup,
) -> Markup {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    html! {
        (legend.html())
        svg.drawing viewBox=(format!("0 0 {} {}", px(width), px(height))) role="img"
            style=(format!("max-width:{}px", px(width)))
            aria-labelledby=(title_id) aria-describedby=(description_id) {
            title id=(title_id) { (title) }
            desc id=(description_id) { (description) }
            (content)
        }
    }
}
