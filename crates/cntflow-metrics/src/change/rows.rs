//! Rows of the table `layers` that compare a network with the one it was made from.

use std::collections::BTreeMap;

use cntflow_network::{
    LayerKind, LinkLayer, Network, NeuronLayer, OpenSides, Role, TensorSlice, Weights,
};

use crate::measure::{measure, with_separate_norms};
use crate::sample::{Sample, Scratch};
use crate::{LayerRow, MeasureOptions, Metric, NeuronColumns, Summary};

/// Rows of [`Metric::WeightsChange`], [`Metric::RelativeChange`] and [`Metric::StrengthChange`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeRows {
    /// The rows, by layer; those of links come before those of neurons.
    pub rows: Vec<LayerRow>,
    /// Names of the layers with a kernel that the parent does not have in the same shape.
    pub unmatched: Vec<String>,
    /// Number of layers with a kernel that were compared.
    pub n_matched: usize,
}

/// Compares a network with its parent, for the metrics that `options` ask for. `neurons` are the
/// neurons of the network as [`measure`] gives them with the same options.
///
/// A layer of links is compared with that of the same name if their kernels have the same shape, a
/// layer of neurons with that of the same name and shape. Norms are folded as `options` say.
/// Differences are in f64; a difference that is NaN or infinite is counted, and left out. Memory
/// grows with the largest kernel: 8 bytes per entry.
pub fn change_rows(
    network: &Network<'_>,
    neurons: &[NeuronColumns],
    parent: &Network<'_>,
    options: &MeasureOptions,
) -> ChangeRows {
    let separate = [network, parent].map(|network| with_separate_norms(network, options));
    let [own, parents] = &separate;
    let network = own.as_ref().unwrap_or(network);
    let parent = parents.as_ref().unwrap_or(parent);
    let mut changes = ChangeRows::default();
    changes.add_links([parent, network], options);
    if options.asks_for(Metric::StrengthChange) {
        changes.add_strengths(neurons, &strengths_of(parent, options));
    }
    // Stable: rows of links stay before those of neurons.
    changes.rows.sort_by_key(|row| row.layer);
    changes
}

/// Compares the tensors of two checkpoints without a graph. `tensors` has for each kernel its index
/// as in [`measure_tensors`](crate::measure_tensors), its name, and its values in the parent and in
/// the checkpoint.
pub fn tensor_change_rows<'t>(
    tensors: impl IntoIterator<Item = (usize, &'t str, [&'t [f32]; 2])>,
    options: &MeasureOptions,
) -> Vec<LayerRow> {
    let mut scratch = Scratch::default();
    let rows = tensors.into_iter().flat_map(|(layer, name, [a, b])| {
        let summaries = kernel_change(
            [&Weights::Single(a), &Weights::Single(b)],
            options,
            &mut scratch,
        );
        summaries
            .into_iter()
            .map(move |(metric, summary)| LayerRow {
                layer,
                name: name.to_owned(),
                kind: LayerKind::Tensor,
                role: Role::Unknown,
                open: OpenSides::default(),
                metric,
                summary,
            })
    });
    rows.collect()
}

/// The neurons of the parent, without any row.
fn strengths_of(parent: &Network<'_>, options: &MeasureOptions) -> Vec<NeuronColumns> {
    let options = MeasureOptions {
        metrics: Vec::new(),
        strongest_links: 0,
        // The norms of `parent` are layers already if they are to be.
        fold_norm: true,
        ..options.clone()
    };
    measure(parent, &options).neurons
}

