//! Residual networks by the names that torchvision, timm and most scripts give them: numbered
//! blocks of `conv1`, `bn1`, `conv2`, `bn2`, ..., some with a projection (`downsample`,
//! `shortcut`). The block's input, or its projection, is added to what the convolutions give.

use std::collections::BTreeMap;

use cntflow_network::{Add, Branch, GlobalPool, Layer};

use super::chain::{ChainBuilder, Output};
use super::hints::Hints;
use super::image_extent::pad_to_keep_size;
use super::layer_order::{by_path, with_norms};
use super::module::Module;
use crate::error::{Translated, unsupported};
use crate::resolved::ResolvedArchitecture;

/// Names of the module that projects a block's input.
const PROJECTIONS: [&str; 3] = ["downsample", "shortcut", "skip"];

/// A block's modules.
#[derive(Default)]
struct Block<'m, 't> {
    /// Convolutions and their norms.
    main: Vec<&'m Module<'t>>,
    /// The projection of the block's input and its norms; empty where the input itself is added.
    projection: Vec<&'m Module<'t>>,
}

/// Infers a residual network; `None` unless every block has two kernels and at least one block has
/// a projection. Without a projection only names would distinguish it from a plain chain.
pub(super) fn infer(
    modules: &[Module<'_>],
    hints: Hints,
) -> Option<Translated<ResolvedArchitecture>> {
    let mut blocks: BTreeMap<&str, Block<'_, '_>> = BTreeMap::new();
    let mut others = Vec::new();
    for module in modules {
        let Some((path, part)) = block_and_part(&module.path) else {
            others.push(module);
            continue;
        };
        let block = blocks.entry(path).or_default();
        if is_projection(part) {
            block.projection.push(module);
        } else {
            block.main.push(module);
        }
    }
    let has_two_kernels = |block: &Block<'_, '_>| {
        let kernels = block.main.iter().filter(|module| !module.is_norm());
        kernels.count() >= 2
    };
    let has_projection = |block: &Block<'_, '_>| !block.projection.is_empty();
    let is_residual = blocks.values().all(has_two_kernels) && blocks.values().any(has_projection);
    is_residual.then(|| build(blocks, &others, hints))
}

/// The block that a module belongs to, and the module's name there.
fn block_and_part(path: &str) -> Option<(&str, &str)> {
    let mut splits = path
        .rmatch_indices('.')
        .map(|(dot, _)| (&path[..dot], &path[dot + 1..]));
    splits.find(|(block, part)| {
        let last = block.rsplit('.').next().unwrap_or_default();
        let number = last.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        is_number(number) && (is_main(part) || is_projection(part))
    })
}

/// Whether a name within a block is that of a convolution or norm, such as `conv1` or `bn2`.
fn is_main(part: &str) -> bool {
    let number = ["conv", "bn", "norm"]
        .iter()
        .find_map(|stem| part.strip_prefix(stem));
    number.is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_projection(part: &str) -> bool {
    let first = part.split('.').next().unwrap_or_default();
    PROJECTIONS.contains(&first)
}

fn build(
    blocks: BTreeMap<&str, Block<'_, '_>>,
    others: &[&Module<'_>],
    hints: Hints,
) -> Translated<ResolvedArchitecture> {
    let mut chain = ChainBuilder::new(hints);
    chain.assume(
        "its blocks are named as those of residual networks: what a block takes is added to what its convolutions give",
    );
    let mut blocks: Vec<(&str, Block<'_, '_>)> = blocks.into_iter().collect();
    blocks.sort_by(|(a, _), (b, _)| by_path(a, b));
    let first = blocks.first().map_or("", |(path, _)| path);
    let (stem, tail): (Vec<&Module<'_>>, Vec<&Module<'_>>) = others
        .iter()
        .partition(|module| by_path(&module.path, first).is_lt());
    push_all(&mut chain, &stem, KernelPadding::None)?;
    for (path, block) in &blocks {
        block.push(&mut chain, path)?;
    }
    average_channels_for_dense(&mut chain, &tail);
    push_all(&mut chain, &tail, KernelPadding::None)?;
    chain.clear_last_activation();
    chain.finish()
}

/// Averages every channel if the first dense layer after the blocks takes one value of each.
fn average_channels_for_dense(chain: &mut ChainBuilder, tail: &[&Module<'_>]) {
    let dense = tail
        .iter()
        .filter(|module| module.rank() == 2)
        .min_by(|a, b| by_path(&a.path, &b.path));
    if let (Output::Channels { channels, .. }, Some(dense)) = (chain.output, dense)
        && dense.shape("weight")[1] == channels
    {
        chain.add_layer(Layer::GlobalAveragePool(GlobalPool::default()));
        chain.assume(format!(
            "{} takes one value of each channel: their means over all places",
            dense.path
        ));
        chain.output = Output::Units(channels);
    }
}

/// How convolutions are padded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KernelPadding {
    /// Not at all, as far as is known.
    None,
    /// So that images keep their size: within blocks, where images are summed.
    KeepSize,
}

/// Adds kernels, each followed by its norms.
fn push_all(
    chain: &mut ChainBuilder,
    modules: &[&Module<'_>],
    padding: KernelPadding,
) -> Translated<()> {
    let mut modules = modules.to_vec();
    modules.sort_by(|a, b| by_path(&a.path, &b.path));
    let (norms, kernels): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        modules.into_iter().partition(|module| module.is_norm());
    for module in with_norms(&kernels, &norms)? {
        let extent = chain.extent.clone();
        chain.push(module)?;
        if padding == KernelPadding::KeepSize && !module.is_norm() {
            // A padded convolution keeps the size: what `push` has recorded as lost is taken back.
            chain.extent = extent;
            let last = chain.architecture.layers_mut().last_mut();
            last.into_iter().for_each(pad_to_keep_size);
        }
    }
    Ok(())
}

impl Block<'_, '_> {
    /// Adds the block: its convolutions, then the projection if it has one, and the sum of both.
    fn push(&self, chain: &mut ChainBuilder, path: &str) -> Translated<()> {
        let (input_name, input) = (chain.previous.clone(), chain.output);
        if input == Output::Undecided {
            return Err(unsupported(format!(
                "nothing comes before block {path}, whose input is added to its output"
            )));
        }
        push_all(chain, &self.main, KernelPadding::KeepSize)?;
        // The activation of the last convolution comes after the sum.
        let activation = chain.take_activation();
        let (main_name, main) = (chain.previous.clone(), chain.output);
        let (from, shortcut) = if self.projection.is_empty() {
            (input_name, input)
        } else {
            chain.add_layer(Layer::Branch(Branch { from: input_name }));
            chain.output = input;
            push_all(chain, &self.projection, KernelPadding::KeepSize)?;
            chain.take_activation();
            (main_name, chain.output)
        };
        if shortcut != main {
            return Err(unsupported(format!(
                "block {path} adds {} channels to {}",
                channels(shortcut),
                channels(main)
            )));
        }
        chain.add_layer(Layer::Add(Add {
            name: path.to_owned(),
            from,
            activation,
        }));
        path.clone_into(&mut chain.previous);
        Ok(())
    }
}

fn channels(output: Output) -> usize {
    match output {
        Output::Channels { channels, .. } => channels,
        _ => 0,
    }
}
