//! What every tensor of a file is used as, or why it is not used.

use std::collections::BTreeMap;

use cntflow_formats::{Element, OpenCheckpoint, TensorEntry};

use crate::composed::ComposedTensors;
use crate::error::ArchitectureError;
use crate::infer::{INFERRED, TensorUse, is_counter, left_over};
use crate::resolved::ResolvedArchitecture;

/// What one tensor of a file is used as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The tensor as the file lists it.
    pub tensor: TensorEntry,
    /// `kernel of fc1`, `bias of fc1`, ...; `None` where it is not used.
    pub used_as: Option<String>,
    /// Why it is not used, or what is doubtful about its use.
    pub reason: Option<String>,
}

/// The tensors of a checkpoint that hold weights, in the file's order, with what they are by their
/// names and shapes alone.
pub fn weight_tensors(
    checkpoint: &OpenCheckpoint,
) -> impl Iterator<Item = (&TensorEntry, TensorUse)> {
    let composed = ComposedTensors::of(checkpoint.tensors());
    let tensors = checkpoint.tensors().iter();
    tensors.filter_map(move |tensor| Some((tensor, use_by_name(tensor, &composed)?)))
}

/// What a tensor is where no architecture is known. A part of a kernel that is no kernel itself,
/// such as its norms, is nothing.
fn use_by_name(tensor: &TensorEntry, composed: &ComposedTensors) -> Option<TensorUse> {
    let is_part = composed.role(&tensor.name).is_some();
    if is_part && !ComposedTensors::is_factor(&tensor.name) {
        return None;
    }
    TensorUse::of(tensor)
}

/// Number of a checkpoint's parameters that have no place in its network.
pub fn n_left_over(resolved: &ResolvedArchitecture, checkpoint: &OpenCheckpoint) -> u64 {
    let placed = resolved.used_tensors();
    let left = weight_tensors(checkpoint).filter(|(tensor, _)| {
        let told = resolved.left_over.get(&tensor.name);
        let is_weight = told.is_none_or(|told| told.is_weight) && left_over(tensor).is_none();
        is_weight && !placed.contains_key(&tensor.name)
    });
    left.map(|(tensor, _)| tensor.n_values() as u64).sum()
}

/// Says of every tensor what it is used as, or why it is not.
pub(crate) fn coverage(
    tensors: Vec<TensorEntry>,
    resolved: Result<&ResolvedArchitecture, &ArchitectureError>,
    composed: &ComposedTensors,
) -> Vec<Coverage> {
    // If no architecture is given and none can be made, the weights are still measured, as kernels
    // and biases of no known layer. If a given architecture is wrong, that is an error of the user,
    // and no tensor counts as used.
    let no_architecture = matches!(resolved, Err(ArchitectureError::NoArchitecture { .. }));
    let resolved = resolved.ok();
    let uses: BTreeMap<String, String> = resolved
        .map(ResolvedArchitecture::used_tensors)
        .unwrap_or_default();
    let cover = |tensor: TensorEntry| {
        let role = composed.role(&tensor.name);
        let by_name = || {
            let tensor_use = use_by_name(&tensor, composed).filter(|_| no_architecture);
            tensor_use.map(|tensor_use| role.unwrap_or(tensor_use.as_str()).to_owned())
        };
        let used_as = uses.get(&tensor.name).cloned().or_else(by_name);
        let role = role.filter(|_| used_as.is_none()).map(str::to_owned);
        Coverage {
            reason: role.or_else(|| reason(&tensor, used_as.is_some(), resolved)),
            tensor,
            used_as,
        }
    };
    tensors.into_iter().map(cover).collect()
}

/// Why a tensor is not used, or what is doubtful about its use.
fn reason(
    tensor: &TensorEntry,
    is_used: bool,
    resolved: Option<&ResolvedArchitecture>,
) -> Option<String> {
    match (is_used, resolved) {
        (true, None) => Some("of no known layer: the architecture is not known".to_owned()),
        (true, Some(_)) if tensor.element != Element::F32 => {
            Some(format!("{} read as F32", tensor.element))
        }
        (true, Some(resolved)) if resolved.source == INFERRED => {
            Some(format!("known from {INFERRED} only"))
        }
        (true, Some(_)) => None,
        (false, _) if tensor.excluded_because.is_some() => tensor.excluded_because.clone(),
        (false, _) if is_counter(&tensor.name) => Some("counter".to_owned()),
        (false, _) if !tensor.element.is_real() => {
            Some(format!("{} holds no weights", tensor.element))
        }
        (false, Some(resolved)) if resolved.left_over.contains_key(&tensor.name) => {
            let left_over = resolved.left_over.get(&tensor.name);
            left_over.map(|left_over| left_over.reason.clone())
        }
        (false, Some(resolved)) => Some(left_over(tensor).unwrap_or_else(|| {
            let belongs = if resolved.in_parts.is_some() {
                "belongs to no known layer"
            } else {
                "not part of the architecture"
            };
            belongs.to_owned()
        })),
        (false, None) => Some("the architecture is not known".to_owned()),
    }
}
