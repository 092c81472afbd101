//! Tensors of a given architecture in a file whose names say nothing of its layers: lists of arrays
//! as `.npy` files have them, Keras' files of weights alone. Tensors are assigned by their
//! position, layer by layer, in Keras' layout.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;
use cntflow_network::{Architecture, Graph, Norms, Shape, TensorSpec, View};

use super::modules::is_weight;
use crate::recipe::{TensorRecipe, TensorSlice};

/// Recipes of the architecture's tensors, and what they assume; `None` if a tensor does not have
/// the shape that Keras would give it, or if one is left over.
pub(crate) fn positional_recipes(
    architecture: &Architecture,
    tensors: &[TensorEntry],
) -> Option<(BTreeMap<String, TensorRecipe>, Vec<String>)> {
    let graph = Graph::new(architecture, Norms::Separate).ok()?;
    let weights: Vec<&TensorEntry> = tensors.iter().filter(|tensor| is_weight(tensor)).collect();
    let mut groups: Vec<TensorQueue<'_>> = weights
        .chunk_by(|a, b| folder(a) == folder(b))
        .map(|group| TensorQueue {
            reversed: group.iter().rev().copied().collect(),
            recipes: Vec::new(),
        })
        .collect();
    let is_grouped = groups.len() > 1;
    let flattened = flattened_inputs(&graph);
    let mut recipes = BTreeMap::new();
    let specs: Vec<(usize, &TensorSpec)> = graph.tensors().iter().enumerate().collect();
    for layer in specs.chunk_by(|a, b| module(a.1) == module(b.1)) {
        // Files of Keras 3 list layers by their class: the next layer's group need not be the
        // first. A group belongs to one layer, so that the layer must use it up.
        let (index, mut queue) = groups.iter().enumerate().find_map(|(index, group)| {
            let queue = group.clone().assign(layer, &flattened)?;
            (queue.reversed.is_empty() || !is_grouped).then_some((index, queue))
        })?;
        recipes.extend(queue.recipes.drain(..));
        if queue.reversed.is_empty() {
            groups.remove(index);
        } else {
            groups[index] = queue;
        }
    }
    let assumption =
        "the tensors have no names of layers: they are taken in turn, as Keras lays them out";
    groups
        .is_empty()
        .then(|| (recipes, vec![assumption.to_owned()]))
}

/// What the names of one layer's tensors have in common, if names say anything of layers.
fn folder(tensor: &TensorEntry) -> &str {
    let folder = tensor.name.rsplit_once(['/', '.']);
    folder.map_or("", |(folder, _)| folder)
}

/// The layer that a tensor belongs to and, of recurrent layers, the direction and number within it.
fn module(spec: &TensorSpec) -> (&str, &str) {
    let (path, name) = spec.name.rsplit_once('.').unwrap_or(("", &spec.name));
    // `weight_ih_l0_reverse` and `bias_hh_l0_reverse` share what follows `h_l`: number and
    // direction.
    match name.split_once("h_l") {
        Some((_, number_and_direction)) => (path, number_and_direction),
        None => (path, ""),
    }
}

/// Channels, rows and columns that kernels take flattened, by the index of the kernel's tensor.
fn flattened_inputs(graph: &Graph) -> BTreeMap<usize, [usize; 3]> {
    let kernels = graph.links.iter().filter_map(|links| {
        let kernel = links.kernel.as_ref()?;
        match (links.view, graph.neurons[links.from].shape) {
            (
                View::Flat,
                Shape::Spatial {
                    channels,
                    rows,
                    columns,
                },
            ) => Some((kernel.tensor, [channels, rows, columns])),
            _ => None,
        }
    });
    kernels.collect()
}

/// Tensors of a group that are still to be assigned, and the recipes of those that have been.
#[derive(Clone)]
struct TensorQueue<'t> {
    /// In reverse order, so that the next tensor can be popped off the end.
    reversed: Vec<&'t TensorEntry>,
    recipes: Vec<(String, TensorRecipe)>,
}

