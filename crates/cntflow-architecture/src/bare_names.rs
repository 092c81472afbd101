//! Names of tensors without what wrappers add, so that those of two files can be compared.

use cntflow_formats::TensorEntry;

use crate::infer::{is_weight, wrapper_prefix_length};

/// The name of each tensor without the prefix of wrappers that all weights of the file have, such
/// as `module.`, and without the `:0` of TensorFlow.
pub fn bare_names(tensors: &[TensorEntry]) -> Vec<String> {
    let weights = tensors.iter().filter(|tensor| is_weight(tensor));
    let names: Vec<&str> = weights.map(|tensor| tensor.name.as_str()).collect();
    let length = wrapper_prefix_length(&names);
    let prefix = names.first().map_or("", |name| &name[..length]);
    let bare = |tensor: &TensorEntry| {
        let name = tensor.name.strip_prefix(prefix).unwrap_or(&tensor.name);
        name.strip_suffix(":0").unwrap_or(name).to_owned()
    };
    tensors.iter().map(bare).collect()
}

#[cfg(test)]
mod tests {
    use cntflow_formats::Element;

    use super::*;

    fn check(names: [&str; 3], expected: [&str; 3]) {
        let tensor = |name: &str| TensorEntry {
            name: name.to_owned(),
            shape: vec![2],
            element: Element::F32,
            excluded_because: name
                .starts_with("optimizer")
                .then(|| "optimizer state".to_owned()),
        };
        assert_eq!(bare_names(&names.map(tensor)), expected);
    }

    #[test]
    fn prefixes_of_wrappers_and_endings_of_tensorflow_are_left_out() {
        check(
            ["module.fc.weight", "module.fc.bias", "optimizer.step"],
            ["fc.weight", "fc.bias", "optimizer.step"],
        );
        check(
            ["dense/kernel:0", "dense/bias:0", "x"],
            ["dense/kernel", "dense/bias", "x"],
        );
        check(
            ["module.a.weight", "b.weight", "c"],
            ["module.a.weight", "b.weight", "c"],
        );
    }
}
