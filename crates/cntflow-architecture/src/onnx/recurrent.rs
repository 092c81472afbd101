//! Recurrent operators: gates put in the order of architectures, the two biases of a layer taken
//! apart.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{Activation, Layer, Recurrent, TakeStep, TakenStep};

use super::axes::Axis;
use super::flow::Flow;
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

/// What a recurrent operator is in an architecture.
pub(super) struct Cell {
    /// The layer that the settings make.
    pub(super) layer: fn(Recurrent) -> Layer,
    /// For each gate, in the architecture's order, its position in the file's order.
    pub(super) gates: &'static [usize],
    /// The activations of one direction.
    activations: &'static [&'static str],
}

impl Cell {
    pub(super) fn of(node: &Node<'_>) -> Self {
        match node.operator {
            // The file has i, o, f, c; architectures have i, f, g, o.
            "LSTM" => Self {
                layer: Layer::Lstm,
                gates: &[0, 2, 3, 1],
                activations: &["Sigmoid", "Tanh", "Tanh"],
            },
            // The file has z, r, h; architectures have r, z, n.
            "GRU" => Self {
                layer: Layer::Gru,
                gates: &[1, 0, 2],
                activations: &["Sigmoid", "Tanh"],
            },
            _ => Self {
                layer: Layer::Elman,
                gates: &[0],
                activations: &["Tanh"],
            },
        }
    }
}

/// The weights of a recurrent operator.
#[derive(Clone)]
pub(super) struct RecurrentWeights<'a> {
    /// `[directions, gates * units, n_in]`.
    pub(super) input: Weight<'a>,
    /// `[directions, gates * units, units]`.
    pub(super) state: Weight<'a>,
    /// `[directions, 2 * gates * units]`: biases of the inputs, then of the state.
    pub(super) bias: Option<Weight<'a>>,
}

