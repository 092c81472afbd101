//! Transformers of known families: a stem that makes a sequence of the inputs, encoder blocks, and
//! what comes behind them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use cntflow_formats::TensorEntry;
use cntflow_network::{Layer, TakeStep, TakenStep};

use super::chain::{ChainBuilder, Output};
use super::family::{FAMILIES, Family};
use super::hints::Hints;
use super::layer_order::by_path;
use super::module::Module;
use super::stem::Stem;
use crate::error::{Translated, unsupported};
use crate::resolved::ResolvedArchitecture;

/// Modules by their names.
type ModuleIndex<'m, 't> = BTreeMap<&'m str, &'m Module<'t>>;

/// Tensors that are no parameters of modules, with their names without wrappers.
type OtherTensors<'t> = [(String, &'t TensorEntry)];

/// Infers a transformer; `None` where no known family has blocks like these.
pub(super) fn infer(
    modules: &[Module<'_>],
    others: &OtherTensors<'_>,
    hints: Hints,
) -> Option<Translated<ResolvedArchitecture>> {
    let index: ModuleIndex<'_, '_> = modules
        .iter()
        .map(|module| (&*module.path, module))
        .collect();
    let (family, blocks) = FAMILIES.iter().find_map(|family| {
        let blocks = blocks(family, &index);
        (!blocks.is_empty()).then_some((family, blocks))
    })?;
    let transformer = Transformer {
        index,
        family,
        blocks,
        others,
    };
    Some(transformer.build(hints))
}

/// Names of the blocks that have every module of the family's, in their order.
fn blocks<'m>(family: &Family, index: &ModuleIndex<'m, '_>) -> Vec<&'m str> {
    let last = format!(".{}", family.feed_forward[1]);
    let candidates = index.keys().filter_map(|path| path.strip_suffix(&*last));
    let mut blocks: Vec<&str> = candidates
        .filter(|block| {
            let mut parts = family.modules();
            parts.all(|part| index.contains_key(&*format!("{block}.{part}")))
        })
        .collect();
    blocks.sort_by(|a, b| by_path(a, b));
    blocks
}

/// A transformer of a family.
pub(super) struct Transformer<'m, 't> {
    index: ModuleIndex<'m, 't>,
    pub(super) family: &'static Family,
    blocks: Vec<&'m str>,
    others: &'m OtherTensors<'t>,
}

impl<'m, 't> Transformer<'m, 't> {
    fn build(&self, hints: Hints) -> Translated<ResolvedArchitecture> {
        // The activation that the metadata tells is that of the blocks, not of dense layers outside
        // them.
        let mut chain = ChainBuilder::new(Hints {
            activation: None,
            ..hints
        });
        chain.assume(format!(
            "its blocks are named as those of {}",
            self.family.name
        ));
        let units = self.units()?;
        let (stem, tail) = self.outside_blocks();
        let mut left_out = self.unknown_in_blocks();
        let tensors = self.others.iter();
        let tensors: Vec<&(String, &TensorEntry)> = tensors
            .filter(|(name, _)| self.block_of(name).is_none())
            .collect();
        let stem = Stem {
            modules: &stem,
            tensors: &tensors,
            units,
        };
        let has_class_token = stem.push(&mut chain, &mut left_out)?;
        for block in &self.blocks {
            self.block(&mut chain, block, units, hints.activation)?;
        }
        chain.output = Output::Steps(units);
        push_tail(&mut chain, &tail, has_class_token, &mut left_out);
        if !left_out.is_empty() {
            left_out.sort();
            chain.assume(format!(
                "cannot be expressed, and is left out: {}",
                left_out.join(", ")
            ));
        }
        chain.finish()
    }

    /// A module of a block.
    pub(super) fn part(&self, block: &str, module: &str) -> Translated<&'m Module<'t>> {
        let path = format!("{block}.{module}");
        let module = self.index.get(&*path).copied();
        module.ok_or_else(|| unsupported(format!("there is no {path}")))
    }

    /// Units of the sequence, which all blocks must have.
    fn units(&self) -> Translated<usize> {
        let mut units = None;
        for block in &self.blocks {
            let norm = self.part(block, self.family.norms[0])?;
            match (norm.shape("weight").first().copied(), units) {
                (Some(n), None) => units = Some(n),
                (Some(n), Some(before)) if n == before => {}
                (n, before) => {
                    return Err(unsupported(format!(
                        "{} has {n:?} units, the blocks before have {before:?}",
                        norm.shown()
                    )));
                }
            }
        }
        units.ok_or_else(|| unsupported("there is no block"))
    }

    /// Modules before and behind the blocks.
    fn outside_blocks(&self) -> (Vec<&'m Module<'t>>, Vec<&'m Module<'t>>) {
        let outside = self.index.values().copied();
        let outside = outside.filter(|module| self.block_of(&module.path).is_none());
        let first = self.blocks.first().copied().unwrap_or_default();
        let (mut stem, mut tail): (Vec<_>, Vec<_>) = outside.partition(|module| {
            // Convolutions cut images into patches, whatever their name.
            module.rank() == 4 || by_path(&module.path, first) == Ordering::Less
        });
        stem.sort_by(|a, b| by_path(&a.path, &b.path));
        tail.sort_by(|a, b| by_path(&a.path, &b.path));
        (stem, tail)
    }

    fn block_of(&self, path: &str) -> Option<&'m str> {
        let is_within = |block: &&&str| {
            path.strip_prefix(**block)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        self.blocks.iter().find(is_within).copied()
    }

    /// Modules and tensors within blocks that no block of the family has: masks that are kept
    /// beside the weights, say.
    fn unknown_in_blocks(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self.family.modules().collect();
        let modules = self.index.keys().filter(|path| {
            let part = self.block_of(path).map(|block| &path[block.len() + 1..]);
            part.is_some_and(|part| !known.contains(part))
        });
        let modules = modules.map(|path| (*path).to_owned());
        let tensors = self.others.iter().map(|(name, _)| name);
        let tensors = tensors.filter(|name| self.block_of(name).is_some());
        modules.chain(tensors.cloned()).collect()
    }
}

/// Adds norms and dense layers behind the blocks. What does not fit is left out, with the reason.
fn push_tail(
    chain: &mut ChainBuilder,
    tail: &[&Module<'_>],
    has_class_token: bool,
    left_out: &mut Vec<String>,
) {
    let has_pooler = tail.iter().any(|module| module.path.contains("pooler"));
    let (norms, dense): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        tail.iter().partition(|module| module.is_norm());
    for module in norms.into_iter().chain(dense) {
        let before = chain.clone();
        if matches!(chain.output, Output::Steps(_)) && module.rank() == 2 {
            take_step(chain, module, has_class_token || has_pooler);
        }
        if let Err(error) = chain.push(module) {
            *chain = before;
            left_out.push(format!("{} ({error})", module.path));
        }
    }
}

/// Takes the step that a dense layer after the blocks sees: the last, if the layer is the head of a
/// language model, which has as many units as there are tokens; the first, if there is a class
/// token or a pooler; else the mean of all steps.
fn take_step(chain: &mut ChainBuilder, module: &Module<'_>, first_step_sums_up: bool) {
    let (Output::Steps(units), [n, ..]) = (chain.output, &module.shape("weight")[..]) else {
        return;
    };
    let mut layers = chain.architecture.layers().iter();
    let tokens = layers.find_map(|layer| match layer {
        Layer::Embedding(layer) => Some(layer.tokens),
        _ => None,
    });
    let (which, shown) = if tokens == Some(*n) {
        (TakenStep::Last, "the last step")
    } else if first_step_sums_up {
        (TakenStep::First, "the first step")
    } else {
        (TakenStep::Mean, "the mean of all steps")
    };
    chain.assume(format!(
        "{} is taken to see {shown}; no weight metric depends on it",
        module.path
    ));
    chain.add_layer(Layer::TakeStep(TakeStep { which }));
    chain.output = Output::Units(units);
}
