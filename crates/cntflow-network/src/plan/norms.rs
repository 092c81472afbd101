//! Norms, which are folded into the links before them or become layers of their own.

use super::{Joinable, NewLinks, NewNeurons, Plan, check_positive};
use crate::norm::{Norm, NormOver};
use crate::program::Stage;
use crate::{
    Activation, BatchNorm, GroupNorm, LayerKind, LayerNorm, Links, NetworkError, Norms, Shape,
    TensorSpec, View,
};

impl Plan {
    pub(super) fn batch_norm(&mut self, layer: &BatchNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.current.shape;
        if matches!(shape, Shape::Steps { .. } | Shape::Tokens { .. }) {
            return Err(self.unsupported_input(name, LayerKind::BatchNorm));
        }
        let channels = shape.channels();
        let affine = self.affine([layer.affine; 2], name, &[channels])?;
        let mean = self.running(name, "running_mean", "mean", channels)?;
        let variance = self.running(name, "running_var", "variance", channels)?;
        let norm = Norm {
            over: NormOver::Training([mean, variance]),
            channels,
            positions: shape.positions(),
            epsilon: layer.epsilon,
            affine,
        };
        self.norm(norm, layer.activation, LayerKind::BatchNorm, name)
    }

    pub(super) fn layer_norm(&mut self, layer: &LayerNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.current.shape;
        if matches!(shape, Shape::Tokens { .. }) {
            return Err(self.unsupported_input(name, LayerKind::LayerNorm));
        }
        let over = match shape {
            Shape::Spatial { .. } => shape.dimensions(),
            _ => vec![shape.n_neurons()],
        };
        let norm = Norm {
            over: NormOver::Groups(1),
            channels: shape.n_neurons(),
            positions: 1,
            epsilon: layer.epsilon,
            affine: self.affine([layer.affine, layer.affine && layer.bias], name, &over)?,
        };
        self.norm(norm, layer.activation, LayerKind::LayerNorm, name)
    }

    pub(super) fn group_norm(&mut self, layer: &GroupNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.current.shape;
        if matches!(shape, Shape::Steps { .. } | Shape::Tokens { .. }) {
            return Err(self.unsupported_input(name, LayerKind::GroupNorm));
        }
        check_positive(name, "groups", &[layer.groups])?;
        let channels = shape.channels();
        if !channels.is_multiple_of(layer.groups) {
            return Err(NetworkError::NormGroups {
                layer: name.to_owned(),
                groups: layer.groups,
                channels,
            });
        }
        let norm = Norm {
            over: NormOver::Groups(layer.groups),
            channels,
            positions: shape.positions(),
            epsilon: layer.epsilon,
            affine: self.affine([layer.affine; 2], name, &[channels])?,
        };
        self.norm(norm, layer.activation, LayerKind::GroupNorm, name)
    }

    /// Adds the tensor of a running mean or variance. Returns its index.
    fn running(
        &mut self,
        name: &str,
        what: &str,
        used_as: &str,
        channels: usize,
    ) -> Result<usize, NetworkError> {
        let spec = TensorSpec {
            name: format!("{name}.{what}"),
            shape: vec![channels],
            used_as: format!("{used_as} of {name}"),
            buffer: true,
            ignore_dimensions_of_1: false,
        };
        self.add_tensor(name, spec).map(|slice| slice.tensor)
    }

    /// Adds gamma and beta if the norm has them. Returns their indices.
    fn affine(
        &mut self,
        has: [bool; 2],
        name: &str,
        shape: &[usize],
    ) -> Result<[Option<usize>; 2], NetworkError> {
        let mut tensor = |has: bool, what: &str, used_as: &str| {
            let spec = TensorSpec {
                name: format!("{name}.{what}"),
                shape: shape.to_vec(),
                used_as: format!("{used_as} of {name}"),
                buffer: false,
                ignore_dimensions_of_1: true,
            };
            let index = has.then(|| self.add_tensor(name, spec).map(|slice| slice.tensor));
            index.transpose()
        };
        let gamma = tensor(has[0], "weight", "scale")?;
        Ok([gamma, tensor(has[1], "bias", "shift")?])
    }

    /// Folds a norm, or adds it as a layer.
    fn norm(
        &mut self,
        norm: Norm,
        activation: Option<Activation>,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let activation = activation.unwrap_or_default();
        self.check_softmax(activation, kind, name)?;
        self.default_to_linear();
        match self.joinable {
            Joinable::Norm(index) if self.can_fold(&norm) => {
                self.graph.links[index].norm = Some(norm.clone());
                self.push_stage(Stage::Norm(norm));
                self.set_activation(activation);
                Ok(())
            }
            _ => self.separate_norm(norm, activation, kind, name),
        }
    }

    /// Whether a norm can be folded: it has one scale for each unit or filter of the layer before.
    fn can_fold(&self, norm: &Norm) -> bool {
        let channels = self.graph.neurons[self.current.layer].shape.channels();
        self.norms == Norms::Folded && self.current.view == View::Same && norm.channels == channels
    }

    /// Adds a norm as a layer of neurons with diagonal links.
    fn separate_norm(
        &mut self,
        norm: Norm,
        activation: Activation,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let source = self.current;
        self.push_neurons(NewNeurons {
            name,
            kind,
            shape: source.shape,
            activation: Some(activation),
        })?;
        let links = Links::Diagonal {
            channels: norm.channels,
            positions: norm.positions,
        };
        let index = self.push_links(NewLinks::new(name, links, None, None), source)?;
        self.graph.links[index].norm = Some(norm.clone());
        self.push_stage(Stage::Values(source.source()));
        self.push_stage(Stage::Norm(norm));
        if activation == Activation::Linear {
            self.joinable = Joinable::Activation;
        }
        Ok(())
    }
}
