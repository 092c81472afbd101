//! Recurrent layers. Each gate has layers of links of its own.

use super::limits::{MAX_STACKED, too_large};
use super::{NewLinks, NewNeurons, Output, Plan, check_positive};
use crate::program::{Cell, DirectionTensors, Recurrence, Stage};
use crate::{Activation, LayerKind, Links, NetworkError, Recurrent, Shape, TensorSlice, View};

/// One direction of one layer of a stack.
struct Direction<'a> {
    /// Name of the module, with which the names of tensors begin.
    module: &'a str,
    /// Name of the neurons.
    name: &'a str,
    /// Index in the stack.
    level: usize,
    reverse: bool,
    cell: Cell,
    units: usize,
    bias: bool,
}

impl Plan {
    pub(super) fn recurrent(
        &mut self,
        cell: Cell,
        layer: &Recurrent,
        name: &str,
    ) -> Result<(), NetworkError> {
        let kind = kind(cell);
        check_positive(name, "units", &[layer.units])?;
        check_positive(name, "layers", &[layer.layers])?;
        if layer.layers > MAX_STACKED {
            return Err(too_large(name, "stacked layers", MAX_STACKED as u64));
        }
        let activation = activation(cell, layer, name)?;
        for level in 0..layer.layers {
            let Shape::Steps { steps, units } = self.current.shape else {
                return Err(self.unsupported_input(name, kind));
            };
            let layer_name = match layer.layers {
                1 => name.to_owned(),
                _ => format!("{name}.l{level}"),
            };
            let directions = 1 + usize::from(layer.bidirectional);
            let source = self.current;
            let shape = Shape::Steps {
                steps,
                units: layer.units.saturating_mul(directions),
            };
            self.push_neurons(NewNeurons {
                name: &layer_name,
                kind,
                shape,
                activation: Some(activation),
            })?;
            let tensors = (0..directions).map(|direction| {
                let direction = Direction {
                    module: name,
                    name: &layer_name,
                    level,
                    reverse: direction == 1,
                    cell,
                    units: layer.units,
                    bias: layer.bias,
                };
                self.direction(&direction, source)
            });
            let recurrence = Recurrence {
                source: source.source(),
                cell,
                n_in: units,
                units: layer.units,
                directions: tensors.collect::<Result<_, _>>()?,
            };
            self.push_stage(Stage::Recurrent(recurrence));
        }
        Ok(())
    }

    /// Adds the tensors and links of one direction.
    fn direction(
        &mut self,
        direction: &Direction<'_>,
        source: Output,
    ) -> Result<DirectionTensors, NetworkError> {
        let (units, n_in) = (direction.units, source.shape.n_neurons());
        let rows = direction.cell.gates().len().saturating_mul(units);
        let ih = self.weights(direction, "weight_ih", vec![rows, n_in])?;
        let hh = self.weights(direction, "weight_hh", vec![rows, units])?;
        let biases = if direction.bias {
            Some([
                self.weights(direction, "bias_ih", vec![rows])?,
                self.weights(direction, "bias_hh", vec![rows])?,
            ])
        } else {
            None
        };
        // The recurrent kernel links the layer to itself.
        let hidden = Output {
            layer: self.current.layer,
            view: View::Same,
            shape: self.current.shape,
        };
        // Neurons of the forward direction come first.
        let first = if direction.reverse { units } else { 0 };
        let [bias_ih, bias_hh] = [0, 1].map(|i| biases.as_ref().map(|biases| &biases[i]));
        self.gates(direction, "ih", source, [first, 0], [Some(&ih), bias_ih])?;
        self.gates(
            direction,
            "hh",
            hidden,
            [first, first],
            [Some(&hh), bias_hh],
        )?;
        Ok(DirectionTensors {
            kernels: [ih.tensor, hh.tensor],
            biases: biases.map(|biases| biases.map(|bias| bias.tensor)),
        })
    }

    /// Adds a tensor of one direction.
    fn weights(
        &mut self,
        direction: &Direction<'_>,
        what: &str,
        shape: Vec<usize>,
    ) -> Result<TensorSlice, NetworkError> {
        let reverse = if direction.reverse { "_reverse" } else { "" };
        let tensor = format!("{what}_l{}{reverse}", direction.level);
        let used_as = if shape.len() == 1 { "bias" } else { "kernel" };
        self.own_tensor(direction.module, &tensor, used_as, shape)
    }

    /// Adds the links of every gate. Each gate has some rows of the kernel and of the bias.
    fn gates(
        &mut self,
        direction: &Direction<'_>,
        side: &str,
        source: Output,
        first_neurons: [usize; 2],
        [kernel, bias]: [Option<&TensorSlice>; 2],
    ) -> Result<(), NetworkError> {
        let units = direction.units;
        let reverse = if direction.reverse { "_reverse" } else { "" };
        for (gate, gate_name) in direction.cell.gates().iter().enumerate() {
            let name = format!("{}.{side}{reverse}.{gate_name}", direction.name);
            let n_in = kernel.map_or(0, |kernel| kernel.shape[1]);
            let links = NewLinks {
                name: name.trim_end_matches('.').to_owned(),
                links: Links::Dense { n_in, n_out: units },
                kernel: kernel.map(|kernel| rows(kernel, gate * units, units)),
                bias: bias.map(|bias| rows(bias, gate * units, units)),
            };
            let index = self.push_links(links, source)?;
            self.graph.links[index].first_neurons = first_neurons;
        }
        Ok(())
    }
}

/// Some rows of a whole tensor.
pub(super) fn rows(tensor: &TensorSlice, first: usize, n: usize) -> TensorSlice {
    let width: usize = tensor.shape[1..].iter().product();
    let mut shape = tensor.shape.clone();
    shape[0] = n;
    TensorSlice {
        tensor: tensor.tensor,
        first: first * width,
        shape,
    }
}

fn kind(cell: Cell) -> LayerKind {
    match cell {
        Cell::Elman(_) => LayerKind::Elman,
        Cell::Lstm => LayerKind::Lstm,
        Cell::Gru => LayerKind::Gru,
    }
}

/// Activation of the hidden units. Gated units end in a tanh and take no other activation.
fn activation(cell: Cell, layer: &Recurrent, name: &str) -> Result<Activation, NetworkError> {
    match (cell, layer.activation) {
        (Cell::Elman(Activation::Softmax), _) => Err(NetworkError::Softmax {
            layer: name.to_owned(),
            kind: LayerKind::Elman.as_str(),
        }),
        (Cell::Elman(activation), _) => Ok(activation),
        (_, None) => Ok(Activation::Tanh),
        (_, Some(_)) => Err(NetworkError::GatedActivation {
            layer: name.to_owned(),
            kind: kind(cell).as_str(),
        }),
    }
}
