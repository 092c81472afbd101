//! Norms over the last dimension.

use cntflow_network::{BatchNorm, Layer, LayerNorm};
use serde::Deserialize;

use super::config::KerasLayer;
use super::settings::yes;
use super::shape::Shape;
use super::translator::Translator;
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

#[derive(Deserialize)]
struct NormSettings {
    epsilon: f64,
    axis: Axis,
    #[serde(default = "yes")]
    scale: bool,
    #[serde(default = "yes")]
    center: bool,
    #[serde(default)]
    rms_scaling: bool,
}

/// One axis, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Axis {
    One(i64),
    List(Vec<i64>),
}

impl NormSettings {
    /// Whether the norm has a scale or a shift.
    fn is_affine(&self) -> bool {
        self.scale || self.center
    }
}

impl Translator<'_> {
    pub(super) fn batch_norm(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings = self.norm_settings(layer)?;
        let tensors = self.tensors_of(layer);
        let (affine, statistics) = tensors.split_at(tensors.len().saturating_sub(2));
        let [mean, variance] = statistics else {
            let n = statistics.len();
            return Err(unsupported(format!(
                "it needs a running mean and a running variance, the file has {n} tensors for it"
            )));
        };
        self.set_scale_and_shift(layer, &settings, affine)?;
        let shape = self.current.shape;
        self.set_slice(layer, "running_mean", shape.vector(mean));
        self.set_slice(layer, "running_var", shape.vector(variance));
        let norm = BatchNorm {
            name: layer.name.clone(),
            epsilon: settings.epsilon,
            affine: settings.is_affine(),
            activation: None,
        };
        self.push(Layer::BatchNorm(norm), shape);
        Ok(())
    }

    pub(super) fn layer_norm(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings = self.norm_settings(layer)?;
        if settings.rms_scaling {
            return Err(unsupported("a norm without mean cannot be expressed"));
        }
        let shape = self.current.shape;
        if matches!(shape, Shape::Image(_) | Shape::Line(_)) {
            return Err(unsupported(
                "a norm of every place separately cannot be expressed",
            ));
        }
        self.set_scale_and_shift(layer, &settings, self.tensors_of(layer))?;
        let norm = LayerNorm {
            name: layer.name.clone(),
            epsilon: settings.epsilon,
            affine: settings.is_affine(),
            bias: true,
            activation: None,
        };
        self.push(Layer::LayerNorm(norm), shape);
        Ok(())
    }

    /// Settings of a norm, which must be over the last dimension.
    fn norm_settings(&self, layer: &KerasLayer) -> Translated<NormSettings> {
        let settings: NormSettings = layer.settings()?;
        // Keras counts the batch as the first dimension.
        let last = self.current.shape.channels_last().len() as i64;
        let is_last = |axis: i64| axis == -1 || axis == last;
        match &settings.axis {
            Axis::One(axis) if is_last(*axis) => Ok(settings),
            Axis::List(list) if list.len() == 1 && is_last(list[0]) => Ok(settings),
            _ => Err(unsupported(
                "a norm over any dimension but the last cannot be expressed",
            )),
        }
    }

    /// Sets the recipes of gamma and beta; constants stand for the one that the layer goes without.
    fn set_scale_and_shift(
        &mut self,
        layer: &KerasLayer,
        settings: &NormSettings,
        tensors: &[String],
    ) -> Translated<()> {
        let expected = usize::from(settings.scale) + usize::from(settings.center);
        let found = tensors.len();
        if found != expected {
            return Err(unsupported(format!(
                "by its settings it has {expected} tensors of scale and shift, the file has {found}"
            )));
        }
        let vector = |tensor: &str| TensorRecipe::Slice(self.current.shape.vector(tensor));
        let (gamma, beta) = match (tensors, settings.scale) {
            ([gamma, beta], _) => (vector(gamma), vector(beta)),
            ([gamma], true) => (vector(gamma), TensorRecipe::Zeros),
            ([beta], false) => (TensorRecipe::Ones, vector(beta)),
            _ => return Ok(()),
        };
        self.set_recipe(layer, "weight", gamma);
        self.set_recipe(layer, "bias", beta);
        Ok(())
    }
}
