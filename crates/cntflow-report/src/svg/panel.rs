//! A panel: a place for marks with an axis below and one at the left.

use maud::{Markup, html};

use super::canvas::Canvas;
use super::layout::{Layout, Tick};
use super::look::Part;
use super::panel_spec::PanelSpec;
use super::scale::Scale;

/// A panel of a drawing.
pub(crate) struct Panel {
    pub(super) canvas: Canvas,
    spec: PanelSpec,
    layout: Layout,
}

impl PanelSpec {
    /// The panel, with all its parts in their places.
    pub(crate) fn on(self, canvas: Canvas) -> Panel {
        let layout = Layout::of(&self, canvas);
        Panel {
            canvas,
            spec: self,
            layout,
        }
    }
}

/// The ends of the place for marks.
struct Ends {
    left: f64,
    right: f64,
    above: f64,
    below: f64,
}

impl Panel {
    /// Where a value of the axis below stands.
    pub(crate) fn x(&self, value: f64) -> f64 {
        let width = self.spec.width - self.layout.margin - self.layout.right;
        self.spec.left + self.layout.margin + width * self.spec.x.scale.share(value)
    }

    /// Where a value of the axis at the left stands. Names go from above to below, values from
    /// below to above.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = self.spec.y.scale.share(value);
        let share = match self.spec.y.scale {
            Scale::Linear(_) => 1.0 - share,
            Scale::Bands(_) => share,
        };
        let height = self.spec.height - self.layout.head - self.layout.foot;
        self.spec.top + self.layout.head + height * share
    }

    fn ends(&self) -> Ends {
        let (spec, layout) = (&self.spec, &self.layout);
        Ends {
            left: spec.left + layout.margin,
            right: spec.left + spec.width - layout.right,
            above: spec.top + layout.head,
            below: spec.top + spec.height - layout.foot,
        }
    }

    /// The panel with marks in it.
    pub(crate) fn draw(&self, marks: &Markup) -> Markup {
        let ends = self.ends();
        html! {
            g class=[(self.canvas == Canvas::Page).then_some("panel")] {
                (self.title(&ends))
                (self.left_axis(&ends))
                (self.axis_below(&ends))
                (self.cut_off(&ends, marks))
                (self.axis_titles(&ends))
            }
        }
    }

    fn title(&self, ends: &Ends) -> Markup {
        let (canvas, spec) = (self.canvas, &self.spec);
        let look = canvas.look(Part::Title, "");
        let title = match canvas {
            Canvas::Page => spec.title.clone(),
            Canvas::Paper(_) => canvas.shown(&spec.title, ends.right - ends.left),
        };
        html! {
            @if !spec.title.is_empty() {
                text class=[look.class] style=[look.style] x=(px(ends.left))
                    y=(px(spec.top + canvas.line() - 2.0)) { (title) }
            }
        }
    }

    fn left_axis(&self, ends: &Ends) -> Markup {
        let is_upward = matches!(self.spec.y.scale, Scale::Linear(_));
        let place = |tick: &Tick| {
            let share = if is_upward {
                1.0 - tick.share
            } else {
                tick.share
            };
            ends.above + (ends.below - ends.above) * share
        };
        html! {
            @for tick in &self.layout.y_ticks {
                (self.grid((ends.left, ends.right), (place(tick), place(tick))))
                (self.name_at_left(ends.left, place(tick), tick))
            }
        }
    }

    fn grid(&self, (x1, x2): (f64, f64), (y1, y2): (f64, f64)) -> Markup {
        let look = self.canvas.look(Part::Grid, "");
        html! {
            line class=[look.class] style=[look.style] x1=(px(x1)) x2=(px(x2)) y1=(px(y1)) y2=(px(y2)) {}
        }
    }

    /// The lines of a name, the middle of which stands at `y`.
    fn name_at_left(&self, left: f64, y: f64, tick: &Tick) -> Markup {
        let canvas = self.canvas;
        let x = px(left - canvas.length(6.0));
        let first = y - canvas.line() * (tick.lines.len() - 1) as f64 / 2.0 + canvas.drop();
        html! {
            @for (k, line) in tick.lines.iter().enumerate() {
                @let look = canvas.look(Part::End, "");
                text class=[look.class] style=[look.style] x=(x) y=(px(first + canvas.line() * k as f64)) {
                    (line)
                    @if let (Canvas::Page, Some(whole)) = (canvas, &tick.whole) { title { (whole) } }
                }
            }
        }
    }

    fn axis_below(&self, ends: &Ends) -> Markup {
        let canvas = self.canvas;
        let (gap, line) = (canvas.length(12.0), canvas.line());
        html! {
            @for tick in &self.layout.x_ticks {
                @let x = ends.left + (ends.right - ends.left) * tick.share;
                @let text = tick.lines.concat();
                (self.grid((x, x), (ends.above, ends.below)))
                @if self.layout.is_slanted {
                    @let look = canvas.look(Part::End, "");
                    text class=[look.class] style=[look.style] transform=(format!("translate({},{}) rotate(-35)", px(x + 4.0), px(ends.below + gap))) {
                        (text)
                    }
                } @else {
                    @let look = canvas.look(Part::Middle, "");
                    text class=[look.class] style=[look.style] x=(px(x)) y=(px(ends.below + line)) { (text) }
                }
            }
        }
    }

    /// Marks without what is beyond the ends of the scales. Not all programs know drawings within
    /// drawings, but they know paths that cut.
    fn cut_off(&self, ends: &Ends, marks: &Markup) -> Markup {
        let (x, y) = (px(ends.left), px(ends.above));
        let (width, height) = (px(ends.right - ends.left), px(ends.below - ends.above));
        if self.canvas == Canvas::Page {
            return html! {
                svg x=(x) y=(y) width=(width) height=(height)
                    viewBox=(format!("{x} {y} {width} {height}")) {
                    (marks)
                }
            };
        }
        let id = format!("panel-{x}-{y}");
        // Symbols of values at an end of a scale stay whole beside names.
        let slack = match self.spec.y.scale {
            Scale::Linear(_) => 1.0,
            Scale::Bands(_) => 4.0,
        };
        html! {
            clipPath id=(id) {
                rect x=(px(ends.left - slack)) y=(px(ends.above - 1.0))
                    width=(px(ends.right - ends.left + 2.0 * slack))
                    height=(px(ends.below - ends.above + 2.0)) {}
            }
            g clip-path=(format!("url(#{id})")) { (marks) }
        }
    }

    fn axis_titles(&self, ends: &Ends) -> Markup {
        let (canvas, spec) = (self.canvas, &self.spec);
        let (middle, height) = (
            (ends.left + ends.right) / 2.0,
            (ends.above + ends.below) / 2.0,
        );
        // Around the middle of the axis there is as much space as to the nearer end of the panel.
        let width = 2.0 * (middle - spec.left).min(spec.left + spec.width - middle);
        let space = 2.0 * (height - spec.top).min(spec.top + spec.height - height);
        let title = |title: &str, space: f64| match canvas {
            Canvas::Page => title.to_owned(),
            Canvas::Paper(_) => canvas.shown(title, space),
        };
        html! {
            @if !spec.x.title.is_empty() {
                @let look = canvas.look(Part::Middle, "");
                text class=[look.class] style=[look.style] x=(px(middle)) y=(px(spec.top + spec.height - 3.0)) {
                    (title(&spec.x.title, width))
                }
            }
            @if !spec.y.title.is_empty() {
                @let look = canvas.look(Part::Middle, "");
                text class=[look.class] style=[look.style] transform=(format!("translate({},{}) rotate(-90)", px(spec.left + canvas.rise()), px(height))) {
                    (title(&spec.y.title, space))
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
