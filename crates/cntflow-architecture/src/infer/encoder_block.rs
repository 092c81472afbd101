//! One encoder block of a transformer: its sizes, and the recipes of its tensors.

use cntflow_network::{Activation, Layer, Projections, TransformerEncoder};

use super::chain::{ChainBuilder, EPSILON, EPSILON_ASSUMED};
use super::family::{Family, QkvLayout};
use super::module::{Layout, Module};
use super::transformer::Transformer;
use crate::error::{Translated, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};

impl<'t> Transformer<'_, 't> {
    /// Adds a block; `hint` is the activation that the metadata tells.
    ///
    /// # Errors
    /// Its dense layers do not take or give the units of the sequence.
    pub(super) fn block(
        &self,
        chain: &mut ChainBuilder,
        block: &str,
        units: usize,
        hint: Option<Activation>,
    ) -> Translated<()> {
        let family = self.family;
        let feed_forward = self.feed_forward(block, units)?;
        let bias = self.set_recipes(chain, block)?;
        let projections = match family.attention {
            QkvLayout::Fused(..) => Projections::Torch,
            QkvLayout::Separate(_) => Projections::Separate {
                query: "query".to_owned(),
                key: "key".to_owned(),
                value: "value".to_owned(),
                output: "out_proj".to_owned(),
            },
        };
        let encoder = TransformerEncoder {
            name: block.to_owned(),
            heads: heads(chain, units),
            feed_forward,
            activation: activation(chain, family, hint),
            norm_first: norm_first(chain, family),
            bias,
            epsilon: EPSILON,
            projections,
        };
        chain.assume(EPSILON_ASSUMED);
        chain.add_layer(Layer::TransformerEncoder(encoder));
        Ok(())
    }

    /// Units of the first dense layer.
    fn feed_forward(&self, block: &str, units: usize) -> Translated<usize> {
        let [first, second] = self.family.feed_forward;
        let (first, second) = (
            self.module_of_block(block, first)?,
            self.module_of_block(block, second)?,
        );
        match (&first.shape("weight")[..], &second.shape("weight")[..]) {
            (&[hidden, n_in], &[n_out, n_hidden])
                if n_in == units && n_out == units && n_hidden == hidden =>
            {
                Ok(hidden)
            }
            _ => Err(unsupported(format!(
                "{} and {} are no feed-forward network of {units} units",
                first.shown(),
                second.shown()
            ))),
        }
    }

    /// Sets the recipes of a block's tensors; returns whether the block has biases. If only some of
    /// its projections have one, zeros stand for the others.
    fn set_recipes(&self, chain: &mut ChainBuilder, block: &str) -> Translated<bool> {
        let tensors = self.tensors(block)?;
        let has_bias = tensors
            .iter()
            .any(|(name, slice)| name.ends_with("bias") && slice.is_some());
        for (name, slice) in tensors {
            let recipe = match slice {
                Some(slice) => TensorRecipe::Slice(slice),
                None if has_bias && name.ends_with("bias") => {
                    chain.assume("where a projection has no bias it is taken for zero");
                    TensorRecipe::Zeros
                }
                None => continue,
            };
            chain.architecture.set_recipe(name, recipe);
        }
        Ok(has_bias)
    }

    /// A module of a block, with its kernel in the family's layout.
    fn module_of_block(&self, block: &str, module: &str) -> Translated<Module<'t>> {
        let module = self.part(block, module)?;
        let layout = if self.family.inputs_first && module.rank() == 2 {
            Layout::InputsFirst
        } else {
            Layout::OutputsFirst
        };
        Ok(Module {
            layout,
            ..module.clone()
        })
    }

    /// The tensors of a block by their names in the architecture, each with the slice it is; `None`
    /// where the file has none.
    fn tensors(&self, block: &str) -> Translated<Vec<(String, Option<TensorSlice>)>> {
        let family = self.family;
        // Names in the architecture, and in the family.
        let mut modules = vec![
            ("self_attn.out_proj", family.output),
            ("linear1", family.feed_forward[0]),
            ("linear2", family.feed_forward[1]),
            ("norm1", family.norms[0]),
            ("norm2", family.norms[1]),
        ];
        let mut tensors = Vec::new();
        match &family.attention {
            QkvLayout::Fused(module, parameters) => {
                let module = self.module_of_block(block, module)?;
                let names = ["in_proj_weight", "in_proj_bias"];
                for (name, parameter) in names.iter().zip(parameters) {
                    let name = format!("{block}.self_attn.{name}");
                    tensors.push((name, module.slice(parameter)));
                }
            }
            QkvLayout::Separate(names) => {
                let projections = ["self_attn.query", "self_attn.key", "self_attn.value"];
                modules.extend(projections.into_iter().zip(names.iter().copied()));
            }
        }
        for (name, module) in modules {
            let module = self.module_of_block(block, module)?;
            for parameter in ["weight", "bias"] {
                let name = format!("{block}.{name}.{parameter}");
                tensors.push((name, module.slice(parameter)));
            }
        }
        Ok(tensors)
    }
}

fn heads(chain: &mut ChainBuilder, units: usize) -> usize {
    let assumption = match chain.hints.heads {
        Some(heads) if units.is_multiple_of(heads) => return heads,
        Some(heads) => format!(
            "{heads} heads, as told beside the weights, do not divide {units} units: 1 is assumed"
        ),
        None => {
            "heads are not in the weights: 1 is assumed, no weight metric depends on it".to_owned()
        }
    };
    chain.assume(assumption);
    1
}

fn activation(chain: &mut ChainBuilder, family: &Family, hint: Option<Activation>) -> Activation {
    let activation = hint.or(family.activation);
    if activation.is_none() {
        chain.assume("the activation of the blocks is not in the weights: relu is assumed");
    }
    activation.unwrap_or(Activation::Relu)
}

fn norm_first(chain: &mut ChainBuilder, family: &Family) -> bool {
    if family.norm_first.is_none() {
        chain.assume("whether norms come first is not in the weights: they are taken to come last");
    }
    family.norm_first.unwrap_or(false)
}