impl<'t> TensorQueue<'t> {
    /// Assigns a tensor of the file to every tensor of a layer; `None` if one has another shape.
    fn assign(
        mut self,
        layer: &[(usize, &TensorSpec)],
        flattened: &BTreeMap<usize, [usize; 3]>,
    ) -> Option<Self> {
        match layer {
            [(_, weight_ih), (_, weight_hh), biases @ ..]
                if weight_ih.name.contains(".weight_ih") =>
            {
                self.assign_recurrent(weight_ih, weight_hh, biases)?;
            }
            plain => {
                for (tensor, spec) in plain {
                    self.assign_plain(spec, flattened.get(tensor).copied())?;
                }
            }
        }
        Some(self)
    }

    /// Name of the next tensor, which must have this shape.
    fn next(&mut self, shape: &[usize]) -> Option<&'t str> {
        let tensor = self.reversed.pop()?;
        (tensor.shape == shape).then_some(&*tensor.name)
    }

    fn set_recipe(&mut self, spec: &TensorSpec, recipe: TensorRecipe) {
        self.recipes.push((spec.name.clone(), recipe));
    }

    /// A vector or a kernel. Architectures have a kernel's outputs first, Keras has them last.
    fn assign_plain(&mut self, spec: &TensorSpec, flattened: Option<[usize; 3]>) -> Option<()> {
        let permutation: &[usize] = match spec.shape.len() {
            1 => &[0],
            2 => &[1, 0],
            3 => &[2, 1, 0],
            4 => &[3, 2, 0, 1],
            _ => return None,
        };
        let mut keras_shape = vec![0; permutation.len()];
        for (&dim, &size) in permutation.iter().zip(&spec.shape) {
            keras_shape[dim] = size;
        }
        let name = self.next(&keras_shape)?;
        let slice = match (flattened, &spec.shape[..]) {
            // Keras flattens rows, columns and channels, in this order.
            (Some([channels, rows, columns]), &[units, n_in])
                if n_in == channels * rows * columns =>
            {
                TensorSlice::permuted(name, &[3, 2, 0, 1])
                    .read_as(&[rows, columns, channels, units])
                    .shaped(&[units, n_in])
            }
            _ => TensorSlice::permuted(name, permutation),
        };
        self.set_recipe(spec, TensorRecipe::Slice(slice));
        Some(())
    }

    /// Kernels are `[n_in, gates * units]`. A GRU of Keras has its gates in the order z, r, h,
    /// which architectures have as r, z, n, and both its biases in one tensor `[2, gates * units]`.
    /// Other layers have one bias.
    fn assign_recurrent(
        &mut self,
        weight_ih: &TensorSpec,
        weight_hh: &TensorSpec,
        biases: &[(usize, &TensorSpec)],
    ) -> Option<()> {
        let &[rows, units] = &weight_hh.shape[..] else {
            return None;
        };
        let is_gru = rows / units.max(1) == 3;
        for spec in [weight_ih, weight_hh] {
            let name = self.next(&[spec.shape[1], rows])?;
            let transposed = || TensorSlice::permuted(name, &[1, 0]);
            let recipe = if is_gru {
                let gate = |gate: usize| transposed().keep(1, gate * units, (gate + 1) * units);
                TensorRecipe::Concat(vec![gate(1), gate(0), gate(2)])
            } else {
                TensorRecipe::Slice(transposed())
            };
            self.set_recipe(spec, recipe);
        }
        let [(_, bias_ih), (_, bias_hh)] = biases else {
            return biases.is_empty().then_some(());
        };
        if is_gru {
            let name = self.next(&[2, rows])?;
            for (row, spec) in [bias_ih, bias_hh].into_iter().enumerate() {
                let gate = |gate: usize| {
                    TensorSlice::whole(name)
                        .keep(0, row, row + 1)
                        .keep(1, gate * units, (gate + 1) * units)
                        .shaped(&[units])
                };
                self.set_recipe(spec, TensorRecipe::Concat(vec![gate(1), gate(0), gate(2)]));
            }
        } else {
            let name = self.next(&[rows])?;
            self.set_recipe(bias_ih, TensorRecipe::Slice(TensorSlice::whole(name)));
            self.set_recipe(bias_hh, TensorRecipe::Zeros);
        }
        Some(())
    }
}
