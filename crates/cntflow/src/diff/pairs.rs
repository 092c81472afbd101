//! Which tensors of two checkpoints belong together.

use std::collections::{BTreeSet, HashMap};

use cntflow_architecture::{ResolvedArchitecture, bare_names};
use cntflow_formats::TensorEntry;
use cntflow_network::TensorSpec;

use super::side::DiffSide;

/// How tensors of both checkpoints were found to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchedBy {
    /// By the layers' names and by what a tensor is to its layer: both have an architecture.
    Layer,
    /// By their place in the network: the layers have the same shapes and other names.
    Place,
    /// By the names of the tensors, because an architecture is not known.
    Name,
}

impl MatchedBy {
    /// The name in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Place => "place",
            Self::Name => "name",
        }
    }
}

/// A tensor of one checkpoint: one of its network, or one of the file that no network uses.
#[derive(Debug)]
pub(super) struct OneTensor<'s> {
    /// Its name in the network, or in the file without prefixes of wrappers.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) used_as: Option<String>,
    /// Why it is not used.
    pub(super) reason: Option<String>,
    pub(super) source: Source<'s>,
}

/// Where the values of a tensor come from.
#[derive(Debug)]
pub(super) enum Source<'s> {
    /// A tensor of the architecture, which may be made of several of the file.
    Network(&'s ResolvedArchitecture, TensorSpec),
    /// A tensor of the file.
    File(&'s TensorEntry),
}

/// Two tensors that belong together, or one without the other.
pub(super) type Pair<'s> = [Option<OneTensor<'s>>; 2];

/// Pairs the tensors of both checkpoints.
pub(super) fn pairs(sides: &[DiffSide; 2]) -> (Vec<Pair<'_>>, MatchedBy) {
    let [specs_a, specs_b] = sides.each_ref().map(network_tensors);
    let (Some(specs_a), Some(specs_b)) = (specs_a, specs_b) else {
        let [a, b] = sides.each_ref().map(|side| file_tensors(side, true));
        return (paired(a, b), MatchedBy::Name);
    };
    let matched_by = if are_at_the_same_places(&specs_a, &specs_b) {
        MatchedBy::Place
    } else {
        MatchedBy::Layer
    };
    let mut a = of_network(&sides[0], specs_a);
    let mut b = of_network(&sides[1], specs_b);
    if matched_by == MatchedBy::Place {
        for (a, b) in a.iter().zip(&mut b) {
            b.name.clone_from(&a.name);
        }
    }
    a.extend(file_tensors(&sides[0], false));
    b.extend(file_tensors(&sides[1], false));
    (paired(a, b), matched_by)
}

/// The tensors of a checkpoint's network; `None` without an architecture.
fn network_tensors(side: &DiffSide) -> Option<Vec<TensorSpec>> {
    side.resolved.as_ref().ok()?.architecture.tensors().ok()
}

/// Whether two networks have the same tensors one after the other, under other names.
fn are_at_the_same_places(a: &[TensorSpec], b: &[TensorSpec]) -> bool {
    let parameter = |spec: &TensorSpec| {
        let last = spec.name.rsplit('.').next();
        (last.unwrap_or_default().to_owned(), spec.shape.clone())
    };
    let names = |specs: &[TensorSpec]| -> BTreeSet<String> {
        specs.iter().map(|spec| spec.name.clone()).collect()
    };
    names(a) != names(b) && a.iter().map(parameter).eq(b.iter().map(parameter))
}

fn of_network(side: &DiffSide, specs: Vec<TensorSpec>) -> Vec<OneTensor<'_>> {
    let Ok(resolved) = &side.resolved else {
        return Vec::new();
    };
    let tensors = specs.into_iter().map(|spec| OneTensor {
        name: spec.name.clone(),
        shape: spec.shape.clone(),
        used_as: Some(spec.used_as.clone()),
        reason: None,
        source: Source::Network(resolved, spec),
    });
    tensors.collect()
}

/// The tensors of a file: all, or those that its network does not use.
fn file_tensors(side: &DiffSide, all: bool) -> Vec<OneTensor<'_>> {
    let entries = side.checkpoint.tensors();
    let covered = entries.iter().zip(bare_names(entries)).zip(&side.coverage);
    let tensors = covered.filter(|(_, coverage)| all || coverage.used_as.is_none());
    let tensors = tensors.map(|((entry, name), coverage)| OneTensor {
        name,
        shape: entry.shape.clone(),
        used_as: coverage.used_as.clone(),
        reason: coverage
            .reason
            .clone()
            .filter(|_| coverage.used_as.is_none()),
        source: Source::File(entry),
    });
    tensors.collect()
}

/// Pairs tensors of one name: those of `a` in their order, then the others of `b`.
fn paired<'s>(a: Vec<OneTensor<'s>>, b: Vec<OneTensor<'s>>) -> Vec<Pair<'s>> {
    let by_name = b.iter().enumerate();
    let by_name: HashMap<String, usize> = by_name
        .map(|(index, tensor)| (tensor.name.clone(), index))
        .collect();
    let mut b: Vec<Option<OneTensor<'s>>> = b.into_iter().map(Some).collect();
    let mut pairs: Vec<Pair<'s>> = Vec::new();
    for tensor in a {
        let same = by_name.get(&tensor.name);
        let same = same.and_then(|&index| b[index].take());
        pairs.push([Some(tensor), same]);
    }
    pairs.extend(b.into_iter().flatten().map(|tensor| [None, Some(tensor)]));
    pairs
}
