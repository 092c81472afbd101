//! The comparison of two checkpoints as JSON.

use cntflow_metrics::ValuesChange;
use serde_json::{Value, json};

use super::figures::{counts, distances, index_of, share};
use crate::diff::{Change, CheckpointDiff, DiffSide, LayerDiff, TensorDiff};

/// One object; see the documentation for its keys.
pub(crate) fn json(diff: &CheckpointDiff) -> Value {
    let [a, b] = diff.sides.each_ref().map(side_json);
    let counts = counts(diff).into_iter();
    let counts: serde_json::Map<String, Value> = counts
        .map(|(what, n)| (what.replace(' ', "_").to_lowercase(), json!(n)))
        .collect();
    let tensors = diff.tensors.iter();
    let tensors = tensors.map(|tensor| tensor_json(tensor, &diff.whole));
    let layers = diff.layers.as_ref();
    let unmatched = layers.ok().map(|layers| {
        let [a, b] = &layers.unmatched;
        json!({ "a": a, "b": b })
    });
    json!({
        "a": a,
        "b": b,
        "matched_by": diff.matched_by.as_str(),
        "counts": counts,
        "whole": values_json(&diff.whole),
        "tensors": tensors.collect::<Vec<_>>(),
        "layers": layers.ok().map(|layers| {
            layers.layers.iter().map(layer_json).collect::<Vec<_>>()
        }),
        "layers_not_compared": unmatched,
        "layers_reason": layers.err(),
    })
}

fn side_json(side: &DiffSide) -> Value {
    json!({
        "file": side.checkpoint.path(),
        "format": side.checkpoint.format(),
        "bytes": side.checkpoint.bytes(),
        "digest": side.checkpoint.digest(),
        "architecture_from": side.resolved.as_ref().ok().map(|resolved| resolved.source),
    })
}

fn tensor_json(tensor: &TensorDiff, whole: &ValuesChange) -> Value {
    let [shape_a, shape_b] = &tensor.shapes;
    let mut document = json!({
        "tensor": tensor.name,
        "used_as": tensor.used_as,
        "reason": tensor.reason,
        "shape_a": shape_a,
        "shape_b": shape_b,
        "status": tensor.change.as_str(),
        "change": null,
    });
    if let Change::Weights(diff) = &tensor.change {
        let mut change = values_json(&diff.values);
        change["share"] = json!(share(tensor, &diff.values, whole));
        let at = diff.values.largest_at;
        change["largest_at"] = json!(at.map(|at| index_of(tensor, at)));
        for (name, value) in distances(&diff.distributions) {
            change[name] = number(value);
        }
        let no_density = diff.distributions.divergences.as_ref().err();
        change["no_density"] = json!(no_density.map(ToString::to_string));
        document["change"] = change;
    }
    document
}

fn values_json(values: &ValuesChange) -> Value {
    let [l2_a, l2_b] = values.l2().map(number);
    json!({
        "count": values.count,
        "changed": values.changed,
        "finite": values.finite,
        "nan_a": values.nan[0],
        "nan_b": values.nan[1],
        "infinite_a": values.infinite[0],
        "infinite_b": values.infinite[1],
        "l2_a": l2_a,
        "l2_b": l2_b,
        "l2_difference": number(values.l2_difference()),
        "relative_change": number(values.relative()),
        "cosine": number(values.cosine()),
        "largest": number(values.largest),
    })
}

fn layer_json(layer: &LayerDiff) -> Value {
    let change = &layer.change;
    json!({
        "layer": layer.layer,
        "name": layer.name,
        "kind": layer.kind.as_str(),
        "neurons": layer.n_neurons,
        "compared": change.count,
        "not_finite": change.left_out,
        "strength_change_mean": number(change.mean),
        "strength_change_std": number(change.std),
        "strength_correlation": number(change.correlation),
        "layers_fluctuation_a": number(change.fluctuation[0]),
        "layers_fluctuation_b": number(change.fluctuation[1]),
    })
}

/// A number in JSON, which has no infinity: `"infinite"`. NaN is null.
fn number(value: f64) -> Value {
    if value == f64::INFINITY {
        json!("infinite")
    } else {
        json!(value)
    }
}
