//! Which tensors of a pickle are no weights: the state of optimizers, schedulers and the like, and
//! records of training.

use super::contents::{ElementLocation, PickleContents, PickledTensor};
use crate::pickle::{Id, Pickle};

/// Parts of keys under which training scripts save what is no weight, and what that is.
const KEYS: [(&str, &str); 6] = [
    ("optim", OPTIMIZER),
    ("sched", "scheduler state"),
    ("scaler", "scaler state"),
    ("amp", "scaler state"),
    ("rng_state", "state of a random generator"),
    ("callbacks", "state of callbacks"),
];

const OPTIMIZER: &str = "optimizer state";

/// Levels of dictionaries whose keys are compared with [`KEYS`]: deeper down they are the names of
/// modules.
const KEY_LEVELS: u64 = 2;

/// Why a dictionary with these keys holds no weights.
pub(super) fn because_of_keys(pickle: &Pickle, pairs: &[(Id, Id)]) -> Option<&'static str> {
    let has = |key| pickle.get(pairs, key).is_some();
    (has("param_groups") && has("state")).then_some(OPTIMIZER)
}

/// Why a value under such a key, in a dictionary at `depth`, holds no weights.
pub(super) fn because_of_key(
    pickle: &Pickle,
    key: &str,
    value: Id,
    depth: u64,
) -> Option<&'static str> {
    if depth >= KEY_LEVELS {
        return None;
    }
    let key = key.to_lowercase();
    let (_, reason) = KEYS.iter().find(|(part, _)| key.contains(part))?;
    // A module may well be called `sampler`: a tensor directly under such a key is a weight.
    let is_container = pickle.pairs(value).is_some() || pickle.elements(value).is_some();
    is_container.then_some(*reason)
}

/// Excludes NumPy arrays that lie beside tensors: training scripts keep their records in them.
/// Without tensors they are the weights.
pub(super) fn exclude_arrays(contents: &mut PickleContents) {
    let is_array = |tensor: &PickledTensor| matches!(tensor.elements, ElementLocation::InPickle(_));
    let is_weight = |tensor: &PickledTensor| tensor.entry.excluded_because.is_none();
    let mut tensors = contents.tensors.iter();
    if !tensors.any(|tensor| !is_array(tensor) && is_weight(tensor)) {
        return;
    }
    for tensor in contents
        .tensors
        .iter_mut()
        .filter(|tensor| is_array(tensor))
    {
        let reason = || "a NumPy array beside the tensors".to_owned();
        tensor.entry.excluded_because.get_or_insert_with(reason);
    }
}
