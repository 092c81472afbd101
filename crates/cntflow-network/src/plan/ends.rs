//! Where a graph begins and ends: its inputs, its outputs, and the ends of parts.

use super::{Joinable, Output, Plan};
use crate::{
    Activation, Graph, Input, Layer, LayerKind, NetworkError, NeuronLayer, OpenSides, Role, Shape,
    View,
};

/// Shape of inputs. The layer behind them decides what two sizes are: channels and columns, or
/// steps and units.
pub(super) fn input_shape(sizes: &[usize], next: Option<&Layer>) -> Result<Shape, NetworkError> {
    let shape = match *sizes {
        [units] => Some(Shape::Units(units)),
        [channels, columns] if takes_channels(next) => Some(Shape::Spatial {
            channels,
            rows: 1,
            columns,
        }),
        [steps, units] => Some(Shape::Steps { steps, units }),
        [channels, rows, columns] => Some(Shape::Spatial {
            channels,
            rows,
            columns,
        }),
        _ => None,
    };
    shape
        .filter(|_| !sizes.contains(&0))
        .ok_or_else(|| NetworkError::InputShape {
            shape: sizes.to_vec(),
        })
}

/// Whether a layer takes `[channels, columns]`.
fn takes_channels(layer: Option<&Layer>) -> bool {
    matches!(
        layer,
        Some(
            Layer::Conv1d(_)
                | Layer::ConvTranspose1d(_)
                | Layer::MaxPool1d(_)
                | Layer::AveragePool1d(_)
                | Layer::AdaptiveMaxPool1d(_)
                | Layer::AdaptiveAveragePool1d(_)
                | Layer::GlobalMaxPool(_)
                | Layer::GlobalAveragePool(_)
                | Layer::BatchNorm(_)
                | Layer::GroupNorm(_)
        )
    )
}

impl Plan {
    /// Adds a layer of inputs; `next` is the layer of the architecture behind it.
    pub(super) fn input(
        &mut self,
        input: &Input,
        next: Option<&Layer>,
        name: &str,
    ) -> Result<(), NetworkError> {
        let shape = input_shape(&input.shape, next)?;
        self.push_input(name, shape, input.open)
    }

    /// Adds a layer of neurons to which no known links lead. It becomes the current output.
    pub(super) fn push_input(
        &mut self,
        name: &str,
        shape: Shape,
        open: bool,
    ) -> Result<(), NetworkError> {
        self.counts.neurons(name, shape)?;
        let index = self.graph.neurons.len();
        self.graph.neurons.push(NeuronLayer {
            index,
            name: name.to_owned(),
            kind: LayerKind::Input,
            role: if open { Role::Unknown } else { Role::Input },
            shape,
            activation: Some(Activation::Linear),
            open: OpenSides {
                into: open,
                from: false,
            },
        });
        if index > 0 {
            self.graph.program.push(Vec::new());
        }
        self.current = Output {
            layer: index,
            view: View::Same,
            shape,
        };
        self.joinable = Joinable::Nothing;
        Ok(())
    }

    /// Ends the network, or a part of it, at the layer of the current output.
    pub(super) fn end(&mut self, open: bool) {
        self.joinable = Joinable::Nothing;
        let layer = &mut self.graph.neurons[self.current.layer];
        layer.open.from |= open;
        layer.role = match layer.role {
            _ if open => Role::Unknown,
            Role::Hidden => Role::Output,
            role => role,
        };
    }

    /// The graph. Its last layer is an output unless it is said to be the end of a part.
    pub(super) fn finish(mut self) -> Result<Graph, NetworkError> {
        match self.graph.neurons.last_mut() {
            Some(last) if last.kind == LayerKind::Input => return Err(NetworkError::NoLayers),
            Some(last) if last.role == Role::Hidden => last.role = Role::Output,
            Some(_) => {}
            None => return Err(NetworkError::NoLayers),
        }
        Ok(self.graph)
    }
}
