//! Additions, constants and activations: they join the layer of neurons before them if they can,
//! and make a new one otherwise.

use super::{Joinable, NewLinks, NewNeurons, Output, Plan};
use crate::program::Stage;
use crate::{Activation, LayerKind, Links, NetworkError, Shape, TensorSlice, TensorSpec, View};

impl Plan {
    /// Adds the output of an earlier layer to the current one.
    pub(super) fn add(
        &mut self,
        earlier: Output,
        activation: Option<Activation>,
        name: &str,
    ) -> Result<(), NetworkError> {
        let shape = self.current.shape;
        if earlier.shape.dimensions() != shape.dimensions() {
            return Err(NetworkError::Add {
                layer: name.to_owned(),
                last: shape.to_string(),
                earlier: earlier.shape.to_string(),
            });
        }
        let activation = activation.unwrap_or_default();
        self.check_softmax(activation, LayerKind::Add, name)?;
        let n = shape.n_neurons();
        let identity = |name: &str| NewLinks::new(name, Links::Identity { n }, None, None);
        if self.sum_can_join() {
            self.push_links(identity(name), earlier)?;
        } else {
            self.push_copy(LayerKind::Add, shape, name)?;
            self.push_links(identity(&format!("{name}.1")), earlier)?;
        }
        self.push_stage(Stage::Values(earlier.source()));
        self.set_activation(activation);
        Ok(())
    }

    /// Prepends a learned vector to the steps.
    pub(super) fn class_token(&mut self, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { steps, units } = self.current.shape else {
            return Err(self.unsupported_input(name, LayerKind::ClassToken));
        };
        let with_token = Shape::Steps {
            steps: steps + 1,
            units,
        };
        let slice = self.constants(name, "class token", [1, units])?;
        let stage = Stage::Prepend(slice.tensor);
        self.add_constants(LayerKind::ClassToken, with_token, stage, slice, name)
    }

    /// Adds learned vectors, one for each step.
    pub(super) fn position_embedding(&mut self, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { steps, units } = self.current.shape else {
            return Err(self.unsupported_input(name, LayerKind::PositionEmbedding));
        };
        let slice = self.constants(name, "position embedding", [steps, units])?;
        let stage = Stage::Constants(slice.tensor);
        let shape = self.current.shape;
        self.add_constants(LayerKind::PositionEmbedding, shape, stage, slice, name)
    }

    /// Adds the tensor of learned vectors.
    fn constants(
        &mut self,
        name: &str,
        used_as: &str,
        shape: [usize; 2],
    ) -> Result<TensorSlice, NetworkError> {
        self.add_tensor(
            name,
            TensorSpec {
                name: name.to_owned(),
                shape: shape.to_vec(),
                used_as: used_as.to_owned(),
                buffer: false,
                ignore_dimensions_of_1: true,
            },
        )
    }

    /// Adds links from constant-one neurons. Their weights are the learned vectors.
    fn add_constants(
        &mut self,
        kind: LayerKind,
        shape: Shape,
        stage: Stage,
        slice: TensorSlice,
        name: &str,
    ) -> Result<(), NetworkError> {
        if !self.sum_can_join() {
            self.push_copy(kind, shape, name)?;
        }
        let links = Links::Constants {
            n: slice.shape[0],
            units: slice.shape[1],
        };
        // Constant neurons are in no layer. `from` needs one, so it is the layer itself.
        let source = self.current;
        self.push_links(NewLinks::new(name, links, None, Some(slice)), source)?;
        self.push_stage(stage);
        self.graph.neurons[self.current.layer].shape = shape;
        self.current.shape = shape;
        self.set_activation(Activation::Linear);
        Ok(())
    }

    /// Adds a layer of neurons that copies the current output, so that a sum can be taken in the
    /// copy.
    fn push_copy(&mut self, kind: LayerKind, shape: Shape, name: &str) -> Result<(), NetworkError> {
        self.default_to_linear();
        let source = self.current;
        self.push_neurons(NewNeurons {
            name,
            kind,
            shape,
            activation: None,
        })?;
        let n = source.shape.n_neurons();
        let identity = NewLinks::new(&format!("{name}.0"), Links::Identity { n }, None, None);
        self.push_links(identity, source)?;
        self.push_stage(Stage::Values(source.source()));
        Ok(())
    }

    /// Sets the activation of the layer before.
    pub(super) fn activate(
        &mut self,
        activation: Activation,
        name: &str,
    ) -> Result<(), NetworkError> {
        let kind = self.graph.neurons[self.current.layer].kind;
        self.check_softmax(activation, kind, name)?;
        let elementwise = activation != Activation::Softmax;
        // An elementwise activation may come after a reshape, but not after one that drops or mixes
        // values: the others would get it too.
        let view_allows = match self.current.view {
            View::Same => true,
            View::Flat | View::Rows | View::Positions => elementwise,
            View::Step(_) | View::Attended { .. } => false,
        };
        if self.joinable == Joinable::Nothing || !view_allows {
            return Err(NetworkError::ActivationPlace {
                layer: name.to_owned(),
                before: self.graph.neurons[self.current.layer].name.clone(),
            });
        }
        self.set_activation(activation);
        Ok(())
    }

    /// Whether a sum can join the layer of the current output.
    fn sum_can_join(&self) -> bool {
        matches!(self.joinable, Joinable::Sum | Joinable::Norm(_))
            && self.current.view == View::Same
    }

    /// Sets the activation of the layer of the current output. Only a linear one lets more join.
    pub(super) fn set_activation(&mut self, activation: Activation) {
        self.graph.neurons[self.current.layer].activation = Some(activation);
        self.joinable = match (activation, self.joinable) {
            (Activation::Linear, Joinable::Activation) => Joinable::Activation,
            (Activation::Linear, _) => Joinable::Sum,
            _ => Joinable::Nothing,
        };
    }

    /// Softmax is defined over units, not over the positions of an image.
    pub(super) fn check_softmax(
        &self,
        activation: Activation,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        match (activation, self.current.shape) {
            (Activation::Softmax, Shape::Spatial { .. }) => Err(NetworkError::Softmax {
                layer: name.to_owned(),
                kind: kind.as_str(),
            }),
            _ => Ok(()),
        }
    }
}
