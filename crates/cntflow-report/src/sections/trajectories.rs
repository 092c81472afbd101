//! What becomes of the metrics over training.

use polars::prelude::{DataFrame, PolarsError};

use super::population::KIND;
use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted, slug, text};
use crate::svg::{
    Canvas, Drawing, Legend, Linear, PanelSpec, Scale, Side, all, band_between, line, size_on,
};

/// Metrics whose trajectories are drawn, and the statistic of each.
const METRICS: [(&str, &str); 4] = [
    ("link_weights", "std"),
    ("nodes_strength", "mean"),
    ("layers_fluctuation", "mean"),
    ("neurons_activation", "mean"),
];

const SIZE: (f64, f64) = (900.0, 260.0);

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    if !context.tables.has("layers") || n_steps(context)? < 2.0 {
        return Ok(None);
    }
    let mut section = Section::new("trajectories", "Over training").sentence(
        "Medians over the runs at each step; the bands hold the middle half of the runs. Runs that \
         ended early are in the steps that they have.",
    );
    let kind = if context.has_column(KIND) {
        KIND
    } else {
        "status"
    };
    if let Some(label) = context.label() {
        let values = format!(
            "SELECT step, {} AS kind, {} AS value FROM networks",
            quoted(kind),
            quoted(label)
        );
        section = section.with(figure(context, "label", (label, label), &values)?);
    }
    for (metric, statistic) in METRICS {
        let values = format!(
            "SELECT step, kind, value FROM (SELECT checkpoint, step, {} AS kind FROM networks) AS \
             of_networks INNER JOIN (SELECT checkpoint, AVG({statistic}) AS value FROM layers WHERE \
             metric = {} GROUP BY checkpoint) AS of_layers USING (checkpoint)",
            quoted(kind),
            text(metric),
        );
        let title = format!("{metric}: {statistic}, averaged over the layers");
        let axis = format!("{statistic} of {metric}");
        section = section.with(figure(context, metric, (&title, &axis), &values)?);
    }
    Ok(Some(section))
}

fn n_steps(context: &Context<'_>) -> Result<f64, ReportError> {
    let spec = Question {
        about: "number of steps",
        sql: "SELECT COUNT(DISTINCT step) AS n FROM networks".to_owned(),
    };
    let answer = spec.answer(context.tables)?;
    let n = answer.map(|answer| finite(&answer, "n")).transpose()?;
    Ok(n.and_then(|n| n[0]).unwrap_or_default())
}

/// The figure of a query for `step`, `kind` and `value` of each checkpoint.
fn figure(
    context: &Context<'_>,
    name: &str,
    (title, axis): (&str, &str),
    values: &str,
) -> Result<Option<Figure>, ReportError> {
    let id = slug(&format!("trajectory {name}"));
    let spec = FigureSpec {
        id: &id,
        title,
        description: "A line for each kind of network.",
        sql: format!(
            "SELECT kind, step, COUNT(*) AS networks, QUANTILE_CONT(value, 0.25) AS q25, \
             QUANTILE_CONT(value, 0.5) AS median, QUANTILE_CONT(value, 0.75) AS q75 FROM \
             ({values}) AS networks_of_steps WHERE value IS NOT NULL GROUP BY kind, step ORDER BY \
             kind, step"
        ),
    };
    spec.draw(context.tables, context.columns, |canvas, frame| {
        lines(canvas, frame, &id, (title, axis))
    })
}

fn lines(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
    (title, axis): (&str, &str),
) -> Result<Drawing, PolarsError> {
    let (kinds, kind_of) = groups(&texts(frame, "kind")?);
    let columns = ["step", "q25", "median", "q75"].map(|column| finite(frame, column));
    let [step, low, median, high] = columns;
    let (step, low, median, high) = (step?, low?, median?, high?);
    let size = size_on(canvas, SIZE);
    let steps = Linear::of(step.iter().copied().flatten());
    let x = Side::new(Scale::Linear(steps), "step");
    let values = Linear::of(low.iter().chain(&high).copied().flatten());
    // In the page the title above says what it is.
    let y_title = if canvas == Canvas::Page { "" } else { axis };
    let y = Side::new(Scale::Linear(values), y_title);
    let panel = PanelSpec::alone(size, x, y).on(canvas);
    let (mut bands, mut lines) = (Vec::new(), Vec::new());
    for k in 0..kinds.len() {
        let rows = (0..step.len()).filter(|&row| kind_of[row] == k);
        let band: Vec<(f64, f64, f64)> = rows
            .clone()
            .filter_map(|row| Some((step[row]?, low[row]?, high[row]?)))
            .collect();
        let middle: Vec<(f64, f64)> = rows
            .filter_map(|row| Some((step[row]?, median[row]?)))
            .collect();
        bands.push(band_between(&panel, &band, &canvas.fill(k)));
        lines.push(line(&panel, &middle, &canvas.curve(k)));
    }
    // No band tints a line.
    bands.extend(lines);
    let legend = Legend::of_kinds(canvas, "", kinds).with_curves();
    let about = (title, "Medians and middle halves by step.");
    Ok(Drawing::new(
        id,
        about,
        size,
        legend,
        panel.draw(&all(&bands)),
    ))
}
