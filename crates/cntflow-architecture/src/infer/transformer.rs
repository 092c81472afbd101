//! Transformers of known families: what makes a sequence of the inputs, encoder blocks, and what comes behind them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::{Layer, TakeStep, TakenStep};

use super::build::{At, Builder};
use super::family::{FAMILIES, Family};
use super::hints::Hints;
use super::names::Module;
use super::{Inferred, finish, front, order};
use cntflow_formats::TensorEntry;

/// Modules by their names.
type Index<'m, 't> = BTreeMap<&'m str, &'m Module<'t>>;

/// Tensors that are no parameters of modules, with their names without wrappers.
pub(super) type Others<'t> = [(String, &'t TensorEntry)];

/// Tells a transformer; `None` where no family has blocks like these.
pub(super) fn infer(
    modules: &[Module<'_>],
    others: &Others<'_>,
    hints: Hints,
) -> Option<Result<Inferred, String>> {
    let index: Index<'_, '_> = modules
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

/// Names of the blocks, in their order.
fn blocks<'m>(family: &Family, index: &Index<'m, '_>) -> Vec<&'m str> {
    let last = format!(".{}", family.feed_forward[1]);
    let named = index.keys().filter_map(|path| path.strip_suffix(&*last));
    let mut blocks: Vec<&str> = named
        .filter(|block| {
            let mut parts = family.modules();
            parts.all(|part| index.contains_key(&*format!("{block}.{part}")))
        })
        .collect();
    blocks.sort_by(|a, b| order::by_path(a, b));
    blocks
}

/// A transformer of a family.
pub(super) struct Transformer<'m, 't> {
    index: Index<'m, 't>,
    pub(super) family: &'static Family,
    blocks: Vec<&'m str>,
    others: &'m Others<'t>,
}

impl<'m, 't> Transformer<'m, 't> {
    fn build(&self, hints: Hints) -> Result<Inferred, String> {
        let mut builder = Builder::new(Hints {
            activation: None,
            ..hints
        });
        builder.doubt(format!(
            "its blocks are named as those of {}",
            self.family.name
        ));
        let units = self.units()?;
        let (front, tail) = self.outer();
        let mut left = self.left_in_blocks();
        let outside = self
            .others
            .iter()
            .filter(|(name, _)| self.block_of(name).is_none());
        let outside: Vec<&(String, &TensorEntry)> = outside.collect();
        let classed = front::push(&mut builder, (&front, &outside), units, &mut left)?;
        for block in &self.blocks {
            self.block(&mut builder, block, units, hints.activation)?;
        }
        builder.at = At::Steps(units);
        self.tail(&mut builder, &tail, classed, &mut left);
        if !left.is_empty() {
            left.sort();
            builder.doubt(format!("not expressed, and left out: {}", left.join(", ")));
        }
        finish(builder)
    }

    pub(super) fn part(&self, block: &str, module: &str) -> Result<&'m Module<'t>, String> {
        let path = format!("{block}.{module}");
        let found = self.index.get(&*path).copied();
        found.ok_or_else(|| format!("there is no {path}"))
    }

    /// Units of the sequence, which all blocks must have.
    fn units(&self) -> Result<usize, String> {
        let mut units = None;
        for block in &self.blocks {
            let norm = self.part(block, self.family.norms[0])?;
            match (norm.shape("weight")[..].first(), units) {
                (Some(&n), None) => units = Some(n),
                (Some(&n), Some(known)) if n == known => {}
                (n, known) => {
                    return Err(format!(
                        "{} has {n:?} units, the blocks before have {known:?}",
                        norm.shown()
                    ));
                }
            }
        }
        units.ok_or_else(|| "there is no block".to_owned())
    }

    /// Modules before and behind the blocks.
    fn outer(&self) -> (Vec<&'m Module<'t>>, Vec<&'m Module<'t>>) {
        let outer = self.index.values().copied();
        let outer = outer.filter(|module| self.block_of(&module.path).is_none());
        let first = self.blocks.first().copied().unwrap_or_default();
        let (mut front, mut tail): (Vec<_>, Vec<_>) = outer.partition(|module| {
            module.rank() == 4 || order::by_path(&module.path, first) == Ordering::Less
        });
        front.sort_by(|a, b| order::by_path(&a.path, &b.path));
        tail.sort_by(|a, b| order::by_path(&a.path, &b.path));
        (front, tail)
    }

    fn block_of(&self, path: &str) -> Option<&'m str> {
        let inside = |block: &&&str| {
            path.strip_prefix(**block)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        self.blocks.iter().find(inside).copied()
    }

    /// Modules and tensors within blocks that no block of the family has: masks that are kept beside the weights, say.
    fn left_in_blocks(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self.family.modules().collect();
        let modules = self.index.keys().filter(|path| {
            let own = self.block_of(path).map(|block| &path[block.len() + 1..]);
            own.is_some_and(|own| !known.contains(own))
        });
        let modules = modules.map(|path| (*path).to_owned());
        let others = self.others.iter().map(|(name, _)| name);
        let others = others.filter(|name| self.block_of(name).is_some());
        modules.chain(others.cloned()).collect()
    }

    /// Norms and dense layers behind the blocks; what does not fit is left out.
    fn tail(
        &self,
        builder: &mut Builder,
        tail: &[&Module<'_>],
        classed: bool,
        left: &mut Vec<String>,
    ) {
        let pooled = tail.iter().any(|module| module.path.contains("pooler"));
        let (norms, dense): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
            tail.iter().partition(|module| module.is_norm());
        for module in norms.into_iter().chain(dense) {
            let whole = builder.clone();
            if matches!(builder.at, At::Steps(_)) && module.rank() == 2 {
                take_step(builder, module, classed || pooled);
            }
            if let Err(reason) = builder.push(module) {
                *builder = whole;
                left.push(format!("{} ({reason})", module.path));
            }
        }
    }
}

/// Before a head over every step, as language models have them, nothing; else one step or their mean is taken.
fn take_step(builder: &mut Builder, module: &Module<'_>, first: bool) {
    let (At::Steps(units), [n, ..]) = (builder.at, &module.shape("weight")[..]) else {
        return;
    };
    let tokens = builder.layers.iter().find_map(|layer| match layer {
        Layer::Embedding(layer) => Some(layer.tokens),
        _ => None,
    });
    let which = match (tokens == Some(*n), first) {
        (true, _) => TakenStep::Last,
        (false, true) => TakenStep::First,
        (false, false) => TakenStep::Mean,
    };
    builder.doubt(format!(
        "{} is taken to see {}; no weight metric depends on it",
        module.path,
        match which {
            TakenStep::First => "the first step",
            TakenStep::Mean => "the mean of all steps",
            _ => "the last step",
        }
    ));
    builder.layers.push(Layer::TakeStep(TakeStep { which }));
    builder.at = At::Units(units);
}
