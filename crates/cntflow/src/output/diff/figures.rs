//! Figures that the text and the JSON of a comparison have in common.

use cntflow_metrics::ValuesChange;
use cntflow_metrics::population::Comparison;

use crate::diff::{CheckpointDiff, TensorDiff};
use crate::output::layer_comparison::divergences;

/// Number of tensors by what has become of them.
pub(super) fn counts(diff: &CheckpointDiff) -> [(&'static str, usize); 5] {
    ["changed", "same", "only in A", "only in B", "other shape"].map(|what| {
        let tensors = diff.tensors.iter();
        (
            what,
            tensors
                .filter(|tensor| tensor.change.as_str() == what)
                .count(),
        )
    })
}

/// Jensen-Shannon, Wasserstein and Jeffreys, by their names in JSON.
pub(super) fn distances(comparison: &Comparison) -> [(&'static str, f64); 3] {
    let [jeffreys, jensen_shannon, wasserstein, _] = divergences(comparison);
    [jensen_shannon, wasserstein, jeffreys]
}

/// The index of a value in the tensor's shape.
pub(super) fn index_of(tensor: &TensorDiff, at: usize) -> Vec<usize> {
    let shape = tensor.shapes[0].as_deref().unwrap_or_default();
    let mut rest = at;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let here = rest % size.max(1);
            rest /= size.max(1);
            here
        })
        .collect();
    index.reverse();
    index
}

/// Share of the squared change of all weights that is in this tensor; `None` if it is no weight.
pub(super) fn share(
    tensor: &TensorDiff,
    values: &ValuesChange,
    whole: &ValuesChange,
) -> Option<f64> {
    let of_tensor = values.l2_difference() / whole.l2_difference();
    tensor.used_as.as_ref().map(|_| of_tensor * of_tensor)
}
