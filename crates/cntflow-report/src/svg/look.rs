//! How parts of a drawing look. In the page they have classes, for its style to give light, dark
//! and print; in a paper each has its style itself, which every program that opens SVG knows.

use super::canvas::Canvas;
use super::colours::{MUTED, SERIES, ordered};

/// Dashes of lines that differ by their colour as well, in points.
const DASHES: [&str; 5] = ["", "4 1.5", "1 1.2", "5 1.5 1 1.5", "2.5 1.5"];

/// What a part of a drawing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A text that begins at its place and names a panel.
    Title,
    /// A text around its place.
    Middle,
    /// A text that ends at its place.
    End,
    /// A line of the grid.
    Grid,
    /// A line at a value.
    Rule,
    /// A curve.
    Line,
    /// The area between two curves.
    Area,
    /// The line of an interval.
    Interval,
}

/// Attributes of an element.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Its class in the page.
    pub(crate) class: Option<&'static str>,
    /// Its style; none in the page if its class says all.
    pub(crate) style: Option<String>,
}

impl Part {
    fn class(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Middle => "middle",
            Self::End => "end",
            Self::Grid => "grid",
            Self::Rule => "rule",
            Self::Line => "line",
            Self::Area => "area",
            Self::Interval => "interval",
        }
    }

    /// What `page.css` says of its class, in points.
    fn style(self) -> &'static str {
        match self {
            Self::Title => "",
            Self::Middle => "text-anchor:middle",
            Self::End => "text-anchor:end",
            Self::Grid => "stroke:#d9d9d9;stroke-width:0.5",
            Self::Rule => "stroke:#595959;stroke-width:0.75;stroke-dasharray:3 2",
            Self::Line => "fill:none;stroke-width:1",
            Self::Area => "opacity:0.25",
            Self::Interval => "stroke-width:1",
        }
    }
}

impl Canvas {
    /// The attributes of a part with a style of its own.
    pub(crate) fn look(self, part: Part, own: &str) -> Look {
        if self == Self::Page {
            return Look {
                class: Some(part.class()),
                style: (!own.is_empty()).then(|| own.to_owned()),
            };
        }
        let styles = [part.style(), own]
            .into_iter()
            .filter(|style| !style.is_empty());
        let style = styles.collect::<Vec<_>>().join(";");
        Look {
            class: None,
            style: (!style.is_empty()).then_some(style),
        }
    }

    /// The colour of the k-th kind.
    pub(crate) fn series(self, k: usize) -> String {
        match self {
            Self::Page => format!("var(--s{})", k % 8),
            Self::Paper(_) => SERIES[k % SERIES.len()].to_owned(),
        }
    }

    /// The colour of the k-th of `n` groups that have an order, from low to high; in the page one
    /// of nine of its style. It can be told from the paper.
    pub(crate) fn low_to_high(self, k: usize, n: usize) -> String {
        match self {
            Self::Page => {
                let place = (8 * k) as f64 / (n.max(2) - 1) as f64;
                format!("var(--q{})", place.round())
            }
            Self::Paper(_) => ordered(k, n),
        }
    }

    /// The style of the k-th kind.
    pub(crate) fn fill(self, k: usize) -> String {
        format!("fill:{}", self.series(k))
    }

    /// The style of marks of the k-th kind that have an outline.
    pub(crate) fn stroke(self, k: usize) -> String {
        format!("stroke:{}", self.series(k))
    }

    /// The style of a curve of the k-th kind. In a paper dashes tell it from others as well.
    pub(crate) fn curve(self, k: usize) -> String {
        let dashes = DASHES[k % DASHES.len()];
        if self == Self::Page || dashes.is_empty() {
            return self.stroke(k);
        }
        format!("{};stroke-dasharray:{dashes}", self.stroke(k))
    }

    /// The colour of what is no data.
    pub(crate) fn muted(self) -> String {
        match self {
            Self::Page => "var(--muted)".to_owned(),
            Self::Paper(_) => MUTED.to_owned(),
        }
    }

    /// The colour that everything stands on.
    pub(crate) fn paper(self) -> &'static str {
        match self {
            Self::Page => "var(--paper)",
            Self::Paper(_) => "#ffffff",
        }
    }

    /// The style of a line that others are compared with.
    pub(crate) fn reference(self) -> String {
        match self {
            Self::Page => "stroke:var(--muted);stroke-dasharray:4 3".to_owned(),
            Self::Paper(_) => format!("stroke:{MUTED};stroke-width:0.75;stroke-dasharray:3 2"),
        }
    }
}
