//! Multi-head attention of a sequence to itself.

use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::yes;
use super::shape::Shape;
use super::{Chain, Node};
use crate::{TensorRecipe, TensorSlice};

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

/// What a call may name without changing anything here: that all three take one layer's output is known already.
const TAKEN: [&str; 4] = ["query", "value", "key", "training"];

impl Chain<'_> {
    /// Self-attention; kernels `[units, heads, size]` of query, key and value, which PyTorch has in one, `[heads, size, units]` of
    /// the output.
    pub(super) fn attention(&mut self, node: &Node) -> Result<(), String> {
        let settings: AttentionSettings = node.settings()?;
        let Shape::Steps { units, .. } = self.at.shape else {
            return Err(node.says("it does not stand behind a sequence"));
        };
        let given = |(name, value): &(&String, &Value)| {
            !TAKEN.contains(&&***name) && !matches!(value, Value::Null | Value::Bool(false))
        };
        let asked = node.arguments.iter().find(given);
        let asked = asked.map(|(name, _)| &**name);
        let of_steps = settings
            .attention_axes
            .as_deref()
            .is_none_or(|axes| axes == [1]);
        let windowed = (!settings.sliding_window.is_null()).then_some("sliding_window");
        let elsewhere = (!of_steps).then_some("attention_axes");
        if let Some(what) = asked.or(windowed).or(elsewhere) {
            return Err(node.says(format!(
                "{what} cannot be expressed: every step attends to all steps"
            )));
        }
        let whole = settings.num_heads.checked_mul(settings.key_dim);
        let sizes_fit = whole == Some(units)
            && settings
                .value_dim
                .is_none_or(|size| size == settings.key_dim)
            && settings.output_shape.is_null();
        if !sizes_fit || settings.use_gate {
            let (heads, size) = (settings.num_heads, settings.key_dim);
            return Err(node.says(format!(
                "{heads} heads of {size} with its other settings are no plain attention over {units} units"
            )));
        }
        let tensors = self.weights_of(node).to_vec();
        let each = 1 + usize::from(settings.use_bias);
        if tensors.len() != 4 * each {
            let (found, expected) = (tensors.len(), 4 * each);
            return Err(node.says(format!(
                "by its settings it has {expected} tensors, the file has {found} of it"
            )));
        }
        let layers: Vec<&[String]> = tensors.chunks_exact(each).collect();
        let (inputs, output) = layers.split_at(3);
        let kernel =
            |layer: &[String]| TensorSlice::reordered(&layer[0], &[1, 0]).read_as(&[units, units]);
        let kernels = inputs.iter().map(|layer| kernel(layer));
        self.fill(
            node,
            "in_proj_weight",
            TensorRecipe::Joined(kernels.collect()),
        );
        self.fill_with(node, "out_proj.weight", kernel(output[0]));
        if settings.use_bias {
            let bias = |layer: &[String]| TensorSlice::whole(&layer[1]).shaped(&[units]);
            let biases = inputs.iter().map(|layer| bias(layer));
            self.fill(node, "in_proj_bias", TensorRecipe::Joined(biases.collect()));
            self.fill_with(node, "out_proj.bias", bias(output[0]));
        }
        let layer = json!({
            "kind": "attention",
            "heads": settings.num_heads,
            "bias": settings.use_bias,
        });
        self.push(node, layer, self.at.shape);
        Ok(())
    }
}
