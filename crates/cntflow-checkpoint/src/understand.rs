//! What a checkpoint's tensors mean: the architecture it carries, is given, or that its names and shapes tell; and, for every tensor,
//! what it is used as or why not.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::{Architecture, Dense, Layer};

use crate::CheckpointError;
use crate::open::{OpenCheckpoint, TensorEntry};

/// Source of an architecture that nobody tells.
const INFERRED: &str = "names and shapes";

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

/// An architecture with the tensors that fill it.
#[derive(Clone, Debug)]
pub struct Understood {
    /// The architecture; layers are named, so that `<name>.weight` and `<name>.bias` are the tensors' names.
    pub architecture: Architecture,
    /// Where it comes from: `catalog`, `metadata` or `names and shapes`.
    pub source: &'static str,
}

/// Tells the architecture of a checkpoint: `given` by the catalog, else carried in its metadata, else inferred. The coverage of its
/// tensors comes in every case.
///
/// # Errors
/// The architecture that is given or carried is not as its schema has it, or none can be inferred.
pub fn understand(
    checkpoint: &OpenCheckpoint,
    given: Option<&str>,
) -> (Result<Understood, CheckpointError>, Vec<Coverage>) {
    let tensors = checkpoint.tensors();
    let metadata = checkpoint.metadata();
    let carried = given.map(|text| (text, "catalog"));
    let carried = carried.or_else(|| {
        metadata
            .get("architecture")
            .map(|text| (text.as_str(), "metadata"))
    });
    let understood = match carried {
        Some((text, source)) => parse(text, source).map(|architecture| Understood {
            architecture,
            source,
        }),
        None => infer(&tensors).map(|architecture| Understood {
            architecture,
            source: INFERRED,
        }),
    };
    let understood = understood.map_err(|reason| CheckpointError::NoArchitecture {
        path: checkpoint.path().to_owned(),
        reason,
    });
    let coverage = coverage(tensors, understood.as_ref().ok());
    (understood, coverage)
}

fn parse(text: &str, source: &str) -> Result<Architecture, String> {
    let architecture: Result<Architecture, _> = serde_json::from_str(text);
    architecture
        .map_err(|error| format!("the one in its {source} is not as the schema has it: {error}"))
}

/// A chain of dense layers told from `<name>.weight` `[n_out, n_in]` and `<name>.bias` `[n_out]`, names in natural order.
fn infer(tensors: &[TensorEntry]) -> Result<Architecture, String> {
    let mut modules: Vec<(&str, &TensorEntry, bool)> = Vec::new();
    let biases: BTreeMap<&str, &TensorEntry> = tensors
        .iter()
        .filter_map(|tensor| Some((tensor.name.strip_suffix(".bias")?, tensor)))
        .collect();
    let kernels: BTreeSet<&str> = tensors
        .iter()
        .filter_map(|tensor| tensor.name.strip_suffix(".weight"))
        .collect();
    for tensor in tensors {
        let shown = || format!("{} {:?}", tensor.name, tensor.shape);
        if let Some(module) = tensor.name.strip_suffix(".weight") {
            if tensor.shape.len() != 2 {
                return Err(format!(
                    "none is carried, and {} is no kernel [n_out, n_in] of a dense layer",
                    shown()
                ));
            }
            modules.push((module, tensor, biases.contains_key(module)));
        } else if tensor
            .name
            .strip_suffix(".bias")
            .is_none_or(|module| !kernels.contains(module))
        {
            return Err(format!(
                "none is carried, and {} belongs to no dense layer",
                shown()
            ));
        }
    }
    modules.sort_by(|a, b| alphanumeric_sort::compare_str(a.0, b.0));
    chain(&modules, &biases)
}

fn chain(
    modules: &[(&str, &TensorEntry, bool)],
    biases: &BTreeMap<&str, &TensorEntry>,
) -> Result<Architecture, String> {
    let (first, kernel, _) = modules
        .first()
        .ok_or("none is carried, and there is no tensor <name>.weight")?;
    let mut before = (*first, kernel.shape[1]);
    let mut layers = Vec::new();
    for &(module, kernel, bias) in modules {
        let [units, n_in] = [kernel.shape[0], kernel.shape[1]];
        if n_in != before.1 {
            return Err(format!(
                "none is carried, and the dense layers make no chain in the order of their names: {}.weight {:?} takes {n_in} \
                 inputs, {} gives {}",
                module, kernel.shape, before.0, before.1
            ));
        }
        if bias && biases[module].shape != [units] {
            let shape = &biases[module].shape;
            return Err(format!(
                "{module}.bias has shape {shape:?}, {module}.weight gives {units} units"
            ));
        }
        layers.push(Layer::Dense(Dense {
            name: module.to_owned(),
            units,
            bias,
            activation: None,
        }));
        before = (module, units);
    }
    Ok(Architecture {
        input: vec![kernel.shape[1]],
        layers,
    })
}

fn coverage(tensors: Vec<TensorEntry>, understood: Option<&Understood>) -> Vec<Coverage> {
    let uses: BTreeMap<String, String> = understood.map(uses).unwrap_or_default();
    let covered = tensors.into_iter().map(|tensor| {
        let used_as = uses.get(&tensor.name).cloned();
        let reason = match (&used_as, understood) {
            (Some(_), _) if tensor.dtype != "F32" => Some(format!("{} read as F32", tensor.dtype)),
            (Some(_), Some(known)) if known.source == INFERRED => {
                Some(format!("told by {INFERRED}"))
            }
            (Some(_), _) => None,
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

/// The tensors of an architecture by name, with what each is used as.
fn uses(understood: &Understood) -> BTreeMap<String, String> {
    let tensors = understood.architecture.tensors().unwrap_or_default();
    let uses = tensors
        .into_iter()
        .map(|tensor| (tensor.name, tensor.used_as));
    uses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorEntry> {
        let entry = |(name, shape): &(&str, &[usize])| TensorEntry {
            name: (*name).to_owned(),
            shape: shape.to_vec(),
            dtype: "F32".to_owned(),
        };
        list.iter().map(entry).collect()
    }

    #[test]
    fn a_chain_is_read_in_natural_order() {
        let listed = tensors(&[
            ("fc10.weight", &[2, 3]),
            ("fc2.bias", &[3]),
            ("fc2.weight", &[3, 4]),
        ]);
        let architecture = infer(&listed).unwrap();
        let names: Vec<_> = architecture
            .layers
            .iter()
            .map(|layer| match layer {
                Layer::Dense(dense) => (dense.name.as_str(), dense.units, dense.bias),
                _ => unreachable!("only dense layers are inferred"),
            })
            .collect();
        assert_eq!(names, [("fc2", 3, true), ("fc10", 2, false)]);
        assert_eq!(architecture.input, [4]);
    }

    #[test]
    fn what_makes_no_chain_says_which_numbers_differ() {
        let check = |list: &[(&str, &[usize])], expected: &str| {
            let reason = infer(&tensors(list)).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };
        check(
            &[("a.weight", &[3, 4]), ("b.weight", &[2, 5])],
            "b.weight [2, 5] takes 5 inputs, a gives 3",
        );
        check(
            &[("a.weight", &[3, 4]), ("a.bias", &[2])],
            "a.bias has shape [2], a.weight gives 3 units",
        );
        check(
            &[("a.weight", &[3, 4, 1, 1])],
            "a.weight [3, 4, 1, 1] is no kernel",
        );
        check(
            &[("position", &[3])],
            "position [3] belongs to no dense layer",
        );
        check(&[], "no tensor <name>.weight");
    }
}
