//! How the answers about experiments are drawn.

use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use crate::number;
use crate::rows::{finite, groups, texts};
use crate::sections::population::{fill, stroke};
use crate::svg::{Bands, Legend, Linear, Panel, Scale, Side, bar, drawing, interval, line, rule};

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

/// Scores by features: of the networks, and of their twins.
pub(super) fn forest(
    frame: &DataFrame,
    id: &str,
    title: &str,
    figure: &str,
) -> Result<Markup, PolarsError> {
    let features = texts(frame, "features")?;
    let twins = texts(frame, "twin")?;
    let intervals = intervals(frame, "value")?;
    let (names, place) = groups(&features);
    let (kinds, kind_of) = groups(&twins);
    let ends = ends(&intervals);
    let guessing = if figure.starts_with("auc") { 0.5 } else { 0.0 };
    let height = ROW * names.len() as f64 + 50.0;
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: WIDTH,
        height,
        x: Side::new(Scale::Linear(Linear::of(ends.chain([guessing]))), figure),
        y: Side::new(Scale::Bands(Bands::of(names.clone())), ""),
    };
    let mut marks = vec![rule(
        &panel,
        guessing,
        (-0.5, names.len() as f64 - 0.5),
        "guessing",
    )];
    for row in 0..features.len() {
        let Some(ends) = intervals[row] else { continue };
        let is_twin = !twins[row].is_empty();
        let style = format!(
            "{};{}{}",
            fill(kind_of[row]),
            stroke(kind_of[row]),
            if is_twin { ";opacity:.55" } else { "" }
        );
        // Networks above, their twins below each other.
        let offset = -0.25 + 0.5 * kind_of[row] as f64 / kinds.len().max(2) as f64;
        let about = format!(
            "{} {}: {} [{}, {}]",
            features[row],
            twins[row],
            number::real(ends.1),
            number::real(ends.0),
            number::real(ends.2),
        );
        marks.push(interval(
            &panel,
            place[row] as f64 + offset,
            ends,
            &style,
            &about,
        ));
    }
    let entries = kinds.iter().enumerate().map(|(k, kind)| {
        let name = if kind.is_empty() { "networks" } else { kind };
        (name.to_owned(), fill(k))
    });
    let legend = Legend {
        title: String::new(),
        entries: entries.collect(),
    };
    let marks = html! { @for mark in &marks { (mark) } };
    let about = (title, "An interval for each set of features.");
    Ok(drawing(
        id,
        about,
        (WIDTH, height),
        &legend,
        &panel.draw(&marks),
    ))
}

pub(super) fn differences(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
    let (a, b) = (texts(frame, "a")?, texts(frame, "b")?);
    let findings = texts(frame, "finding")?;
    let (kinds, kind_of) = groups(&findings);
    let intervals = intervals(frame, "difference")?;
    let names: Vec<String> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| format!("{a} against {b}"))
        .collect();
    let ends = ends(&intervals);
    let height = ROW * names.len() as f64 + 50.0;
    let n = names.len() as f64;
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: WIDTH,
        height,
        x: Side::new(Scale::Linear(Linear::of(ends.chain([0.0]))), "difference"),
        y: Side::new(Scale::Bands(Bands::of(names)), ""),
    };
    let mut marks = vec![rule(&panel, 0.0, (-0.5, n - 0.5), "no difference")];
    for (row, interval_of) in intervals.iter().enumerate() {
        let Some(ends) = *interval_of else { continue };
        let style = format!("{};{}", fill(kind_of[row]), stroke(kind_of[row]));
        let about = format!("{}: {}", findings[row], number::real(ends.1));
        marks.push(interval(&panel, row as f64, ends, &style, &about));
    }
    let entries = kinds
        .into_iter()
        .enumerate()
        .map(|(k, kind)| (kind, fill(k)));
    let legend = Legend {
        title: "finding".to_owned(),
        entries: entries.collect(),
    };
    let marks = html! { @for mark in &marks { (mark) } };
    let about = (
        "Differences with their intervals",
        "An interval for each comparison.",
    );
    Ok(drawing(
        id,
        about,
        (WIDTH, height),
        &legend,
        &panel.draw(&marks),
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
pub(super) fn roc_curves(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
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
    Ok(unit_square(id, "ROC", titles, &curves.collect()))
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
pub(super) fn unit_square(id: &str, title: &str, (x, y): (&str, &str), curves: &Curves) -> Markup {
    let size = (440.0, 420.0);
    let unit = || Scale::Linear(Linear::between(0.0, 1.0));
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: size.0,
        height: size.1,
        x: Side::new(unit(), x),
        y: Side::new(unit(), y),
    };
    let diagonal = "stroke:var(--muted);stroke-dasharray:4 3";
    let mut marks = vec![line(&panel, &[(0.0, 0.0), (1.0, 1.0)], diagonal)];
    for (k, (_, points)) in curves.iter().enumerate() {
        marks.push(line(&panel, points, &stroke(k)));
    }
    let entries = curves.iter().enumerate();
    let legend = Legend {
        title: String::new(),
        entries: entries
            .map(|(k, (name, _))| (name.clone(), fill(k)))
            .collect(),
    };
    let marks = html! { @for mark in &marks { (mark) } };
    let about = (title, "A curve for each set of features, and the diagonal.");
    drawing(id, about, size, &legend, &panel.draw(&marks))
}

pub(super) fn bars(frame: &DataFrame, id: &str) -> Result<Markup, PolarsError> {
    let names = texts(frame, "column")?;
    let values = finite(frame, "importance")?;
    let height = ROW * names.len() as f64 + 50.0;
    let panel = Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: WIDTH,
        height,
        x: Side::new(
            Scale::Linear(Linear::of(values.iter().copied().flatten().chain([0.0]))),
            "importance",
        ),
        y: Side::new(Scale::Bands(Bands::of(names.clone())), ""),
    };
    let bars = values.iter().enumerate().filter_map(|(row, value)| {
        let value = (*value)?;
        let y = row as f64;
        let about = format!("{}: {}", names[row], number::real(value));
        Some(bar(
            &panel,
            (0.0, value),
            (y - 0.35, y + 0.35),
            &fill(0),
            &about,
        ))
    });
    let bars: Vec<Markup> = bars.collect();
    let marks = html! { @for bar in &bars { (bar) } };
    let about = ("Importance of columns", "A bar for each column.");
    Ok(drawing(
        id,
        about,
        (WIDTH, height),
        &Legend::default(),
        &panel.draw(&marks),
    ))
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
