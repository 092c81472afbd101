//! Weights without a configuration: a chain of dense layers made from the kernels, if the file has
//! its layers in order.

use std::collections::HashMap;

use cntflow_formats::TensorEntry;
use cntflow_formats::keras::Layers;
use cntflow_network::{Dense, Layer};

use crate::builder::ArchitectureBuilder;
use crate::recipe::{TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;

/// The chain; `None` if a layer is of another kind, or does not take what the one before gives.
pub(super) fn translate(layers: &Layers, tensors: &[TensorEntry]) -> Option<ResolvedArchitecture> {
    let shapes: HashMap<&str, &[usize]> = tensors
        .iter()
        .map(|tensor| (&*tensor.name, &*tensor.shape))
        .collect();
    let mut builder = ArchitectureBuilder::default();
    builder.assume(
        "the file has no configuration: its layers are taken for a chain in the file's order, and their activations are unknown",
    );
    let mut n_inputs = None;
    let mut units_before = None;
    for (name, tensors) in &layers.in_order {
        let (kernel, bias) = match tensors.as_slice() {
            [] => continue,
            [kernel] => (kernel, None),
            [kernel, bias] => (kernel, Some(bias)),
            _ => return None,
        };
        let &[n_in, units] = *shapes.get(&**kernel)? else {
            return None;
        };
        if !is_dense_kernel(kernel) || *units_before.get_or_insert(n_in) != n_in {
            return None;
        }
        n_inputs.get_or_insert(n_in);
        units_before = Some(units);
        let weight = TensorSlice::permuted(kernel, &[1, 0]);
        builder.set_recipe(format!("{name}.weight"), TensorRecipe::Slice(weight));
        if let Some(bias) = bias {
            if *shapes.get(&**bias)? != [units] {
                return None;
            }
            let bias = TensorRecipe::Slice(TensorSlice::whole(bias));
            builder.set_recipe(format!("{name}.bias"), bias);
        }
        builder.add_layer(Layer::Dense(Dense {
            name: name.clone(),
            units,
            bias: bias.is_some(),
            activation: None,
        }));
    }
    Some(builder.finish(vec![n_inputs?], "Keras"))
}

/// Whether a tensor's name is that of a dense kernel: `dense/kernel:0` in files of the first
/// versions, where an embedding's ends in `embeddings:0`; `layers/dense/vars/0` in Keras 3, where
/// layers are in order only if all of them are dense.
fn is_dense_kernel(tensor: &str) -> bool {
    tensor.trim_end_matches(":0").ends_with("kernel") || tensor.ends_with("vars/0")
}

#[cfg(test)]
mod tests {
    use cntflow_formats::Element;

    use super::*;

    /// A layer's name, and its tensors with their shapes.
    type Named<'a> = (&'a str, &'a [(&'a str, &'a [usize])]);

    fn translated(layers: &[Named<'_>]) -> Option<ResolvedArchitecture> {
        let tensors = layers.iter().flat_map(|(_, tensors)| *tensors);
        let tensors: Vec<TensorEntry> = tensors
            .map(|(name, shape)| TensorEntry {
                name: (*name).to_owned(),
                shape: shape.to_vec(),
                element: Element::F32,
                excluded_because: None,
            })
            .collect();
        let in_order = layers.iter().map(|(layer, tensors)| {
            let names = tensors.iter().map(|(name, _)| (*name).to_owned());
            ((*layer).to_owned(), names.collect())
        });
        let layers = Layers {
            in_order: in_order.collect(),
            ..Layers::default()
        };
        translate(&layers, &tensors)
    }

    #[test]
    fn dense_layers_make_a_chain() {
        let resolved = translated(&[
            ("b", &[("b/kernel:0", &[2, 3]), ("b/bias:0", &[3])]),
            ("drop", &[]),
            ("a", &[("a/kernel:0", &[3, 1])]),
        ]);
        let resolved = resolved.unwrap();
        let architecture = resolved.architecture;
        assert_eq!(architecture.input, [2]);
        let names: Vec<_> = architecture
            .layers
            .iter()
            .map(|layer| layer.name())
            .collect();
        assert_eq!(names, ["b", "a"]);
        let bias = TensorRecipe::Slice(TensorSlice::whole("b/bias:0"));
        assert_eq!(resolved.recipes["b.bias"], bias);
        assert_eq!(resolved.assumptions.len(), 1);
    }

    #[test]
    fn other_tensors_make_no_chain() {
        assert_eq!(translated(&[]), None);
        assert_eq!(translated(&[("a", &[("a/kernel:0", &[3, 3, 1, 2])])]), None);
        assert_eq!(translated(&[("a", &[("a/embeddings:0", &[3, 2])])]), None);
        assert_eq!(
            translated(&[("a", &[("a/kernel:0", &[3, 2]), ("a/bias:0", &[3])])]),
            None
        );
        let broken: [Named<'_>; 2] = [
            ("a", &[("a/kernel:0", &[3, 2])]),
            ("b", &[("b/kernel:0", &[3, 2])]),
        ];
        assert_eq!(translated(&broken), None);
    }
}
