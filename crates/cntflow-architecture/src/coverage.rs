//! What every tensor of a file is used as, or why it is not used.

use std::collections::BTreeMap;

use cntflow_formats::{Element, OpenCheckpoint, TensorEntry};

use crate::composed::ComposedTensors;
use crate::error::ArchitectureError;
use crate::infer::{INFERRED, is_counter, is_weight};
use crate::recipe::TensorRecipe;
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

/// What a tensor is by its name and shape alone, where no architecture is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorUse {
    /// Weights of links.
    Kernel,
    /// Biases: tensors with a name such as `bias` or `beta`, and vectors whose name is not one that
    /// norms give their scale (`weight`, `gamma`, ...).
    Bias,
}

impl TensorUse {
    /// What the tensor is; `None` for running means and variances, counters and everything else
    /// that is no weight.
    pub fn of(tensor: &TensorEntry) -> Option<Self> {
        let last = tensor.name.rsplit(['.', '/']).next().unwrap_or_default();
        let last = last.strip_suffix(":0").unwrap_or(last);
        let statistics = ["running_", "moving_"];
        if !is_weight(tensor) || statistics.iter().any(|word| last.starts_with(word)) {
            return None;
        }
        let is_scale = ["weight", "gamma", "scale", "g"].contains(&last);
        let is_vector = tensor.shape.len() < 2;
        if last.contains("bias") || last == "beta" || (is_vector && !is_scale) {
            Some(Self::Bias)
        } else {
            Some(Self::Kernel)
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Bias => "bias",
        }
    }
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
    let uses: BTreeMap<String, String> = resolved.map(uses).unwrap_or_default();
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
        (false, Some(_)) => Some("not part of the architecture".to_owned()),
        (false, None) => Some("the architecture is not known".to_owned()),
    }
}

/// The file's tensors that an architecture takes, with what each is used as.
fn uses(resolved: &ResolvedArchitecture) -> BTreeMap<String, String> {
    let mut uses: BTreeMap<String, String> = BTreeMap::new();
    for tensor in resolved.architecture.tensors().unwrap_or_default() {
        let sources: Vec<(&str, Option<&str>)> = match resolved.recipes.get(&tensor.name) {
            None => vec![(&tensor.name, None)],
            Some(TensorRecipe::Slice(slice)) => vec![(&slice.tensor, None)],
            Some(TensorRecipe::Concat(slices)) => {
                let tensors = slices.iter().map(|slice| &*slice.tensor);
                tensors.map(|tensor| (tensor, None)).collect()
            }
            Some(TensorRecipe::Normed(kernel, _)) => {
                let parts = kernel.parts().into_iter();
                parts.map(|(tensor, part)| (tensor, Some(part))).collect()
            }
            Some(TensorRecipe::Zeros | TensorRecipe::Ones) => Vec::new(),
        };
        for (source, part) in sources {
            let of_whole = || tensor.used_as.clone();
            let this = part.map_or_else(of_whole, |part| format!("{part} of {}", tensor.used_as));
            let used_as = uses.entry(source.to_owned()).or_default();
            if used_as.split(", ").any(|other| other == this) {
                continue;
            }
            if !used_as.is_empty() {
                used_as.push_str(", ");
            }
            used_as.push_str(&this);
        }
    }
    uses
}
