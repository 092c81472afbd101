//! The parts of a network that its graph tells, where it makes no whole architecture: every node
//! with a kernel is a layer of links, and layers are joined where the neurons of one reach the next
//! through nodes that keep them apart.
//!
//! `wiring` makes one graph of all graphs of the model. `weights` follows tensors to the nodes that
//! take them (`known`, `layouts`). `reader` reads the nodes with a kernel, each of which becomes a
//! [`links::Link`]: `products`, `sliding`, `layers`, `scales` and `biases` are its parts. `joints`
//! follows their neurons, by what `passing` and `track` say of single nodes. `trees` makes layers
//! of an architecture of them.

mod biases;
mod joints;
mod known;
mod layers;
mod layouts;
mod left_over;
mod links;
mod passing;
mod products;
mod reader;
mod scales;
mod sliding;
mod track;
mod trees;
mod weights;
mod wiring;

use std::collections::{BTreeSet, HashMap};

use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Model;
use cntflow_storage::FullMessage;

use super::translator::Translator;
use crate::error::TranslationError;
use crate::image_size::has_places;
use crate::recipe::{Scaling, TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;
use joints::{Joiner, Joint};
use left_over::left_over;
use links::{Kind, Link};
use reader::Reader;
use trees::Trees;
use weights::Weights;
use wiring::Wiring;

/// The parts of a network that cannot be told as a whole because of `reason`; `None` if no node has
/// a kernel.
pub(super) fn parts<'m>(
    model: &'m Model<'m>,
    file: &'m [u8],
    reason: &TranslationError,
) -> Option<ResolvedArchitecture> {
    let wiring = Wiring::of(model);
    let mut weights = Weights::of(model, file, &wiring);
    let mut translator = Translator::new(model, file);
    let mut links = read(&translator, &wiring, &mut weights);
    let mut joints = Joiner::new(&wiring, &weights, &links).joints(&mut links);
    let is_kept = drop_loose_pools(&links, &mut joints);
    let nodes: Vec<&Node<'_>> = wiring.steps.iter().map(|step| step.node).collect();
    let mut trees = Trees {
        translator: &mut translator,
        links: &links,
        nodes: &nodes,
        apart: joints.iter().map(Joint::apart).collect(),
        names: HashMap::new(),
    };
    for root in 0..links.len() {
        if is_kept[root] && joints[root].parent.is_none() {
            trees.add(root, &joints);
        }
    }
    finished(translator, &weights, &wiring, reason)
}

/// All nodes with a kernel. One that has the kernel of an earlier one is left out: both are the
/// same links.
fn read<'m>(
    translator: &Translator<'m, 'm>,
    wiring: &Wiring<'m>,
    weights: &mut Weights<'m>,
) -> Vec<Link<'m>> {
    let mut reader = Reader {
        translator,
        wiring,
        weights,
    };
    let mut links: Vec<Link<'m>> = Vec::new();
    let mut by_weight: HashMap<&str, Vec<usize>> = HashMap::new();
    for step in 0..wiring.steps.len() {
        let Some(link) = reader.link(step) else {
            continue;
        };
        if let Some(&name) = link.names.first() {
            let same_weight = by_weight.entry(name).or_default();
            let mut others = same_weight.iter().map(|&other| &links[other].kind);
            if same_weight.len() >= MAX_USES || others.any(|other| is_same(other, &link.kind)) {
                continue;
            }
            same_weight.push(links.len());
        }
        links.push(link);
        if links.len() == MAX_LINKS {
            break;
        }
    }
    links
}

/// The most layers of links of a model: several times those of the largest that are known, and few
/// enough for the memory that a hostile file may take. The others are left over.
const MAX_LINKS: usize = 10_000;

/// The most layers of links that one tensor may have the kernels of.
const MAX_USES: usize = 64;

