//! Layers Fluctuation against accuracy.

use maud::Markup;
use polars::prelude::{DataFrame, PolarsError};

use super::population::{KIND, LAST};
use crate::error::ReportError;
use crate::figure::{FigureSpec, Question};
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted};
use crate::svg::{
    Canvas, Drawing, Legend, Linear, Panel, PanelSpec, Scale, Side, all, bar, heat, point, size_on,
};

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
        spec.draw(context.tables, context.columns, |canvas, frame| {
            points(canvas, frame, kind, (label, &title))
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
        spec.draw(context.tables, context.columns, |canvas, frame| {
            counts(canvas, frame, (x, y), (label, &title))
        })?
    };
    Ok(Some(
        Section::new("accuracy", "Fluctuation and accuracy").with(figure),
    ))
}

const SIZE: (f64, f64) = (900.0, 400.0);

fn panel(canvas: Canvas, x: Linear, y: Linear, label: &str) -> Panel {
    let x = Side::new(Scale::Linear(x), "Layers Fluctuation");
    let y = Side::new(Scale::Linear(y), label);
    PanelSpec::alone(size_on(canvas, SIZE), x, y).on(canvas)
}

fn points(
    canvas: Canvas,
    frame: &DataFrame,
    kind: &str,
    (label, title): (&str, &str),
) -> Result<Drawing, PolarsError> {
    let (x, y) = (finite(frame, "fluctuation")?, finite(frame, "label")?);
    let names = texts(frame, "checkpoint")?;
    let (kinds, kind_of) = groups(&texts(frame, "kind")?);
    let scale = |values: &[Option<f64>]| Linear::of(values.iter().copied().flatten());
    let panel = panel(canvas, scale(&x), scale(&y), label);
    let points = (0..names.len()).filter_map(|row| {
        let kind = kind_of[row];
        let style = format!("{};opacity:.65", canvas.fill(kind));
        Some(point(&panel, (x[row]?, y[row]?), kind, &style, &names[row]))
    });
    let points: Vec<Markup> = points.collect();
    let legend = Legend::of_kinds(canvas, kind, kinds).with_symbols();
    let about = (title, "A point for each network.");
    let content = panel.draw(&all(&points));
    let size = size_on(canvas, SIZE);
    Ok(Drawing::new("fluctuation", about, size, legend, content))
}

/// Cells that count networks; `x` and `y` are the lower end of the first and the width of each.
fn counts(
    canvas: Canvas,
    frame: &DataFrame,
    (x, y): ((f64, f64), (f64, f64)),
    (label, title): (&str, &str),
) -> Result<Drawing, PolarsError> {
    let ends = |(low, width): (f64, f64)| [low, low + width * (CELLS + 1) as f64];
    let panel = panel(canvas, Linear::of(ends(x)), Linear::of(ends(y)), label);
    let (columns, rows) = (finite(frame, "x")?, finite(frame, "y")?);
    let counts = finite(frame, "networks")?;
    let most = counts.iter().flatten().copied().fold(1.0, f64::max);
    let cells = (0..counts.len()).filter_map(|row| {
        let count = counts[row]?;
        let at = |place: f64, (low, width): (f64, f64)| low + place * width;
        let ends = |place: f64, of| (at(place, of), at(place + 1.0, of));
        let (left, right) = ends(columns[row]?, x);
        let (base, top) = ends(rows[row]?, y);
        let style = format!("fill:{}", count_colour(count, most));
        let about = format!("{count} networks");
        Some(bar(&panel, (left, right), (base, top), &style, &about))
    });
    let cells: Vec<Markup> = cells.collect();
    let about = (title, "Counts of networks in cells.");
    let content = panel.draw(&all(&cells));
    let (size, legend) = (size_on(canvas, SIZE), counts_legend(canvas, most));
    Ok(Drawing::new("fluctuation", about, size, legend, content))
}

/// The colour of a count, on a logarithmic scale.
fn count_colour(count: f64, most: f64) -> String {
    heat((1.0 + count).ln() / (1.0 + most).ln()).0
}

/// The colours of some counts. In the page one points at a cell to read its count.
fn counts_legend(canvas: Canvas, most: f64) -> Legend {
    if canvas == Canvas::Page {
        return Legend::none(canvas);
    }
    let mut counts = vec![1.0, most.sqrt().round(), most];
    counts.dedup();
    let entries = counts
        .into_iter()
        .map(|count| (count.to_string(), count_colour(count, most)));
    Legend::of(canvas, "networks", entries)
}
