//! The one place where translated architectures are put together: typed layers with the recipes of
//! their tensors, unique names, and what was assumed on the way.

use std::collections::{BTreeMap, HashSet};

use cntflow_network::{Activation, Architecture, Layer};

use crate::recipe::{TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;

/// An architecture in the making, from its input to its output.
///
/// Layers are added in the order in which data passes them. A value of the network is identified by
/// the number of layers that the builder held when the value was made: 0 is the input, 1 the output
/// of the first layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArchitectureBuilder {
    layers: Vec<Layer>,
    names: HashSet<String>,
    recipes: BTreeMap<String, TensorRecipe>,
    assumptions: Vec<String>,
}

/// A builder as it was at some time: the numbers of its layers and assumptions. Recipes of layers
/// that are taken back are left, and set anew with the layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuilderMark {
    n_layers: usize,
    n_assumptions: usize,
}

impl ArchitectureBuilder {
    /// The builder as it is now.
    pub(crate) fn mark(&self) -> BuilderMark {
        BuilderMark {
            n_layers: self.layers.len(),
            n_assumptions: self.assumptions.len(),
        }
    }

    /// Takes back the layers and assumptions that were added since `mark`.
    pub(crate) fn go_back(&mut self, mark: BuilderMark) {
        self.layers.truncate(mark.n_layers);
        self.assumptions.truncate(mark.n_assumptions);
    }

    /// Number of layers so far.
    pub(crate) fn n_layers(&self) -> usize {
        self.layers.len()
    }

    /// The layers so far.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers so far, to be changed by what is learnt later.
    pub(crate) fn layers_mut(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// Appends a layer.
    pub(crate) fn add_layer(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    /// The name itself, or with `_1`, `_2`, ... appended where it has been handed out before.
    pub(crate) fn unique_name(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 1;
        while !self.names.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }

    /// Whether [`unique_name`](Self::unique_name) has handed out a name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The name by which later layers refer to the value that was made when there were `n_layers`
    /// layers; `input` if there were none.
    pub(crate) fn output_name(&self, n_layers: usize) -> String {
        let Some(last) = n_layers.checked_sub(1) else {
            return "input".to_owned();
        };
        match self.layers[last].name() {
            "" => format!("layer{last}"),
            name => name.to_owned(),
        }
    }

    /// How a tensor of the architecture is made, where that was said.
    pub(crate) fn recipe(&self, tensor: &str) -> Option<&TensorRecipe> {
        self.recipes.get(tensor)
    }

    /// Says how a tensor of the architecture is made.
    pub(crate) fn set_recipe(&mut self, tensor: String, recipe: TensorRecipe) {
        self.recipes.insert(tensor, recipe);
    }

    /// Records an assumption, once however often it is made.
    pub(crate) fn assume(&mut self, assumption: impl Into<String>) {
        let assumption = assumption.into();
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }

    /// The finished architecture; `input` is the shape of its inputs. A recipe that is just the
    /// file's tensor of the same name is dropped, because that is the default.
    ///
    /// `source` is where the architecture comes from, as [`ResolvedArchitecture::source`] has it.
    pub(crate) fn finish(self, input: Vec<usize>, source: &'static str) -> ResolvedArchitecture {
        let mut recipes = self.recipes;
        recipes.retain(|name, recipe| *recipe != TensorRecipe::Slice(TensorSlice::whole(&**name)));
        ResolvedArchitecture {
            architecture: Architecture {
                input,
                layers: self.layers,
            },
            recipes,
            source,
            assumptions: self.assumptions,
            image_size_unknown: false,
            in_parts: None,
            left_over: BTreeMap::new(),
        }
    }
}

/// The activation setting of a layer that links units by a kernel: dense layers and convolutions.
pub(crate) fn kernel_activation(layer: &mut Layer) -> Option<&mut Option<Activation>> {
    match layer {
        Layer::Dense(layer) => Some(&mut layer.activation),
        Layer::Conv1d(layer) => Some(&mut layer.activation),
        Layer::Conv2d(layer) => Some(&mut layer.activation),
        Layer::ConvTranspose1d(layer) => Some(&mut layer.activation),
        Layer::ConvTranspose2d(layer) => Some(&mut layer.activation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use cntflow_network::Dense;

    use super::*;

    fn dense(name: &str) -> Layer {
        Layer::Dense(Dense {
            name: name.to_owned(),
            units: 2,
            bias: false,
            activation: None,
        })
    }

    #[test]
    fn names_are_unique_and_outputs_are_referred_to_by_name_or_number() {
        let mut builder = ArchitectureBuilder::default();
        let names = ["fc", "fc", "fc"].map(|name| builder.unique_name(name));
        assert_eq!(names, ["fc", "fc_1", "fc_2"]);
        builder.add_layer(dense("fc"));
        builder.add_layer(Layer::Flatten);
        let outputs = [0, 1, 2].map(|n_layers| builder.output_name(n_layers));
        assert_eq!(outputs, ["input", "fc", "layer1"]);
    }

    #[test]
    fn recipes_that_say_nothing_and_repeated_assumptions_are_left_out() {
        let mut builder = ArchitectureBuilder::default();
        builder.add_layer(dense("fc"));
        let own = TensorRecipe::Slice(TensorSlice::whole("fc.weight"));
        builder.set_recipe("fc.weight".to_owned(), own);
        builder.set_recipe("fc.bias".to_owned(), TensorRecipe::Zeros);
        builder.assume("no activation");
        builder.assume("no activation");
        let resolved = builder.finish(vec![3], "test");
        assert_eq!(
            resolved.recipes.into_keys().collect::<Vec<_>>(),
            ["fc.bias"]
        );
        assert_eq!(resolved.assumptions, ["no activation"]);
    }
}
