//! Small plots of the values of each layer, for a terminal.

use cntflow_metrics::Metric;
use cntflow_metrics::population::{Density, Grid, LayerSample};

use super::plot::PlotStyle;
use crate::printer;

/// Metrics that are plotted.
pub(crate) const METRICS: [Metric; 2] = [Metric::LinkWeights, Metric::NodesStrength];

/// Letters of a row beside its plot, about.
const TEXT: usize = 56;

/// A table with a row for each layer and metric: how its values are spread from the smallest to the
/// largest. Layers whose values are all the same have no plot.
pub(super) fn text(samples: &[LayerSample], style: PlotStyle) -> String {
    let width = style.width_beside(TEXT);
    let plotted = samples
        .iter()
        .filter(|sample| METRICS.contains(&sample.metric));
    let rows = plotted.map(|layer| {
        let sample = &layer.sample;
        vec![
            layer.metric.to_string(),
            layer.layer.to_string(),
            layer.name.clone(),
            format!("{:.4}", sample.min()),
            style.columns(&heights(layer, width)),
            format!("{:.4}", sample.max()),
        ]
    });
    printer::table(["metric", "layer", "name", "min", "density", "max"], rows)
}

/// The density of a layer's values at so many places from the smallest to the largest value; none
/// if it has no density.
fn heights(layer: &LayerSample, width: usize) -> Vec<f64> {
    let sample = &layer.sample;
    let (Ok(density), Some(grid)) = (Density::of(sample), Grid::over([sample])) else {
        return Vec::new();
    };
    let densities = density.on(&grid);
    let (low, high) = (sample.min(), sample.max());
    let mut heights = vec![0.0_f64; width];
    for (x, density) in grid.points().zip(densities) {
        let place = ((x - low) / (high - low) * width as f64).floor();
        if (0.0..width as f64).contains(&place) {
            let height = &mut heights[place as usize];
            *height = height.max(density);
        }
    }
    heights
}
