//! Networks that are known in parts: every kernel joins the neurons at its two ends, and parts are
//! joined where shapes and names agree.

mod compose;
mod lists;
mod lone;
mod neighbours;

use std::collections::{BTreeMap, HashMap, HashSet};

use cntflow_formats::TensorEntry;
use cntflow_network::{Branch, Layer, Output as End};
use cntflow_storage::FullMessage;

use super::chain::{ChainBuilder, Output};
use super::hints::Hints;
use super::layer_order::{NormPlaces, by_path};
use super::left_over::kept;
use super::module::Module;
use super::modules::modules;
use super::tensor_use::TensorUse;
use super::whole::{check_and_prune_recipes, infer_modules, weights_by_name};
use crate::error::{Translated, TranslationError};
use crate::resolved::ResolvedArchitecture;
use compose::compose;
use lists::Lists;
use neighbours::follows;

/// Infers the parts of a network that could not be told as a whole, because of `reason`. If the
/// file describes its architecture in a way that cannot be expressed (`is_described`), the order of
/// names tells nothing: kernels stand alone.
///
/// # Errors
/// Returns `reason` if there is no kernel.
pub(crate) fn infer_parts(
    tensors: &[TensorEntry],
    metadata: &BTreeMap<String, String>,
    is_described: bool,
    reason: TranslationError,
) -> Translated<ResolvedArchitecture> {
    let hints = Hints::new(metadata);
    let kept = kept(tensors);
    let by_name = weights_by_name(tensors);
    let (named, others) = modules(&kept);
    let in_parts = Some(reason.full_message());
    let checked = |mut resolved: ResolvedArchitecture| {
        let fits = check_and_prune_recipes(&mut resolved, &by_name).is_ok();
        fits.then_some(resolved)
    };
    if !is_described && let Some(resolved) = whole(&named, &others, hints).and_then(checked) {
        return Ok(ResolvedArchitecture {
            in_parts,
            ..resolved
        });
    }
    let lists = Lists::of(&others, hints);
    let mut parts = lists.chains;
    let lone = lone::modules_of(&lists.others, &kept);
    let all = [named, lists.modules, lone].concat();
    parts.extend(Parts::of(&all, !is_described).architectures());
    let mut parts: Vec<ResolvedArchitecture> = parts.into_iter().filter_map(checked).collect();
    let has_all_kernels = |part: &ResolvedArchitecture| {
        !has_left_over(part, &kept, |tensor_use| tensor_use == TensorUse::Kernel)
    };
    match &parts[..] {
        [] => return Err(reason),
        // All kernels are in one part: it begins at the inputs and ends at the outputs.
        [only] if !is_described && has_all_kernels(only) => {
            let only = parts.remove(0);
            let in_parts = in_parts.filter(|_| has_left_over(&only, &kept, |_| true));
            return Ok(ResolvedArchitecture { in_parts, ..only });
        }
        _ => {}
    }
    // Together they may be more than a network may be.
    let all = compose(parts).checked().map_err(|_| reason)?;
    Ok(ResolvedArchitecture { in_parts, ..all })
}

/// Whether tensors of some use have no place in an architecture.
fn has_left_over(
    resolved: &ResolvedArchitecture,
    weights: &[TensorEntry],
    is_meant: impl Fn(TensorUse) -> bool,
) -> bool {
    let used = resolved.used_tensors();
    let mut weights = weights
        .iter()
        .filter(|tensor| TensorUse::of(tensor).is_some_and(&is_meant));
    weights.any(|tensor| !used.contains_key(&tensor.name))
}

