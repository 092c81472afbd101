//! How the answers about experiments are drawn.

use maud::Markup;
use polars::prelude::{DataFrame, PolarsError};

use crate::number;
use crate::rows::{finite, groups, texts};
use crate::svg::{
    Bands, Canvas, Drawing, Legend, Linear, Panel, PanelSpec, Scale, Side, all, bar, interval,
    line, rule,
};

const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;

/// The lower end of an interval, its value and the upper end.
type Interval = (f64, f64, f64);

/// The interval of each row: of a value without ends, the value alone.
fn intervals(frame: &DataFrame, value: &str) -> Result<Vec<Option<Interval>>, PolarsError> {
    let (values, low) = (finite(frame, value)?, finite(frame, "low")?);
    let high = finite(frame, "high")?;
    let rows = values.into_iter().zip(low).zip(high);
    let intervals = rows.map(|((value, low), high)| {
        let value = value?;
        Some((low.unwrap_or(value), value, high.unwrap_or(value)))
    });
    Ok(intervals.collect())
}

/// All ends of intervals.
fn ends(intervals: &[Option<Interval>]) -> impl Iterator<Item = f64> {
    let intervals = intervals.iter().flatten();
    intervals.flat_map(|&(low, value, high)| [low, value, high])
}

/// A panel with a row for each name, and the size of its drawing.
fn rows_panel(
    canvas: Canvas,
    names: &[String],
    (values, title): (Linear, &str),
) -> (Panel, (f64, f64)) {
    let size = (canvas.width(WIDTH), canvas.height_of_rows(names, ROW));
    let x = Side::new(Scale::Linear(values), title);
    let y = Side::new(Scale::Bands(Bands::of(names.to_vec())), "");
    (PanelSpec::alone(size, x, y).on(canvas), size)
}

/// The style of intervals of the k-th kind.
fn filled_and_stroked(canvas: Canvas, kind: usize) -> String {
    format!("{};{}", canvas.fill(kind), canvas.stroke(kind))
}

/// Scores by features: of the networks, and of their twins.
pub(super) fn forest(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
    (title, figure): (&str, &str),
) -> Result<Drawing, PolarsError> {
    let features = texts(frame, "features")?;
    let twins = texts(frame, "twin")?;
    let intervals = intervals(frame, "value")?;
    let (names, place) = groups(&features);
    let (kinds, kind_of) = groups(&twins);
    let guessing = if figure.starts_with("auc") { 0.5 } else { 0.0 };
    let scale = Linear::of(ends(&intervals).chain([guessing]));
    let (panel, size) = rows_panel(canvas, &names, (scale, figure));
    let across = (-0.5, names.len() as f64 - 0.5);
    let mut marks = vec![rule(&panel, guessing, across, "guessing")];
    for row in 0..features.len() {
        let Some(ends) = intervals[row] else { continue };
        let (kind, is_twin) = (kind_of[row], !twins[row].is_empty());
        let style = filled_and_stroked(canvas, kind);
        let style = style + if is_twin { ";opacity:.55" } else { "" };
        // Networks above, their twins below each other.
        let offset = 0.5 * ((kind as f64 + 0.5) / kinds.len() as f64 - 0.5);
        let about = format!(
            "{} {}: {} [{}, {}]",
            features[row],
            twins[row],
            number::real(ends.1),
            number::real(ends.0),
            number::real(ends.2),
        );
        let y = place[row] as f64 + offset;
        marks.push(interval(&panel, y, ends, (kind, &style), &about));
    }
    let kinds = kinds.into_iter().map(|kind| {
        if kind.is_empty() {
            "networks".to_owned()
        } else {
            kind
        }
    });
    let legend = Legend::of_kinds(canvas, "", kinds).with_symbols();
    let about = (title, "An interval for each set of features.");
    Ok(Drawing::new(
        id,
        about,
        size,
        legend,
        panel.draw(&all(&marks)),
    ))
}

pub(super) fn differences(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
) -> Result<Drawing, PolarsError> {
    let (a, b) = (texts(frame, "a")?, texts(frame, "b")?);
    let findings = texts(frame, "finding")?;
    let (kinds, kind_of) = groups(&findings);
    let intervals = intervals(frame, "difference")?;
    let names = a.iter().zip(&b).map(|(a, b)| format!("{a} against {b}"));
    let names: Vec<String> = names.collect();
    let scale = Linear::of(ends(&intervals).chain([0.0]));
    let (panel, size) = rows_panel(canvas, &names, (scale, "difference"));
    let across = (-0.5, names.len() as f64 - 0.5);
    let mut marks = vec![rule(&panel, 0.0, across, "no difference")];
    for (row, interval_of) in intervals.iter().enumerate() {
        let Some(ends) = *interval_of else { continue };
        let kind = kind_of[row];
        let style = filled_and_stroked(canvas, kind);
        let about = format!("{}: {}", findings[row], number::real(ends.1));
        marks.push(interval(&panel, row as f64, ends, (kind, &style), &about));
    }
    let legend = Legend::of_kinds(canvas, "finding", kinds).with_symbols();
    let about = (
        "Differences with their intervals",
        "An interval for each comparison.",
    );
    Ok(Drawing::new(
        id,
        about,
        size,
        legend,
        panel.draw(&all(&marks)),
    ))
}