/// Whether two nodes have the same kernel.
fn is_same(first: &Kind<'_>, second: &Kind<'_>) -> bool {
    match (first, second) {
        (Kind::Dense { weight: a, .. }, Kind::Dense { weight: b, .. })
        | (Kind::Embedding { weight: a, .. }, Kind::Embedding { weight: b, .. })
        | (Kind::LayerNorm { scale: a, .. }, Kind::LayerNorm { scale: b, .. })
        | (Kind::GroupNorm { scale: a, .. }, Kind::GroupNorm { scale: b, .. }) => a == b,
        (Kind::Convolution(a), Kind::Convolution(b)) => {
            a.weight == b.weight && a.is_transposed == b.is_transposed
        }
        (Kind::BatchNorm { tensors: a, .. }, Kind::BatchNorm { tensors: b, .. }) => a == b,
        (Kind::Recurrent { weights: a, .. }, Kind::Recurrent { weights: b, .. }) => {
            a.input == b.input && a.state == b.state
        }
        _ => false,
    }
}

/// Takes out the poolings that do not stand between two kernels; says which layers are left.
fn drop_loose_pools(links: &[Link<'_>], joints: &mut [Joint]) -> Vec<bool> {
    let mut is_kept = vec![true; links.len()];
    // From the end, so that what is behind a pooling is known.
    for index in (0..links.len()).rev() {
        let before = joints[index].children.len();
        let kept = joints[index].children.iter().copied();
        let kept: Vec<usize> = kept.filter(|&child| is_kept[child]).collect();
        joints[index].is_open |= kept.len() < before;
        is_kept[index] = !links[index].kind.is_pool() || !kept.is_empty();
        joints[index].children = kept;
    }
    for index in 0..links.len() {
        if links[index].kind.is_pool() && joints[index].parent.is_none() {
            is_kept[index] = false;
            for child in std::mem::take(&mut joints[index].children) {
                joints[child].parent = None;
            }
        }
    }
    is_kept
}

/// The architecture of all parts.
fn finished<'m>(
    translator: Translator<'m, 'm>,
    weights: &Weights<'m>,
    wiring: &Wiring<'m>,
    reason: &TranslationError,
) -> Option<ResolvedArchitecture> {
    let model = translator.model;
    let mut resolved = translator.builder.finish(Vec::new(), "ONNX");
    if resolved.architecture.layers.is_empty() {
        return None;
    }
    let expected = resolved.architecture.tensors().ok()?;
    let names: BTreeSet<&str> = expected.iter().map(|spec| &*spec.name).collect();
    resolved.recipes.retain(|name, _| names.contains(&**name));
    for spec in &expected {
        // A tensor that the file has under the same name needs no recipe, but a scale.
        let scaling = weights.scalings().get(&spec.name);
        if scaling.is_some() && !resolved.recipes.contains_key(&spec.name) {
            let whole = TensorSlice::whole(&*spec.name);
            let recipe = TensorRecipe::Slice(whole);
            resolved.recipes.insert(spec.name.clone(), recipe);
        }
    }
    for recipe in resolved.recipes.values_mut() {
        scale(recipe, weights);
    }
    resolved.image_size_unknown = resolved.architecture.layers.iter().any(has_places);
    resolved.in_parts = Some(reason.full_message());
    let placed = resolved.used_tensors();
    let is_placed = |name: &str| placed.contains_key(name);
    resolved.left_over = left_over(model, wiring, weights, is_placed);
    Some(resolved)
}

/// Says what the numbers of quantised tensors stand for.
fn scale(recipe: &mut TensorRecipe, weights: &Weights<'_>) {
    for slice in recipe.slices_mut() {
        let Some(scaling) = weights.scalings().get(&slice.tensor) else {
            continue;
        };
        let factor = slice.scaling.as_ref().map_or(1.0, |own| own.factor);
        slice.scaling = Some(Scaling {
            factor: scaling.factor * factor,
            ..scaling.clone()
        });
    }
}
