//! Residual networks by the names that torchvision, timm and most scripts give them: numbered blocks of `conv1`, `bn1`, `conv2`, `bn2`,
//! ..., some with a projection of what the block takes (`downsample`, `shortcut`), added to what its convolutions give.

use std::collections::BTreeMap;

use cntflow_network::{Add, Branch, GlobalPool, Layer};

use super::build::{At, Builder};
use super::hints::Hints;
use super::image::pad;
use super::names::Module;
use super::{Inferred, finish, order};

/// Names of the module that projects what a block takes.
const PROJECTIONS: [&str; 3] = ["downsample", "shortcut", "skip"];

/// A block.
#[derive(Default)]
struct Block<'m, 't> {
    /// Kernels and norms in turn.
    main: Vec<&'m Module<'t>>,
    /// Those of the projection.
    side: Vec<&'m Module<'t>>,
}

/// Tells a residual network; `None` where no block has a projection.
pub(super) fn infer(modules: &[Module<'_>], hints: Hints) -> Option<Result<Inferred, String>> {
    let mut blocks: BTreeMap<&str, Block<'_, '_>> = BTreeMap::new();
    let mut others = Vec::new();
    for module in modules {
        match place_of(&module.path) {
            Some((path, part)) => {
                let block = blocks.entry(path).or_default();
                let modules = match is_side(part) {
                    true => &mut block.side,
                    false => &mut block.main,
                };
                modules.push(module);
            }
            None => others.push(module),
        }
    }
    let whole = |block: &Block<'_, '_>| {
        let kernels = block.main.iter().filter(|module| !module.is_norm());
        kernels.count() >= 2
    };
    let projects = |block: &Block<'_, '_>| !block.side.is_empty();
    let is_one = blocks.values().all(whole) && blocks.values().any(projects);
    is_one.then(|| build(blocks, &others, hints))
}

/// The block that a module belongs to, and the module's name there.
fn place_of(path: &str) -> Option<(&str, &str)> {
    let mut parts = path
        .rmatch_indices('.')
        .map(|(at, _)| (&path[..at], &path[at + 1..]));
    parts.find(|(block, part)| {
        let last = block.rsplit('.').next().unwrap_or_default();
        let numbered = last.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let is_number = !numbered.is_empty() && numbered.bytes().all(|b| b.is_ascii_digit());
        is_number && (is_main(part) || is_side(part))
    })
}

/// `conv1`, `bn2`.
fn is_main(part: &str) -> bool {
    let number = ["conv", "bn", "norm"]
        .iter()
        .find_map(|stem| part.strip_prefix(stem));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_side(part: &str) -> bool {
    let first = part.split('.').next().unwrap_or_default();
    PROJECTIONS.contains(&first)
}

fn build(
    blocks: BTreeMap<&str, Block<'_, '_>>,
    others: &[&Module<'_>],
    hints: Hints,
) -> Result<Inferred, String> {
    let mut builder = Builder::new(hints);
    builder.doubt(
        "its blocks are named as those of residual networks: what a block takes is added to what its convolutions give",
    );
    let mut blocks: Vec<(&str, Block<'_, '_>)> = blocks.into_iter().collect();
    blocks.sort_by(|(a, _), (b, _)| order::by_path(a, b));
    let first = blocks.first().map_or("", |(path, _)| path);
    let (front, tail): (Vec<&Module<'_>>, Vec<&Module<'_>>) = others
        .iter()
        .partition(|module| order::by_path(&module.path, first).is_lt());
    push_all(&mut builder, &front, false)?;
    for (path, block) in &blocks {
        block.push(&mut builder, path)?;
    }
    let dense = tail
        .iter()
        .filter(|module| module.rank() == 2)
        .min_by(|a, b| order::by_path(&a.path, &b.path));
    if let (At::Places(channels, _), Some(dense)) = (builder.at, dense)
        && dense.shape("weight")[1] == channels
    {
        let name = String::new();
        builder
            .layers
            .push(Layer::GlobalAveragePool(GlobalPool { name }));
        builder.doubt(format!(
            "{} takes one value of each channel: their means over all places",
            dense.path
        ));
        builder.at = At::Units(channels);
    }
    push_all(&mut builder, &tail, false)?;
    builder.without_last_activation();
    finish(builder)
}

/// Adds kernels with the norms behind them; convolutions that keep the size of images, where these are summed.
fn push_all(
    builder: &mut Builder,
    modules: &[&Module<'_>],
    keep_sizes: bool,
) -> Result<(), String> {
    let mut modules = modules.to_vec();
    modules.sort_by(|a, b| order::by_path(&a.path, &b.path));
    let (norms, kernels): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        modules.into_iter().partition(|module| module.is_norm());
    for module in order::with_norms(&kernels, &norms)? {
        let sizes = builder.sizes.clone();
        builder.push(module)?;
        if keep_sizes && !module.is_norm() {
            builder.sizes = sizes;
            builder.layers.last_mut().into_iter().for_each(pad);
        }
    }
    Ok(())
}

impl Block<'_, '_> {
    /// Adds the block: its convolutions, the projection or what it takes as it is, and the sum of both.
    fn push(&self, builder: &mut Builder, path: &str) -> Result<(), String> {
        let (taken, taken_at) = (builder.before.clone(), builder.at);
        if builder.at == At::Start {
            return Err(format!(
                "nothing comes before block {path}, whose input is added to its output"
            ));
        }
        push_all(builder, &self.main, true)?;
        let activation = builder.move_activation();
        let (given, given_at) = (builder.before.clone(), builder.at);
        let (from, side_at) = match self.side.is_empty() {
            true => (taken, taken_at),
            false => {
                builder.layers.push(Layer::Branch(Branch { from: taken }));
                builder.at = taken_at;
                push_all(builder, &self.side, true)?;
                builder.move_activation();
                (given, builder.at)
            }
        };
        if side_at != given_at {
            return Err(format!(
                "block {path} adds {} channels to {}",
                channels(side_at),
                channels(given_at)
            ));
        }
        builder.layers.push(Layer::Add(Add {
            name: path.to_owned(),
            from,
            activation,
        }));
        builder.before = path.to_owned();
        Ok(())
    }
}

fn channels(at: At) -> usize {
    match at {
        At::Places(channels, _) => channels,
        _ => 0,
    }
}
