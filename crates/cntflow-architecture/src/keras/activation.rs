//! Layers that are activations.

use cntflow_network::{Activate, Activation, DEFAULT_LEAKY_SLOPE, Layer};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings;
use super::translator::Translator;
use crate::error::{Translated, unsupported};

/// Largest difference of a slope from the one that architectures have: files hold it as a float of
/// 32 bits.
const SLOPE_TOLERANCE: f64 = 1e-7;

/// Numbers of the layers that are activations; those that are not given are as Keras has them by
/// default.
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

impl Translator<'_> {
    pub(super) fn activation(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ActivationSettings = layer.settings()?;
        let activation = Activate {
            name: layer.name.clone(),
            activation: activation(&layer.class, &settings)?,
        };
        self.push(Layer::Activation(activation), self.current.shape);
        Ok(())
    }
}

/// The activation of a layer's class, where its numbers are those that architectures have.
fn activation(class: &str, settings: &ActivationSettings) -> Translated<Activation> {
    let slope = settings.negative_slope;
    let (activation, is_plain, what) = match class {
        "Activation" => return settings::activation(&settings.activation),
        "ReLU" => {
            let numbers = [slope, settings.threshold];
            let is_plain = numbers.iter().flatten().all(|&number| number == 0.0);
            let (activation, has_limit) = match settings.max_value {
                None => (Activation::Relu, true),
                Some(most) => (Activation::Relu6, most == 6.0),
            };
            let what = "a ReLU with a slope, a threshold or a largest value other than 6";
            (activation, is_plain && has_limit, what.to_owned())
        }
        "LeakyReLU" => {
            let slope = slope.unwrap_or(0.3);
            let is_plain = (slope - DEFAULT_LEAKY_SLOPE).abs() < SLOPE_TOLERANCE;
            let what = format!("a slope of {slope}");
            (Activation::LeakyRelu, is_plain, what)
        }
        "ELU" => {
            let alpha = slope.unwrap_or(1.0);
            (
                Activation::Elu,
                alpha == 1.0,
                format!("an alpha of {alpha}"),
            )
        }
        _ => {
            let axis = settings.axis.unwrap_or(-1);
            (
                Activation::Softmax,
                axis == -1,
                format!("an axis of {axis}"),
            )
        }
    };
    if is_plain {
        Ok(activation)
    } else {
        Err(unsupported(format!("{what} cannot be expressed")))
    }
}
