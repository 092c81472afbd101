//! Measuring weights alone, where it is unknown which neurons they join.

use std::borrow::Cow;

use cntflow_network::{LayerKind, OpenSides, Role};

use crate::moments::Moments;
use crate::quantiles::Quantiles;
use crate::sample::{Sample, Scratch};
use crate::{Bias, KnownGraph, LayerRow, MeasureOptions, Metric, NetworkMetrics, Summary};

/// A tensor of weights outside of any network.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightTensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its values, in any order.
    pub values: Cow<'a, [f32]>,
    /// Whether they are biases.
    pub is_bias: bool,
}

/// Measures the weights of a network whose architecture is unknown, tensor by tensor.
///
/// A kernel gives [`Metric::KernelWeights`] and [`Metric::LinkWeights`], each entry once. Biases
/// give [`Metric::Biases`] and, with `bias = "link"`, [`Metric::LinkWeights`]. There are no
/// strengths, and no metrics that need a kernel's rows and columns.
///
/// In a row, `layer` is the index of the tensor, `kind` is [`LayerKind::Tensor`] and `role` is
/// [`Role::Unknown`]. The numbers of layers, neurons and links are 0. NaN and infinities are
/// counted and left out, as in [`measure`](crate::measure). Only one tensor is in memory at a time.
///
/// Source: arXiv 2110.02628 and 2209.05488 (link weights).
///
/// ```
/// use cntflow_metrics::{MeasureOptions, Metric, WeightTensor, measure_tensors};
///
/// let values = (&[1.0, 2.0, 6.0, f32::NAN][..]).into();
/// let tensor = WeightTensor { name: "fc.weight", values, is_bias: false };
/// let metrics = measure_tensors([tensor], &MeasureOptions::default());
/// let row = metrics.layers.iter().find(|row| row.metric == Metric::KernelWeights).unwrap();
/// assert_eq!((row.name.as_str(), row.summary.mean, row.summary.q50), ("fc.weight", 3.0, 2.0));
/// assert_eq!((metrics.n_parameters, metrics.n_nan, metrics.n_layers), (4, 1, 0));
/// ```
pub fn measure_tensors<'a>(
    tensors: impl IntoIterator<Item = WeightTensor<'a>>,
    options: &MeasureOptions,
) -> NetworkMetrics {
    let mut metrics = NetworkMetrics {
        n_layers: 0,
        n_neurons: 0,
        n_links: 0,
        graph: KnownGraph::None,
        n_parameters: 0,
        placed_parameters: 0,
        n_nan: 0,
        n_infinite: 0,
        layers: Vec::new(),
        neurons: Vec::new(),
        links: Vec::new(),
        n_inputs: 0,
        stopped: None,
    };
    let mut scratch = Scratch::default();
    for (index, tensor) in tensors.into_iter().enumerate() {
        add_tensor(&mut metrics, index, &tensor, options, &mut scratch);
    }
    metrics
}

fn add_tensor(
    metrics: &mut NetworkMetrics,
    index: usize,
    tensor: &WeightTensor<'_>,
    options: &MeasureOptions,
    scratch: &mut Scratch,
) {
    let sample = Sample::weights(&tensor.values);
    let moments = Moments::of(&sample);
    metrics.n_parameters += tensor.values.len() as u64;
    metrics.n_nan += moments.nan;
    metrics.n_infinite += moments.infinite;
    let metrics_of_tensor: &[Metric] = match (tensor.is_bias, options.bias) {
        (false, _) => &[Metric::LinkWeights, Metric::KernelWeights],
        (true, Bias::Link) => &[Metric::LinkWeights, Metric::Biases],
        (true, Bias::Exclude) => &[Metric::Biases],
    };
    let mut asked: Vec<Metric> = metrics_of_tensor.to_vec();
    asked.retain(|&metric| options.asks_for(metric));
    asked.sort_unstable();
    if asked.is_empty() {
        return;
    }
    let quantiles = Quantiles::of(&sample, &moments, scratch);
    let summary = Summary::from_parts(&moments, &quantiles);
    metrics
        .layers
        .extend(asked.into_iter().map(|metric| LayerRow {
            layer: index,
            name: tensor.name.to_owned(),
            kind: LayerKind::Tensor,
            role: Role::Unknown,
            open: OpenSides::default(),
            metric,
            summary,
        }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_are_links_only_with_that_option() {
        let tensors = || {
            [(vec![1.0, 2.0], false), (vec![5.0], true)].map(|(values, is_bias)| WeightTensor {
                name: if is_bias { "b" } else { "w" },
                values: values.into(),
                is_bias,
            })
        };
        let rows_with = |bias: Bias| -> Vec<(usize, Metric, f64)> {
            let options = MeasureOptions {
                bias,
                ..MeasureOptions::default()
            };
            let rows = measure_tensors(tensors(), &options).layers.into_iter();
            rows.map(|row| (row.layer, row.metric, row.summary.mean))
                .collect()
        };
        let link = rows_with(Bias::Link);
        assert!(link.contains(&(1, Metric::LinkWeights, 5.0)));
        assert!(link.contains(&(1, Metric::Biases, 5.0)));
        assert!(link.contains(&(0, Metric::KernelWeights, 1.5)));
        assert_eq!(link.len(), 4);
        assert_eq!(rows_with(Bias::Exclude).len(), 3);
    }
}
