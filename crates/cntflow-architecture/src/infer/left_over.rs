//! Tensors that are no weight of any layer: they are left over, and do not stand in the way of an
//! architecture.

use cntflow_formats::TensorEntry;

use super::modules::{is_counter, is_weight};

/// Why a tensor is left over; `None` if it may be a weight of a layer.
///
/// A number beside the weights, such as the best accuracy so far, is no parameter of a module
/// unless it has the name of one: the bias of a single unit is a single number too.
pub(crate) fn left_over(tensor: &TensorEntry) -> Option<String> {
    if !is_weight(tensor) || is_counter(&tensor.name) {
        return None;
    }
    match tensor.n_values() {
        0 => Some("holds no values".to_owned()),
        1 if !is_parameter(&tensor.name) => Some("a single number, of no known layer".to_owned()),
        _ => None,
    }
}

/// The tensors that may be weights of layers.
pub(super) fn kept(tensors: &[TensorEntry]) -> Vec<TensorEntry> {
    let kept = tensors.iter().filter(|tensor| left_over(tensor).is_none());
    kept.cloned().collect()
}

/// Whether the last part of a name is that of a module's parameter, or a number as lists of arrays
/// have it.
fn is_parameter(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    let last = last.strip_suffix(":0").unwrap_or(last);
    let stems = ["weight", "bias", "running_", "moving_"];
    let names = ["kernel", "gamma", "beta", "scale"];
    let is_named = names.contains(&last) || stems.iter().any(|stem| last.starts_with(stem));
    let number = last.trim_start_matches(|c: char| !c.is_ascii_digit());
    let is_numbered = last == number || last == format!("arr_{number}");
    is_named || (is_numbered && !number.is_empty())
}

#[cfg(test)]
mod tests {
    use cntflow_formats::Element;

    use super::*;

    #[test]
    fn single_numbers_and_empty_tensors_are_left_over_unless_they_are_parameters() {
        let left = |name: &str, shape: &[usize]| {
            left_over(&TensorEntry {
                name: name.to_owned(),
                shape: shape.to_vec(),
                element: Element::F32,
                excluded_because: None,
            })
        };
        assert!(left("best_acc1", &[]).is_some());
        assert!(left("model_state.similarity_weight", &[1]).is_some());
        assert!(left("epoch", &[1]).is_some());
        assert!(left("_state", &[0]).is_some());
        assert!(left("fc.weight", &[0, 3]).is_some());
        for parameter in [
            "fc.bias",
            "fc/bias:0",
            "bias",
            "arr_3",
            "7",
            "layers/dense/vars/1",
        ] {
            assert_eq!(left(parameter, &[1]), None, "{parameter}");
        }
    }
}
