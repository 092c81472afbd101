//! Architectures inferred from the names and shapes of tensors, as PyTorch's state dicts have them:
//! chains of dense, convolutional and recurrent layers with their norms, residual networks, and
//! transformers of known families. What makes no whole network is known in parts (`islands`).
//!
//! What no weight shows (activations, strides, paddings, poolings, heads) is taken from the
//! checkpoint's metadata, left unknown, or assumed; every assumption is recorded. Where names and
//! shapes contradict each other nothing is inferred, and the error names the tensor and both
//! numbers.

mod chain;
mod convolution;
mod dense;
mod encoder_block;
mod family;
mod flax_names;
mod hints;
mod image_extent;
mod islands;
mod keras_modules;
mod keras_recurrent;
mod layer_order;
mod left_over;
mod module;
mod modules;
mod norm;
mod positional;
mod prefixed;
mod recurrent;
mod residual;
mod stem;
mod tensor_use;
mod transformer;
mod unnamed;
mod whole;

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use crate::error::Translated;
use crate::resolved::ResolvedArchitecture;
use hints::Hints;
use left_over::kept;
use whole::{check_and_prune_recipes, infer_modules, weights_by_name};

pub(crate) use chain::INFERRED;
pub(crate) use islands::infer_parts;
pub(crate) use left_over::left_over;
pub(crate) use modules::{is_counter, is_weight, wrapper_prefix_length};
pub(crate) use positional::positional_recipes;
pub(crate) use prefixed::prefixed_recipes;
pub use tensor_use::TensorUse;

/// Infers an architecture from tensors and the metadata beside them.
///
/// # Errors
/// The tensors make no network that is known.
pub(crate) fn infer(
    tensors: &[TensorEntry],
    metadata: &BTreeMap<String, String>,
) -> Translated<ResolvedArchitecture> {
    let kept = kept(tensors);
    let (modules, others) = modules::modules(&kept);
    let mut resolved = infer_modules(&modules, &others, Hints::new(metadata))?;
    check_and_prune_recipes(&mut resolved, &weights_by_name(tensors))?;
    Ok(resolved)
}

#[cfg(test)]
mod tests;
