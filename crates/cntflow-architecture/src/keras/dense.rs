//! Dense layers and embeddings.

use cntflow_network::{Dense, Embedding, Layer};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings::{activation, yes};
use super::shape::Shape;
use super::translator::Translator;
use crate::error::{Translated, unsupported};
use crate::recipe::TensorSlice;

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

impl Translator<'_> {
    pub(super) fn dense(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: DenseSettings = layer.settings()?;
        let units = settings.units;
        let input = self.current.shape;
        let output = match input {
            Shape::Units(..) => Shape::Units(units, None),
            Shape::Steps { steps, .. } => Shape::Steps { steps, units },
            Shape::Image(_) | Shape::Line(_) => {
                return Err(unsupported(format!(
                    "it is applied to every place of {:?} separately",
                    input.channels_last()
                )));
            }
        };
        self.set_kernel_and_bias(layer, settings.use_bias, |kernel| {
            input.dense_kernel(kernel, units)
        })?;
        let dense = Dense {
            name: layer.name.clone(),
            units,
            bias: settings.use_bias,
            activation: Some(activation(&settings.activation)?),
        };
        self.push(Layer::Dense(dense), output);
        Ok(())
    }

    /// An embedding, which takes the model's input.
    pub(super) fn embedding(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: EmbeddingSettings = layer.settings()?;
        let Shape::Units(steps, None) = self.current.shape else {
            return Err(unsupported("it does not take the input"));
        };
        if settings.mask_zero {
            return Err(unsupported("it masks steps, which cannot be expressed"));
        }
        let [kernel] = self.expect_tensors(layer)?;
        self.set_slice(layer, "weight", TensorSlice::whole(kernel));
        let units = settings.output_dim;
        let embedding = Embedding {
            name: layer.name.clone(),
            tokens: settings.input_dim,
            units,
        };
        self.push(Layer::Embedding(embedding), Shape::Steps { steps, units });
        Ok(())
    }
}
