//! A drawing as a file of its own: SVG 1.1 with its style, legend and origin in itself.

use maud::{Markup, html};

use super::canvas::{Column, TEXT};
use super::drawing::Drawing;
use super::legend::Legend;

/// Fonts that are as wide as the layout takes text to be, then others.
const FONTS: &str = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif";

/// Where a drawing comes from, for the file to say.
pub(crate) struct Origin<'a> {
    /// Name of the study.
    pub(crate) study: &'a str,
    /// How to read the figure.
    pub(crate) description: &'a str,
    /// The query.
    pub(crate) sql: &'a str,
}

impl Drawing {
    /// The file for a column of a paper.
    pub(crate) fn document(&self, column: Column, origin: &Origin<'_>) -> String {
        let (width, height) = self.size;
        let (legend, shift, height) = match Legend::space_beside(width, column) {
            Some(space) => {
                let (legend, legend_height) = self.legend.drawn(column.width() - space, space);
                (legend, 0.0, height.max(legend_height))
            }
            None => {
                let (legend, legend_height) = self.legend.drawn(0.0, column.width());
                (legend, legend_height, height + legend_height)
            }
        };
        let content = html! {
            (legend)
            g transform=[(shift > 0.0).then(|| format!("translate(0,{shift:.1})"))] { (self.content) }
        };
        let svg = self.svg((column.width(), height), origin, &content);
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        format!("{declaration}{}\n", allowed(&svg.into_string()))
    }

    fn svg(&self, (width, height): (f64, f64), origin: &Origin<'_>, content: &Markup) -> Markup {
        let version = env!("CARGO_PKG_VERSION");
        html! {
            svg xmlns="http://www.w3.org/2000/svg" version="1.1"
                width=(format!("{width:.1}pt")) height=(format!("{height:.1}pt"))
                viewBox=(format!("0 0 {width:.1} {height:.1}"))
                font-family=(FONTS) font-size=(TEXT) fill="#1a1a1a" {
                title { (self.title) }
                desc { (self.description) " " (origin.description) }
                metadata {
                    "cntflow " (version) ", study: " (origin.study) ", query: " (origin.sql)
                }
                rect width=(format!("{width:.1}")) height=(format!("{height:.1}")) style="fill:#ffffff" {}
                (content)
            }
        }
    }
}

/// A text of XML without the characters that XML does not know.
fn allowed(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        '\t' | '\n' | '\r' => letter,
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ => letter,
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_does_not_know_are_replaced() {
        assert_eq!(allowed("a\u{1}b\tc\u{ffff}学"), "a\u{fffd}b\tc\u{fffd}学");
    }
}
