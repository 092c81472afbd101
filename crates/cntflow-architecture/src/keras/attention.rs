//! Multi-head attention of a sequence to itself.

use cntflow_network::{Attention, Layer, Projections};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings::yes;
use super::shape::Shape;
use super::translator::{Translator, wrong_number_of_tensors};
use crate::error::{Translated, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};

#[derive(Deserialize)]
struct AttentionSettings {
    num_heads: usize,
    key_dim: usize,
    value_dim: Option<usize>,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default)]
    use_gate: bool,
    #[serde(default)]
    output_shape: Value,
    #[serde(default)]
    sliding_window: Value,
    attention_axes: Option<Vec<i64>>,
}

/// Arguments of a call that change nothing here: the layer takes the output of one layer only,
/// which is then query, key and value.
const HARMLESS_ARGUMENTS: [&str; 4] = ["query", "value", "key", "training"];

impl AttentionSettings {
    /// A setting, or an argument of the call, with which a step does not attend to all steps.
    fn restriction<'l>(&self, layer: &'l KerasLayer) -> Option<&'l str> {
        let argument = layer.call_arguments.iter().find(|(name, value)| {
            let is_off = matches!(value, Value::Null | Value::Bool(false));
            !is_off && !HARMLESS_ARGUMENTS.contains(&&***name)
        });
        let axes = self.attention_axes.as_deref();
        if let Some((name, _)) = argument {
            Some(name)
        } else if !self.sliding_window.is_null() {
            Some("sliding_window")
        } else if axes.is_some_and(|axes| axes != [1]) {
            Some("attention_axes")
        } else {
            None
        }
    }

    /// Whether the heads together have exactly the units of the sequence, and no other setting
    /// changes the sizes or adds a gate.
    fn is_plain(&self, units: usize) -> bool {
        self.num_heads.checked_mul(self.key_dim) == Some(units)
            && self.value_dim.is_none_or(|size| size == self.key_dim)
            && self.output_shape.is_null()
            && !self.use_gate
    }
}

impl Translator<'_> {
    /// Self-attention. Keras has a kernel `[units, heads, size]` each for query, key and value;
    /// PyTorch has all three in one matrix `[3 * units, units]`. The output's kernel is `[heads,
    /// size, units]`.
    pub(super) fn attention(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: AttentionSettings = layer.settings()?;
        let Shape::Steps { units, .. } = self.current.shape else {
            return Err(unsupported("its input is no sequence"));
        };
        if let Some(restriction) = settings.restriction(layer) {
            return Err(unsupported(format!(
                "{restriction} cannot be expressed: every step attends to all steps"
            )));
        }
        if !settings.is_plain(units) {
            return Err(unsupported(format!(
                "{} heads of {} with its other settings are no plain attention over {units} units",
                settings.num_heads, settings.key_dim
            )));
        }
        let tensors = self.tensors_of(layer);
        let per_projection = 1 + usize::from(settings.use_bias);
        if tensors.len() != 4 * per_projection {
            return Err(wrong_number_of_tensors(4 * per_projection, tensors.len()));
        }
        let projections: Vec<&[String]> = tensors.chunks_exact(per_projection).collect();
        let (qkv, output) = projections.split_at(3);
        let kernel = |projection: &[String]| {
            TensorSlice::permuted(&projection[0], &[1, 0]).read_as(&[units, units])
        };
        let kernels = qkv.iter().map(|projection| kernel(projection)).collect();
        self.set_recipe(layer, "in_proj_weight", TensorRecipe::Concat(kernels));
        self.set_slice(layer, "out_proj.weight", kernel(output[0]));
        if settings.use_bias {
            let bias = |projection: &[String]| TensorSlice::whole(&projection[1]).shaped(&[units]);
            let biases = qkv.iter().map(|projection| bias(projection)).collect();
            self.set_recipe(layer, "in_proj_bias", TensorRecipe::Concat(biases));
            self.set_slice(layer, "out_proj.bias", bias(output[0]));
        }
        let attention = Attention {
            name: layer.name.clone(),
            heads: settings.num_heads,
            bias: settings.use_bias,
            projections: Projections::Torch,
        };
        self.push(Layer::Attention(attention), self.current.shape);
        Ok(())
    }
}
