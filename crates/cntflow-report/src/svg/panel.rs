//! A panel: a place for marks with an axis below and one at the left.

use maud::{Markup, html};

use super::scale::Scale;

/// Height of a line of text.
const LINE: f64 = 16.0;

/// Width of a letter, on average.
const LETTER: f64 = 7.0;

/// Space at the right end, for half of the last text below.
const RIGHT: f64 = 26.0;

/// Most letters of the name of a band.
const MOST_LETTERS: usize = 44;

/// A panel of a drawing.
pub(crate) struct Panel {
    /// Above it; empty for none.
    pub(crate) title: String,
    /// Left end of its place in the drawing, with the axis.
    pub(crate) left: f64,
    /// Upper end of its place, with the title.
    pub(crate) top: f64,
    /// Width of its place.
    pub(crate) width: f64,
    /// Height of its place.
    pub(crate) height: f64,
    /// The axis below.
    pub(crate) x: Side,
    /// The axis at the left.
    pub(crate) y: Side,
}

/// An axis and its title.
pub(crate) struct Side {
    pub(crate) scale: Scale,
    pub(crate) title: String,
}

impl Side {
    /// An axis.
    pub(crate) fn new(scale: Scale, title: impl Into<String>) -> Self {
        Self {
            scale,
            title: title.into(),
        }
    }
}

impl Panel {
    /// Space for the texts at the left.
    fn margin(&self) -> f64 {
        let ticks = self.y.scale.ticks();
        let letters = ticks.iter().map(|(_, text)| shown(text).chars().count());
        let letters = letters.max().unwrap_or(0);
        let title = if self.y.title.is_empty() { 0.0 } else { LINE };
        (letters as f64 * LETTER + 12.0 + title).min(self.width / 2.0)
    }

    fn title_height(&self) -> f64 {
        if self.title.is_empty() {
            6.0
        } else {
            LINE + 6.0
        }
    }

    /// Whether names below would touch each other.
    fn is_slanted(&self) -> bool {
        let Scale::Bands(bands) = &self.x.scale else {
            return false;
        };
        let ticks = self.x.scale.ticks();
        let longest = ticks
            .iter()
            .map(|(_, text)| shown(text).chars().count())
            .max();
        let width = (self.width - self.margin()) / bands.len().max(1) as f64;
        longest.unwrap_or(0) as f64 * LETTER > width
    }

    fn foot(&self) -> f64 {
        let texts = if self.is_slanted() {
            4.5 * LINE
        } else {
            LINE + 6.0
        };
        texts + if self.x.title.is_empty() { 0.0 } else { LINE }
    }

    /// Where a value of the axis below stands.
    pub(crate) fn x(&self, value: f64) -> f64 {
        let width = self.width - self.margin() - RIGHT;
        self.left + self.margin() + width * self.x.scale.share(value)
    }

    /// Where a value of the axis at the left stands. Names go from above to below, values from
    /// below to above.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = self.y.scale.share(value);
        let share = match self.y.scale {
            Scale::Linear(_) => 1.0 - share,
            Scale::Bands(_) => share,
        };
        let height = self.height - self.title_height() - self.foot();
        self.top + self.title_height() + height * share
    }

    /// The panel with marks in it.
    pub(crate) fn draw(&self, marks: &Markup) -> Markup {
        let (left, right) = (self.left + self.margin(), self.left + self.width - RIGHT);
        let (above, below) = (
            self.top + self.title_height(),
            self.top + self.height - self.foot(),
        );
        let is_upward = matches!(self.y.scale, Scale::Linear(_));
        let x_ticks = self.x.scale.ticks();
        let x_ticks = x_ticks
            .iter()
            .map(|(share, text)| (left + (right - left) * share, text));
        let y_ticks = self.y.scale.ticks();
        let y_ticks = y_ticks.iter().map(|(share, text)| {
            let share = if is_upward { 1.0 - share } else { *share };
            (above + (below - above) * share, text)
        });
        let (middle, height) = ((left + right) / 2.0, (above + below) / 2.0);
        html! {
            g.panel {
                @if !self.title.is_empty() {
                    text.title x=(px(left)) y=(px(self.top + LINE - 2.0)) { (self.title) }
                }
                @for (y, text) in y_ticks {
                    line.grid x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                    text.end x=(px(left - 6.0)) y=(px(y + 4.0)) {
                        (shown(text))
                        @if shown(text) != *text { title { (text) } }
                    }
                }
                @for (x, text) in x_ticks {
                    line.grid x1=(px(x)) x2=(px(x)) y1=(px(above)) y2=(px(below)) {}
                    @if self.is_slanted() {
                        text.end transform=(format!("translate({},{}) rotate(-35)", px(x + 4.0), px(below + 12.0))) {
                            (shown(text))
                        }
                    } @else {
                        text.middle x=(px(x)) y=(px(below + LINE)) { (shown(text)) }
                    }
                }
                // Marks beyond the ends of the scales are cut off.
                svg x=(px(left)) y=(px(above)) width=(px(right - left)) height=(px(below - above))
                    viewBox=(format!("{} {} {} {}", px(left), px(above), px(right - left), px(below - above))) {
                    (marks)
                }
                @if !self.x.title.is_empty() {
                    text.middle x=(px(middle)) y=(px(self.top + self.height - 3.0)) { (self.x.title) }
                }
                @if !self.y.title.is_empty() {
                    text.middle transform=(format!("translate({},{}) rotate(-90)", px(self.left + 11.0), px(height))) {
                        (self.y.title)
                    }
                }
            }
        }
    }
}

/// A place in the drawing as text: a tenth of a pixel is enough.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A name as it is shown: long ones end in dots.
fn shown(name: &str) -> String {
    if name.chars().count() <= MOST_LETTERS {
        return name.to_owned();
    }
    let start = name.chars().take(MOST_LETTERS - 1);
    start.chain(['…']).collect()
}