/// Named curves.
type Curves = Vec<(String, Vec<(f64, f64)>)>;

/// One curve for each set of features.
pub(super) fn curves_of(frame: &DataFrame, x: &str, y: &str) -> Result<Curves, PolarsError> {
    let (names, of) = groups(&texts(frame, "features")?);
    let (x, y) = (finite(frame, x)?, finite(frame, y)?);
    let curves = names.into_iter().enumerate().map(|(k, name)| {
        let rows = (0..of.len()).filter(|&row| of[row] == k);
        let points = rows.filter_map(|row| Some((x[row]?, y[row]?)));
        (name, points.collect())
    });
    Ok(curves.collect())
}

/// The curves of answers that are sorted by score, the highest first. Networks of one score are
/// one step.
pub(super) fn roc_curves(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
) -> Result<Drawing, PolarsError> {
    let (names, of) = groups(&texts(frame, "features")?);
    let (scores, classes) = (finite(frame, "score")?, texts(frame, "class")?);
    let curves = names.into_iter().enumerate().map(|(k, name)| {
        let rows = (0..of.len()).filter(|&row| of[row] == k);
        let rows: Vec<(f64, bool)> = rows
            .filter_map(|row| Some((scores[row]?, classes[row] == "high")))
            .collect();
        (name, roc(&rows))
    });
    let titles = ("low performers taken for high", "high performers found");
    Ok(unit_square(canvas, (id, "ROC"), titles, &curves.collect()))
}

/// The ROC of scores, the highest first, and whether each is of the class that is looked for.
fn roc(rows: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let n_high = rows.iter().filter(|(_, is_high)| *is_high).count().max(1) as f64;
    let n_low = rows.iter().filter(|(_, is_high)| !is_high).count().max(1) as f64;
    let (mut high, mut low) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        for (_, is_high) in same {
            if *is_high {
                high += 1.0;
            } else {
                low += 1.0;
            }
        }
        points.push((low / n_low, high / n_high));
    }
    points
}

/// Curves between 0 and 1, with the diagonal.
pub(super) fn unit_square(
    canvas: Canvas,
    (id, title): (&str, &str),
    (x, y): (&str, &str),
    curves: &Curves,
) -> Drawing {
    // A square does not grow to the width of two columns.
    let size = match canvas {
        Canvas::Page => (440.0, 420.0),
        Canvas::Paper(_) => (252.0, 240.0),
    };
    let unit = || Scale::Linear(Linear::between(0.0, 1.0));
    let panel = PanelSpec::alone(size, Side::new(unit(), x), Side::new(unit(), y)).on(canvas);
    let diagonal = [(0.0, 0.0), (1.0, 1.0)];
    let mut marks = vec![line(&panel, &diagonal, &canvas.reference())];
    for (k, (_, points)) in curves.iter().enumerate() {
        marks.push(line(&panel, points, &canvas.curve(k)));
    }
    let names = curves.iter().map(|(name, _)| name.clone());
    let legend = Legend::of_kinds(canvas, "", names).with_curves();
    let about = (title, "A curve for each set of features, and the diagonal.");
    Drawing::new(id, about, size, legend, panel.draw(&all(&marks)))
}

pub(super) fn bars(canvas: Canvas, frame: &DataFrame, id: &str) -> Result<Drawing, PolarsError> {
    let names = texts(frame, "column")?;
    let values = finite(frame, "importance")?;
    let scale = Linear::of(values.iter().copied().flatten().chain([0.0]));
    let (panel, size) = rows_panel(canvas, &names, (scale, "importance"));
    let bars = values.iter().enumerate().filter_map(|(row, value)| {
        let value = (*value)?;
        let (above, below) = (row as f64 - 0.35, row as f64 + 0.35);
        let about = format!("{}: {}", names[row], number::real(value));
        let style = canvas.fill(0);
        Some(bar(&panel, (0.0, value), (above, below), &style, &about))
    });
    let bars: Vec<Markup> = bars.collect();
    let about = ("Importance of columns", "A bar for each column.");
    let content = panel.draw(&all(&bars));
    Ok(Drawing::new(id, about, size, Legend::none(canvas), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roc_goes_from_nothing_to_all_and_ties_are_one_step() {
        let rows = [(0.9, true), (0.8, true), (0.8, false), (0.1, false)];
        let expected = [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)];
        assert_eq!(roc(&rows), expected);
        assert_eq!(roc(&[]), [(0.0, 0.0)]);
    }
}
