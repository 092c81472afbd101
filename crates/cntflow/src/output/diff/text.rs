//! The comparison of two checkpoints as text.

use cntflow_metrics::ValuesChange;

use super::figures::{counts, distances, index_of, share};
use crate::diff::{Change, CheckpointDiff, DiffSide, LayerDiff, LayersDiff, MatchedBy, TensorDiff};
use crate::output::layer_comparison::number_text;
use crate::printer;

/// Names of the two checkpoints.
const NAMES: [&str; 2] = ["A", "B"];

/// The two files, what has changed in all, and tables of the tensors and of the layers of neurons.
pub(crate) fn text(diff: &CheckpointDiff) -> String {
    let sides = NAMES.iter().zip(&diff.sides);
    let sides: Vec<String> = sides.map(|(name, side)| side_text(name, side)).collect();
    let mut parts = vec![sides.join("\n"), whole_text(diff)];
    parts.push(printer::table(
        [
            "tensor",
            "used as",
            "shape",
            "",
            "||B - A|| / ||A||",
            "share",
            "cosine",
            "largest",
            "at",
            "changed",
            "Jensen-Shannon",
            "Wasserstein",
            "Jeffreys",
            "",
        ],
        diff.tensors
            .iter()
            .map(|tensor| tensor_row(tensor, &diff.whole)),
    ));
    match &diff.layers {
        Ok(layers) => parts.extend(layers_text(layers)),
        Err(reason) => parts.push(format!("strengths are not compared: {reason}")),
    }
    parts.join("\n\n")
}

fn side_text(name: &str, side: &DiffSide) -> String {
    let checkpoint = &side.checkpoint;
    format!(
        "{name}  {}, {}, {} bytes, BLAKE3 {}",
        checkpoint.path().display(),
        checkpoint.format(),
        checkpoint.bytes(),
        checkpoint.digest()
    )
}

/// Counts of the tensors, and the change of all weights together.
fn whole_text(diff: &CheckpointDiff) -> String {
    let counts = counts(diff).into_iter().filter(|(_, n)| *n > 0);
    let counts: Vec<String> = counts.map(|(what, n)| format!("{n} {what}")).collect();
    let matched = match diff.matched_by {
        MatchedBy::Layer => "matched by layer",
        MatchedBy::Place => "matched by their place in the network; the names are those of A",
        MatchedBy::Name => "matched by name",
    };
    let mut text = format!("tensors: {}, {matched}", counts.join(", "));
    let whole = &diff.whole;
    if whole.finite > 0 {
        text.push_str(&format!(
            "\nweights of both: ||B - A|| / ||A|| {}, cosine {}, {} changed",
            number_text(whole.relative()),
            cosine_text(whole),
            percent(whole.changed_share())
        ));
    }
    text
}

fn tensor_row(tensor: &TensorDiff, whole: &ValuesChange) -> Vec<String> {
    let mut cells = vec![
        tensor.name.clone(),
        tensor.used_as.clone().unwrap_or_else(none),
        shapes_text(&tensor.shapes),
        tensor.change.as_str().to_owned(),
    ];
    let mut notes: Vec<String> = tensor.reason.iter().cloned().collect();
    if let Change::Weights(diff) = &tensor.change {
        let values = &diff.values;
        cells.extend([
            number_text(values.relative()),
            share_text(tensor, whole),
            cosine_text(values),
            number_text(values.largest),
            values
                .largest_at
                .map_or_else(none, |at| index_text(tensor, at)),
            percent(values.changed_share()),
        ]);
        cells.extend(distances(&diff.distributions).map(|(_, value)| number_text(value)));
        notes.extend(not_finite_text(values));
        let no_density = diff.distributions.divergences.as_ref().err();
        notes.extend(no_density.map(|reason| format!("no density: {reason}")));
    } else {
        cells.extend((0..9).map(|_| none()));
    }
    cells.push(notes.join("; "));
    cells
}

fn none() -> String {
    "-".to_owned()
}

fn shapes_text(shapes: &[Option<Vec<usize>>; 2]) -> String {
    match shapes {
        [Some(a), Some(b)] if a != b => format!("{a:?} -> {b:?}"),
        [Some(shape), _] | [None, Some(shape)] => format!("{shape:?}"),
        [None, None] => none(),
    }
}

fn index_text(tensor: &TensorDiff, at: usize) -> String {
    format!("{:?}", index_of(tensor, at))
}

fn share_text(tensor: &TensorDiff, whole: &ValuesChange) -> String {
    match &tensor.change {
        Change::Weights(diff) => share(tensor, &diff.values, whole).map_or_else(none, percent),
        _ => none(),
    }
}

fn percent(share: f64) -> String {
    if share.is_nan() {
        return none();
    }
    format!("{:.1}%", 100.0 * share)
}

fn cosine_text(values: &ValuesChange) -> String {
    let cosine = values.cosine();
    if cosine.is_nan() {
        none()
    } else {
        format!("{cosine:.6}")
    }
}

/// How many values are not finite, if any.
fn not_finite_text(values: &ValuesChange) -> Option<String> {
    let counts = NAMES.iter().zip(values.nan.iter().zip(values.infinite));
    let counts = counts.filter(|(_, (nan, infinite))| *nan + infinite > 0);
    let counts = counts
        .map(|(name, (nan, infinite))| format!("{nan} NaN and {infinite} infinite in {name}"));
    let counts: Vec<String> = counts.collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// A table of the layers of neurons, and the names of those that are not in it.
fn layers_text(diff: &LayersDiff) -> Vec<String> {
    let header = [
        "layer",
        "name",
        "kind",
        "neurons",
        "strength: mean change",
        "std",
        "correlation",
        "fluctuation A",
        "B",
        "",
    ];
    let mut parts = vec![printer::table(header, diff.layers.iter().map(layer_row))];
    for (name, unmatched) in NAMES.iter().zip(&diff.unmatched) {
        if !unmatched.is_empty() {
            let layers = unmatched.join(", ");
            parts.push(format!(
                "layers of neurons in {name} that the other has not, or in another shape: {layers}"
            ));
        }
    }
    parts
}

fn layer_row(layer: &LayerDiff) -> Vec<String> {
    let change = &layer.change;
    let mut cells = vec![
        layer.layer.to_string(),
        layer.name.clone(),
        layer.kind.as_str().to_owned(),
        layer.n_neurons.to_string(),
    ];
    let [before, after] = change.fluctuation;
    let numbers = [change.mean, change.std, change.correlation, before, after];
    cells.extend(numbers.map(number_text));
    cells.push(match change.left_out {
        0 => String::new(),
        n => format!("{n} neurons with a strength that is not finite"),
    });
    cells
}
