//! Which layers of links follow one another: the neurons that one gives reach the next through
//! nodes that keep them apart.

use std::collections::HashMap;

use cntflow_network::Activation;

use super::links::{Form, Kind, Link};
use super::passing::{Passage, passage};
use super::track::Track;
use super::weights::Weights;
use super::wiring::{ValueId, Wiring};
use crate::onnx::activations::own_activation;

/// The most nodes between an input of the model and a kernel that takes it.
const MAX_BEFORE: usize = 16;

/// How a layer of links is joined to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Joint {
    /// The layer of links whose neurons it takes.
    pub(super) parent: Option<usize>,
    /// Those that take its neurons.
    pub(super) children: Vec<usize>,
    /// Whether its neurons go elsewhere, too, where it is not known what becomes of them.
    pub(super) is_open: bool,
    /// Whether its neurons are an output of the model.
    pub(super) is_output: bool,
    /// Whether what it takes is an input of the model.
    pub(super) takes_input: bool,
    /// What its neurons are.
    pub(super) form: Option<Form>,
    /// Whether there is one value for each neuron when the layer takes them.
    pub(super) is_alone: bool,
    /// Activation of its neurons; `None` if it is not known.
    pub(super) activation: Option<Activation>,
}

impl Joint {
    /// The same layer as a part of its own.
    pub(super) fn apart(&self) -> Self {
        Self {
            is_open: true,
            form: self.form,
            ..Self::default()
        }
    }
}

/// Joins layers of links.
pub(super) struct Joiner<'r, 'm> {
    pub(super) wiring: &'r Wiring<'m>,
    pub(super) weights: &'r Weights<'m>,
    /// The layer of links of a step.
    by_step: HashMap<usize, usize>,
}

