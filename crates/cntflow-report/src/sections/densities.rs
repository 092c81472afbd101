//! Densities of metrics by accuracy bin, from low to high.

use maud::Markup;
use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec, Question};
use crate::number;
use crate::rows::{finite, groups, texts};
use crate::section::{Context, Section, quoted, slug, text};
use crate::svg::{
    Canvas, Drawing, Legend, Linear, Panel, PanelSpec, Scale, Side, all, band_between, line,
};

/// Most height of a panel, as a multiple of the highest curve.
const BANDS: f64 = 1.3;

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
        description: "One panel for each layer. Curves from dark to light: bins from low to high. \
                      Areas: random halves of the networks of a bin, from half_q05 to half_q95; \
                      areas higher than 1.3 times the highest curve are cut off.",
        sql: format!(
            "SELECT layer, name, bin, bin_low, bin_high, bin_value, n_networks, x, density, \
             half_q05, half_q95 FROM densities WHERE architecture = {} AND metric = {} AND density \
             IS NOT NULL ORDER BY layer, bin, {}",
            text(architecture),
            text(metric),
            quoted("point"),
        ),
    };
    spec.draw(context.tables, context.columns, |canvas, frame| {
        panels(canvas, frame, &id, metric, &title)
    })
}

/// The answer in columns.
struct Densities {
    layer_of: Vec<usize>,
    bins: Vec<String>,
    bin_of: Vec<usize>,
    x: Vec<Option<f64>>,
    density: Vec<Option<f64>>,
    low: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
}

fn panels(
    canvas: Canvas,
    frame: &DataFrame,
    id: &str,
    metric: &str,
    title: &str,
) -> Result<Drawing, PolarsError> {
    let (layers, layer_of) = groups(&layer_names(frame)?);
    let (bins, bin_of) = groups(&bin_names(frame)?);
    let densities = Densities {
        layer_of,
        bins,
        bin_of,
        x: finite(frame, "x")?,
        density: finite(frame, "density")?,
        low: finite(frame, "half_q05")?,
        high: finite(frame, "half_q95")?,
    };
    let beside = canvas.beside(layers.len(), 1);
    let width = canvas.width(WIDTH);
    let panel_width = width / beside as f64;
    let height = canvas.height(HEIGHT);
    let panels = layers.iter().enumerate().map(|(k, layer)| {
        let place = PanelSpec {
            title: layer.clone(),
            left: (k % beside) as f64 * panel_width,
            top: (k / beside) as f64 * height,
            width: panel_width,
            height,
            x: densities.x_axis(k, metric),
            y: densities.y_axis(k),
        };
        let panel = place.on(canvas);
        panel.draw(&densities.curves(&panel, canvas, k))
    });
    let panels: Vec<Markup> = panels.collect();
    let n_bins = densities.bins.len();
    let entries = densities.bins.into_iter().enumerate();
    let entries = entries.map(|(k, bin)| (bin, canvas.low_to_high(k, n_bins)));
    let size = (width, layers.len().div_ceil(beside) as f64 * height);
    let about = (title, "Densities by bin, one panel for each layer.");
    let legend = Legend::of(canvas, "bin", entries);
    Ok(Drawing::new(id, about, size, legend, all(&panels)))
}

impl Densities {
    fn rows(&self, layer: usize) -> impl Iterator<Item = usize> + Clone {
        (0..self.x.len()).filter(move |&row| self.layer_of[row] == layer)
    }

    /// The axis of the metric, without the ends where all curves are low.
    fn x_axis(&self, layer: usize, metric: &str) -> Side {
        let densities = self.rows(layer).filter_map(|row| self.density[row]);
        let least = densities.fold(0.0, f64::max) / TAIL;
        let is_high = |&row: &usize| self.density[row].is_some_and(|density| density >= least);
        let shown = self.rows(layer).filter(is_high);
        let shown = shown.filter_map(|row| self.x[row]);
        Side::new(Scale::Linear(Linear::of(shown)), metric)
    }

    fn y_axis(&self, layer: usize) -> Side {
        let densities = self.rows(layer).filter_map(|row| self.density[row]);
        let peak = densities.fold(0.0, f64::max);
        // Bands of few networks may be much higher than all curves.
        let bands = self.rows(layer).filter_map(|row| self.high[row]);
        let top = bands.fold(peak, f64::max).min(BANDS * peak);
        Side::new(Scale::Linear(Linear::of([0.0, top])), "density")
    }

    /// The curves of a layer, each with its band below.
    fn curves(&self, panel: &Panel, canvas: Canvas, layer: usize) -> Markup {
        let (mut bands, mut curves) = (Vec::new(), Vec::new());
        for bin in 0..self.bins.len() {
            let of_bin = self.rows(layer).filter(|&row| self.bin_of[row] == bin);
            let curve = of_bin.clone();
            let curve = curve.filter_map(|row| Some((self.x[row]?, self.density[row]?)));
            let curve: Vec<(f64, f64)> = curve.collect();
            let halves =
                of_bin.filter_map(|row| Some((self.x[row]?, self.low[row]?, self.high[row]?)));
            let halves: Vec<(f64, f64, f64)> = halves.collect();
            let colour = canvas.low_to_high(bin, self.bins.len());
            bands.push(band_between(panel, &halves, &format!("fill:{colour}")));
            curves.push(line(panel, &curve, &format!("stroke:{colour}")));
        }
        // No band tints a curve.
        bands.extend(curves);
        all(&bands)
    }
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
