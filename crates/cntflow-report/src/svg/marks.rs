//! Marks: what stands for values in a panel. In the page most have a text that is shown when one
//! points at them; papers have no pointers.

use maud::{Markup, html};

use super::canvas::Canvas;
use super::look::Part;
use super::panel::{Panel, px};
use super::simplify::simplified;
use super::symbol::symbol;

/// A line through points.
pub(crate) fn line(panel: &Panel, points: &[(f64, f64)], style: &str) -> Markup {
    let look = panel.canvas.look(Part::Line, style);
    let path = path(&simplified(&places(panel, points.iter().copied())));
    html! { path class=[look.class] style=[look.style] d=(path) {} }
}

/// The area between two lines over the same places: `(x, low, high)`.
pub(crate) fn band_between(panel: &Panel, points: &[(f64, f64, f64)], style: &str) -> Markup {
    let lower = points.iter().map(|&(x, low, _)| (x, low));
    let upper = points.iter().rev().map(|&(x, _, high)| (x, high));
    let mut around = simplified(&places(panel, lower));
    around.extend(simplified(&places(panel, upper)));
    let look = panel.canvas.look(Part::Area, style);
    html! { path class=[look.class] style=[look.style] d=(path(&around)) {} }
}

/// Where values stand.
fn places(panel: &Panel, points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let points = points.filter(|(x, y)| x.is_finite() && y.is_finite());
    points.map(|(x, y)| (panel.x(x), panel.y(y))).collect()
}

fn path(places: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for &(x, y) in places {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", px(x), px(y)));
    }
    path
}

/// What one who points at a mark reads.
fn pointed_at(panel: &Panel, text: &str) -> Markup {
    let is_shown = panel.canvas == Canvas::Page && !text.is_empty();
    html! { @if is_shown { title { (text) } } }
}

/// A point of the k-th kind.
pub(crate) fn point(
    panel: &Panel,
    (x, y): (f64, f64),
    kind: usize,
    style: &str,
    text: &str,
) -> Markup {
    let place = (panel.x(x), panel.y(y));
    let radius = panel.canvas.length(3.0);
    symbol(
        panel.canvas,
        kind,
        place,
        radius,
        style,
        &pointed_at(panel, text),
    )
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
            (pointed_at(panel, text))
        }
    }
}

/// A cell of a matrix, with a text in it. In a paper the text is left out where the cell is too
/// small for it.
pub(crate) fn cell(panel: &Panel, (x, y): (f64, f64), fill: &str, ink: &str, text: &str) -> Markup {
    let canvas = panel.canvas;
    let (left, right) = (panel.x(x - 0.5), panel.x(x + 0.5));
    let (above, below) = (panel.y(y - 0.5), panel.y(y + 0.5));
    let look = canvas.look(Part::Middle, &format!("fill:{ink}"));
    let fits = canvas == Canvas::Page
        || (canvas.text_width(text) <= right - left && canvas.line() * 0.8 <= below - above);
    html! {
        rect x=(px(left)) y=(px(above)) width=(px(right - left)) height=(px(below - above))
            style=(format!("fill:{fill}")) {}
        @if fits {
            text class=[look.class] x=(px((left + right) / 2.0))
                y=(px((above + below) / 2.0 + canvas.drop())) style=[look.style] { (text) }
        }
    }
}

/// An interval of the k-th kind beside a name, with a mark at its value.
pub(crate) fn interval(
    panel: &Panel,
    y: f64,
    (low, value, high): (f64, f64, f64),
    (kind, style): (usize, &str),
    text: &str,
) -> Markup {
    let look = panel.canvas.look(Part::Interval, style);
    let place = (panel.x(value), panel.y(y));
    let radius = panel.canvas.length(4.5);
    html! {
        g {
            (pointed_at(panel, text))
            line class=[look.class] style=[look.style] x1=(px(panel.x(low))) x2=(px(panel.x(high)))
                y1=(px(panel.y(y))) y2=(px(panel.y(y))) {}
            (symbol(panel.canvas, kind, place, radius, style, &html! {}))
        }
    }
}

/// A line across the panel at a value of the axis below.
pub(crate) fn rule(panel: &Panel, x: f64, (from, to): (f64, f64), text: &str) -> Markup {
    let x = px(panel.x(x));
    let look = panel.canvas.look(Part::Rule, "");
    html! {
        line class=[look.class] style=[look.style] x1=(x) x2=(x) y1=(px(panel.y(from)))
            y2=(px(panel.y(to))) { (pointed_at(panel, text)) }
    }
}
