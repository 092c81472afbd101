//! Dense layers, embeddings, norms and activations.

use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{activation, yes};
use super::shape::Shape;
use super::{Chain, Node};
use crate::{TensorRecipe, TensorSlice};

#[derive(Deserialize)]
struct DenseSettings {
    units: usize,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default)]
    activation: Value,
}

#[derive(Deserialize)]
struct EmbeddingSettings {
    input_dim: usize,
    output_dim: usize,
    #[serde(default)]
    mask_zero: bool,
}

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

#[derive(Deserialize)]
#[serde(untagged)]
enum Axis {
    One(i64),
    List(Vec<i64>),
}

/// Numbers of the layers that are activations; those that are not given are as Keras has them by default.
#[derive(Deserialize)]
struct ActivationSettings {
    #[serde(default)]
    activation: Value,
    #[serde(alias = "alpha")]
    negative_slope: Option<f64>,
    max_value: Option<f64>,
    threshold: Option<f64>,
    axis: Option<i64>,
}

impl Chain<'_> {
    pub(super) fn dense(&mut self, node: &Node) -> Result<(), String> {
        let settings: DenseSettings = node.settings()?;
        let units = settings.units;
        let shape = match self.at.shape {
            Shape::Units(..) => Shape::Units(units, None),
            Shape::Steps { steps, .. } => Shape::Steps { steps, units },
            shape => {
                let shape = shape.channels_last();
                return Err(node.says(format!("it takes every place of {shape:?} apart")));
            }
        };
        let kernel = match settings.use_bias {
            true => {
                let [kernel, bias] = self.weights(node)?;
                self.fill_with(node, "bias", TensorSlice::whole(bias));
                kernel
            }
            false => {
                let [kernel] = self.weights(node)?;
                kernel
            }
        };
        self.fill_with(node, "weight", self.at.shape.kernel_behind(&kernel, units));
        let activation = activation(&settings.activation).map_err(|text| node.says(text))?;
        let layer = json!({
            "kind": "dense", "units": units, "bias": settings.use_bias, "activation": activation,
        });
        self.push(node, layer, shape);
        Ok(())
    }

    pub(super) fn embedding(&mut self, node: &Node) -> Result<(), String> {
        let settings: EmbeddingSettings = node.settings()?;
        let Shape::Units(steps, None) = self.at.shape else {
            return Err(node.says("it does not take the input"));
        };
        if settings.mask_zero {
            return Err(node.says("it masks steps, which cannot be expressed"));
        }
        let [kernel] = self.weights(node)?;
        self.fill_with(node, "weight", TensorSlice::whole(kernel));
        let (tokens, units) = (settings.input_dim, settings.output_dim);
        let layer = json!({"kind": "embedding", "tokens": tokens, "units": units});
        self.push(node, layer, Shape::Steps { steps, units });
        Ok(())
    }

    pub(super) fn batch_norm(&mut self, node: &Node) -> Result<(), String> {
        let settings = self.norm_settings(node)?;
        let mut tensors = self.weights_of(node).to_vec();
        let statistics = tensors.split_off(tensors.len().saturating_sub(2));
        let [mean, variance] = statistics.as_slice() else {
            return Err(node.says(format!("the file has {} tensors of it", statistics.len())));
        };
        self.scale_and_shift(node, &settings, &tensors)?;
        let shape = self.at.shape;
        self.fill_with(node, "running_mean", shape.vector(mean));
        self.fill_with(node, "running_var", shape.vector(variance));
        let layer = json!({
            "kind": "batch_norm",
            "epsilon": settings.epsilon,
            "affine": settings.scale || settings.center,
        });
        self.push(node, layer, shape);
        Ok(())
    }

    pub(super) fn layer_norm(&mut self, node: &Node) -> Result<(), String> {
        let settings = self.norm_settings(node)?;
        if settings.rms_scaling {
            return Err(node.says("a norm without mean cannot be expressed"));
        }
        if matches!(self.at.shape, Shape::Image(_) | Shape::Line(_)) {
            return Err(node.says("a norm of every place apart cannot be expressed"));
        }
        let tensors = self.weights_of(node).to_vec();
        self.scale_and_shift(node, &settings, &tensors)?;
        let layer = json!({
            "kind": "layer_norm",
            "epsilon": settings.epsilon,
            "affine": settings.scale || settings.center,
        });
        self.push(node, layer, self.at.shape);
        Ok(())
    }

    /// Settings of a norm over the last dimension.
    fn norm_settings(&self, node: &Node) -> Result<NormSettings, String> {
        let settings: NormSettings = node.settings()?;
        let last = self.at.shape.channels_last().len() as i64;
        let of_last = |axis: i64| axis == -1 || axis == last;
        match &settings.axis {
            Axis::One(axis) if of_last(*axis) => Ok(settings),
            Axis::List(list) if list.len() == 1 && of_last(list[0]) => Ok(settings),
            _ => Err(node.says("a norm over another than the last dimension")),
        }
    }

    /// Gamma and beta; constants where the layer goes without one of them.
    fn scale_and_shift(
        &mut self,
        node: &Node,
        settings: &NormSettings,
        tensors: &[String],
    ) -> Result<(), String> {
        let expected = usize::from(settings.scale) + usize::from(settings.center);
        if tensors.len() != expected {
            let found = tensors.len();
            return Err(node.says(format!(
                "by its settings it has {expected} tensors of scale and shift, the file has {found}"
            )));
        }
        let vector = |tensor: &String| TensorRecipe::Tensor(self.at.shape.vector(tensor));
        let (gamma, beta) = match (settings.scale, settings.center) {
            (true, true) => (vector(&tensors[0]), vector(&tensors[1])),
            (true, false) => (vector(&tensors[0]), TensorRecipe::Zeros),
            (false, true) => (TensorRecipe::Ones, vector(&tensors[0])),
            (false, false) => return Ok(()),
        };
        self.fill(node, "weight", gamma);
        self.fill(node, "bias", beta);
        Ok(())
    }

    pub(super) fn activation(&mut self, node: &Node) -> Result<(), String> {
        let settings: ActivationSettings = node.settings()?;
        let slope = settings.negative_slope;
        let told = match &*node.class {
            "Activation" => activation(&settings.activation),
            "ReLU" => {
                let plain = settings.max_value.is_none()
                    && [slope, settings.threshold]
                        .iter()
                        .flatten()
                        .all(|&x| x == 0.0);
                plain
                    .then_some("relu")
                    .ok_or_else(|| "a bent or cut ReLU".to_owned())
            }
            "LeakyReLU" => {
                let slope = slope.unwrap_or(0.3);
                let known = (slope - cntflow_network::DEFAULT_LEAKY_SLOPE).abs() < 1e-7;
                known
                    .then_some("leaky_relu")
                    .ok_or_else(|| format!("a slope of {slope}"))
            }
            "ELU" => {
                let alpha = slope.unwrap_or(1.0);
                (alpha == 1.0)
                    .then_some("elu")
                    .ok_or_else(|| format!("an alpha of {alpha}"))
            }
            _ => {
                let axis = settings.axis.unwrap_or(-1);
                (axis == -1)
                    .then_some("softmax")
                    .ok_or_else(|| format!("an axis of {axis}"))
            }
        };
        let told = told.map_err(|text| node.says(format!("{text} cannot be expressed")))?;
        self.push(
            node,
            json!({"kind": "activation", "activation": told}),
            self.at.shape,
        );
        Ok(())
    }
}
