//! What a checkpoint's tensors mean: the architecture it carries, is given, or that its names and shapes tell; and, for every tensor,
//! what it is used as or why not.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cntflow_network::{Architecture, Network, Tensor};

use crate::coverage::coverage;
use crate::embedded::embedded;
use crate::infer::{self, fills_by_suffix, fills_in_turn};
use crate::{ArchitectureError, Coverage, EmbeddedArchitecture, TensorRecipe, TensorSlice};
use cntflow_formats::{OpenCheckpoint, sidecar};

/// Source of an architecture that nobody tells.
pub(crate) const INFERRED: &str = "names and shapes";

/// An architecture with the tensors that fill it.
#[derive(Clone, Debug)]
pub struct ResolvedArchitecture {
    /// The architecture.
    pub architecture: Architecture,
    /// What its tensors are made of, by their names in the architecture; one that is not listed is the file's tensor of that name.
    pub recipes: BTreeMap<String, TensorRecipe>,
    /// Where it comes from: `catalog`, `sidecar`, `metadata`, the name of a format that carries it, or `names and shapes`.
    pub source: &'static str,
    /// What is not certain about it.
    pub assumptions: Vec<String>,
    /// Whether the size of images, and with it strides and paddings, is one that fits but that nothing tells: of its convolutions only
    /// the graph of channels means anything then.
    pub sizes_assumed: bool,
}

