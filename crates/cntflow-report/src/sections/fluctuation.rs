//! Layers Fluctuation against accuracy.

use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use super::population::{KIND, LAST, fill};
use crate::error::ReportError;
use crate::figure::{FigureSpec, Question};
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted};
use crate::svg::{Legend, Linear, Panel, Scale, Side, bar, drawing, heat, point};

/// Points that are drawn one by one. More would cover each other, and make the page large.
const MOST_POINTS: f64 = 2000.0;

/// Cells along each side where they are counted.
const CELLS: usize = 40;

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    let Some(label) = context.label() else {
        return Ok(None);
    };
    if !context.tables.has("layers") {
        return Ok(None);
    }
    let kind = if context.has_column(KIND) {
        KIND
    } else {
        "status"
    };
    let networks = format!(
        "SELECT checkpoint, kind, label, fluctuation FROM (SELECT checkpoint, {kind} AS kind, \
         {label} AS label FROM networks {LAST}) AS of_networks INNER JOIN (SELECT checkpoint, \
         AVG(mean) AS fluctuation FROM layers WHERE metric = 'layers_fluctuation' GROUP BY \
         checkpoint) AS of_layers USING (checkpoint) WHERE label IS NOT NULL AND fluctuation IS NOT \
         NULL",
        kind = quoted(kind),
        label = quoted(label),
    );
    let sql = format!(
        "SELECT COUNT(*) AS n, MIN(label) AS label_low, MAX(label) AS label_high, MIN(fluctuation) \
         AS low, MAX(fluctuation) AS high FROM ({networks}) AS networks_of_runs"
    );
    let ends = Question {
        about: "ends of the fluctuation",
        sql,
    };
    let Some(ends) = ends.answer(context.tables)? else {
        return Ok(None);
    };
    let end = |column: &str| Ok::<_, PolarsError>(finite(&ends, column)?[0]);
    let n = end("n")?.unwrap_or_default();
    let ends = (
        end("label_low")?,
        end("label_high")?,
        end("low")?,
        end("high")?,
    );
    let (Some(label_low), Some(label_high), Some(low), Some(high)) = ends else {
        return Ok(None);
    };
    if [label_low, label_high, low, high]
        .iter()
        .any(|end| !end.is_finite())
    {
        return Ok(None);
    }
    let title = format!("Layers Fluctuation and {label}");
    let figure = if n <= MOST_POINTS {
        let spec = FigureSpec {
            id: "fluctuation",
            title: &title,
            description: "The last checkpoint of each run: mean over the layers of a network.",
            sql: format!("{networks} ORDER BY checkpoint"),
        };
        spec.draw(context.tables, |frame| {
            points(frame, kind, label, &title).map(Some)
        })?
    } else {
        let width = |low: f64, high: f64| {
            if high > low {
                (high - low) / CELLS as f64
            } else {
                1.0
            }
        };
        let (x, y) = (
            (low, width(low, high)),
            (label_low, width(label_low, label_high)),
        );
        let spec = FigureSpec {
            id: "fluctuation",
            title: &title,
            description: "The last checkpoint of each run: mean over the layers of a network. Each \
                          cell counts networks: the lighter, the more, on a logarithmic scale.",
            sql: format!(
                "SELECT FLOOR((fluctuation - {:?}) / {:?}) AS x, FLOOR((label - {:?}) / {:?}) AS \
                 y, COUNT(*) AS networks FROM ({networks}) AS networks_of_runs GROUP BY x, y ORDER \
                 BY x, y",
                x.0, x.1, y.0, y.1,
            ),
        };
        spec.draw(context.tables, |frame| {
            counts(frame, x, y, label, &title).map(Some)
        })?
    };
    Ok(Some(
        Section::new("accuracy", "Fluctuation and accuracy").with(figure),
    ))
}

const SIZE: (f64, f64) = (900.0, 400.0);

fn panel(x: Linear, y: Linear, label: &str) -> Panel {
    Panel {
        title: String::new(),
        left: 0.0,
        top: 0.0,
        width: SIZE.0,
        height: SIZE.1,
        x: Side::new(Scale::Linear(x), "Layers Fluctuation"),
        y: Side::new(Scale::Linear(y), label),
    }
}

fn points(frame: &DataFrame, kind: &str, label: &str, title: &str) -> Result<Markup, PolarsError> {
    let (x, y) = (finite(frame, "fluctuation")?, finite(frame, "label")?);
    let names = texts(frame, "checkpoint")?;
    let (kinds, kind_of) = groups(&texts(frame, "kind")?);
    let scale = |values: &[Option<f64>]| Linear::of(values.iter().copied().flatten());
    let panel = panel(scale(&x), scale(&y), label);
    let points: Vec<Markup> = (0..names.len())
        .filter_map(|row| {
            let style = format!("{};opacity:.65", fill(kind_of[row]));
            Some(point(&panel, (x[row]?, y[row]?), 3.0, &style, &names[row]))
        })
        .collect();
    let entries = kinds.into_iter().enumerate();
    let legend = Legend {
        title: kind.to_owned(),
        entries: entries.map(|(k, name)| (name, fill(k))).collect(),
    };
    let marks = html! { @for point in &points { (point) } };
    let about = (title, "A point for each network.");
    Ok(drawing(
        "fluctuation",
        about,
        SIZE,
        &legend,
        &panel.draw(&marks),
    ))
}

/// Cells that count networks; `x` and `y` are the lower end of the first and the width of each.
fn counts(
    frame: &DataFrame,
    x: (f64, f64),
    y: (f64, f64),
    label: &str,
    title: &str,
) -> Result<Markup, PolarsError> {
    let all = |(low, width): (f64, f64)| [low, low + width * (CELLS + 1) as f64];
    let panel = panel(Linear::of(all(x)), Linear::of(all(y)), label);
    let (columns, rows) = (finite(frame, "x")?, finite(frame, "y")?);
    let counts = finite(frame, "networks")?;
    let most = counts.iter().flatten().copied().fold(1.0, f64::max);
    let cells: Vec<Markup> = (0..counts.len())
        .filter_map(|row| {
            let count = counts[row]?;
            let at = |place: f64, (low, width): (f64, f64)| low + place * width;
            let ends = |place: f64, of| (at(place, of), at(place + 1.0, of));
            let (left, right) = ends(columns[row]?, x);
            let (base, top) = ends(rows[row]?, y);
            let (fill, _) = heat((1.0 + count).ln() / (1.0 + most).ln());
            let style = format!("fill:{fill}");
            let about = format!("{count} networks");
            Some(bar(&panel, (left, right), (base, top), &style, &about))
        })
        .collect();
    let marks = html! { @for cell in &cells { (cell) } };
    let about = (title, "Counts of networks in cells.");
    Ok(drawing(
        "fluctuation",
        about,
        SIZE,
        &Legend::default(),
        &panel.draw(&marks),
    ))
}
