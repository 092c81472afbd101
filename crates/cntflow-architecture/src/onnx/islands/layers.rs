//! Recurrent layers, embeddings and norms.

use cntflow_network::Activation;

use super::links::Kind;
use super::reader::{Product, Reader};
use super::track::{NeuronAxis, Track};
use super::wiring::Step;
use crate::onnx::norms::epsilon;
use crate::onnx::recurrent::{Cell, RecurrentWeights};

impl<'m> Reader<'_, 'm> {
    pub(super) fn recurrent(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let node = step.node;
        let cell = Cell::of(node);
        let bidirectional = node.text("direction") == Some("bidirectional");
        let directions = 1 + usize::from(bidirectional);
        let &[found, rows, n_in] = &self.weights.readable(step, 1)?.shape[..] else {
            return None;
        };
        let units = *self.weights.readable(step, 2)?.shape.last()?;
        if found != directions || rows != units.checked_mul(cell.gates.len())? {
            return None;
        }
        let weight = |input: usize, shape: &[usize]| {
            let known = self.weights.readable(step, input)?;
            known.as_weight(shape).filter(|_| known.shape == shape)
        };
        let weights = RecurrentWeights {
            input: weight(1, &[directions, rows, n_in])?,
            state: weight(2, &[directions, rows, units])?,
            bias: weight(3, &[directions, rows.checked_mul(2)?]),
        };
        let batch_first = node.int("layout").unwrap_or(0) == 1;
        let n = units.checked_mul(directions)?;
        let axis = match (bidirectional, batch_first) {
            (true, true) => NeuronAxis::Pair(2, 3),
            (true, false) => NeuronAxis::Pair(1, 3),
            (false, _) => NeuronAxis::Front(3),
        };
        let activations = node.texts("activations").unwrap_or_default();
        let is_relu = !activations.is_empty() && activations.iter().all(|&name| name == "Relu");
        let tensors = [
            Some(&weights.input),
            Some(&weights.state),
            weights.bias.as_ref(),
        ];
        Some(Product {
            data: 0,
            takes: Track {
                is_alone: false,
                ..Track::units(n_in, Some(3))
            },
            gives: Some(Track {
                rank: Some(4),
                axis,
                n,
                is_alone: false,
            }),
            names: tensors
                .into_iter()
                .flatten()
                .map(|weight| weight.name())
                .collect(),
            kind: Kind::Recurrent {
                weights,
                bidirectional,
                activation: (node.operator == "RNN" && is_relu).then_some(Activation::Relu),
            },
        })
    }

    /// `Gather` of the rows of a table of vectors.
    pub(super) fn embedding(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let known = self.weights.readable(step, 0)?;
        let &[tokens, units] = &known.shape[..] else {
            return None;
        };
        let is_first = [0, -2].contains(&step.node.int("axis").unwrap_or(0));
        if !is_first || self.weights.input(step, 1).is_some() || units < 2 {
            return None;
        }
        Some(Product {
            data: 1,
            takes: Track::anywhere(),
            gives: Some(Track::units(units, None)),
            names: vec![known.name()],
            kind: Kind::Embedding {
                weight: self.recipe(known, &[tokens, units])?,
                tokens,
                units,
            },
        })
    }

    pub(super) fn batch_norm(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let n = self.weights.readable(step, 1)?.n_values();
        let vectors = [1, 2, 3, 4].map(|input| self.vector(step, input, n));
        let [Some(scale), Some(shift), Some(mean), Some(variance)] = vectors else {
            return None;
        };
        let track = Track {
            rank: None,
            axis: NeuronAxis::Front(1),
            n,
            is_alone: false,
        };
        Some(Product {
            data: 0,
            takes: track,
            gives: Some(track),
            names: vec![scale.1, shift.1],
            kind: Kind::BatchNorm {
                tensors: Box::new([scale.0, shift.0, mean.0, variance.0]),
                epsilon: epsilon(step.node).ok()?,
            },
        })
    }

    pub(super) fn layer_norm(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let n = self.weights.readable(step, 1)?.n_values();
        let scale = self.vector(step, 1, n)?;
        let shift = self.vector(step, 2, n);
        let is_last = step.node.int("axis").unwrap_or(-1) == -1;
        let track = Track::units(n, None);
        Some(Product {
            data: 0,
            takes: track,
            gives: is_last.then_some(track),
            names: [Some(&scale), shift.as_ref()]
                .into_iter()
                .flatten()
                .map(|(_, name)| *name)
                .collect(),
            kind: Kind::LayerNorm {
                scale: scale.0,
                shift: shift.map(|(recipe, _)| recipe),
                epsilon: epsilon(step.node).ok()?,
            },
        })
    }

    /// `GroupNormalization`, or `InstanceNormalization`, in which every channel is a group.
    pub(super) fn group_norm(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let n = self.weights.readable(step, 1)?.n_values();
        let scale = self.vector(step, 1, n)?;
        let shift = self.vector(step, 2, n)?;
        let groups = match step.operator() {
            "InstanceNormalization" => n,
            _ => usize::try_from(step.node.int("num_groups")?).ok()?,
        };
        let track = Track {
            rank: None,
            axis: NeuronAxis::Front(1),
            n,
            is_alone: false,
        };
        Some(Product {
            data: 0,
            takes: track,
            gives: Some(track),
            names: vec![scale.1, shift.1],
            kind: Kind::GroupNorm {
                scale: scale.0,
                shift: shift.0,
                groups,
                epsilon: epsilon(step.node).ok()?,
            },
        })
    }
}
