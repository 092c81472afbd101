//! The legend: what colours and signs mean. In the page it is a list above the drawing, in a paper
//! it is a part of the drawing.

use maud::{Markup, html};

use super::canvas::{Canvas, Column, TEXT};
use super::look::Part;
use super::panel::px;
use super::symbol::symbol;
use super::text_width::{shortened, width};

/// Width of the sign of an entry of a paper, with the space behind it.
const SIGN: f64 = 17.0;

/// Space between two entries of a paper.
const GAP: f64 = 9.0;

/// Space at the left end in a paper.
const LEFT: f64 = 2.0;

/// Height of a row of a paper.
const ROW: f64 = 10.5;

/// How an entry is shown in a paper.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Area,
    Curve(usize),
    Symbol(usize),
}

/// A name and what stands for it.
#[derive(Debug)]
struct Entry {
    name: String,
    colour: String,
    sign: Sign,
}

/// What the colours mean.
#[derive(Debug)]
pub(crate) struct Legend {
    /// What the names are; may be empty.
    title: String,
    entries: Vec<Entry>,
    canvas: Canvas,
}

impl Legend {
    /// A legend without entries, which is not shown.
    pub(crate) fn none(canvas: Canvas) -> Self {
        Self::of(canvas, "", [])
    }

    /// A legend of names and colours.
    pub(crate) fn of(
        canvas: Canvas,
        title: &str,
        entries: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let entries = entries.into_iter().map(|(name, colour)| Entry {
            name,
            colour,
            sign: Sign::Area,
        });
        Self {
            title: title.to_owned(),
            entries: entries.collect(),
            canvas,
        }
    }

    /// A legend of kinds, each in its colour.
    pub(crate) fn of_kinds(
        canvas: Canvas,
        title: &str,
        names: impl IntoIterator<Item = String>,
    ) -> Self {
        let names = names.into_iter().enumerate();
        Self::of(
            canvas,
            title,
            names.map(|(k, name)| (name, canvas.series(k))),
        )
    }

    /// The same for kinds that are curves.
    pub(crate) fn with_curves(self) -> Self {
        self.with_signs(Sign::Curve)
    }

    /// The same for kinds that are points.
    pub(crate) fn with_symbols(self) -> Self {
        self.with_signs(Sign::Symbol)
    }

    fn with_signs(mut self, sign: impl Fn(usize) -> Sign) -> Self {
        for (k, entry) in self.entries.iter_mut().enumerate() {
            entry.sign = sign(k);
        }
        self
    }

    /// The list of the page.
    pub(super) fn html(&self) -> Markup {
        html! {
            @if !self.entries.is_empty() {
                ul.legend aria-label=(self.title) {
                    @if !self.title.is_empty() { li { (self.title) ":" } }
                    @for entry in &self.entries {
                        li {
                            svg width="14" height="10" aria-hidden="true" {
                                rect width="14" height="10" rx="2" style=(format!("fill:{}", entry.colour)) {}
                            }
                            (entry.name)
                        }
                    }
                }
            }
        }
    }

    /// The part of a drawing for a paper that begins at `left` and is this wide, and its height.
    pub(super) fn drawn(&self, left: f64, most: f64) -> (Markup, f64) {
        if self.entries.is_empty() {
            return (html! {}, 0.0);
        }
        let (left, most) = (left + LEFT, most - LEFT);
        let title = if self.title.is_empty() {
            String::new()
        } else {
            shortened(&format!("{}:", self.title), TEXT, most)
        };
        let names = self.entries.iter();
        let names: Vec<String> = names
            .map(|entry| shortened(&entry.name, TEXT, most - SIGN))
            .collect();
        let widths = [width(&title, TEXT)]
            .into_iter()
            .chain(names.iter().map(|name| SIGN + width(name, TEXT)));
        let places = flow(widths, most);
        let height = places.last().map_or(0.0, |(_, y)| y + ROW) + 2.0;
        let entries = self.entries.iter().zip(&names).zip(&places[1..]);
        let foot = |y: f64| px(y + ROW - 2.5);
        let drawn = html! {
            g {
                @if !title.is_empty() { text x=(px(left)) y=(foot(0.0)) { (title) } }
                @for ((entry, name), &(x, y)) in entries {
                    (self.sign(entry, left + x, y + ROW / 2.0))
                    text x=(px(left + x + SIGN)) y=(foot(y)) { (name) }
                }
            }
        };
        (drawn, height)
    }

    /// The sign of an entry, the middle of which is at `y`.
    fn sign(&self, entry: &Entry, x: f64, y: f64) -> Markup {
        let fill = format!("fill:{}", entry.colour);
        match entry.sign {
            Sign::Area => html! {
                rect style=(fill) x=(px(x)) y=(px(y - 3.0)) width="13" height="6" {}
            },
            Sign::Curve(k) => {
                let look = self.canvas.look(Part::Line, &self.canvas.curve(k));
                html! {
                    line style=[look.style] x1=(px(x)) x2=(px(x + 13.0)) y1=(px(y)) y2=(px(y)) {}
                }
            }
            Sign::Symbol(k) => symbol(self.canvas, k, (x + 6.5, y), 2.2, &fill, &html! {}),
        }
    }

    /// Width of a legend beside a drawing of this width, if there is space for one.
    pub(super) fn space_beside(drawing: f64, column: Column) -> Option<f64> {
        let space = column.width() - drawing - GAP;
        (space >= 100.0).then_some(space)
    }
}

/// Places of things of these widths in rows of at most `most`. What is nothing takes no space.
fn flow(widths: impl Iterator<Item = f64>, most: f64) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (0.0, 0.0);
    let places = widths.map(|width| {
        if x > 0.0 && x + width > most {
            (x, y) = (0.0, y + ROW);
        }
        let place = (x, y);
        if width > 0.0 {
            x += width + GAP;
        }
        place
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_beside_each_other_until_the_width_is_full() {
        let places = flow([0.0, 50.0, 50.0, 120.0].into_iter(), 120.0);
        assert_eq!(places, [(0.0, 0.0), (0.0, 0.0), (59.0, 0.0), (0.0, ROW)]);
    }
}
