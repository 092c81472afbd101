//! Modules of Keras whose tensors stand under several paths: depthwise and separable convolutions,
//! and recurrent layers of two directions.

use std::collections::BTreeMap;

use super::module::{Layout, Module};

/// Last part of the path of a depthwise kernel, below that of its layer.
pub(super) const DEPTHWISE: &str = "depthwise";

/// Suffix of the parameters of a recurrent layer's second direction.
pub(super) const REVERSE: &str = "_reverse";

/// First words of the parts of a path that name the directions of a recurrent layer.
const DIRECTIONS: [&str; 2] = ["forward", "backward"];

/// The modules with those joined that are one.
pub(super) fn joined(modules: Vec<Module<'_>>) -> Vec<Module<'_>> {
    join_directions(join_depthwise(modules))
}

/// The kernel of a depthwise convolution goes to the module that has its bias, unless that has a
/// kernel of its own: then the convolution is separable.
fn join_depthwise(mut modules: Vec<Module<'_>>) -> Vec<Module<'_>> {
    let suffix = format!(".{DEPTHWISE}");
    for index in (0..modules.len()).rev() {
        if modules[index].layout != Layout::Depthwise {
            continue;
        }
        let Some(path) = modules[index]
            .path
            .strip_suffix(&*suffix)
            .map(str::to_owned)
        else {
            continue;
        };
        match modules.iter().position(|module| module.path == path) {
            Some(layer) if modules[layer].has("weight") => {}
            Some(layer) => {
                let kernel = modules.remove(index);
                // Removing moves what stands behind.
                let layer = if layer > index { layer - 1 } else { layer };
                modules[layer].layout = Layout::Depthwise;
                modules[layer].index = modules[layer].index.min(kernel.index);
                modules[layer].parameters.extend(kernel.parameters);
            }
            None => modules[index].path = path,
        }
    }
    modules
}

/// Two recurrent modules whose paths differ by `forward` and `backward` are the directions of one.
fn join_directions(mut modules: Vec<Module<'_>>) -> Vec<Module<'_>> {
    let by_path: BTreeMap<String, usize> = modules
        .iter()
        .enumerate()
        .filter(|(_, module)| module.has("recurrent_kernel"))
        .map(|(index, module)| (module.path.clone(), index))
        .collect();
    let pairs: Vec<[usize; 2]> = by_path
        .iter()
        .filter_map(|(path, &forward)| Some([forward, *by_path.get(&other_direction(path)?)?]))
        .collect();
    for &[forward, backward] in &pairs {
        let reverse: Vec<_> = modules[backward]
            .parameters
            .iter()
            .map(|(name, tensor)| (format!("{name}{REVERSE}"), *tensor))
            .collect();
        let layer = &mut modules[forward];
        layer.parameters.extend(reverse);
        layer.path = without_direction(&layer.path);
    }
    let taken: Vec<usize> = pairs.iter().map(|pair| pair[1]).collect();
    let mut index = 0;
    modules.retain(|_| {
        index += 1;
        !taken.contains(&(index - 1))
    });
    modules
}

/// The path of the backward direction; `None` if a path is not that of a forward one.
fn other_direction(path: &str) -> Option<String> {
    let [forward, backward] = DIRECTIONS;
    let is_forward = path.split('.').any(|part| part.starts_with(forward));
    is_forward.then(|| path.replace(forward, backward))
}

/// A path up to the part that names the direction; that part without the word if it is the first.
fn without_direction(path: &str) -> String {
    let [forward, _] = DIRECTIONS;
    let parts: Vec<&str> = path.split('.').collect();
    let direction = parts.iter().position(|part| part.starts_with(forward));
    match direction {
        Some(0) => parts[0][forward.len()..].trim_matches('_').to_owned(),
        Some(index) => parts[..index].join("."),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directions_of_a_layer_lose_their_word() {
        let cases = [
            ("bidirectional.forward_lstm.lstm_cell", "bidirectional"),
            ("forward_lstm_1", "lstm_1"),
        ];
        for (path, expected) in cases {
            assert_eq!(without_direction(path), expected);
        }
        let other = other_direction("bidirectional.forward_lstm.lstm_cell");
        assert_eq!(
            other.as_deref(),
            Some("bidirectional.backward_lstm.lstm_cell")
        );
        assert_eq!(other_direction("lstm"), None);
    }
}
