//! A module: parameters that share a path, and how its kernel is laid out.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use crate::recipe::{TensorRecipe, TensorSlice};

/// In which order a file has the dimensions of a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// Outputs, inputs, places, as PyTorch has it.
    #[default]
    OutputsFirst,
    /// Places, inputs, outputs, as Keras has it.
    InputsFirst,
    /// Places, inputs, filters of each input, as Keras has it for depthwise convolutions.
    Depthwise,
    /// Tokens, units: a vector for every token.
    Table,
}

/// A module with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Module<'t> {
    /// Its name, without wrappers.
    pub(super) path: String,
    /// Index in the file's list of its first parameter.
    pub(super) index: usize,
    /// Parameters by PyTorch's names for them.
    pub(super) parameters: BTreeMap<String, &'t TensorEntry>,
    /// How the dimensions of its kernel stand in the file.
    pub(super) layout: Layout,
}

impl<'t> Module<'t> {
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.parameters.contains_key(parameter)
    }

    /// Shape of a parameter; empty if the module has no such parameter. A kernel's shape has the
    /// outputs first, however the file has them.
    pub(super) fn shape(&self, parameter: &str) -> Vec<usize> {
        let shape = self
            .parameters
            .get(parameter)
            .map(|tensor| &tensor.shape[..]);
        let shape = shape.unwrap_or_default();
        match self.outputs_first(shape.len()) {
            Some(permutation) if parameter == "weight" => {
                let shape = permutation.iter().map(|&dim| shape[dim]);
                self.merged(shape.collect())
            }
            _ => shape.to_vec(),
        }
    }

    /// The permutation that puts a kernel's outputs first; `None` where they are first already.
    fn outputs_first(&self, rank: usize) -> Option<&'static [usize]> {
        match (self.layout, rank) {
            (Layout::OutputsFirst | Layout::Table, _) => None,
            (Layout::InputsFirst, 2) => Some(&[1, 0]),
            (Layout::InputsFirst, 3) => Some(&[2, 1, 0]),
            (Layout::InputsFirst, 4) => Some(&[3, 2, 0, 1]),
            (Layout::InputsFirst, 5) => Some(&[4, 3, 0, 1, 2]),
            (Layout::Depthwise, 3) => Some(&[1, 2, 0]),
            (Layout::Depthwise, 4) => Some(&[2, 3, 0, 1]),
            _ => None,
        }
    }

    /// The shape of a permuted kernel. That of a depthwise convolution has a filter for each input
    /// and multiple, and sees one input.
    fn merged(&self, shape: Vec<usize>) -> Vec<usize> {
        match (self.layout, &shape[..]) {
            (Layout::Depthwise, [inputs, multiple, places @ ..]) => {
                [&[inputs * multiple, 1], places].concat()
            }
            _ => shape,
        }
    }

    /// Channels that a depthwise convolution takes; `None` for any other module.
    pub(super) fn depthwise_channels(&self) -> Option<usize> {
        let shape = &self.parameters.get("weight")?.shape;
        let inputs = shape.len().checked_sub(2)?;
        (self.layout == Layout::Depthwise).then(|| shape[inputs])
    }

    /// The parameter as PyTorch has it, as a slice of the file's tensor.
    pub(super) fn slice(&self, parameter: &str) -> Option<TensorSlice> {
        let tensor = self.parameters.get(parameter)?;
        Some(match self.outputs_first(tensor.shape.len()) {
            Some(permutation) if parameter == "weight" => {
                let slice = TensorSlice::permuted(&*tensor.name, permutation);
                match self.layout {
                    Layout::Depthwise => slice.shaped(&self.shape("weight")),
                    _ => slice,
                }
            }
            _ => TensorSlice::whole(&*tensor.name),
        })
    }

    /// Recipes of all its parameters, by the names that they have in an architecture whose layer
    /// has the module's name.
    pub(super) fn recipes(&self) -> impl Iterator<Item = (String, TensorRecipe)> {
        self.parameters.keys().filter_map(|parameter| {
            let recipe = TensorRecipe::Slice(self.slice(parameter)?);
            Some((format!("{}.{parameter}", self.path), recipe))
        })
    }

    /// Number of dimensions of its kernel, 0 if it has none.
    pub(super) fn rank(&self) -> usize {
        self.parameters
            .get("weight")
            .map_or(0, |tensor| tensor.shape.len())
    }

    /// Whether it is a recurrent layer or cell.
    pub(super) fn is_recurrent(&self) -> bool {
        self.has("weight_ih_l0") || self.has("weight_ih") || self.has("recurrent_kernel")
    }

    /// Whether it normalises: parameters of one dimension only.
    pub(super) fn is_norm(&self) -> bool {
        self.rank() <= 1 && (self.has("running_mean") || self.has("weight"))
    }

    /// Whether its kernel of two dimensions holds a vector for every token.
    pub(super) fn is_embedding(&self) -> bool {
        if self.layout == Layout::Table {
            return true;
        }
        let path = self.path.to_ascii_lowercase();
        let is_named = path.contains("emb") || path.ends_with("wte") || path.ends_with("tokens");
        is_named && !self.has("bias") && !path.contains("patch")
    }

    /// As messages show it: its kernel, or another tensor, with the shape.
    pub(super) fn shown(&self) -> String {
        let first = ["weight", "weight_ih_l0", "running_mean"].into_iter();
        let tensor = first
            .filter_map(|parameter| self.parameters.get(parameter))
            .next();
        let tensor = tensor.or_else(|| self.parameters.values().next());
        tensor.map_or_else(
            || self.path.clone(),
            |tensor| format!("{} {:?}", tensor.name, tensor.shape),
        )
    }
}
