//! Nodes that keep the neurons of a layer apart: what they give has the same neurons.

use super::track::Track;
use super::weights::Weights;
use super::wiring::Step;

/// Operators of one input that compute each value from the value of the same neuron, or that a
/// layer's activation is.
const OF_ONE: [&str; 31] = [
    "Relu",
    "LeakyRelu",
    "PRelu",
    "ThresholdedRelu",
    "Sigmoid",
    "HardSigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Elu",
    "Selu",
    "Celu",
    "Gelu",
    "FastGelu",
    "QuickGelu",
    "HardSwish",
    "Swish",
    "Mish",
    "Clip",
    "Erf",
    "Abs",
    "Neg",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Softmax",
    "LogSoftmax",
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
];

/// Operators of two inputs that compute each value from the two at its place.
const OF_TWO: [&str; 7] = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"];

/// What becomes of the neurons of a layer in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Its first output has them there.
    Through(Track),
    /// So it has if the other input is made of the same neurons, too.
    WithOther,
    /// They are mixed, or it is not known.
    Ends,
}

/// What becomes of neurons in a node that takes them as this input.
pub(super) fn passage(
    weights: &Weights<'_>,
    step: &Step<'_>,
    input: usize,
    track: Track,
) -> Passage {
    let operator = step.operator();
    if OF_TWO.contains(&operator) && step.inputs.len() == 2 {
        let other = weights.input(step, 1 - input);
        return match other {
            Some(constant) if constant.n_values() == 1 => Passage::Through(track),
            // More than one number scales or shifts each neuron in its own way.
            Some(_) => Passage::Ends,
            None => Passage::WithOther,
        };
    }
    if input != 0 {
        return Passage::Ends;
    }
    if OF_ONE.contains(&operator) {
        return Passage::Through(track);
    }
    layout(weights, step, track).map_or(Passage::Ends, Passage::Through)
}

/// Where neurons stand behind a node that only changes the layout of its first input, or takes a
/// part of it or a mean of it along another axis.
pub(super) fn layout(weights: &Weights<'_>, step: &Step<'_>, track: Track) -> Option<Track> {
    let is_beside = |axes: &[i64]| track.is_beside(axes).then_some(track);
    match step.operator() {
        "Identity" | "Cast" | "CastLike" | "Dropout" => Some(track),
        "Transpose" => track.transposed(&step.node.ints("perm")?),
        "Squeeze" => track.squeezed(&weights.numbers(step, "axes", 1)?),
        "Unsqueeze" => track.unsqueezed(&weights.numbers(step, "axes", 1)?),
        "Reshape" => track.reshaped(&weights.numbers(step, "shape", 1)?),
        "Flatten" => {
            let is_first = step.node.int("axis").unwrap_or(1) == 1;
            is_first.then(|| track.reshaped(&[0, -1]))?
        }
        "Slice" => is_beside(&cut_axes(weights, step, track)?),
        "Gather" => {
            let axes = [step.node.int("axis").unwrap_or(0)];
            let is_one = weights.integers(step, 1)?.len() == 1;
            let is_scalar = weights
                .input(step, 1)
                .is_none_or(|index| index.shape.is_empty());
            match (is_one, is_scalar) {
                (true, true) => is_beside(&axes)?.squeezed(&axes),
                _ => is_beside(&axes),
            }
        }
        "ReduceMean" | "ReduceMax" | "ReduceSum" => {
            let axes = weights.numbers(step, "axes", 1)?;
            let kept = step.node.int("keepdims").unwrap_or(1) != 0;
            let mean = is_beside(&axes)?;
            if kept {
                Some(mean)
            } else {
                mean.squeezed(&axes)
            }
        }
        "Pad" => {
            // Later versions of the operator may say which axes are padded.
            if step.input(3).is_some() {
                return None;
            }
            let pads = weights.numbers(step, "pads", 1)?;
            let rank = pads.len() / 2;
            let is_padded = |&axis: &usize| pads[axis] != 0 || pads[axis + rank] != 0;
            let padded = (0..rank).filter(is_padded).map(|axis| axis as i64);
            (track.rank == Some(rank) && pads.len() == 2 * rank)
                .then(|| is_beside(&padded.collect::<Vec<_>>()))?
        }
        _ => None,
    }
}

/// The axes along which a `Slice` leaves something out.
fn cut_axes(weights: &Weights<'_>, step: &Step<'_>, track: Track) -> Option<Vec<i64>> {
    let starts = weights.numbers(step, "starts", 1)?;
    let ends = weights.numbers(step, "ends", 2)?;
    let all = || (0..starts.len() as i64).collect();
    let axes = match step.input(3) {
        Some(_) => weights.integers(step, 3)?,
        None => step.node.ints("axes").unwrap_or_else(all),
    };
    let strides = match step.input(4) {
        Some(_) => weights.integers(step, 4)?,
        None => vec![1; axes.len()],
    };
    let lists = [&starts, &ends, &strides];
    if lists.iter().any(|list| list.len() != axes.len()) {
        return None;
    }
    let n = i64::try_from(track.n).ok()?;
    let is_whole = |index: usize| starts[index] == 0 && ends[index] >= n && strides[index] == 1;
    let is_cut = |&index: &usize| track.is_beside(&axes[index..=index]) || !is_whole(index);
    let cut = (0..axes.len()).filter(is_cut).map(|index| axes[index]);
    Some(cut.collect())
}