/// All kernels as one network, if that can be told once the vectors that belong to no layer are
/// left out.
fn whole(
    modules: &[Module<'_>],
    others: &[(String, &TensorEntry)],
    hints: Hints,
) -> Option<ResolvedArchitecture> {
    let are_vectors = others.iter().all(|(_, tensor)| tensor.shape.len() < 2);
    if !are_vectors || others.is_empty() {
        return None;
    }
    infer_modules(modules, &[], hints).ok()
}

/// The parts of a network in the making.
struct Parts<'m, 't> {
    /// All kernels, in the order of their names.
    kernels: Vec<&'m Module<'t>>,
    /// Batch norms by the index of the kernel that they stand behind.
    norms: Vec<Vec<&'m Module<'t>>>,
    /// Number of kernels below each path.
    n_below: HashMap<&'m str, usize>,
    /// Paths of the norms that are part of a chain.
    placed_norms: HashSet<&'m str>,
    parts: Vec<Part>,
}

/// A part: a chain whose last kernels may stand side by side.
struct Part {
    chain: ChainBuilder,
    /// Path of its last kernel.
    last: String,
    /// What its last kernel takes: the number of layers before it, and their output; `None` for
    /// the first kernel.
    before_last: Option<(usize, Output)>,
    /// Whether the last kernel is one of several that take the same.
    is_fork: bool,
}

impl<'m, 't> Parts<'m, 't> {
    /// The parts that modules make. Where `names_tell` their order, kernels are joined, and batch
    /// norms stand behind kernels.
    fn of(modules: &'m [Module<'t>], names_tell: bool) -> Self {
        let mut parts = Self::without_parts(modules, names_tell);
        for index in 0..parts.kernels.len() {
            if !(names_tell && parts.join(index)) {
                parts.begin(index);
            }
        }
        parts.add_lone_norms(modules);
        parts
    }

    fn without_parts(modules: &'m [Module<'t>], names_tell: bool) -> Self {
        let kernels = modules.iter().filter(|module| lone::is_kernel(module));
        let mut kernels: Vec<&Module<'t>> = kernels.collect();
        kernels.sort_by(|a, b| by_path(&a.path, &b.path));
        let mut n_below: HashMap<&str, usize> = HashMap::new();
        for kernel in &kernels {
            for (dot, _) in kernel.path.match_indices('.') {
                *n_below.entry(&kernel.path[..dot]).or_default() += 1;
            }
        }
        let mut norms = vec![Vec::new(); kernels.len()];
        let places = NormPlaces::of(&kernels);
        let batch_norms = modules.iter().filter(|module| module.has("running_mean"));
        for norm in batch_norms.filter(|_| names_tell) {
            if let Some(kernel) = places.kernel_of(norm) {
                norms[kernel].push(norm);
            }
        }
        Self {
            kernels,
            norms,
            n_below,
            placed_norms: HashSet::new(),
            parts: Vec::new(),
        }
    }

    /// Begins a part with a kernel.
    fn begin(&mut self, index: usize) {
        let kernel = self.kernels[index];
        let mut chain = ChainBuilder::of_part();
        if lone::push(&mut chain, kernel).is_ok() {
            self.push_norms(&mut chain, index);
            self.parts.push(Part::new(chain, &kernel.path));
        }
    }

    /// Joins a kernel to the last part, if names and shapes say that it takes what the last kernel
    /// gives, or what that one takes.
    fn join(&mut self, index: usize) -> bool {
        let kernel = self.kernels[index];
        let is_alone = |block: &str| self.n_below.get(block) == Some(&1);
        let Some(last) = self.parts.last() else {
            return false;
        };
        if !follows(&last.last, &kernel.path, is_alone) {
            return false;
        }
        let Some(mut part) = self.parts.pop() else {
            return false;
        };
        let is_joined = part.add(kernel) || part.add_sibling(kernel);
        if is_joined {
            self.push_norms(&mut part.chain, index);
        }
        self.parts.push(part);
        is_joined
    }

    /// Adds the batch norms behind a kernel.
    fn push_norms(&mut self, chain: &mut ChainBuilder, index: usize) {
        for norm in &self.norms[index] {
            if chain.try_push(norm) {
                self.placed_norms.insert(&norm.path);
            }
        }
    }

    /// Norms that stand behind no kernel are parts of their own.
    fn add_lone_norms(&mut self, modules: &'m [Module<'t>]) {
        let norms = modules.iter().filter(|module| lone::is_norm(module));
        for norm in norms.filter(|norm| !self.placed_norms.contains(&*norm.path)) {
            let mut chain = ChainBuilder::of_part();
            if lone::push_norm(&mut chain, norm).is_ok() {
                self.parts.push(Part::new(chain, &norm.path));
            }
        }
    }

    /// The architectures of the parts. A part that makes no network is left out.
    fn architectures(self) -> impl Iterator<Item = ResolvedArchitecture> {
        let parts = self.parts.into_iter();
        parts.filter_map(|part| part.chain.finish().ok())
    }
}

impl Part {
    fn new(chain: ChainBuilder, path: &str) -> Self {
        Self {
            chain,
            last: path.to_owned(),
            before_last: None,
            is_fork: false,
        }
    }

    /// Adds a kernel if it takes what the last one gives.
    fn add(&mut self, kernel: &Module<'_>) -> bool {
        let before = (self.chain.architecture.n_layers(), self.chain.output);
        let is_added = !self.is_fork && self.chain.try_push(kernel);
        if is_added {
            self.before_last = Some(before);
            self.last.clone_from(&kernel.path);
        }
        is_added
    }

    /// Adds a kernel beside the last one if it takes what that one takes.
    fn add_sibling(&mut self, kernel: &Module<'_>) -> bool {
        let Some((n_layers, output)) = self.before_last else {
            return false;
        };
        // Two dense kernels on the same images would have to agree on their size.
        if kernel.rank() == 2 && matches!(output, Output::Channels { .. }) {
            return false;
        }
        let mark = self.chain.mark();
        let from = self.chain.architecture.output_name(n_layers);
        self.chain.add_layer(Layer::Output(End { open: false }));
        self.chain.add_layer(Layer::Branch(Branch { from }));
        self.chain.output = output;
        let is_added = self.chain.push(kernel).is_ok();
        if is_added {
            self.is_fork = true;
            self.last.clone_from(&kernel.path);
        } else {
            self.chain.go_back(mark);
        }
        is_added
    }
}
