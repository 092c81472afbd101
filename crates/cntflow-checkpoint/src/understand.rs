//! What a checkpoint's tensors mean: the architecture it carries, is given, or that its names and shapes tell; and, for every tensor,
//! what it is used as or why not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::{Architecture, Dense, Layer, Network, Tensor};

use crate::element::Element;
use crate::{CheckpointError, Excerpt, Fill, OpenCheckpoint, TensorEntry};

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
    /// The architecture.
    pub architecture: Architecture,
    /// What its tensors are made of, by their names in the architecture; one that is not listed is the file's tensor of that name.
    pub fills: BTreeMap<String, Fill>,
    /// Where it comes from: `catalog`, `metadata`, the name of a format that carries it, or `names and shapes`.
    pub source: &'static str,
    /// What is not certain about it.
    pub doubts: Vec<String>,
}

impl Understood {
    /// The network: the architecture filled with the checkpoint's weights.
    ///
    /// # Errors
    /// A tensor is missing, has another shape than the architecture says, or holds no real weights.
    pub fn network(self, checkpoint: &OpenCheckpoint) -> Result<Network<'_>, CheckpointError> {
        let unreadable: RefCell<Option<CheckpointError>> = RefCell::new(None);
        let expected: BTreeMap<String, Vec<usize>> = match self.fills.is_empty() {
            true => BTreeMap::new(),
            false => {
                let tensors = self.architecture.tensors().unwrap_or_default();
                tensors
                    .into_iter()
                    .map(|spec| (spec.name, spec.shape))
                    .collect()
            }
        };
        let network = Network::new(self.architecture, |name| {
            let filled = match self.fills.get(name) {
                None if checkpoint.tensor(name).is_none() => return None,
                None => excerpt(checkpoint, &Excerpt::whole(name)),
                Some(Fill::Tensor(part)) => excerpt(checkpoint, part),
                Some(Fill::Joined(parts)) => joined(checkpoint, name, parts),
                Some(Fill::Zeros) => Ok(constant(expected.get(name)?, 0.0)),
                Some(Fill::Ones) => Ok(constant(expected.get(name)?, 1.0)),
            };
            filled.map_err(|error| unreadable.replace(Some(error))).ok()
        });
        if let Some(error) = unreadable.into_inner() {
            return Err(error);
        }
        network.map_err(|error| broken(checkpoint, error.to_string()))
    }
}

fn constant(shape: &[usize], value: f32) -> Tensor<'static> {
    Tensor::owned(shape, vec![value; shape.iter().product()])
}

fn broken(checkpoint: &OpenCheckpoint, reason: String) -> CheckpointError {
    CheckpointError::Broken {
        path: checkpoint.path().to_owned(),
        reason,
    }
}

fn excerpt<'a>(
    checkpoint: &'a OpenCheckpoint,
    excerpt: &Excerpt,
) -> Result<Tensor<'a>, CheckpointError> {
    let values = checkpoint.values(&excerpt.tensor)?;
    let shape = checkpoint
        .tensor(&excerpt.tensor)
        .map_or(&[][..], |tensor| &tensor.shape);
    let (shape, values) = excerpt
        .of(shape, values)
        .map_err(|reason| broken(checkpoint, reason))?;
    Ok(Tensor { shape, values })
}

/// Excerpts one after the other along the first dimension.
fn joined<'a>(
    checkpoint: &'a OpenCheckpoint,
    name: &str,
    parts: &[Excerpt],
) -> Result<Tensor<'a>, CheckpointError> {
    let mut whole: Option<(Vec<usize>, Vec<f32>)> = None;
    for part in parts {
        let Tensor { shape, values } = excerpt(checkpoint, part)?;
        match &mut whole {
            None => whole = Some((shape, values.into_owned())),
            Some((joined, all)) if !shape.is_empty() && joined[1..] == shape[1..] => {
                joined[0] += shape[0];
                all.extend_from_slice(&values);
            }
            Some((joined, _)) => {
                let reason = format!(
                    "tensor {name} cannot be joined: after {joined:?} comes {} {shape:?}",
                    part.tensor
                );
                return Err(broken(checkpoint, reason));
            }
        }
    }
    let (shape, values) = whole.unwrap_or_default();
    Ok(Tensor::owned(&shape, values))
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
    let told = given.map(|text| (text, "catalog"));
    let told = told.or_else(|| {
        metadata
            .get("architecture")
            .map(|text| (text.as_str(), "metadata"))
    });
    let plain = |source| {
        move |architecture| Understood {
            architecture,
            fills: BTreeMap::new(),
            source,
            doubts: Vec::new(),
        }
    };
    let understood = match (told, checkpoint.carried()) {
        (Some((text, source)), _) => parse(text, source).map(plain(source)),
        (None, Some(carried)) => carried.architecture.map(|architecture| Understood {
            architecture,
            fills: carried.fills,
            source: checkpoint.format(),
            doubts: carried.doubts,
        }),
        (None, None) => infer(tensors).map(plain(INFERRED)),
    };
    let understood = understood.map_err(|reason| CheckpointError::NoArchitecture {
        path: checkpoint.path().to_owned(),
        reason,
    });
    let coverage = coverage(tensors.to_vec(), understood.as_ref().ok());
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
            (Some(_), _) if tensor.element != Element::F32 => {
                Some(format!("{} read as F32", tensor.element))
            }
            (Some(_), Some(known)) if known.source == INFERRED => {
                Some(format!("told by {INFERRED}"))
            }
            (Some(_), _) => None,
            (None, _) if tensor.aside.is_some() => tensor.aside.clone(),
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
fn uses(understood: &Understood) -> BTreeMap<String, String> {
    let mut uses: BTreeMap<String, String> = BTreeMap::new();
    for tensor in understood.architecture.tensors().unwrap_or_default() {
        let sources: Vec<&str> = match understood.fills.get(&tensor.name) {
            None => vec![&tensor.name],
            Some(Fill::Tensor(excerpt)) => vec![&excerpt.tensor],
            Some(Fill::Joined(parts)) => parts.iter().map(|part| &*part.tensor).collect(),
            Some(Fill::Zeros | Fill::Ones) => Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorEntry> {
        let entry = |(name, shape): &(&str, &[usize])| TensorEntry {
            name: (*name).to_owned(),
            shape: shape.to_vec(),
            element: Element::F32,
            aside: None,
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
