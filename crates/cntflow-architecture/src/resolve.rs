//! Decides which architecture a checkpoint has (given, embedded, or inferred from names and shapes)
//! and what each tensor is used as.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use cntflow_formats::{OpenCheckpoint, TensorEntry, sidecar};
use cntflow_network::Architecture;

use crate::composed::ComposedTensors;
use crate::coverage::{Coverage, coverage};
use crate::embedded::{embedded, tells_operators};
use crate::error::{ArchitectureError, Translated, TranslationError};
use crate::infer::{infer, infer_parts, positional_recipes, prefixed_recipes};
use crate::recipe::TensorRecipe;
use crate::resolved::ResolvedArchitecture;

/// Decides on the architecture of a checkpoint.
///
/// An architecture may be given: by the catalog (`from_catalog`), by a file beside the checkpoint
/// (`<file>.json`, `<file without its extension>.json` or `architecture.json`, holding the
/// architecture or an object with the key `architecture`), or by the checkpoint's metadata. The
/// first of these counts. If none is given, the architecture is the one that the format embeds, or
/// else it is inferred from the names and shapes of the tensors. Tensors of a given architecture
/// are found by name, with or without a prefix, or else by their position. Where neither makes a
/// whole network, it is known in parts ([`ResolvedArchitecture::in_parts`]). The coverage of the
/// tensors is returned in every case, also beside an error.
///
/// # Errors
/// [`ArchitectureError::WrongArchitecture`]: the architecture that is given does not follow the
/// schema. [`ArchitectureError::NoArchitecture`]: the embedded architecture cannot be expressed, or
/// none can be inferred, and no tensor is a kernel; then the coverage still says which are weights,
/// see [`weight_tensors`](crate::weight_tensors).
pub fn resolve_architecture(
    checkpoint: &OpenCheckpoint,
    from_catalog: Option<&str>,
) -> (
    Result<ResolvedArchitecture, ArchitectureError>,
    Vec<Coverage>,
) {
    let path = || checkpoint.path().to_owned();
    let composed = ComposedTensors::of(checkpoint.tensors());
    let resolved = match architecture_text(checkpoint, from_catalog) {
        Some((text, origin)) => serde_json::from_str(&text)
            .map(|architecture| with_recipes(architecture, origin, checkpoint, &composed))
            .map_err(|source| ArchitectureError::WrongArchitecture {
                path: path(),
                origin,
                source,
            }),
        None => embedded(checkpoint)
            .map(|described| {
                described.or_else(|reason| described_in_parts(checkpoint, &composed, reason))
            })
            .unwrap_or_else(|| inferred(checkpoint, &composed))
            .map_err(|source| no_architecture(path(), source)),
    };
    let resolved = resolved.and_then(|resolved| {
        let applied = composed.apply(resolved);
        applied.map_err(|source| no_architecture(path(), source))
    });
    let tensors = checkpoint.tensors().to_vec();
    let coverage = coverage(tensors, resolved.as_ref(), &composed);
    (resolved, coverage)
}

fn no_architecture(path: PathBuf, source: TranslationError) -> ArchitectureError {
    ArchitectureError::NoArchitecture {
        path,
        source: Box::new(source),
    }
}

/// The text of an architecture in our schema, and where it was found.
fn architecture_text(
    checkpoint: &OpenCheckpoint,
    from_catalog: Option<&str>,
) -> Option<(String, &'static str)> {
    let catalog = from_catalog.map(|text| (text.to_owned(), "catalog"));
    let beside = || sidecar::architecture(checkpoint.path()).map(|text| (text, "sidecar"));
    let metadata = || {
        let text = checkpoint.metadata().remove("architecture");
        // Other tools put the name of an architecture under this key, `resnet18` say.
        let text = text.filter(|text| text.trim_start().starts_with('{'));
        text.map(|text| (text, "metadata"))
    };
    catalog.or_else(beside).or_else(metadata)
}

/// A given architecture with the recipes of its tensors. If the file embeds an architecture that
/// expects the same tensors, its recipes are used: formats know the layout of their own kernels.
fn with_recipes(
    architecture: Architecture,
    source: &'static str,
    checkpoint: &OpenCheckpoint,
    composed: &ComposedTensors,
) -> ResolvedArchitecture {
    let (recipes, assumptions) = match embedded_recipes(&architecture, checkpoint) {
        Some(recipes) => (recipes, Vec::new()),
        None => recipes_by_name_or_position(&architecture, &composed.tensors),
    };
    ResolvedArchitecture {
        architecture,
        recipes,
        source,
        assumptions,
        image_size_unknown: false,
        in_parts: None,
        left_over: BTreeMap::new(),
    }
}

/// Recipes by the names of the file's tensors, with or without a prefix; by their position if no
/// name is one of the architecture's.
fn recipes_by_name_or_position(
    architecture: &Architecture,
    tensors: &[TensorEntry],
) -> (BTreeMap<String, TensorRecipe>, Vec<String>) {
    let by_prefix = prefixed_recipes(architecture, tensors);
    let expected = architecture.tensors().unwrap_or_default();
    let names: HashSet<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
    let no_name_matches = expected.iter().all(|spec| !names.contains(&*spec.name));
    if by_prefix.0.is_empty() && no_name_matches {
        return positional_recipes(architecture, tensors).unwrap_or(by_prefix);
    }
    by_prefix
}

fn embedded_recipes(
    given: &Architecture,
    checkpoint: &OpenCheckpoint,
) -> Option<BTreeMap<String, TensorRecipe>> {
    let embedded = embedded(checkpoint)?.ok()?;
    let shapes = |architecture: &Architecture| {
        let specs = architecture.tensors().unwrap_or_default();
        let named = specs.into_iter().map(|spec| (spec.name, spec.shape));
        named.collect::<BTreeMap<_, _>>()
    };
    (shapes(given) == shapes(&embedded.architecture)).then_some(embedded.recipes)
}

fn inferred(
    checkpoint: &OpenCheckpoint,
    composed: &ComposedTensors,
) -> Translated<ResolvedArchitecture> {
    infer(&composed.tensors, &checkpoint.metadata()).or_else(|error| {
        let reason = TranslationError::NotInferred(Box::new(error));
        in_parts(checkpoint, composed, false, reason)
    })
}

/// The parts of a network that its file describes in a way that cannot be expressed because of
/// `reason`. Names of tensors in graphs of operators tell nothing.
fn described_in_parts(
    checkpoint: &OpenCheckpoint,
    composed: &ComposedTensors,
    reason: TranslationError,
) -> Translated<ResolvedArchitecture> {
    if tells_operators(checkpoint) {
        return Err(reason);
    }
    in_parts(checkpoint, composed, true, reason)
}

/// The parts of a network that cannot be told as a whole because of `reason`. `is_described` says
/// whether the file itself describes the network, in a way that cannot be expressed.
fn in_parts(
    checkpoint: &OpenCheckpoint,
    composed: &ComposedTensors,
    is_described: bool,
    reason: TranslationError,
) -> Translated<ResolvedArchitecture> {
    infer_parts(
        &composed.tensors,
        &checkpoint.metadata(),
        is_described,
        reason,
    )
}
