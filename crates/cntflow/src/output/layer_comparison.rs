//! Comparison of the layers of one network with each other, metric by metric.

use cntflow_metrics::Metric;
use cntflow_metrics::population::{
    Compared, Comparison, Divergences, LayerSample, NoDensity, compare,
};
use serde_json::{Value, json};

use crate::printer;

/// The layers of one network, compared in one metric.
#[derive(Debug)]
pub(super) struct LayerComparison<'a> {
    metric: Metric,
    layers: Vec<&'a LayerSample>,
    compared: Compared,
}

/// Compares the layers of a network in every metric that has samples.
pub(super) fn compare_layers(samples: &[LayerSample]) -> Vec<LayerComparison<'_>> {
    let mut metrics: Vec<Metric> = samples.iter().map(|sample| sample.metric).collect();
    metrics.sort_unstable();
    metrics.dedup();
    metrics
        .into_iter()
        .map(|metric| LayerComparison::new(metric, samples))
        .collect()
}

/// Two tables: the density of each layer, and the divergences of each pair of layers.
pub(super) fn text(comparisons: &[LayerComparison<'_>]) -> String {
    let density_header = [
        "metric",
        "layer",
        "name",
        "count",
        "bandwidth",
        "mode",
        "peak",
        "",
    ];
    let density_rows = comparisons.iter().flat_map(LayerComparison::density_rows);
    let pair_header = [
        "metric",
        "layers",
        "Jeffreys",
        "Jensen-Shannon",
        "Wasserstein",
        "sum on grid",
        "",
    ];
    let pair_rows = comparisons.iter().flat_map(LayerComparison::pair_rows);
    format!(
        "{}\n\n{}",
        printer::table(density_header, density_rows),
        printer::table(pair_header, pair_rows)
    )
}

/// The densities point by point, and the divergences, as JSON.
pub(super) fn json(comparisons: &[LayerComparison<'_>]) -> Value {
    comparisons.iter().map(LayerComparison::json).collect()
}

impl<'a> LayerComparison<'a> {
    fn new(metric: Metric, samples: &'a [LayerSample]) -> Self {
        let layers: Vec<&LayerSample> = samples
            .iter()
            .filter(|sample| sample.metric == metric)
            .collect();
        let values: Vec<_> = layers.iter().map(|layer| layer.sample.clone()).collect();
        Self {
            metric,
            compared: compare(&values),
            layers,
        }
    }

    fn density_rows(&self) -> impl Iterator<Item = Vec<String>> {
        let layers = self.layers.iter().zip(&self.compared.curves);
        layers.map(|(layer, curve)| {
            let mut cells = vec![
                self.metric.to_string(),
                layer.layer.to_string(),
                layer.name.clone(),
                layer.sample.count().to_string(),
            ];
            let peak = curve.as_ref().ok().and_then(|curve| {
                let values = curve.values.iter().copied().enumerate();
                let (index, peak) = values.max_by(|a, b| a.1.total_cmp(&b.1))?;
                let mode = self.compared.grid?.point(index);
                Some([curve.bandwidth, mode, peak])
            });
            match peak {
                Some(numbers) => cells.extend(numbers.map(number_text)),
                None => cells.extend(["-"; 3].map(str::to_owned)),
            }
            cells.push(reason_text(curve.as_ref().err()));
            cells
        })
    }

    fn pair_rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.compared.pairs.iter().map(|(a, b, comparison)| {
            let layers = format!("{} - {}", self.layers[*a].layer, self.layers[*b].layer);
            let mut cells = vec![self.metric.to_string(), layers];
            cells.extend(divergences(comparison).map(|(_, value)| number_text(value)));
            cells.push(reason_text(comparison.divergences.as_ref().err()));
            cells
        })
    }

    fn json(&self) -> Value {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .zip(&self.compared.curves)
            .map(|(layer, curve)| {
                let curve = curve.as_ref();
                json!({
                    "layer": layer.layer,
                    "name": layer.name,
                    "role": layer.role.as_str(),
                    "count": layer.sample.count(),
                    "bandwidth": curve.ok().map(|curve| curve.bandwidth),
                    "density": curve.ok().map(|curve| &curve.values),
                    "reason": curve.err().map(ToString::to_string),
                })
            })
            .collect();
        let pairs = self.compared.pairs.iter();
        json!({
            "metric": self.metric,
            "x": self.compared.grid.map(|grid| grid.points().collect::<Vec<f64>>()),
            "layers": layers,
            "divergences": pairs.map(|pair| self.pair_json(pair)).collect::<Vec<_>>(),
        })
    }

    fn pair_json(&self, (a, b, comparison): &(usize, usize, Comparison)) -> Value {
        let mut pair = json!({
            "layer_a": self.layers[*a].layer,
            "layer_b": self.layers[*b].layer,
            "reason": comparison.divergences.as_ref().err().map(ToString::to_string),
        });
        for (name, value) in divergences(comparison) {
            // JSON has no infinity.
            pair[name] = if value == f64::INFINITY {
                json!("infinite")
            } else {
                json!(value)
            };
        }
        pair
    }
}

/// The divergences of a pair, with their column names in the table `divergences`; NaN without
/// densities.
pub(in crate::output) fn divergences(comparison: &Comparison) -> [(&'static str, f64); 4] {
    let divergences = comparison.divergences.as_ref().ok();
    let of = |value: fn(&Divergences) -> f64| divergences.map_or(f64::NAN, value);
    [
        ("jeffreys", of(|d| d.jeffreys)),
        ("jensen_shannon", of(|d| d.jensen_shannon)),
        ("wasserstein", comparison.wasserstein),
        ("sum_on_grid", of(|d| d.sum_on_grid)),
    ]
}

/// A number as tables show it; `-` for NaN.
pub(in crate::output) fn number_text(value: f64) -> String {
    match value {
        value if value.is_nan() => "-".to_owned(),
        f64::INFINITY => "infinite".to_owned(),
        value if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => format!("{value:.3e}"),
        value => format!("{value:.4}"),
    }
}

fn reason_text(reason: Option<&NoDensity>) -> String {
    reason.map_or(String::new(), NoDensity::to_string)
}
