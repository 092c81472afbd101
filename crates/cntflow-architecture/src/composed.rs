//! Tensors that a file holds in parts or under another name: kernels of `weight_norm` and
//! `spectral_norm`, the kernels that low-rank adapters (`LoRA`) lie beside, and the factors of
//! these.
//!
//! An architecture is looked for among the tensors as they are without the reparametrisation. Its
//! recipes then say how the parts are put together.

use std::collections::{BTreeMap, HashMap};

use cntflow_formats::TensorEntry;

use crate::error::{Translated, unsupported};
use crate::infer::is_weight;
use crate::normed_kernel::NormedKernel;
use crate::recipe::{TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;

/// What low-rank adapters are called in names, and what they are.
const FACTORS: [(&str, &str); 7] = [
    ("lora_A", "low-rank factor A"),
    ("lora_B", "low-rank factor B"),
    ("lora_embedding_A", "low-rank factor A"),
    ("lora_embedding_B", "low-rank factor B"),
    ("lora_down", "low-rank factor A"),
    ("lora_up", "low-rank factor B"),
    ("lora_magnitude_vector", "norms beside the low-rank factors"),
];

/// The part of a name that adapters put between a layer and its own kernel.
const BASE_LAYER: &str = ".base_layer.";

/// A tensor that the file has not under this name.
#[derive(Clone, Debug)]
enum Composed {
    /// A kernel in parts.
    Normed(NormedKernel),
    /// The same tensor by its name in the file.
    Renamed(String),
}

/// The tensors of a file as they are without reparametrisations.
#[derive(Debug)]
pub(crate) struct ComposedTensors {
    /// All tensors: in place of the largest part of a kernel the kernel, the other parts excluded.
    pub(crate) tensors: Vec<TensorEntry>,
    composed: BTreeMap<String, Composed>,
    /// What the parts that are no kernels are, by their names in the file.
    roles: HashMap<String, String>,
}

impl ComposedTensors {
    /// Finds the kernels in parts by the names and shapes of a file's tensors.
    pub(crate) fn of(tensors: &[TensorEntry]) -> Self {
        let mut found = Self {
            tensors: tensors.to_vec(),
            composed: BTreeMap::new(),
            roles: HashMap::new(),
        };
        let weights = tensors.iter().filter(|tensor| is_weight(tensor));
        let by_name: HashMap<&str, &TensorEntry> =
            weights.map(|tensor| (&*tensor.name, tensor)).collect();
        for (index, tensor) in tensors.iter().enumerate() {
            if !by_name.contains_key(&*tensor.name) {
                continue;
            }
            if let Some(role) = factor_role(&tensor.name) {
                found.roles.insert(tensor.name.clone(), role);
            } else if let Some((name, kernel)) = normed(tensor, &by_name) {
                found.add_normed(index, name, kernel);
            } else if let Some(name) = own_name(&tensor.name, &by_name) {
                let renamed = Composed::Renamed(tensor.name.clone());
                found.tensors[index].name.clone_from(&name);
                found.composed.insert(name, renamed);
            }
        }
        for tensor in &mut found.tensors {
            if let Some(role) = found.roles.get(&tensor.name) {
                tensor.excluded_because.get_or_insert_with(|| role.clone());
            }
        }
        found
    }

    fn add_normed(&mut self, index: usize, name: String, kernel: NormedKernel) {
        for (part, role) in kernel.parts().into_iter().skip(1) {
            self.roles
                .insert(part.to_owned(), format!("{role} of {name}"));
        }
        self.tensors[index].name.clone_from(&name);
        self.composed.insert(name, Composed::Normed(kernel));
    }

    /// What a tensor of the file is, if it is a part of a kernel and no kernel itself: `low-rank
    /// factor A of fc1`.
    pub(crate) fn role(&self, tensor: &str) -> Option<&str> {
        self.roles.get(tensor).map(String::as_str)
    }

    /// Whether a tensor is a factor of a low-rank adapter, which is a kernel of its own where no
    /// architecture is known.
    pub(crate) fn is_factor(tensor: &str) -> bool {
        factor_role(tensor).is_some()
    }

    /// Makes the recipes those of the file's own tensors.
    ///
    /// # Errors
    /// A tensor of the architecture is made of several, of which one is in parts.
    pub(crate) fn apply(
        &self,
        mut resolved: ResolvedArchitecture,
    ) -> Translated<ResolvedArchitecture> {
        if self.composed.is_empty() {
            return Ok(resolved);
        }
        for spec in resolved.architecture.tensors()? {
            let recipe = resolved.recipes.remove(&spec.name);
            let recipe = recipe
                .unwrap_or_else(|| TensorRecipe::Slice(TensorSlice::whole(spec.name.clone())));
            resolved.recipes.insert(spec.name, self.recipe(recipe)?);
        }
        Ok(resolved)
    }

    fn recipe(&self, recipe: TensorRecipe) -> Translated<TensorRecipe> {
        match recipe {
            TensorRecipe::Slice(slice) => Ok(match self.composed.get(&slice.tensor) {
                None => TensorRecipe::Slice(slice),
                Some(Composed::Normed(kernel)) => TensorRecipe::Normed(kernel.clone(), slice),
                Some(Composed::Renamed(_)) => TensorRecipe::Slice(self.renamed(slice)?),
            }),
            TensorRecipe::Concat(slices) => {
                let slices = slices.into_iter().map(|slice| self.renamed(slice));
                Ok(TensorRecipe::Concat(slices.collect::<Translated<_>>()?))
            }
            other => Ok(other),
        }
    }

    /// The slice of the file's own tensor.
    fn renamed(&self, mut slice: TensorSlice) -> Translated<TensorSlice> {
        match self.composed.get(&slice.tensor) {
            None => {}
            Some(Composed::Renamed(name)) => slice.tensor.clone_from(name),
            Some(Composed::Normed(_)) => {
                return Err(unsupported(format!(
                    "{} is normalised and one of several that make a kernel",
                    slice.tensor
                )));
            }
        }
        Ok(slice)
    }
}

/// What a factor of a low-rank adapter is, by its name.
fn factor_role(name: &str) -> Option<String> {
    FACTORS.iter().find_map(|(part, what)| {
        let (layer, rest) = name.split_once(&format!(".{part}"))?;
        let is_whole_part = rest.is_empty() || rest.starts_with('.');
        is_whole_part.then(|| format!("{what} of {layer}"))
    })
}

/// The name that a tensor has without the adapters beside it, if that is free.
fn own_name(name: &str, by_name: &HashMap<&str, &TensorEntry>) -> Option<String> {
    let own = name.replacen(BASE_LAYER, ".", 1);
    (own != name && !by_name.contains_key(&*own)).then_some(own)
}

/// The kernel whose largest part a tensor is, with the kernel's name.
fn normed(
    tensor: &TensorEntry,
    by_name: &HashMap<&str, &TensorEntry>,
) -> Option<(String, NormedKernel)> {
    let name = &*tensor.name;
    let (kernel, parts) = if let Some(base) = name.strip_suffix("_orig") {
        (base.to_owned(), [format!("{base}_u"), format!("{base}_v")])
    } else if let Some(base) = name.strip_suffix("_v") {
        (base.to_owned(), [format!("{base}_g"), String::new()])
    } else {
        let (module, parameter) = name.split_once(".parametrizations.")?;
        let (parameter, last) = parameter.split_once('.')?;
        let base = format!("{module}.parametrizations.{parameter}");
        let parts = match last {
            "original1" => [format!("{base}.original0"), String::new()],
            "original" => [format!("{base}.0._u"), format!("{base}.0._v")],
            _ => return None,
        };
        (format!("{module}.{parameter}"), parts)
    };
    let last = kernel.rsplit('.').next().unwrap_or_default();
    if !last.starts_with("weight") || by_name.contains_key(&*kernel) {
        return None;
    }
    let part = |name: &String| by_name.get(&**name).copied();
    let made = match (part(&parts[0])?, part(&parts[1])) {
        (length, None) if parts[1].is_empty() => weight_norm(tensor, length)?,
        (left, Some(right)) => spectral_norm(tensor, left, right)?,
        _ => return None,
    };
    Some((kernel, made))
}

fn weight_norm(direction: &TensorEntry, length: &TensorEntry) -> Option<NormedKernel> {
    Some(NormedKernel::Weight {
        length: length.name.clone(),
        direction: direction.name.clone(),
        dimension: norm_dimension(&direction.shape, &length.shape)?,
    })
}

/// The dimension of `v` that `g` has too, while all others are 1; `Some(None)` where `g` is a
/// single number, `None` where the shapes do not fit.
fn norm_dimension(v: &[usize], g: &[usize]) -> Option<Option<usize>> {
    if g.is_empty() {
        return Some(None);
    }
    if g.len() != v.len() {
        return None;
    }
    let fits = |&dimension: &usize| {
        let mut sizes = g.iter().enumerate();
        sizes.all(|(other, &size)| size == if other == dimension { v[dimension] } else { 1 })
    };
    (0..v.len()).find(fits).map(Some)
}

fn spectral_norm(
    weight: &TensorEntry,
    left: &TensorEntry,
    right: &TensorEntry,
) -> Option<NormedKernel> {
    let fits = |&dimension: &usize| {
        let rows = weight.shape[dimension];
        let is_vector = left.shape.len() == 1 && right.shape.len() == 1;
        is_vector
            && left.n_values() == rows
            && rows.checked_mul(right.n_values()) == Some(weight.n_values())
    };
    let dimension = (0..weight.shape.len()).find(fits)?;
    Some(NormedKernel::Spectral {
        weight: weight.name.clone(),
        left: left.name.clone(),
        right: right.name.clone(),
        dimension,
    })
}

#[cfg(test)]
mod tests;
