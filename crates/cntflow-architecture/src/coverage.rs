//! What every tensor of a file is used as, or why it is not.

use std::collections::BTreeMap;

use crate::infer::{is_counter, is_weight};
use crate::resolve::{INFERRED, ResolvedArchitecture};
use crate::{ArchitectureError, TensorRecipe};
use cntflow_formats::{Element, OpenCheckpoint, TensorEntry};

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

/// What a tensor is by its name and shape alone, where no architecture tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorUse {
    /// Weights of links.
    Kernel,
    /// Biases: one dimension, under a name that no scale of a norm has.
    Bias,
}

impl TensorUse {
    /// What the tensor is; `None` of running means and variances, counters, and all that is no weight.
    pub fn of(tensor: &TensorEntry) -> Option<Self> {
        let last = tensor.name.rsplit(['.', '/']).next().unwrap_or_default();
        let last = last.strip_suffix(":0").unwrap_or(last);
        let running = ["running_", "moving_"];
        if !is_weight(tensor) || running.iter().any(|word| last.starts_with(word)) {
            return None;
        }
        let scale = ["weight", "gamma", "scale", "g"].contains(&last);
        let bias = last.contains("bias") || last == "beta" || (tensor.shape.len() < 2 && !scale);
        Some(if bias { Self::Bias } else { Self::Kernel })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Bias => "bias",
        }
    }
}

/// The tensors of a checkpoint that hold weights, in the file's order, with what they are by their names and shapes alone.
pub fn weight_tensors(
    checkpoint: &OpenCheckpoint,
) -> impl Iterator<Item = (&TensorEntry, TensorUse)> {
    let tensors = checkpoint.tensors().iter();
    tensors.filter_map(|tensor| Some((tensor, TensorUse::of(tensor)?)))
}

/// Says of every tensor what it is used as, or why it is not.
pub(crate) fn coverage(
    tensors: Vec<TensorEntry>,
    understood: Result<&ResolvedArchitecture, &ArchitectureError>,
) -> Vec<Coverage> {
    let alone = matches!(understood, Err(ArchitectureError::NoArchitecture { .. }));
    let understood = understood.ok();
    let uses: BTreeMap<String, String> = understood.map(uses).unwrap_or_default();
    let covered = tensors.into_iter().map(|tensor| {
        let of_itself = || match TensorUse::of(&tensor) {
            Some(own) if alone => Some(own.as_str().to_owned()),
            _ => None,
        };
        let used_as = uses.get(&tensor.name).cloned().or_else(of_itself);
        let reason = match (&used_as, understood) {
            (Some(_), None) => Some("of no known layer: the architecture is not known".to_owned()),
            (Some(_), _) if tensor.element != Element::F32 => {
                Some(format!("{} read as F32", tensor.element))
            }
            (Some(_), Some(known)) if known.source == INFERRED => {
                Some(format!("told by {INFERRED}"))
            }
            (Some(_), _) => None,
            (None, _) if tensor.excluded_because.is_some() => tensor.excluded_because.clone(),
            (None, _) if is_counter(&tensor.name) => Some("counter".to_owned()),
            (None, _) if !tensor.element.is_real() => {
                Some(format!("{} holds no weights", tensor.element))
            }
            (None, Some(_)) => Some("not part of the architecture".to_owned()),
            (None, None) => Some("the architecture is not known".to_owned()),
        };
        Coverage {
            tensor,
            used_as,
            reason,
        }
    });
    covered.collect()
}

/// The file's tensors that an architecture takes, with what each is used as.
fn uses(understood: &ResolvedArchitecture) -> BTreeMap<String, String> {
    let mut uses: BTreeMap<String, String> = BTreeMap::new();
    for tensor in understood.architecture.tensors().unwrap_or_default() {
        let sources: Vec<&str> = match understood.recipes.get(&tensor.name) {
            None => vec![&tensor.name],
            Some(TensorRecipe::Tensor(excerpt)) => vec![&excerpt.tensor],
            Some(TensorRecipe::Joined(parts)) => parts.iter().map(|part| &*part.tensor).collect(),
            Some(TensorRecipe::Zeros | TensorRecipe::Ones) => Vec::new(),
        };
        for source in sources {
            let used_as = uses.entry(source.to_owned()).or_default();
            if !used_as.split(", ").any(|known| known == tensor.used_as) {
                if !used_as.is_empty() {
                    used_as.push_str(", ");
                }
                used_as.push_str(&tensor.used_as);
            }
        }
    }
    uses
}
