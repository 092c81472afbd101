//! What joins the neurons before it where it can: additions, constants, activations.

use super::{Made, Open, Part, Place, Plan};
use crate::program::Stage;
use crate::{Activation, LayerKind, Links, NetworkError, Shape, TensorSlice, TensorSpec, View};

impl Plan {
    /// Adds an earlier layer's output.
    pub(super) fn add(
        &mut self,
        from: Place,
        activation: Option<Activation>,
        name: &str,
    ) -> Result<(), NetworkError> {
        let shape = self.at.shape;
        if from.shape.dimensions() != shape.dimensions() {
            return Err(NetworkError::Add {
                layer: name.to_owned(),
                last: shape.to_string(),
                earlier: from.shape.to_string(),
            });
        }
        let activation = activation.unwrap_or_default();
        self.check_softmax(activation, LayerKind::Add, name)?;
        let n = shape.n_neurons();
        let part = |name: String| Part::of(&name, Links::Identity { n }, None, None);
        if self.joins() {
            self.link(part(name.to_owned()), from)?;
        } else {
            self.copy(LayerKind::Add, shape, name)?;
            self.link(part(format!("{name}.1")), from)?;
        }
        self.stage(Stage::Values(from.source()));
        self.end(activation);
        Ok(())
    }

    /// Puts a learned vector before the steps.
    pub(super) fn class_token(&mut self, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { steps, units } = self.at.shape else {
            return Err(self.does_not_take(name, LayerKind::ClassToken));
        };
        let longer = Shape::Steps {
            steps: steps + 1,
            units,
        };
        let slice = self.constants(name, "class token", [1, units])?;
        let stage = Stage::Prepend(slice.tensor);
        self.add_constants(LayerKind::ClassToken, longer, stage, slice, name)
    }

    /// Adds a learned vector to every step.
    pub(super) fn position_embedding(&mut self, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { steps, units } = self.at.shape else {
            return Err(self.does_not_take(name, LayerKind::PositionEmbedding));
        };
        let slice = self.constants(name, "position embedding", [steps, units])?;
        let stage = Stage::Constants(slice.tensor);
        let shape = self.at.shape;
        self.add_constants(LayerKind::PositionEmbedding, shape, stage, slice, name)
    }

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
                loose: true,
            },
        )
    }

    fn add_constants(
        &mut self,
        kind: LayerKind,
        shape: Shape,
        stage: Stage,
        slice: TensorSlice,
        name: &str,
    ) -> Result<(), NetworkError> {
        if !self.joins() {
            self.copy(kind, shape, name)?;
        }
        let links = Links::Constants {
            n: slice.shape[0],
            units: slice.shape[1],
        };
        let place = self.at;
        self.link(Part::of(name, links, None, Some(slice)), place)?;
        self.stage(stage);
        self.graph.neurons[self.at.layer].shape = shape;
        self.at.shape = shape;
        self.end(Activation::Linear);
        Ok(())
    }

    /// A layer of neurons with the values of the one before, for something to be added to.
    fn copy(&mut self, kind: LayerKind, shape: Shape, name: &str) -> Result<(), NetworkError> {
        self.settle();
        let source = self.at;
        self.neurons(Made {
            name,
            kind,
            shape,
            activation: None,
        })?;
        let n = source.shape.n_neurons();
        let part = Part::of(&format!("{name}.0"), Links::Identity { n }, None, None);
        self.link(part, source)?;
        self.stage(Stage::Values(source.source()));
        Ok(())
    }

    /// An activation becomes that of the layer before.
    pub(super) fn activate(
        &mut self,
        activation: Activation,
        name: &str,
    ) -> Result<(), NetworkError> {
        self.check_softmax(activation, LayerKind::Add, name)?;
        let elementwise = activation != Activation::Softmax;
        let seen = match self.at.view {
            View::Same => true,
            View::Flat | View::Rows | View::Places => elementwise,
            View::Step(_) | View::Attended { .. } => false,
        };
        if self.open == Open::Shut || !seen {
            return Err(NetworkError::ActivationPlace {
                layer: name.to_owned(),
                before: self.graph.neurons[self.at.layer].name.clone(),
            });
        }
        self.end(activation);
        Ok(())
    }

    /// Whether sums may join the last layer of neurons.
    fn joins(&self) -> bool {
        matches!(self.open, Open::Sum | Open::Links(_)) && self.at.view == View::Same
    }

    /// Gives the last layer of neurons its activation; only where it is linear may more join it.
    pub(super) fn end(&mut self, activation: Activation) {
        self.graph.neurons[self.at.layer].activation = Some(activation);
        self.open = match (activation, self.open) {
            (Activation::Linear, Open::Activation) => Open::Activation,
            (Activation::Linear, _) => Open::Sum,
            _ => Open::Shut,
        };
    }

    pub(super) fn check_softmax(
        &self,
        activation: Activation,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        match (activation, self.at.shape) {
            (Activation::Softmax, Shape::Places { .. }) => Err(NetworkError::Softmax {
                layer: name.to_owned(),
                kind: kind.as_str(),
            }),
            _ => Ok(()),
        }
    }
}