impl ResolvedArchitecture {
    /// The network: the architecture filled with the checkpoint's weights.
    ///
    /// # Errors
    /// A tensor is missing, has another shape than the architecture says, or holds no real weights.
    pub fn network(self, checkpoint: &OpenCheckpoint) -> Result<Network<'_>, ArchitectureError> {
        let unreadable: RefCell<Option<ArchitectureError>> = RefCell::new(None);
        let expected: BTreeMap<String, Vec<usize>> = match self.recipes.is_empty() {
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
            let filled = match self.recipes.get(name) {
                None if checkpoint.tensor(name).is_none() => return None,
                None => excerpt(checkpoint, &TensorSlice::whole(name)),
                Some(TensorRecipe::Tensor(part)) => excerpt(checkpoint, part),
                Some(TensorRecipe::Joined(parts)) => joined(checkpoint, name, parts),
                Some(TensorRecipe::Zeros) => Ok(constant(expected.get(name)?, 0.0)),
                Some(TensorRecipe::Ones) => Ok(constant(expected.get(name)?, 1.0)),
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

fn broken(checkpoint: &OpenCheckpoint, reason: String) -> ArchitectureError {
    ArchitectureError::Mismatch {
        path: checkpoint.path().to_owned(),
        reason,
    }
}

fn excerpt<'a>(
    checkpoint: &'a OpenCheckpoint,
    excerpt: &TensorSlice,
) -> Result<Tensor<'a>, ArchitectureError> {
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
    parts: &[TensorSlice],
) -> Result<Tensor<'a>, ArchitectureError> {
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

/// Tells the architecture of a checkpoint: `given` by the catalog, else by a file beside it (`<file>.json`, `<file without its
/// extension>.json` or `architecture.json`, holding the architecture or an object with the key `architecture`), else carried in its
/// metadata or by its format, else inferred from names and shapes. Where it is told and the file's names have a prefix that its own
/// have not, the tensors are found by the ends of their names. The coverage of the tensors comes in every case.
///
/// # Errors
/// [`ArchitectureError::WrongArchitecture`]: the one that is given is not as the schema has it. [`ArchitectureError::NoArchitecture`]: the
/// one that a format carries cannot be expressed, or none can be inferred; then coverage says which tensors are kernels and biases all
/// the same, see [`weight_tensors`](crate::weight_tensors).
pub fn resolve_architecture(
    checkpoint: &OpenCheckpoint,
    given: Option<&str>,
) -> (
    Result<ResolvedArchitecture, ArchitectureError>,
    Vec<Coverage>,
) {
    let tensors = checkpoint.tensors();
    let path = || checkpoint.path().to_owned();
    let understood = match told(checkpoint, given) {
        Some((text, source)) => parse(&text, source)
            .map(|architecture| filled(architecture, source, checkpoint))
            .map_err(|reason| ArchitectureError::WrongArchitecture {
                path: path(),
                reason,
            }),
        None => match embedded(checkpoint) {
            Some(embedded) => of_format(embedded, checkpoint.format()),
            None => inferred(checkpoint),
        }
        .map_err(|reason| ArchitectureError::NoArchitecture {
            path: path(),
            reason,
        }),
    };
    let coverage = coverage(tensors.to_vec(), understood.as_ref());
    (understood, coverage)
}

/// The text of an architecture in our schema, and where it was found.
fn told(checkpoint: &OpenCheckpoint, given: Option<&str>) -> Option<(String, &'static str)> {
    let catalog = given.map(|text| (text.to_owned(), "catalog"));
    let beside = || sidecar::architecture(checkpoint.path()).map(|text| (text, "sidecar"));
    // Foreign metadata have names of architectures under this key, `resnet18` say.
    let metadata = || {
        let text = checkpoint.metadata().remove("architecture");
        let text = text.filter(|text| text.trim_start().starts_with('{'));
        text.map(|text| (text, "metadata"))
    };
    catalog.or_else(beside).or_else(metadata)
}

fn parse(text: &str, source: &str) -> Result<Architecture, String> {
    let architecture: Result<Architecture, _> = serde_json::from_str(text);
    architecture
        .map_err(|error| format!("the one in its {source} is not as the schema has it: {error}"))
}

/// An architecture that is told, filled with the tensors of its names, or as the format recipes the one it carries, where both expect
/// the same tensors: formats know how their own kernels are laid out.
fn filled(
    architecture: Architecture,
    source: &'static str,
    checkpoint: &OpenCheckpoint,
) -> ResolvedArchitecture {
    let (recipes, assumptions) = match embedded_recipes(&architecture, embedded(checkpoint)) {
        Some(recipes) => (recipes, Vec::new()),
        None => fills_by_name(&architecture, checkpoint),
    };
    ResolvedArchitecture {
        architecture,
        recipes,
        source,
        assumptions,
        sizes_assumed: false,
    }
}

/// By names, whatever their prefix; where the names are others, in turn.
fn fills_by_name(
    architecture: &Architecture,
    checkpoint: &OpenCheckpoint,
) -> (BTreeMap<String, TensorRecipe>, Vec<String>) {
    let by_suffix = fills_by_suffix(architecture, checkpoint.tensors());
    let wanted = architecture.tensors().unwrap_or_default();
    let none_is_there = wanted
        .iter()
        .all(|spec| checkpoint.tensor(&spec.name).is_none());
    if by_suffix.0.is_empty() && none_is_there {
        return fills_in_turn(architecture, checkpoint.tensors()).unwrap_or(by_suffix);
    }
    by_suffix
}

fn embedded_recipes(
    told: &Architecture,
    embedded: Option<EmbeddedArchitecture>,
) -> Option<BTreeMap<String, TensorRecipe>> {
    let embedded = embedded?;
    let architecture = embedded.architecture.ok()?;
    let shapes = |architecture: &Architecture| {
        let specs = architecture.tensors().unwrap_or_default();
        let named = specs.into_iter().map(|spec| (spec.name, spec.shape));
        named.collect::<BTreeMap<_, _>>()
    };
    (shapes(told) == shapes(&architecture)).then_some(embedded.recipes)
}

fn of_format(
    embedded: EmbeddedArchitecture,
    source: &'static str,
) -> Result<ResolvedArchitecture, String> {
    Ok(ResolvedArchitecture {
        architecture: embedded.architecture?,
        recipes: embedded.recipes,
        source,
        assumptions: embedded.assumptions,
        sizes_assumed: false,
    })
}

fn inferred(checkpoint: &OpenCheckpoint) -> Result<ResolvedArchitecture, String> {
    let inferred = infer::infer(checkpoint.tensors(), &checkpoint.metadata());
    let inferred = inferred.map_err(|reason| format!("none is carried, and {reason}"))?;
    Ok(ResolvedArchitecture {
        architecture: inferred.architecture,
        recipes: inferred.recipes,
        source: INFERRED,
        assumptions: inferred.assumptions,
        sizes_assumed: inferred.sizes_assumed,
    })
}
