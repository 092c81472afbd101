//! Where the parts of a panel stand: its axes with their texts, and the place for marks between
//! them.

use super::canvas::{Canvas, NAMES};
use super::panel_spec::PanelSpec;
use super::scale::{Scale, TICKS};

/// Height of slanted names below a panel of the page, in lines.
const SLANTED_LINES: f64 = 4.5;

/// The sine of 35 degrees, by which names are slanted.
const SLANT: f64 = 0.574;

/// Least width of the texts at the left in a paper: half of the first text below stands there.
const LEAST_MARGIN: f64 = 20.0;

/// A tick of an axis: how far along it is, and its text in lines.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) share: f64,
    pub(super) lines: Vec<String>,
    /// The whole text, where the lines are not.
    pub(super) whole: Option<String>,
}

/// Where the parts of a panel stand.
#[derive(Debug)]
pub(super) struct Layout {
    /// Width of the texts at the left.
    pub(super) margin: f64,
    /// Space at the right end, for half of the last text below.
    pub(super) right: f64,
    /// Height of the title.
    pub(super) head: f64,
    /// Height of the texts below.
    pub(super) foot: f64,
    pub(super) is_slanted: bool,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
}

impl Layout {
    pub(super) fn of(spec: &PanelSpec, canvas: Canvas) -> Self {
        let head = head(spec, canvas);
        // The foot depends on the texts below, those on the margin, and that on the ticks at the
        // left, for which the least foot is near enough.
        let height = spec.height - head - 2.0 * canvas.line();
        let y_ticks = y_ticks(spec, canvas, height);
        let margin = margin(spec, canvas, &y_ticks);
        let (x_ticks, right) = x_ticks(spec, canvas, margin);
        let is_slanted = is_slanted(spec, canvas, margin, &x_ticks);
        Self {
            margin,
            right,
            head,
            foot: foot(spec, canvas, is_slanted, &x_ticks),
            is_slanted,
            x_ticks,
            y_ticks,
        }
    }
}

fn head(spec: &PanelSpec, canvas: Canvas) -> f64 {
    let gap = canvas.length(6.0).max(4.0);
    gap + if spec.title.is_empty() {
        0.0
    } else {
        canvas.line()
    }
}

/// As many ticks at the left as there is space for.
fn y_ticks(spec: &PanelSpec, canvas: Canvas, height: f64) -> Vec<Tick> {
    let about = match canvas {
        Canvas::Page => TICKS,
        Canvas::Paper(_) => ((height / (1.8 * canvas.line())) as usize).clamp(1, TICKS),
    };
    let ticks = spec.y.scale.ticks(about).into_iter();
    let ticks = ticks.map(|(share, text)| {
        let lines = match spec.y.scale {
            Scale::Linear(_) => vec![text.clone()],
            Scale::Bands(_) => canvas.name_lines(&text, spec.width),
        };
        let whole = (lines.as_slice() != [text.as_str()]).then_some(text);
        Tick {
            share,
            lines,
            whole,
        }
    });
    ticks.collect()
}

fn margin(spec: &PanelSpec, canvas: Canvas, ticks: &[Tick]) -> f64 {
    let title = if spec.y.title.is_empty() {
        0.0
    } else {
        canvas.line()
    };
    let least = match canvas {
        Canvas::Page => 0.0,
        Canvas::Paper(_) => LEAST_MARGIN,
    };
    let margin = widest(canvas, ticks) + canvas.length(12.0) + title;
    margin.max(least).min(spec.width / 2.0)
}

fn widest(canvas: Canvas, ticks: &[Tick]) -> f64 {
    let lines = ticks.iter().flat_map(|tick| &tick.lines);
    lines
        .map(|line| canvas.text_width(line))
        .fold(0.0, f64::max)
}

/// The ticks below, no more than have space beside each other, and the space at their right.
fn x_ticks(spec: &PanelSpec, canvas: Canvas, margin: f64) -> (Vec<Tick>, f64) {
    let of = |about: usize| -> Vec<Tick> {
        let ticks = spec.x.scale.ticks(about).into_iter();
        let ticks = ticks.map(|(share, text)| Tick {
            share,
            lines: vec![canvas.shown(&text, spec.width * NAMES)],
            whole: None,
        });
        ticks.collect()
    };
    if canvas == Canvas::Page {
        return (of(TICKS), 26.0);
    }
    if matches!(spec.x.scale, Scale::Bands(_)) {
        return (of(TICKS), 2.0);
    }
    let fits = |ticks: &[Tick]| {
        let widest = widest(canvas, ticks);
        let shares = ticks.windows(2).map(|two| two[1].share - two[0].share);
        let nearest = shares.fold(f64::INFINITY, f64::min);
        (spec.width - margin - widest / 2.0) * nearest >= widest + 4.0
    };
    let choices = (1..=TICKS).rev().map(of);
    let mut choices = choices.skip_while(|ticks| !fits(ticks));
    let ticks = choices.next().unwrap_or_else(|| of(1));
    let right = widest(canvas, &ticks) / 2.0 + 1.0;
    (ticks, right)
}

/// Whether names below would touch each other.
fn is_slanted(spec: &PanelSpec, canvas: Canvas, margin: f64, ticks: &[Tick]) -> bool {
    let Scale::Bands(bands) = &spec.x.scale else {
        return false;
    };
    let width = (spec.width - margin) / bands.len().max(1) as f64;
    widest(canvas, ticks) > width
}

fn foot(spec: &PanelSpec, canvas: Canvas, is_slanted: bool, ticks: &[Tick]) -> f64 {
    let texts = match canvas {
        Canvas::Page if is_slanted => SLANTED_LINES * canvas.line(),
        Canvas::Paper(_) if is_slanted => widest(canvas, ticks) * SLANT + canvas.line() + 3.0,
        _ => canvas.line() + canvas.length(6.0),
    };
    texts
        + if spec.x.title.is_empty() {
            0.0
        } else {
            canvas.line()
        }
}
