//! Tensors of an architecture that is told, in a file whose names say nothing of its layers: lists of arrays as `.npy` files have them,
//! Keras' files of weights alone. They are taken in turn, layer by layer, in Keras' layout.

use std::collections::BTreeMap;

use cntflow_network::{Architecture, Graph, Norms, Shape, TensorSpec, View};

use super::names::is_weight;
use crate::{TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;

/// What recipes the architecture, and what is doubtful about that; `None` where some tensor in turn has not the shape that Keras gives
/// what the architecture wants, or one is left.
pub(crate) fn fills_in_turn(
    architecture: &Architecture,
    tensors: &[TensorEntry],
) -> Option<(BTreeMap<String, TensorRecipe>, Vec<String>)> {
    let graph = Graph::new(architecture, Norms::Separate).ok()?;
    let weights: Vec<&TensorEntry> = tensors.iter().filter(|tensor| is_weight(tensor)).collect();
    let mut groups: Vec<Turn<'_>> = weights
        .chunk_by(|a, b| folder(a) == folder(b))
        .map(|group| Turn {
            left: group.iter().rev().copied().collect(),
            recipes: Vec::new(),
        })
        .collect();
    let named = groups.len() > 1;
    let flattened = flattened(&graph);
    let mut recipes = BTreeMap::new();
    let specs: Vec<(usize, &TensorSpec)> = graph.tensors().iter().enumerate().collect();
    for layer in specs.chunk_by(|a, b| module(a.1) == module(b.1)) {
        // Files of Keras 3 list layers by their class, so that not always the first group is the next layer's.
        let (place, mut turn) = groups.iter().enumerate().find_map(|(place, group)| {
            let turn = group.clone().after(layer, &flattened)?;
            (turn.left.is_empty() || !named).then_some((place, turn))
        })?;
        recipes.extend(turn.recipes.drain(..));
        match turn.left.is_empty() {
            true => drop(groups.remove(place)),
            false => groups[place] = turn,
        }
    }
    let doubt =
        "the tensors have no names of layers: they are taken in turn, as Keras lays them out";
    groups.is_empty().then(|| (recipes, vec![doubt.to_owned()]))
}

/// What the tensors of one layer have in common, if names say anything of layers.
fn folder(tensor: &TensorEntry) -> &str {
    let folder = tensor.name.rsplit_once(['/', '.']);
    folder.map_or("", |(folder, _)| folder)
}

/// The layer and, of recurrent ones, the direction and number that a tensor belongs to.
fn module(spec: &TensorSpec) -> (&str, &str) {
    let (path, name) = spec.name.rsplit_once('.').unwrap_or(("", &spec.name));
    match name.split_once("h_l") {
        Some((_, which)) => (path, which),
        None => (path, ""),
    }
}

/// Kernels that see flattened places, by their tensors: channels, rows and columns.
fn flattened(graph: &Graph) -> BTreeMap<usize, [usize; 3]> {
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

/// The tensors of a group that are not taken yet, the next one last, and what was taken.
#[derive(Clone)]
struct Turn<'t> {
    left: Vec<&'t TensorEntry>,
    recipes: Vec<(String, TensorRecipe)>,
}

impl<'t> Turn<'t> {
    /// What is left after the tensors of a layer.
    fn after(
        mut self,
        layer: &[(usize, &TensorSpec)],
        flattened: &BTreeMap<usize, [usize; 3]>,
    ) -> Option<Self> {
        match layer {
            [(_, ih), (_, hh), biases @ ..] if ih.name.contains(".weight_ih") => {
                self.recurrent(ih, hh, biases)?;
            }
            plain => {
                for (place, spec) in plain {
                    self.plain(spec, flattened.get(place).copied())?;
                }
            }
        }
        Some(self)
    }

    fn next(&mut self, shape: &[usize]) -> Option<&'t str> {
        let tensor = self.left.pop()?;
        (tensor.shape == shape).then_some(&*tensor.name)
    }

    fn fill(&mut self, spec: &TensorSpec, fill: TensorRecipe) {
        self.recipes.push((spec.name.clone(), fill));
    }

    /// A kernel, its outputs first with us and last with Keras, or a vector.
    fn plain(&mut self, spec: &TensorSpec, places: Option<[usize; 3]>) -> Option<()> {
        let order: &[usize] = match spec.shape.len() {
            1 => &[0],
            2 => &[1, 0],
            3 => &[2, 1, 0],
            4 => &[3, 2, 0, 1],
            _ => return None,
        };
        let mut theirs = vec![0; order.len()];
        for (&place, &size) in order.iter().zip(&spec.shape) {
            theirs[place] = size;
        }
        let name = self.next(&theirs)?;
        let excerpt = match (places, &spec.shape[..]) {
            // Keras flattens rows, columns and channels, in this order.
            (Some([channels, rows, columns]), &[units, n_in])
                if n_in == channels * rows * columns =>
            {
                TensorSlice::reordered(name, &[3, 2, 0, 1])
                    .read_as(&[rows, columns, channels, units])
                    .shaped(&[units, n_in])
            }
            _ => TensorSlice::reordered(name, order),
        };
        self.fill(spec, TensorRecipe::Tensor(excerpt));
        Some(())
    }

    /// Kernels for all gates side by side, `z, r, h` of a GRU; one bias, of a GRU two.
    fn recurrent(
        &mut self,
        ih: &TensorSpec,
        hh: &TensorSpec,
        biases: &[(usize, &TensorSpec)],
    ) -> Option<()> {
        let &[rows, units] = &hh.shape[..] else {
            return None;
        };
        let n_gates = rows / units.max(1);
        for spec in [ih, hh] {
            let name = self.next(&[spec.shape[1], rows])?;
            let gate = |gate: usize| {
                TensorSlice::reordered(name, &[1, 0]).cut(1, gate * units, (gate + 1) * units)
            };
            let fill = match n_gates {
                3 => TensorRecipe::Joined(vec![gate(1), gate(0), gate(2)]),
                _ => TensorRecipe::Tensor(TensorSlice::reordered(name, &[1, 0])),
            };
            self.fill(spec, fill);
        }
        let [(_, bias_ih), (_, bias_hh)] = biases else {
            return biases.is_empty().then_some(());
        };
        if n_gates == 3 {
            let name = self.next(&[2, rows])?;
            for (row, spec) in [bias_ih, bias_hh].into_iter().enumerate() {
                let gate = |gate: usize| {
                    TensorSlice::whole(name)
                        .cut(0, row, row + 1)
                        .cut(1, gate * units, (gate + 1) * units)
                        .shaped(&[units])
                };
                self.fill(spec, TensorRecipe::Joined(vec![gate(1), gate(0), gate(2)]));
            }
        } else {
            let name = self.next(&[rows])?;
            self.fill(bias_ih, TensorRecipe::Tensor(TensorSlice::whole(name)));
            self.fill(bias_hh, TensorRecipe::Zeros);
        }
        Some(())
    }
}
