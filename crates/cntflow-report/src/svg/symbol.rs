//! Symbols of points. In a paper each kind has another, for those who cannot tell their colours.

use maud::{Markup, html};

use super::canvas::Canvas;
use super::panel::px;

/// The symbol of the k-th kind around a place.
pub(super) fn symbol(
    canvas: Canvas,
    kind: usize,
    (x, y): (f64, f64),
    radius: f64,
    style: &str,
    inside: &Markup,
) -> Markup {
    let corners = match canvas {
        Canvas::Page => None,
        Canvas::Paper(_) => corners(kind),
    };
    match corners {
        None => html! {
            circle style=(style) cx=(px(x)) cy=(px(y)) r=(px(radius)) { (inside) }
        },
        Some(corners) => {
            let place = |(dx, dy): &(f64, f64)| {
                format!("{} {}", fine(x + dx * radius), fine(y + dy * radius))
            };
            let corners: Vec<String> = corners.iter().map(place).collect();
            html! { path style=(style) d=(format!("M{}Z", corners.join("L"))) { (inside) } }
        }
    }
}

/// The corners of a symbol in radii from its middle; none for a circle. All have about one area.
fn corners(kind: usize) -> Option<&'static [(f64, f64)]> {
    match kind % 5 {
        0 => None,
        1 => Some(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => Some(&[(0.0, -1.2), (1.1, 0.9), (-1.1, 0.9)]),
        3 => Some(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
        _ => Some(&[(0.0, 1.2), (1.1, -0.9), (-1.1, -0.9)]),
    }
}

/// Symbols are small: a hundredth of a point is seen in their shape.
fn fine(value: f64) -> String {
    format!("{value:.2}")
}