impl<'a> Translator<'_, 'a> {
    pub(super) fn recurrent(&mut self, node: &Node<'a>) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let cell = Cell::of(node);
        let bidirectional = match node.text("direction").unwrap_or("forward") {
            "forward" => false,
            "bidirectional" => true,
            other => return Err(unsupported(format!("its direction is {other}"))),
        };
        let batch_first = node.int("layout").unwrap_or(0) == 1;
        let (steps, n_in) = match (batch_first, &flow.axes[..]) {
            (false, &[Axis::Steps(steps), Axis::Batch, Axis::Units(n_in)])
            | (true, &[Axis::Batch, Axis::Steps(steps), Axis::Units(n_in)]) => {
                (steps, n_in as usize)
            }
            _ => return Err(unsupported(format!("it does not take {:?}", flow.axes))),
        };
        let activation = self.checked_activation(node, &cell, bidirectional)?;
        let weights = self.recurrent_weights(node, &cell, bidirectional, n_in)?;
        let units = weights.state.shape.last().copied().unwrap_or(0);
        self.continue_from(&flow);
        let tensors = [
            Some(&weights.input),
            Some(&weights.state),
            weights.bias.as_ref(),
        ];
        let names: Vec<&str> = tensors.into_iter().flatten().map(Weight::name).collect();
        let name = self.layer_name(&names, node);
        for direction in 0..=usize::from(bidirectional) {
            self.set_direction(&name, &cell, &weights, direction)?;
        }
        self.builder.add_layer((cell.layer)(Recurrent {
            name,
            units,
            layers: 1,
            bidirectional,
            bias: weights.bias.is_some(),
            activation,
        }));
        let direction = if bidirectional {
            Axis::Directions
        } else {
            Axis::One
        };
        let (steps, units) = (Axis::Steps(steps), Axis::Units(units as i64));
        let (sequence, last_state) = if batch_first {
            let sequence = vec![Axis::Batch, steps, direction, units];
            (sequence, vec![Axis::Batch, direction, units])
        } else {
            let sequence = vec![steps, direction, Axis::Batch, units];
            (sequence, vec![direction, Axis::Batch, units])
        };
        self.set_layer_output(node, sequence);
        self.take_last_state(node, last_state)
    }

    /// The weights, whose shapes must be those of the cell.
    fn recurrent_weights(
        &self,
        node: &Node<'a>,
        cell: &Cell,
        bidirectional: bool,
        n_in: usize,
    ) -> Translated<RecurrentWeights<'a>> {
        let weights = RecurrentWeights {
            input: self.weight(node, 1)?,
            state: self.weight(node, 2)?,
            bias: self.optional_weight(node, 3)?,
        };
        let directions = 1 + usize::from(bidirectional);
        let units = weights.state.shape.last().copied().unwrap_or(0);
        let rows = units.saturating_mul(cell.gates.len());
        check_shape(&weights.input, &[directions, rows, n_in])?;
        check_shape(&weights.state, &[directions, rows, units])?;
        if let Some(bias) = &weights.bias {
            check_shape(bias, &[directions, rows.saturating_mul(2)])?;
        }
        Ok(weights)
    }

    /// Sets the recipes of one direction's tensors.
    pub(super) fn set_direction(
        &mut self,
        name: &str,
        cell: &Cell,
        weights: &RecurrentWeights<'a>,
        direction: usize,
    ) -> Translated<()> {
        let suffix = if direction == 0 { "" } else { "_reverse" };
        let n_in = weights.input.shape[2];
        let units = weights.state.shape[2];
        let rows = units * cell.gates.len();
        let gates = |weight: &Weight<'a>, first: usize, shape: &[usize]| {
            let of_direction = weight.cut(0, direction, direction + 1);
            let of_direction = of_direction.ok_or_else(|| {
                unsupported(format!("{} is no weight of a direction", weight.name()))
            })?;
            self.gates_recipe(cell, &of_direction, first, shape)
        };
        let mut recipes = vec![
            ("weight_ih", gates(&weights.input, 0, &[units, n_in])?),
            ("weight_hh", gates(&weights.state, 0, &[units, units])?),
        ];
        if let Some(bias) = &weights.bias {
            recipes.push(("bias_ih", gates(bias, 0, &[units])?));
            recipes.push(("bias_hh", gates(bias, rows, &[units])?));
        }
        for (tensor, recipe) in recipes {
            self.builder
                .set_recipe(format!("{name}.{tensor}_l0{suffix}"), recipe);
        }
        Ok(())
    }

    /// The gates of one direction `[1, rows, ...]` from a row on, in the order of architectures;
    /// `shape` is that of one gate.
    fn gates_recipe(
        &self,
        cell: &Cell,
        weight: &Weight<'a>,
        first: usize,
        shape: &[usize],
    ) -> Translated<TensorRecipe> {
        let units = shape.first().copied().unwrap_or(0);
        let gate = |&gate: &usize| {
            let start = first + gate * units;
            let rows = weight.cut(1, start, start + units)?;
            rows.reshaped(shape.to_vec())
        };
        let gates: Option<Vec<Weight<'a>>> = cell.gates.iter().map(gate).collect();
        let whole = gates.and_then(|gates| Weight::concatenated(&gates, 0));
        let whole = whole.ok_or_else(|| {
            let rows = units * cell.gates.len();
            unsupported(format!("{} has no {rows} rows", weight.name()))
        })?;
        self.weight_recipe(&whole)
    }

    /// Checks that the layer computes what architectures do; gives the activation of an Elman layer
    /// that is not tanh.
    fn checked_activation(
        &self,
        node: &Node<'a>,
        cell: &Cell,
        bidirectional: bool,
    ) -> Translated<Option<Activation>> {
        if node.operator == "GRU" && node.int("linear_before_reset").unwrap_or(0) == 0 {
            return Err(unsupported(
                "its reset gate comes before the product (linear_before_reset is 0)",
            ));
        }
        if node.float("clip").is_some() || node.int("input_forget").unwrap_or(0) != 0 {
            return Err(unsupported("it clips, or couples its gates"));
        }
        if self.has_input(node, 4) {
            return Err(unsupported("its sequences have lengths of their own"));
        }
        // The first hidden state and, of an LSTM, the first cell.
        for input in [5, 6] {
            if self.has_input(node, input) && !self.is_zeros(node, input) {
                return Err(unsupported("its first state is not known to be zeros"));
            }
        }
        if self.has_input(node, 7) {
            return Err(unsupported("its gates see the cell (peepholes)"));
        }
        let activations = node.texts("activations").unwrap_or_default();
        let default = cell.activations.repeat(1 + usize::from(bidirectional));
        let is_elman = node.operator == "RNN";
        if activations.is_empty() || activations == default {
            Ok(None)
        } else if is_elman && activations.iter().all(|&activation| activation == "Relu") {
            Ok(Some(Activation::Relu))
        } else {
            Err(unsupported(format!("its activations are {activations:?}")))
        }
    }

    /// Takes the hidden state at the end, if the graph uses it.
    fn take_last_state(&mut self, node: &Node<'a>, axes: Vec<Axis>) -> Translated<()> {
        let is_taken = |output: usize| {
            let name = node.outputs.get(output).filter(|name| !name.is_empty());
            name.is_some_and(|name| {
                self.consumers.contains_key(name)
                    || self.model.graph().outputs.first() == Some(name)
            })
        };
        if is_taken(2) {
            return Err(unsupported(
                "its last cell state (output 2) is used, which cannot be expressed",
            ));
        }
        if !is_taken(1) {
            return Ok(());
        }
        let which = TakenStep::Final;
        self.builder.add_layer(Layer::TakeStep(TakeStep { which }));
        let n_layers = self.builder.n_layers();
        self.set_output(node, 1, Value::Flow(Flow { n_layers, axes }));
        Ok(())
    }
}

fn check_shape(weight: &Weight<'_>, expected: &[usize]) -> Translated<()> {
    if weight.shape != expected {
        return Err(unsupported(format!(
            "{} has shape {:?}, {expected:?} is needed",
            weight.name(),
            weight.shape
        )));
    }
    Ok(())
}
