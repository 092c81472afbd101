//! What becomes of the tensors that no layer of links takes.

use std::collections::{BTreeMap, HashMap};

use cntflow_formats::onnx::proto::Model;

use super::weights::Weights;
use super::wiring::Wiring;
use crate::resolved::LeftOver;

/// Operators whose constants are masks, bounds, indices and sizes, which nobody trains.
const OF_MASKS: [&str; 30] = [
    "Where",
    "Min",
    "Max",
    "Pad",
    "Clip",
    "Equal",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "Not",
    "And",
    "Or",
    "Pow",
    "Mod",
    "Range",
    "Shape",
    "Expand",
    "ConstantOfShape",
    "Slice",
    "Resize",
    "Upsample",
    "ScatterElements",
    "ScatterND",
    "OneHot",
    "TopK",
    "NonMaxSuppression",
    "QuantizeLinear",
    "DequantizeLinear",
    "If",
];

/// Says of each tensor of the graphs what takes it. `is_placed` tells of a name whether a layer
/// does.
pub(super) fn left_over(
    model: &Model<'_>,
    wiring: &Wiring<'_>,
    weights: &Weights<'_>,
    is_placed: impl Fn(&str) -> bool,
) -> BTreeMap<String, LeftOver> {
    let takers = takers(wiring, weights);
    let scales = weights.scalings().values().flat_map(|scaling| {
        let tensors = scaling.scales.iter().chain(&scaling.zero_point);
        tensors.map(|name| (&**name, ()))
    });
    let scales: HashMap<&str, ()> = scales.collect();
    let mut left_over = BTreeMap::new();
    for (index, listed) in model.tensors.iter().enumerate() {
        let is_read = listed.graph.is_some() && listed.excluded_because.is_none();
        if !is_read || is_placed(&listed.name) {
            continue;
        }
        let operators = takers.get(&index).map_or(&[][..], |operators| operators);
        let n = listed.tensor.shape.iter().product::<usize>();
        let of_masks = operators.iter().all(|operator| OF_MASKS.contains(operator));
        let found = if scales.contains_key(&*listed.name) {
            LeftOver {
                reason: "the scale of quantised weights".to_owned(),
                is_weight: false,
            }
        } else if let Some(operator) = operators.first() {
            LeftOver {
                reason: format!("a constant of {operator}"),
                is_weight: n > 1 && !of_masks,
            }
        } else {
            LeftOver {
                reason: "no node takes it".to_owned(),
                is_weight: n > 1,
            }
        };
        left_over.insert(listed.name.clone(), found);
    }
    left_over
}

/// The operators that take each tensor, as it is or in another layout, each once.
fn takers<'w>(wiring: &'w Wiring<'_>, weights: &Weights<'_>) -> HashMap<usize, Vec<&'w str>> {
    let mut takers: HashMap<usize, Vec<&str>> = HashMap::new();
    for step in &wiring.steps {
        let is_layout = step
            .output(0)
            .is_some_and(|value| weights.value(value).is_some());
        if is_layout {
            continue;
        }
        for input in 0..step.inputs.len() {
            let pieces = weights.input(step, input).map(|known| &known.weight.pieces);
            for piece in pieces.into_iter().flatten() {
                let operators = takers.entry(piece.tensor).or_default();
                // One more than there are operators of masks tells all that is asked of them.
                let is_new = !operators.contains(&step.operator());
                if operators.len() <= OF_MASKS.len() && is_new {
                    operators.push(step.operator());
                }
            }
        }
    }
    takers
}