impl<'r, 'm> Joiner<'r, 'm> {
    pub(super) fn new(
        wiring: &'r Wiring<'m>,
        weights: &'r Weights<'m>,
        links: &[Link<'m>],
    ) -> Self {
        let by_step = links.iter().enumerate();
        Self {
            wiring,
            weights,
            by_step: by_step.map(|(index, link)| (link.step, index)).collect(),
        }
    }

    /// How the layers are joined. They are in the order of their steps, so that a layer comes
    /// behind the one whose neurons it takes.
    pub(super) fn joints(&self, links: &mut [Link<'m>]) -> Vec<Joint> {
        let mut joints = vec![Joint::default(); links.len()];
        for index in 0..links.len() {
            let form = links[index].kind.form();
            let of_parent = joints[index].parent.and_then(|parent| joints[parent].form);
            // A norm without a layer before it has channels if it can.
            let alone = match links[index].kind {
                Kind::BatchNorm { .. } => Form::Channels,
                _ => Form::Units,
            };
            joints[index].form = Some(form.or(of_parent).unwrap_or(alone));
            self.follow(index, links, &mut joints);
            joints[index].activation = self.activation(&links[index], &joints[index]);
            joints[index].takes_input =
                joints[index].parent.is_none() && self.takes_input(&links[index]);
        }
        joints
    }

    /// Follows the neurons of a layer to all that take them.
    fn follow(&self, index: usize, links: &mut [Link<'m>], joints: &mut [Joint]) {
        let Some(track) = links[index].gives else {
            joints[index].is_open = true;
            return;
        };
        let mut values = vec![(links[index].output, track)];
        // Nodes of which one input has been reached, with where the neurons stand in it.
        let mut waiting: HashMap<usize, Track> = HashMap::new();
        while let Some((value, track)) = values.pop() {
            let used = self.wiring.value(value);
            joints[index].is_output |= used.is_output;
            joints[index].is_open |= used.leaves_graph;
            for (step, input) in self.wiring.takers(value) {
                if let Some(&child) = self.by_step.get(&step) {
                    let is_joined = links[child].data == Some(value)
                        && self.join(index, child, track, links, joints);
                    joints[index].is_open |= !is_joined;
                    continue;
                }
                let output = self.wiring.steps[step].output(0);
                let passed = match passage(self.weights, &self.wiring.steps[step], input, track) {
                    Passage::Through(track) => Some(track),
                    Passage::WithOther => match waiting.remove(&step) {
                        Some(other) => (other == track).then_some(track),
                        None => {
                            waiting.insert(step, track);
                            continue;
                        }
                    },
                    Passage::Ends => None,
                };
                match passed.zip(output) {
                    Some((track, output)) => values.push((output, track)),
                    None => joints[index].is_open = true,
                }
            }
        }
        joints[index].is_open |= !waiting.is_empty();
    }

    /// Joins a layer to the one whose neurons it takes; says whether that can be expressed.
    fn join(
        &self,
        parent: usize,
        child: usize,
        track: Track,
        links: &mut [Link<'m>],
        joints: &mut [Joint],
    ) -> bool {
        let link = &mut links[child];
        let is_pool = link.kind.is_pool();
        let wanted = Track {
            n: if is_pool { track.n } else { link.takes.n },
            ..link.takes
        };
        let form = joints[parent].form.unwrap_or(Form::Units);
        let is_taken = joints[child].parent.is_some();
        if is_taken || !track.fits(wanted) || !link.kind.accepts(form, track) {
            return false;
        }
        if let Some(gives) = &mut link.gives {
            if is_pool {
                gives.n = track.n;
            }
            if link.kind.is_norm() {
                *gives = track;
            }
            gives.rank = gives.rank.or(track.rank);
            gives.is_alone |= track.is_alone;
        }
        joints[child].parent = Some(parent);
        joints[child].is_alone = track.is_alone;
        joints[parent].children.push(child);
        true
    }

    /// The activation of a layer's neurons.
    fn activation(&self, link: &Link<'m>, joint: &Joint) -> Option<Activation> {
        let takers: Vec<(usize, usize)> = self.wiring.takers(link.output).take(3).collect();
        let step = |index: usize| &self.wiring.steps[index];
        let used = self.wiring.value(link.output);
        match takers[..] {
            [(only, _)] if !used.is_output => {
                let activation = own_activation(step(only).node).ok();
                let is_plain = self.by_step.contains_key(&only);
                activation.or_else(|| is_plain.then_some(Activation::Linear))
            }
            // x sigmoid(x), and the same with another sigmoid.
            [(first, _), (second, _)] if !used.is_output => {
                let (first, second) = match step(second).operator() {
                    "Mul" => (step(first), step(second)),
                    _ => (step(second), step(first)),
                };
                let is_product = second.operator() == "Mul"
                    && (0..2).any(|input| second.input(input) == first.output(0))
                    && first.output(0).is_some();
                match first.operator() {
                    "Sigmoid" if is_product => Some(Activation::Silu),
                    _ => None,
                }
            }
            [] if joint.is_output => Some(Activation::Linear),
            _ => None,
        }
    }

    /// Whether what a layer takes is an input of the model, and nothing else takes it.
    fn takes_input(&self, link: &Link<'m>) -> bool {
        let Some(mut value) = link.data else {
            return false;
        };
        for _ in 0..MAX_BEFORE {
            let used = self.wiring.value(value);
            if self.wiring.takers(value).take(2).count() != 1 {
                return false;
            }
            if used.is_input {
                return true;
            }
            let Some(before) = used.maker.and_then(|maker| self.taken_as_it_is(maker)) else {
                return false;
            };
            value = before;
        }
        false
    }

    /// The value that a step hands on with its numbers as they are, or in another layout.
    fn taken_as_it_is(&self, maker: usize) -> Option<ValueId> {
        let operators = [
            "Identity",
            "Cast",
            "Dropout",
            "Transpose",
            "Squeeze",
            "Unsqueeze",
            "QuantizeLinear",
            "DequantizeLinear",
            "DynamicQuantizeLinear",
        ];
        let step = &self.wiring.steps[maker];
        operators
            .contains(&step.operator())
            .then(|| step.input(0))?
    }
}
