//! Weights without a configuration: a chain of dense layers is told by its kernels, where the file tells the order of the layers.

use std::collections::{BTreeMap, HashMap};

use cntflow_network::Architecture;
use serde_json::json;

use crate::{EmbeddedArchitecture, TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;
use cntflow_formats::keras::Layers;

/// The chain; `None` where a layer is of another kind, or takes other than what the one before gives.
pub(super) fn embedded(layers: &Layers, tensors: &[TensorEntry]) -> Option<EmbeddedArchitecture> {
    let shapes: HashMap<&str, &[usize]> = tensors
        .iter()
        .map(|tensor| (&*tensor.name, &*tensor.shape))
        .collect();
    let mut recipes = BTreeMap::new();
    let mut chain = Vec::new();
    let mut units = None;
    for (name, tensors) in &layers.in_order {
        let (kernel, bias) = match tensors.as_slice() {
            [] => continue,
            [kernel] => (kernel, None),
            [kernel, bias] => (kernel, Some(bias)),
            _ => return None,
        };
        let &[n_in, n_out] = *shapes.get(&**kernel)? else {
            return None;
        };
        let is_kernel =
            kernel.trim_end_matches(":0").ends_with("kernel") || kernel.ends_with("vars/0");
        if !is_kernel || *units.get_or_insert(n_in) != n_in {
            return None;
        }
        units = Some(n_out);
        let weight = TensorSlice::reordered(kernel, &[1, 0]);
        recipes.insert(format!("{name}.weight"), TensorRecipe::Tensor(weight));
        if let Some(bias) = bias {
            if *shapes.get(&**bias)? != [n_out] {
                return None;
            }
            recipes.insert(
                format!("{name}.bias"),
                TensorRecipe::Tensor(TensorSlice::whole(bias)),
            );
        }
        chain.push((
            n_in,
            json!({
                "kind": "dense", "name": name, "units": n_out, "bias": bias.is_some(),
            }),
        ));
    }
    let input = chain.first()?.0;
    let layers: Vec<_> = chain.into_iter().map(|(_, layer)| layer).collect();
    let architecture: Result<Architecture, _> =
        serde_json::from_value(json!({"input": [input], "layers": layers}));
    Some(EmbeddedArchitecture {
        architecture: architecture.map_err(|error| error.to_string()),
        recipes,
        assumptions: vec![
            "told by the kernels in the file's order of layers; it does not tell their activations"
                .to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cntflow_formats::Element;

    /// A layer's name, and its tensors with their shapes.
    type Named<'a> = (&'a str, &'a [(&'a str, &'a [usize])]);

    fn told(layers: &[Named<'_>]) -> Option<EmbeddedArchitecture> {
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
        embedded(&layers, &tensors)
    }

    #[test]
    fn dense_layers_make_a_chain() {
        let carried = told(&[
            ("b", &[("b/kernel:0", &[2, 3]), ("b/bias:0", &[3])]),
            ("drop", &[]),
            ("a", &[("a/kernel:0", &[3, 1])]),
        ]);
        let carried = carried.unwrap();
        let architecture = carried.architecture.unwrap();
        assert_eq!(architecture.input, [2]);
        let names: Vec<_> = architecture
            .layers
            .iter()
            .map(|layer| layer.name())
            .collect();
        assert_eq!(names, ["b", "a"]);
        let bias = TensorRecipe::Tensor(TensorSlice::whole("b/bias:0"));
        assert_eq!(carried.recipes["b.bias"], bias);
        assert_eq!(carried.assumptions.len(), 1);
    }

    #[test]
    fn what_is_no_chain_is_not_told() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("a", &[("a/kernel:0", &[3, 3, 1, 2])])]), None);
        assert_eq!(told(&[("a", &[("a/embeddings:0", &[3, 2])])]), None);
        assert_eq!(
            told(&[("a", &[("a/kernel:0", &[3, 2]), ("a/bias:0", &[3])])]),
            None
        );
        let broken: [Named<'_>; 2] = [
            ("a", &[("a/kernel:0", &[3, 2])]),
            ("b", &[("b/kernel:0", &[3, 2])]),
        ];
        assert_eq!(told(&broken), None);
    }
}