impl ChangeRows {
    fn add_links(&mut self, [parent, network]: [&Network<'_>; 2], options: &MeasureOptions) {
        let with_kernel = |links: &LinkLayer| links.kernel.is_some();
        let in_parent: BTreeMap<&str, &LinkLayer> = parent
            .links()
            .iter()
            .filter(|links| with_kernel(links))
            .map(|links| (links.name.as_str(), links))
            .collect();
        let shape = |links: &LinkLayer| -> Option<Vec<usize>> {
            links
                .kernel
                .as_ref()
                .map(|TensorSlice { shape, .. }| shape.clone())
        };
        let mut scratch = Scratch::default();
        for links in network.links().iter().filter(|links| with_kernel(links)) {
            let same = in_parent.get(links.name.as_str());
            let Some(before) = same.filter(|before| shape(before) == shape(links)) else {
                self.unmatched.push(links.name.clone());
                continue;
            };
            self.n_matched += 1;
            let (a, b) = (parent.weights(before), network.weights(links));
            let (Some(a), Some(b)) = (&a.kernel, &b.kernel) else {
                continue;
            };
            let layer = &network.neurons()[links.to];
            let summaries = kernel_change([a, b], options, &mut scratch);
            self.rows
                .extend(summaries.into_iter().map(|(metric, summary)| {
                    let name = links.name.clone();
                    row(layer, name, metric, summary)
                }));
        }
    }

    fn add_strengths(&mut self, neurons: &[NeuronColumns], parents: &[NeuronColumns]) {
        let in_parent: BTreeMap<&str, &NeuronColumns> = parents
            .iter()
            .map(|layer| (layer.name.as_str(), layer))
            .collect();
        for layer in neurons {
            let same = in_parent.get(layer.name.as_str());
            let Some(before) = same.filter(|before| {
                before.shape == layer.shape
                    && before.open == layer.open
                    && before.role == layer.role
            }) else {
                continue;
            };
            let pairs = layer.strength.iter().zip(&before.strength);
            let changes: Vec<f64> = pairs.map(|(b, a)| b - a).collect();
            self.rows.push(LayerRow {
                layer: layer.layer,
                name: layer.name.clone(),
                kind: layer.kind,
                role: layer.role,
                open: layer.open,
                metric: Metric::StrengthChange,
                summary: Summary::of(&changes),
            });
        }
    }
}

/// The summaries of a kernel's change from a to b.
fn kernel_change(
    [a, b]: [&Weights<'_>; 2],
    options: &MeasureOptions,
    scratch: &mut Scratch,
) -> Vec<(Metric, Summary)> {
    let mut summaries = Vec::new();
    let differences = differences(a, b);
    if options.asks_for(Metric::WeightsChange) {
        let summary = Summary::of_sample(&Sample::each(&differences), scratch);
        summaries.push((Metric::WeightsChange, summary));
    }
    if options.asks_for(Metric::RelativeChange) {
        summaries.push((Metric::RelativeChange, relative_change(a, &differences)));
    }
    summaries
}

/// `b - a`, entry by entry.
fn differences(a: &Weights<'_>, b: &Weights<'_>) -> Vec<f64> {
    match (a, b) {
        (Weights::Single(a), Weights::Single(b)) => {
            let pairs = a.iter().zip(*b);
            pairs.map(|(&a, &b)| f64::from(b) - f64::from(a)).collect()
        }
        (a, b) => {
            let mut differences = b.to_f64();
            for (difference, a) in differences.iter_mut().zip(a.to_f64()) {
                *difference -= a;
            }
            differences
        }
    }
}

/// `||b - a|| / ||a||` over the entries with a finite difference.
fn relative_change(a: &Weights<'_>, differences: &[f64]) -> Summary {
    let [mut of_difference, mut of_a] = [0.0; 2];
    let [mut count, mut nan, mut infinite] = [0; 3];
    let mut add = |a: f64, difference: f64| {
        if difference.is_finite() {
            count += 1;
            of_difference += difference * difference;
            of_a += a * a;
        } else if difference.is_nan() {
            nan += 1;
        } else {
            infinite += 1;
        }
    };
    match a {
        Weights::Single(a) => {
            let pairs = a.iter().zip(differences);
            pairs.for_each(|(&a, &difference)| add(a.into(), difference));
        }
        Weights::Double(a) => {
            let pairs = a.iter().zip(differences);
            pairs.for_each(|(&a, &difference)| add(a, difference));
        }
    }
    Summary::single((of_difference / of_a).sqrt(), [count, nan, infinite])
}

fn row(layer: &NeuronLayer, name: String, metric: Metric, summary: Summary) -> LayerRow {
    LayerRow {
        layer: layer.index,
        name,
        kind: layer.kind,
        role: layer.role,
        open: layer.open,
        metric,
        summary,
    }
}

#[cfg(test)]
mod tests {
    use cntflow_network::Tensor;

    use super::*;

    const ARCHITECTURE: &str = r#"{"input": [2], "layers": [
        {"kind": "dense", "name": "fc1", "units": 2, "activation": "relu"},
        {"kind": "dense", "name": "NAME", "units": 1, "bias": false}]}"#;

