//! Recurrent layers: gates put in the order of architectures, both biases of a layer taken apart.

use serde_json::json;

use super::axes::Axis;
use super::weight::Weight;
use super::{Flow, Known, Path, Told};
use crate::TensorRecipe;
use cntflow_formats::onnx::node::Node;

/// What a recurrent operator is in an architecture.
struct Cell {
    kind: &'static str,
    /// Places in the file of the gates, in the order that architectures have them.
    gates: &'static [usize],
    activations: &'static [&'static str],
}

fn cell(node: &Node<'_>) -> Cell {
    match node.operator {
        // i, o, f, c in the file.
        "LSTM" => Cell {
            kind: "lstm",
            gates: &[0, 2, 3, 1],
            activations: &["Sigmoid", "Tanh", "Tanh"],
        },
        // z, r, h in the file.
        "GRU" => Cell {
            kind: "gru",
            gates: &[1, 0, 2],
            activations: &["Sigmoid", "Tanh"],
        },
        _ => Cell {
            kind: "elman",
            gates: &[0],
            activations: &["Tanh"],
        },
    }
}

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn recurrent(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let cell = cell(node);
        let both = match node.text("direction").unwrap_or("forward") {
            "forward" => false,
            "bidirectional" => true,
            other => return Err(format!("its direction is {other}")),
        };
        let batch_first = node.int("layout").unwrap_or(0) == 1;
        let (steps, n_in) = match (batch_first, &flow.axes[..]) {
            (false, &[Axis::Steps(steps), Axis::Batch, Axis::Units(n_in)])
            | (true, &[Axis::Batch, Axis::Steps(steps), Axis::Units(n_in)]) => {
                (steps, n_in as usize)
            }
            _ => return Err(format!("it does not take {:?}", flow.axes)),
        };
        let activation = self.plain(node, &cell, both)?;
        let [kernel, own] = [self.weight(node, 1)?, self.weight(node, 2)?];
        let bias = match self.has(node, 3) {
            true => Some(self.weight(node, 3)?),
            false => None,
        };
        let directions = 1 + usize::from(both);
        let units = own.shape.last().copied().unwrap_or(0);
        let rows = units.saturating_mul(cell.gates.len());
        expect(&kernel, &[directions, rows, n_in])?;
        expect(&own, &[directions, rows, units])?;
        if let Some(bias) = &bias {
            expect(bias, &[directions, rows.saturating_mul(2)])?;
        }
        self.go_to(&flow)?;
        let names: Vec<&str> = [Some(&kernel), Some(&own), bias.as_ref()]
            .into_iter()
            .flatten()
            .map(Weight::name)
            .collect();
        let name = self.name(&names, node);
        let mut layer = json!({"kind": cell.kind, "name": name, "units": units, "bidirectional": both, "bias": bias.is_some()});
        if let Some(activation) = activation {
            layer["activation"] = json!(activation);
        }
        self.push(layer)?;
        for direction in 0..directions {
            let suffix = if direction == 0 { "" } else { "_reverse" };
            let gates = |weight: &Weight<'a>, first: usize, shape: &[usize]| {
                let cut = weight.cut(0, direction, direction + 1);
                let cut =
                    cut.ok_or_else(|| format!("{} is no weight of a direction", weight.name()))?;
                self.gates(&cell, &cut, first, shape)
            };
            let mut recipes = vec![
                (
                    format!("{name}.weight_ih_l0{suffix}"),
                    gates(&kernel, 0, &[units, n_in])?,
                ),
                (
                    format!("{name}.weight_hh_l0{suffix}"),
                    gates(&own, 0, &[units, units])?,
                ),
            ];
            for (own, first) in [("ih", 0), ("hh", rows)] {
                let Some(bias) = &bias else { continue };
                recipes.push((
                    format!("{name}.bias_{own}_l0{suffix}"),
                    gates(bias, first, &[units])?,
                ));
            }
            for (name, fill) in recipes {
                self.fill(name, fill);
            }
        }
        let direction = if both { Axis::Directions } else { Axis::One };
        let units = Axis::Units(units as i64);
        self.give_flow(
            node,
            match batch_first {
                true => vec![Axis::Batch, Axis::Steps(steps), direction, units],
                false => vec![Axis::Steps(steps), direction, Axis::Batch, units],
            },
        );
        self.last_state(
            node,
            match batch_first {
                true => vec![Axis::Batch, direction, units],
                false => vec![direction, Axis::Batch, units],
            },
        )
    }

    /// The gates of one direction `[1, rows, ...]` in the order of architectures, from a row on.
    fn gates(
        &self,
        cell: &Cell,
        weight: &Weight<'a>,
        first: usize,
        shape: &[usize],
    ) -> Told<TensorRecipe> {
        let units = shape.first().copied().unwrap_or(0);
        let rows = units * cell.gates.len();
        let gate = |&gate: &usize| {
            let start = first + gate * units;
            weight.cut(1, start, start + units)?.seen_as(shape.to_vec())
        };
        let gates: Option<Vec<Weight<'a>>> = cell.gates.iter().map(gate).collect();
        let joined = gates.and_then(|gates| Weight::joined(&gates, 0));
        let joined = joined.ok_or_else(|| format!("{} has no {rows} rows", weight.name()))?;
        self.filled(&joined)
    }

    /// Checks that the layer is as architectures have it; gives an Elman layer's activation.
    fn plain(&self, node: &Node<'a>, cell: &Cell, both: bool) -> Told<Option<&'static str>> {
        if node.operator == "GRU" && node.int("linear_before_reset").unwrap_or(0) == 0 {
            return Err(
                "its reset gate comes before the product (linear_before_reset is 0)".to_owned(),
            );
        }
        if node.float("clip").is_some() || node.int("input_forget").unwrap_or(0) != 0 {
            return Err("it clips, or couples its gates".to_owned());
        }
        if self.has(node, 4) {
            return Err("its sequences have lengths of their own".to_owned());
        }
        for place in [5, 6] {
            if self.has(node, place) && !self.is_zeros(node, place) {
                return Err("its first state is not known to be zeros".to_owned());
            }
        }
        if self.has(node, 7) {
            return Err("its gates see the cell (peepholes)".to_owned());
        }
        let found = node.texts("activations").unwrap_or_default();
        let expected = cell.activations.repeat(1 + usize::from(both));
        match &found[..] {
            [] => Ok(None),
            found if found == expected => Ok(None),
            found if cell.kind == "elman" && found.iter().all(|&own| own == "Relu") => {
                Ok(Some("relu"))
            }
            found => Err(format!("its activations are {found:?}")),
        }
    }

    /// The hidden state at the end, where the graph takes it.
    fn last_state(&mut self, node: &Node<'a>, axes: Vec<Axis>) -> Told<()> {
        let taken = |place: usize| {
            let output = node.outputs.get(place).filter(|name| !name.is_empty());
            output.is_some_and(|name| {
                self.takers.contains_key(name) || self.model.graph.outputs.first() == Some(name)
            })
        };
        if taken(2) {
            return Err("its cells are taken".to_owned());
        }
        if !taken(1) {
            return Ok(());
        }
        self.push(json!({"kind": "take_step", "which": "final"}))?;
        let place = self.layers.len();
        self.give(node, 1, Known::Flow(Flow { place, axes }));
        Ok(())
    }
}

fn expect(weight: &Weight<'_>, expected: &[usize]) -> Told<()> {
    match weight.shape == expected {
        true => Ok(()),
        false => Err(format!(
            "{} has shape {:?}, {expected:?} is needed",
            weight.name(),
            weight.shape
        )),
    }
}
