//! The individual view: the layers of one network against each other, metric by metric.

use cntflow_metrics::Metric;
use cntflow_metrics::population::{Compared, Comparison, LayerSample, NoDensity, compare};
use serde_json::{Value, json};

use crate::printer;

/// The layers of one network compared in one metric.
#[derive(Debug)]
pub(crate) struct LayerView<'a> {
    metric: Metric,
    layers: Vec<&'a LayerSample>,
    compared: Compared,
}

/// Compares the layers of a network in every metric that there are samples of.
pub(crate) fn layer_views(samples: &[LayerSample]) -> Vec<LayerView<'_>> {
    let mut metrics: Vec<Metric> = samples.iter().map(|sample| sample.metric).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let view = |metric| {
        let layers: Vec<&LayerSample> = samples.iter().filter(|s| s.metric == metric).collect();
        let values: Vec<_> = layers.iter().map(|layer| layer.sample.clone()).collect();
        LayerView {
            metric,
            compared: compare(&values),
            layers,
        }
    };
    metrics.into_iter().map(view).collect()
}

/// Two tables for the eye: the layers' densities, and every pair of layers.
pub(crate) fn text(views: &[LayerView<'_>]) -> String {
    let header = [
        "metric",
        "layer",
        "name",
        "count",
        "bandwidth",
        "mode",
        "peak",
        "",
    ];
    let densities = printer::table(header, views.iter().flat_map(LayerView::density_rows));
    let header = [
        "metric",
        "layers",
        "Jeffreys",
        "Jensen-Shannon",
        "Wasserstein",
        "sum on grid",
        "",
    ];
    let pairs = printer::table(header, views.iter().flat_map(LayerView::pair_rows));
    format!("{densities}\n\n{pairs}")
}

/// Everything for machines: densities point by point. JSON has no infinity: it is the text `infinite`.
pub(crate) fn document(views: &[LayerView<'_>]) -> Value {
    views.iter().map(LayerView::document).collect()
}

impl LayerView<'_> {
    fn density_rows(&self) -> impl Iterator<Item = Vec<String>> {
        let both = self.layers.iter().zip(&self.compared.curves);
        both.map(|(layer, curve)| {
            let mut cells = vec![
                self.metric.to_string(),
                layer.layer.to_string(),
                layer.name.clone(),
                layer.sample.count().to_string(),
            ];
            let peak = curve.as_ref().ok().and_then(|curve| {
                let values = curve.values.iter().copied().enumerate();
                let (at, peak) = values.max_by(|a, b| a.1.total_cmp(&b.1))?;
                Some([curve.bandwidth, self.compared.grid?.point(at), peak])
            });
            match peak {
                Some(numbers) => cells.extend(numbers.map(real)),
                None => cells.extend(["-"; 3].map(str::to_owned)),
            }
            cells.push(reason(curve.as_ref().err()));
            cells
        })
    }

    fn pair_rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.compared.pairs.iter().map(|(a, b, found)| {
            let layers = format!("{} - {}", self.layers[*a].layer, self.layers[*b].layer);
            let mut cells = vec![self.metric.to_string(), layers];
            cells.extend(numbers(found).map(|(_, value)| real(value)));
            cells.push(reason(found.divergences.as_ref().err()));
            cells
        })
    }

    fn document(&self) -> Value {
        let both = self.layers.iter().zip(&self.compared.curves);
        let layers: Vec<Value> = both
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
        json!({
            "metric": self.metric,
            "x": self.compared.grid.map(|grid| grid.points().collect::<Vec<f64>>()),
            "layers": layers,
            "divergences": self.compared.pairs.iter().map(|pair| self.pair(pair)).collect::<Vec<_>>(),
        })
    }

    fn pair(&self, (a, b, found): &(usize, usize, Comparison)) -> Value {
        let mut pair = json!({
            "layer_a": self.layers[*a].layer,
            "layer_b": self.layers[*b].layer,
            "reason": found.divergences.as_ref().err().map(ToString::to_string),
        });
        for (name, value) in numbers(found) {
            pair[name] = match value == f64::INFINITY {
                true => json!("infinite"),
                false => json!(value),
            };
        }
        pair
    }
}

/// What is told of a pair, by the names of the table `divergences`.
fn numbers(found: &Comparison) -> [(&'static str, f64); 4] {
    let divergences = found.divergences.as_ref().ok();
    let of = |value: fn(&cntflow_metrics::population::Divergences) -> f64| {
        divergences.map_or(f64::NAN, value)
    };
    [
        ("jeffreys", of(|d| d.jeffreys)),
        ("jensen_shannon", of(|d| d.jensen_shannon)),
        ("wasserstein", found.wasserstein),
        ("sum_on_grid", of(|d| d.sum_on_grid)),
    ]
}

fn real(value: f64) -> String {
    match value {
        value if value.is_nan() => "-".to_owned(),
        f64::INFINITY => "infinite".to_owned(),
        value if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => format!("{value:.3e}"),
        value => format!("{value:.4}"),
    }
}

fn reason(reason: Option<&NoDensity>) -> String {
    reason.map_or(String::new(), NoDensity::to_string)
}