    fn network<'a>(name: &str, kernel: &'a [f32], bias: &'a [f32], last: &'a [f32]) -> Network<'a> {
        let architecture = serde_json::from_str(&ARCHITECTURE.replace("NAME", name)).unwrap();
        Network::new(architecture, |tensor| {
            Some(match tensor {
                "fc1.weight" => Tensor::borrowed(&[2, 2], kernel),
                "fc1.bias" => Tensor::borrowed(&[2], bias),
                _ => Tensor::borrowed(&[1, 2], last),
            })
        })
        .unwrap()
    }

    fn against_parent() -> MeasureOptions {
        MeasureOptions {
            metrics: Metric::LINEAGE.to_vec(),
            ..MeasureOptions::default()
        }
    }

    fn mean_of(changes: &ChangeRows, layer: usize, metric: Metric) -> f64 {
        let mut rows = changes.rows.iter();
        let row = rows.find(|row| row.layer == layer && row.metric == metric);
        row.unwrap().summary.mean
    }

    #[test]
    fn changes_are_those_worked_by_hand() {
        let parent = network("fc2", &[1.0, 2.0, 2.0, 4.0], &[0.0, 1.0], &[1.0, 1.0]);
        let child = network("fc2", &[1.0, 2.0, 2.0, 9.0], &[1.0, 1.0], &[3.0, 1.0]);
        let options = against_parent();
        let neurons = measure(&child, &options).neurons;
        let changes = change_rows(&child, &neurons, &parent, &options);
        assert!(changes.unmatched.is_empty());
        assert_eq!(changes.n_matched, 2);
        assert_eq!(mean_of(&changes, 1, Metric::WeightsChange), 5.0 / 4.0);
        assert_eq!(mean_of(&changes, 1, Metric::RelativeChange), 1.0);
        // s of fc1: one more by its bias and two more by fc2 for the first, five for the second.
        let strength = |layer| mean_of(&changes, layer, Metric::StrengthChange);
        assert_eq!([strength(0), strength(1), strength(2)], [2.5, 4.0, 2.0]);
        assert!(changes.rows.is_sorted_by_key(|row| row.layer));
    }

    #[test]
    fn layers_of_another_name_have_no_rows_and_are_named() {
        let parent = network("old", &[1.0; 4], &[0.0; 2], &[1.0; 2]);
        let child = network("new", &[1.0; 4], &[0.0; 2], &[1.0; 2]);
        let options = against_parent();
        let neurons = measure(&child, &options).neurons;
        let changes = change_rows(&child, &neurons, &parent, &options);
        assert_eq!(changes.unmatched, ["new"]);
        assert!(changes.rows.iter().all(|row| row.layer < 2));
    }

    #[test]
    fn what_is_not_finite_is_counted_and_left_out() {
        let parent = network("fc2", &[3.0, f32::NAN, 4.0, 1.0], &[0.0; 2], &[1.0; 2]);
        let child = network("fc2", &[3.0, 1.0, 9.0, f32::INFINITY], &[0.0; 2], &[1.0; 2]);
        let options = against_parent();
        let neurons = measure(&child, &options).neurons;
        let changes = change_rows(&child, &neurons, &parent, &options);
        assert_eq!(mean_of(&changes, 1, Metric::RelativeChange), 1.0);
        let mut rows = changes.rows.iter();
        let row = rows
            .find(|row| row.metric == Metric::WeightsChange)
            .unwrap();
        let summary = row.summary;
        assert_eq!((summary.count, summary.nan, summary.infinite), (2, 1, 1));
        assert_eq!((summary.mean, summary.max), (2.5, 5.0));
    }

    #[test]
    fn only_what_is_asked_for_is_measured() {
        let parent = network("fc2", &[1.0; 4], &[0.0; 2], &[1.0; 2]);
        let options = MeasureOptions {
            metrics: vec![Metric::RelativeChange],
            ..MeasureOptions::default()
        };
        let neurons = measure(&parent, &options).neurons;
        let rows = change_rows(&parent, &neurons, &parent, &options).rows;
        let metrics: Vec<Metric> = rows.iter().map(|row| row.metric).collect();
        assert_eq!(metrics, [Metric::RelativeChange; 2]);
        let tensors = [(3, "a.weight", [&[1.0_f32, 1.0][..], &[1.0, 2.0]])];
        let rows = tensor_change_rows(tensors, &options);
        assert_eq!((rows[0].layer, rows[0].kind), (3, LayerKind::Tensor));
        assert_eq!(rows[0].summary.mean, 0.5_f64.sqrt());
    }
}
