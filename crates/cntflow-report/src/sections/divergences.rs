//! How far the densities of two bins are apart.

use std::collections::BTreeMap;

use maud::Markup;
use polars::prelude::{DataFrame, PolarsError};

use super::densities::{bin_name, layer_names, views};
use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec};
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, slug, text};
use crate::svg::{Bands, Canvas, Column, Drawing, Legend, PanelSpec, Scale, Side, all, cell, heat};

/// Panels beside each other.
const BESIDE: usize = 2;

const WIDTH: f64 = 420.0;
const CELL: f64 = 30.0;

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    if !context.tables.has("divergences") {
        return Ok(None);
    }
    let mut section = Section::new("divergences", "How far bins are apart").sentence(
        "The Jensen-Shannon divergence of two densities: 0 bits where they are the same, 1 bit \
         where they have nothing in common. A star marks p < 0.05 by permutations of networks \
         between the two bins, after the correction of Benjamini and Hochberg for all pairs. Pairs \
         without a p in the table were not tested.",
    );
    for (architecture, metric) in views(context)?.drawn {
        section = section.with(figure(context, &architecture, &metric)?);
    }
    Ok(Some(section))
}

fn figure(
    context: &Context<'_>,
    architecture: &str,
    metric: &str,
) -> Result<Option<Figure>, ReportError> {
    let id = slug(&format!("divergence {architecture} {metric}"));
    let title = format!("Divergence of {metric}: {architecture}");
    let spec = FigureSpec {
        id: &id,
        title: &title,
        description: "One matrix for each layer. Dark: alike. Light: apart.",
        sql: format!(
            "SELECT layer, name, bin_a, bin_a_low, bin_a_high, bin_a_value, bin_b, bin_b_low, \
             bin_b_high, bin_b_value, jensen_shannon, null_q95, p_adjusted FROM divergences WHERE \
             architecture = {} AND metric = {} AND jensen_shannon IS NOT NULL ORDER BY layer, \
             bin_a, bin_b",
            text(architecture),
            text(metric),
        ),
    };
    spec.draw(context.tables, context.columns, |canvas, frame| {
        matrices(canvas, frame, &id, &title)
    })
}

/// A bin with its name, for each row.
fn bins_of(frame: &DataFrame, which: char) -> Result<Vec<(i64, String)>, PolarsError> {
    let bins = finite(frame, &format!("bin_{which}"))?;
    let low = finite(frame, &format!("bin_{which}_low"))?;
    let high = finite(frame, &format!("bin_{which}_high"))?;
    let values = texts(frame, &format!("bin_{which}_value"))?;
    let rows = (0..bins.len()).map(|row| {
        let bin = bins[row].unwrap_or_default() as i64;
        (bin, bin_name(low[row], high[row], &values[row]))
    });
    Ok(rows.collect())
}

fn matrices(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
    title: &str,
) -> Result<Drawing, PolarsError> {
    let (layers, layer_of) = groups(&layer_names(frame)?);
    let (a, b) = (bins_of(frame, 'a')?, bins_of(frame, 'b')?);
    let names: BTreeMap<i64, String> = a.iter().chain(&b).cloned().collect();
    let place: BTreeMap<i64, usize> = names.keys().copied().zip(0..).collect();
    let bands = Bands::of(names.into_values().collect());
    let values = finite(frame, "jensen_shannon")?;
    let p = finite(frame, "p_adjusted")?;
    let beside = canvas.beside(layers.len(), BESIDE);
    let width = match canvas {
        Canvas::Page => WIDTH,
        // A matrix alone does not grow to the width of two columns.
        Canvas::Paper(Column::One) => canvas.width(WIDTH) / beside as f64,
        Canvas::Paper(Column::Two) => canvas.width(WIDTH) / beside.max(2) as f64,
    };
    let height = canvas.length(110.0) + canvas.length(CELL) * bands.len() as f64;
    let panels = layers.iter().enumerate().map(|(k, layer)| {
        let panel = PanelSpec {
            title: layer.clone(),
            left: (k % beside) as f64 * width,
            top: (k / beside) as f64 * height,
            width: width - canvas.length(20.0),
            height,
            x: Side::new(Scale::Bands(bands.clone()), ""),
            y: Side::new(Scale::Bands(bands.clone()), ""),
        };
        let panel = panel.on(canvas);
        let rows = (0..values.len()).filter(|&row| layer_of[row] == k);
        let cells = rows.filter_map(|row| {
            let value = values[row]?;
            let (fill, ink) = heat(value);
            let star = if p[row].is_some_and(|p| p < 0.05) {
                " *"
            } else {
                ""
            };
            let (x, y) = (place[&a[row].0] as f64, place[&b[row].0] as f64);
            let text = format!("{value:.2}{star}");
            Some(cell(&panel, (x, y), &fill, ink, &text))
        });
        let cells: Vec<Markup> = cells.collect();
        panel.draw(&all(&cells))
    });
    let panels: Vec<Markup> = panels.collect();
    let rows = layers.len().div_ceil(beside) as f64;
    let size = (width * layers.len().min(beside) as f64, rows * height);
    let about = (
        title,
        "Matrices of divergences between bins, one for each layer.",
    );
    Ok(Drawing::new(id, about, size, legend(canvas), all(&panels)))
}

/// The colours of some divergences. The cells of the page say their numbers; in papers they may be
/// too small for that.
fn legend(canvas: Canvas) -> Legend {
    if canvas == Canvas::Page {
        return Legend::none(canvas);
    }
    let entries = [0.0, 0.25, 0.5, 0.75, 1.0].map(|bits| (format!("{bits}"), heat(bits).0));
    Legend::of(canvas, "divergence in bits", entries)
}
