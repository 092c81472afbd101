//! One encoder block of a transformer: its sizes, and what recipes its tensors.

use cntflow_network::{Activation, Layer, Projections, TransformerEncoder};

use super::build::Builder;
use super::family::{Family, Projected};
use super::names::Module;
use super::transformer::Transformer;
use crate::{TensorRecipe, TensorSlice};

impl<'t> Transformer<'_, 't> {
    /// Adds a block.
    ///
    /// # Errors
    /// Its dense layers are none of the sequence's units.
    pub(super) fn block(
        &self,
        builder: &mut Builder,
        block: &str,
        units: usize,
        told: Option<Activation>,
    ) -> Result<(), String> {
        let family = self.family;
        let (first, second) = (
            self.kernel(block, family.feed_forward[0])?,
            self.kernel(block, family.feed_forward[1])?,
        );
        let feed_forward = match (&first.shape("weight")[..], &second.shape("weight")[..]) {
            (&[n, into], &[out, from]) if into == units && out == units && from == n => n,
            _ => {
                return Err(format!(
                    "{} and {} are no feed-forward network of {units} units",
                    first.shown(),
                    second.shown()
                ));
            }
        };
        let parts = self.parts(block)?;
        let bias = parts
            .iter()
            .any(|(name, fill)| name.ends_with("bias") && fill.is_some());
        for (name, fill) in parts {
            match fill {
                Some(fill) => _ = builder.recipes.insert(name, TensorRecipe::Tensor(fill)),
                None if bias && name.ends_with("bias") => {
                    builder.doubt("where a projection has no bias it is taken for zero");
                    builder.recipes.insert(name, TensorRecipe::Zeros);
                }
                None => {}
            }
        }
        let projections = match family.attention {
            Projected::Together(..) => Projections::Torch,
            Projected::Apart(_) => Projections::Separate {
                query: "query".to_owned(),
                key: "key".to_owned(),
                value: "value".to_owned(),
                output: "out_proj".to_owned(),
            },
        };
        let encoder = TransformerEncoder {
            name: block.to_owned(),
            heads: heads(builder, units),
            feed_forward,
            activation: activation(builder, family, told),
            norm_first: norm_first(builder, family),
            bias,
            epsilon: 1e-5,
            projections,
        };
        builder.doubt("the epsilon of norms is not in the weights: 1e-5 is assumed");
        builder.layers.push(Layer::TransformerEncoder(encoder));
        Ok(())
    }

    /// A module of a block with its kernel seen as the family has it.
    fn kernel(&self, block: &str, module: &str) -> Result<Module<'t>, String> {
        let module = self.part(block, module)?;
        let inputs_first = self.family.inputs_first && module.rank() == 2;
        Ok(Module {
            inputs_first,
            ..module.clone()
        })
    }

    /// What recipes each tensor of a block, by its name in the architecture.
    fn parts(&self, block: &str) -> Result<Vec<(String, Option<TensorSlice>)>, String> {
        let family = self.family;
        let mut modules = vec![
            ("self_attn.out_proj", family.output),
            ("linear1", family.feed_forward[0]),
            ("linear2", family.feed_forward[1]),
            ("norm1", family.norms[0]),
            ("norm2", family.norms[1]),
        ];
        let mut parts = Vec::new();
        match &family.attention {
            Projected::Together(module, own) => {
                let module = self.kernel(block, module)?;
                for (to, own) in ["in_proj_weight", "in_proj_bias"].iter().zip(own) {
                    parts.push((format!("{block}.self_attn.{to}"), module.excerpt(own)));
                }
            }
            Projected::Apart(own) => {
                let names = ["self_attn.query", "self_attn.key", "self_attn.value"];
                modules.extend(names.into_iter().zip(own.iter().copied()));
            }
        }
        for (to, own) in modules {
            let module = self.kernel(block, own)?;
            for parameter in ["weight", "bias"] {
                parts.push((
                    format!("{block}.{to}.{parameter}"),
                    module.excerpt(parameter),
                ));
            }
        }
        Ok(parts)
    }
}

fn heads(builder: &mut Builder, units: usize) -> usize {
    match builder.hints.heads {
        Some(heads) if units.is_multiple_of(heads) => heads,
        told => {
            let text = match told {
                Some(heads) => format!(
                    "{heads} heads, as told beside the weights, do not divide {units} units: 1 is assumed"
                ),
                None => {
                    "heads are not in the weights: 1 is assumed, no weight metric depends on it"
                        .to_owned()
                }
            };
            builder.doubt(text);
            1
        }
    }
}

fn activation(builder: &mut Builder, family: &Family, told: Option<Activation>) -> Activation {
    if told.is_none() && family.activation.is_none() {
        builder.doubt("the activation of the blocks is not in the weights: relu is assumed");
    }
    told.or(family.activation).unwrap_or(Activation::Relu)
}

fn norm_first(builder: &mut Builder, family: &Family) -> bool {
    if family.norm_first.is_none() {
        builder
            .doubt("whether norms come first is not in the weights: they are taken to come last");
    }
    family.norm_first.unwrap_or(false)
}
