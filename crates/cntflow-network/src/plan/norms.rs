//! Norms: folded into the links before them, or layers of their own.

use super::{Made, Open, Part, Plan, positive};
use crate::norm::{Norm, NormOver};
use crate::program::Stage;
use crate::{
    Activation, BatchNorm, GroupNorm, LayerKind, LayerNorm, Links, NetworkError, Norms, Shape,
    TensorSpec, View,
};

impl Plan {
    pub(super) fn batch_norm(&mut self, layer: &BatchNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.at.shape;
        if matches!(shape, Shape::Steps { .. } | Shape::Tokens { .. }) {
            return Err(self.does_not_take(name, LayerKind::BatchNorm));
        }
        let channels = shape.channels();
        let affine = self.affine([layer.affine; 2], name, vec![channels])?;
        let mean = self.running(name, "running_mean", "mean", channels)?;
        let variance = self.running(name, "running_var", "variance", channels)?;
        let norm = Norm {
            over: NormOver::Training([mean, variance]),
            channels,
            places: shape.places(),
            epsilon: layer.epsilon,
            affine,
        };
        self.norm(norm, layer.activation, LayerKind::BatchNorm, name)
    }

    pub(super) fn layer_norm(&mut self, layer: &LayerNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.at.shape;
        if matches!(shape, Shape::Tokens { .. }) {
            return Err(self.does_not_take(name, LayerKind::LayerNorm));
        }
        let over = match shape {
            Shape::Places { .. } => shape.dimensions(),
            _ => vec![shape.n_neurons()],
        };
        let norm = Norm {
            over: NormOver::Groups(1),
            channels: shape.n_neurons(),
            places: 1,
            epsilon: layer.epsilon,
            affine: self.affine([layer.affine, layer.affine && layer.bias], name, over)?,
        };
        self.norm(norm, layer.activation, LayerKind::LayerNorm, name)
    }

    pub(super) fn group_norm(&mut self, layer: &GroupNorm, name: &str) -> Result<(), NetworkError> {
        let shape = self.at.shape;
        if matches!(shape, Shape::Steps { .. } | Shape::Tokens { .. }) {
            return Err(self.does_not_take(name, LayerKind::GroupNorm));
        }
        positive(name, "groups", &[layer.groups])?;
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
            places: shape.places(),
            epsilon: layer.epsilon,
            affine: self.affine([layer.affine; 2], name, vec![channels])?,
        };
        self.norm(norm, layer.activation, LayerKind::GroupNorm, name)
    }

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
            loose: false,
        };
        self.add_tensor(name, spec).map(|slice| slice.tensor)
    }

    /// Gamma and beta where there are any; their dimensions of 1 do not matter.
    fn affine(
        &mut self,
        has: [bool; 2],
        name: &str,
        shape: Vec<usize>,
    ) -> Result<[Option<usize>; 2], NetworkError> {
        let mut tensor = |has: bool, what: &str, used_as: &str| {
            let spec = TensorSpec {
                name: format!("{name}.{what}"),
                shape: shape.clone(),
                used_as: format!("{used_as} of {name}"),
                buffer: false,
                loose: true,
            };
            let tensor = has.then(|| self.add_tensor(name, spec).map(|slice| slice.tensor));
            tensor.transpose()
        };
        let gamma = tensor(has[0], "weight", "scale")?;
        Ok([gamma, tensor(has[1], "bias", "shift")?])
    }

    fn norm(
        &mut self,
        norm: Norm,
        activation: Option<Activation>,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let activation = activation.unwrap_or_default();
        self.check_softmax(activation, kind, name)?;
        self.settle();
        match self.open {
            Open::Links(place) if self.folds(&norm) => {
                self.graph.links[place].norm = Some(norm.clone());
                self.stage(Stage::Norm(norm));
                self.end(activation);
                Ok(())
            }
            _ => self.norm_apart(norm, activation, kind, name),
        }
    }

    /// Whether a norm has one scale for each unit or filter of the layer before.
    fn folds(&self, norm: &Norm) -> bool {
        let channels = self.graph.neurons[self.at.layer].shape.channels();
        self.norms == Norms::Folded && self.at.view == View::Same && norm.channels == channels
    }

    fn norm_apart(
        &mut self,
        norm: Norm,
        activation: Activation,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let source = self.at;
        self.neurons(Made {
            name,
            kind,
            shape: source.shape,
            activation: Some(activation),
        })?;
        let links = Links::Diagonal {
            channels: norm.channels,
            places: norm.places,
        };
        let place = self.link(Part::of(name, links, None, None), source)?;
        self.graph.links[place].norm = Some(norm.clone());
        self.stage(Stage::Values(source.source()));
        self.stage(Stage::Norm(norm));
        if activation == Activation::Linear {
            self.open = Open::Activation;
        }
        Ok(())
    }
}
