//! Densities of metrics by accuracy bin, from low to high.

use maud::{Markup, html};
use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::number;
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted, slug, text};
use crate::svg::{Legend, Linear, Panel, Scale, Side, band_between, drawing, line, low_to_high};

/// Of the points of a density, every this many is drawn.
const EVERY: usize = 8;

/// Ends of the axis where all curves are below the highest divided by this are cut off.
const TAIL: f64 = 200.0;

/// Architectures that are drawn.
const ARCHITECTURES: usize = 2;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 190.0;

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    if !context.tables.has("densities") {
        return Ok(None);
    }
    let mut section = Section::new("densities", "What the metrics see").sentence(
        "Each curve is the density of a metric over all networks of a bin. The pale band shows how \
         much random halves of that bin differ at each point (5% to 95%); it is no test, which the \
         divergences below are. Ends where all curves are below a two-hundredth of the highest are \
         cut off.",
    );
    let views = views(context)?;
    for (view, metric) in views.drawn {
        section = section.with(figure(context, &view, &metric)?);
    }
    if views.n_left_out > 0 {
        section = section.sentence(format!(
            "Not drawn: {} further architectures with fewer networks. The queries below give them \
             with their name in place of the one there.",
            views.n_left_out
        ));
    }
    Ok(Some(section))
}

/// What is drawn, and how many architectures are not.
pub(super) struct Views {
    /// Each architecture (or `any` of a group of them) with each metric.
    pub(super) drawn: Vec<(String, String)>,
    n_left_out: usize,
}

/// The architectures with the most networks.
pub(super) fn views(context: &Context<'_>) -> Result<Views, ReportError> {
    let spec = Question {
        about: "architectures with densities",
        sql: "SELECT architecture, metric, MAX(n_networks) AS networks FROM densities GROUP BY \
              architecture, metric ORDER BY networks DESC, architecture, metric"
            .to_owned(),
    };
    let Some(answer) = spec.answer(context.tables)? else {
        return Ok(Views {
            drawn: Vec::new(),
            n_left_out: 0,
        });
    };
    let architectures = texts(&answer, "architecture")?;
    let metrics = texts(&answer, "metric")?;
    let (names, index) = groups(&architectures);
    let drawn = architectures.into_iter().zip(metrics).zip(index);
    let drawn = drawn.filter(|(_, index)| *index < ARCHITECTURES);
    Ok(Views {
        drawn: drawn.map(|(view, _)| view).collect(),
        n_left_out: names.len().saturating_sub(ARCHITECTURES),
    })
}

fn figure(
    context: &Context<'_>,
    architecture: &str,
    metric: &str,
) -> Result<Option<Figure>, ReportError> {
    let id = slug(&format!("density {architecture} {metric}"));
    let title = format!("Density of {metric}: {architecture}");
    let spec = FigureSpec {
        id: &id,
        title: &title,
        description: "One panel for each layer. Curves from dark to light: bins from low to high.",
        sql: format!(
            "SELECT layer, name, bin, bin_low, bin_high, bin_value, n_networks, x, density, \
             half_q05, half_q95 FROM densities WHERE architecture = {} AND metric = {} AND density \
             IS NOT NULL AND point % {EVERY} = 0 ORDER BY layer, bin, {}",
            text(architecture),
            text(metric),
            quoted("point"),
        ),
    };
    spec.draw(context.tables, |frame| {
        panels(frame, &id, metric, &title).map(Some)
    })
}

fn panels(frame: &DataFrame, id: &str, metric: &str, title: &str) -> Result<Markup, PolarsError> {
    let (layers, layer_of) = groups(&layer_names(frame)?);
    let (bins, bin_of) = groups(&bin_names(frame)?);
    let columns = ["x", "density", "half_q05", "half_q95"];
    let [x, density, low, high] = columns.map(|column| finite(frame, column));
    let (x, density, low, high) = (x?, density?, low?, high?);
    let mut content = Vec::new();
    for (k, layer) in layers.iter().enumerate() {
        let rows: Vec<usize> = (0..x.len()).filter(|&row| layer_of[row] == k).collect();
        let densities = rows.iter().filter_map(|&row| density[row]);
        let least = densities.fold(0.0, f64::max) / TAIL;
        let is_high = |&&row: &&usize| density[row].is_some_and(|density| density >= least);
        let panel = Panel {
            title: layer.clone(),
            left: 0.0,
            top: k as f64 * HEIGHT,
            width: WIDTH,
            height: HEIGHT,
            x: Side::new(
                Scale::Linear(Linear::of(
                    rows.iter().filter(is_high).filter_map(|&row| x[row]),
                )),
                metric,
            ),
            y: Side::new(
                Scale::Linear(Linear::of(
                    rows.iter().filter_map(|&row| density[row]).chain([0.0]),
                )),
                "density",
            ),
        };
        let mut marks = Vec::new();
        for bin in 0..bins.len() {
            let of_bin = rows.iter().copied().filter(|&row| bin_of[row] == bin);
            let curve: Vec<(f64, f64)> = of_bin
                .clone()
                .filter_map(|row| Some((x[row]?, density[row]?)))
                .collect();
            let halves: Vec<(f64, f64, f64)> = of_bin
                .filter_map(|row| Some((x[row]?, low[row]?, high[row]?)))
                .collect();
            let colour = low_to_high(bin, bins.len());
            marks.push(band_between(&panel, &halves, &format!("fill:{colour}")));
            marks.push(line(&panel, &curve, &format!("stroke:{colour}")));
        }
        content.push(panel.draw(&html! { @for mark in &marks { (mark) } }));
    }
    let entries = bins.iter().enumerate();
    let legend = Legend {
        title: "bin".to_owned(),
        entries: entries
            .map(|(k, bin)| (bin.clone(), format!("fill:{}", low_to_high(k, bins.len()))))
            .collect(),
    };
    let content = html! { @for panel in &content { (panel) } };
    let size = (WIDTH, layers.len() as f64 * HEIGHT);
    let about = (title, "Densities by bin, one panel for each layer.");
    Ok(drawing(id, about, size, &legend, &content))
}

/// `layer 2 (fc1)` for each row.
pub(super) fn layer_names(frame: &DataFrame) -> Result<Vec<String>, PolarsError> {
    let (layers, names) = (texts(frame, "layer")?, texts(frame, "name")?);
    let both = layers.into_iter().zip(names);
    Ok(both
        .map(|(layer, name)| format!("layer {layer} ({name})"))
        .collect())
}

/// The bin of each row with its number of networks: `0.85 to 0.9 (12 networks)`.
fn bin_names(frame: &DataFrame) -> Result<Vec<String>, PolarsError> {
    let (low, high) = (finite(frame, "bin_low")?, finite(frame, "bin_high")?);
    let (values, networks) = (texts(frame, "bin_value")?, texts(frame, "n_networks")?);
    let names = (0..values.len()).map(|row| {
        let bin = bin_name(low[row], high[row], &values[row]);
        format!("{bin} ({} networks)", networks[row])
    });
    Ok(names.collect())
}

/// A bin by its bounds, or by its value where each value is a population.
pub(super) fn bin_name(low: Option<f64>, high: Option<f64>, value: &str) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", number::real(low), number::real(high)),
        _ => value.to_owned(),
    }
}
