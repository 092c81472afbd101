//! Lists of arrays among the tensors: names that end in consecutive numbers, as `onet.0`, `onet.1`,
//! ... for one network of several in a file, or `dense.vars.0`, `dense.vars.1` for one layer of
//! Keras 3.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use super::super::hints::Hints;
use super::super::module::{Layout, Module};
use super::super::unnamed;
use crate::resolved::ResolvedArchitecture;

/// Tensors that are no parameters of modules, with their names.
type Others<'t> = Vec<(String, &'t TensorEntry)>;

/// The end of the names that Keras 3 gives the tensors of a layer, without their numbers.
const VARIABLES: &str = ".vars.";

/// What the lists of a file are.
#[derive(Default)]
pub(super) struct Lists<'t> {
    /// Lists that make a chain.
    pub(super) chains: Vec<ResolvedArchitecture>,
    /// Modules of lists that are the tensors of one layer.
    pub(super) modules: Vec<Module<'t>>,
    /// All other tensors.
    pub(super) others: Others<'t>,
}

impl<'t> Lists<'t> {
    pub(super) fn of(others: &[(String, &'t TensorEntry)], hints: Hints) -> Self {
        let mut by_stem: BTreeMap<&str, Others<'t>> = BTreeMap::new();
        for (name, tensor) in others {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            by_stem
                .entry(stem)
                .or_default()
                .push((name.clone(), *tensor));
        }
        let mut lists = Self::default();
        for (stem, list) in by_stem {
            lists.add(stem, list, hints);
        }
        lists
    }

    fn add(&mut self, stem: &str, list: Others<'t>, hints: Hints) {
        if let Some(layer) = stem.strip_suffix(VARIABLES) {
            match variables(layer, &list) {
                Some(modules) => self.modules.extend(modules),
                None => self.others.extend(list),
            }
            return;
        }
        let is_list = list.len() > 1 && (stem.is_empty() || stem.ends_with(['.', '_']));
        match is_list.then(|| unnamed::infer(&list, hints)) {
            Some(Ok(chain)) => self.chains.push(chain),
            _ => self.others.extend(list),
        }
    }
}

/// The modules of a layer's variables, named after the layer: a kernel with its bias, a recurrent
/// layer, or a batch norm. `None` if they are something else.
fn variables<'t>(layer: &str, list: &[(String, &'t TensorEntry)]) -> Option<Vec<Module<'t>>> {
    let tensors: Vec<&TensorEntry> = list.iter().map(|(_, tensor)| *tensor).collect();
    if let [gamma, beta, mean, variance] = tensors[..]
        && tensors.iter().all(|tensor| tensor.shape.len() == 1)
    {
        let names = ["weight", "bias", "running_mean", "running_var"].map(str::to_owned);
        let parameters = names.into_iter().zip([gamma, beta, mean, variance]);
        return Some(vec![Module {
            path: layer.to_owned(),
            index: 0,
            parameters: parameters.collect(),
            layout: Layout::OutputsFirst,
        }]);
    }
    let mut modules = unnamed::pair(&tensors, Layout::InputsFirst).ok()?;
    for (index, module) in modules.iter_mut().enumerate() {
        module.path = match index {
            0 => layer.to_owned(),
            _ => format!("{layer}.{index}"),
        };
    }
    Some(modules)
}
