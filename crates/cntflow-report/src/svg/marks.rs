//! Marks: what stands for values in a panel.

use maud::{Markup, html};

use super::panel::{Panel, px};

/// A line through points.
pub(crate) fn line(panel: &Panel, points: &[(f64, f64)], style: &str) -> Markup {
    html! { path.line style=(style) d=(path(panel, points.iter().copied())) {} }
}

/// The area between two lines over the same places: `(x, low, high)`.
pub(crate) fn band_between(panel: &Panel, points: &[(f64, f64, f64)], style: &str) -> Markup {
    let lower = points.iter().map(|&(x, low, _)| (x, low));
    let upper = points.iter().rev().map(|&(x, _, high)| (x, high));
    html! { path.area style=(style) d=(path(panel, lower.chain(upper))) {} }
}

fn path(panel: &Panel, points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points.filter(|(x, y)| x.is_finite() && y.is_finite()) {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", px(panel.x(x)), px(panel.y(y))));
    }
    path
}

/// A point with a text that is shown when one points at it.
pub(crate) fn point(
    panel: &Panel,
    (x, y): (f64, f64),
    radius: f64,
    style: &str,
    text: &str,
) -> Markup {
    html! {
        circle style=(style) cx=(px(panel.x(x))) cy=(px(panel.y(y))) r=(px(radius)) {
            @if !text.is_empty() { title { (text) } }
        }
    }
}

/// A bar that stands on `base`, from `left` to `right`.
pub(crate) fn bar(
    panel: &Panel,
    (left, right): (f64, f64),
    (base, top): (f64, f64),
    style: &str,
    text: &str,
) -> Markup {
    let (x1, x2) = (panel.x(left), panel.x(right));
    let (y1, y2) = (panel.y(top), panel.y(base));
    html! {
        rect style=(style) x=(px(x1.min(x2))) y=(px(y1.min(y2)))
            width=(px((x2 - x1).abs())) height=(px((y2 - y1).abs())) {
            title { (text) }
        }
    }
}

/// A cell of a matrix, with a text in it.
pub(crate) fn cell(panel: &Panel, (x, y): (f64, f64), fill: &str, ink: &str, text: &str) -> Markup {
    let (left, right) = (panel.x(x - 0.5), panel.x(x + 0.5));
    let (above, below) = (panel.y(y - 0.5), panel.y(y + 0.5));
    html! {
        rect x=(px(left)) y=(px(above)) width=(px(right - left)) height=(px(below - above))
            style=(format!("fill:{fill}")) {}
        text.middle x=(px((left + right) / 2.0)) y=(px((above + below) / 2.0 + 4.0))
            style=(format!("fill:{ink}")) { (text) }
    }
}

/// An interval beside a name, with a mark at its value.
pub(crate) fn interval(
    panel: &Panel,
    y: f64,
    (low, value, high): (f64, f64, f64),
    style: &str,
    text: &str,
) -> Markup {
    html! {
        g {
            title { (text) }
            line.interval style=(style) x1=(px(panel.x(low))) x2=(px(panel.x(high)))
                y1=(px(panel.y(y))) y2=(px(panel.y(y))) {}
            circle style=(style) cx=(px(panel.x(value))) cy=(px(panel.y(y))) r="4.5" {}
        }
    }
}

/// A line across the panel at a value of the axis below.
pub(crate) fn rule(panel: &Panel, x: f64, (from, to): (f64, f64), text: &str) -> Markup {
    let x = px(panel.x(x));
    html! {
        line.rule x1=(x) x2=(x) y1=(px(panel.y(from))) y2=(px(panel.y(to))) { title { (text) } }
    }
}
