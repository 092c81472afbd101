//! An architecture with the recipes of its tensors, ready to be filled with a checkpoint's weights.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use cntflow_formats::{Element, OpenCheckpoint};
use cntflow_network::{Architecture, Layer, Network, NetworkError, Tensor, TensorSpec};

use crate::error::{ArchitectureError, Translated};
use crate::normed_kernel::NormedKernel;
use crate::recipe::{RecipeError, Scaling, TensorRecipe, TensorSlice};

/// An architecture with the tensors that fill it.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedArchitecture {
    /// The architecture.
    pub architecture: Architecture,
    /// How its tensors are made, by their names in the architecture; a tensor that is not listed is
    /// the file's tensor of that name.
    pub recipes: BTreeMap<String, TensorRecipe>,
    /// Where it comes from: `catalog`, `sidecar`, `metadata`, the name of a format that embeds it,
    /// or `names and shapes`.
    pub source: &'static str,
    /// What was assumed, a sentence each.
    pub assumptions: Vec<String>,
    /// Whether the image size is unknown: then the size, the strides and the paddings are merely
    /// ones that fit the weights. Of convolutions only the graph whose neurons are channels is
    /// meaningful.
    pub image_size_unknown: bool,
    /// Why only parts of the network are known; `None` where it is whole. Then parts begin and end
    /// open, or weights are left over.
    pub in_parts: Option<String>,
    /// Tensors that have no place although the file shows what they are for, by their names.
    pub left_over: BTreeMap<String, LeftOver>,
}

/// A tensor that has no place in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// What it is: `a constant of Where`, say.
    pub reason: String,
    /// Whether it may hold parameters that were trained. Masks, bounds and scales of quantised
    /// weights do not.
    pub is_weight: bool,
}

impl ResolvedArchitecture {
    /// Checks that the layers make a network.
    ///
    /// # Errors
    /// A layer does not take what comes before it.
    pub(crate) fn checked(self) -> Translated<Self> {
        self.architecture.plan()?;
        Ok(self)
    }

    /// The parts of a network that is known in parts, each as an architecture of its own. A network
    /// that begins at its inputs is one part.
    pub fn split(&self) -> Vec<Self> {
        let layers = self.architecture.layers.iter();
        let begins = layers
            .enumerate()
            .filter(|(_, layer)| matches!(layer, Layer::Input(_)));
        let mut begins: Vec<usize> = begins.map(|(index, _)| index).collect();
        if begins.first() != Some(&0) {
            return vec![self.clone()];
        }
        begins.push(self.architecture.layers.len());
        let parts = begins
            .windows(2)
            .map(|ends| self.with_layers(ends[0]..ends[1]));
        parts.collect()
    }

    /// The architecture of some of the layers, with the recipes of their tensors.
    fn with_layers(&self, range: Range<usize>) -> Self {
        let architecture = Architecture {
            input: Vec::new(),
            layers: self.architecture.layers[range].to_vec(),
        };
        let tensors = architecture.tensors().unwrap_or_default().into_iter();
        let recipes = tensors.filter_map(|spec| {
            let recipe = self.recipes.get(&spec.name)?.clone();
            Some((spec.name, recipe))
        });
        Self {
            recipes: recipes.collect(),
            architecture,
            source: self.source,
            assumptions: self.assumptions.clone(),
            image_size_unknown: self.image_size_unknown,
            in_parts: self.in_parts.clone(),
            left_over: BTreeMap::new(),
        }
    }

    /// Bytes that the network's weights take in memory, beside a mapped file of f32: tensors of
    /// other types are converted.
    pub fn converted_bytes(&self, checkpoint: &OpenCheckpoint) -> u64 {
        let used = self.used_tensors();
        let tensors = used.keys().filter_map(|name| checkpoint.tensor(name));
        let converted = tensors.filter(|tensor| tensor.element != Element::F32);
        converted.map(|tensor| 4 * tensor.n_values() as u64).sum()
    }

    /// The checkpoint's tensors that the architecture takes, with what each is used as.
    pub(crate) fn used_tensors(&self) -> BTreeMap<String, String> {
        let mut uses: BTreeMap<String, String> = BTreeMap::new();
        for tensor in self.architecture.tensors().unwrap_or_default() {
            let sources: Vec<(&str, Option<&str>)> = match self.recipes.get(&tensor.name) {
                None => vec![(&tensor.name, None)],
                Some(TensorRecipe::Slice(slice)) => vec![(&slice.tensor, None)],
                Some(TensorRecipe::Concat(slices)) => {
                    let tensors = slices.iter().map(|slice| &*slice.tensor);
                    tensors.map(|tensor| (tensor, None)).collect()
                }
                Some(TensorRecipe::Normed(kernel, _)) => {
                    let parts = kernel.parts().into_iter();
                    parts.map(|(tensor, part)| (tensor, Some(part))).collect()
                }
                Some(TensorRecipe::Zeros | TensorRecipe::Ones) => Vec::new(),
            };
            for (source, part) in sources {
                let of_whole = || tensor.used_as.clone();
                let this =
                    part.map_or_else(of_whole, |part| format!("{part} of {}", tensor.used_as));
                let used_as = uses.entry(source.to_owned()).or_default();
                if used_as.split(", ").any(|other| other == this) {
                    continue;
                }
                if !used_as.is_empty() {
                    used_as.push_str(", ");
                }
                used_as.push_str(&this);
            }
        }
        uses
    }

    /// The network: the architecture filled with the checkpoint's weights.
    ///
    /// # Errors
    /// A tensor is missing, has another shape than the architecture says, or holds no real weights.
    pub fn network(self, checkpoint: &OpenCheckpoint) -> Result<Network<'_>, ArchitectureError> {
        // The callback can only tell `Network::new` that a tensor is missing. The reason why it
        // cannot be made is kept here.
        let failure: RefCell<Option<ArchitectureError>> = RefCell::new(None);
        // `Zeros` and `Ones` need these: the file has no tensor to take a shape from.
        let shapes: BTreeMap<String, Vec<usize>> = if self.recipes.is_empty() {
            BTreeMap::new()
        } else {
            let tensors = self.architecture.tensors().unwrap_or_default();
            tensors
                .into_iter()
                .map(|spec| (spec.name, spec.shape))
                .collect()
        };
        let network = Network::new(self.architecture, |name| {
            let shape = || shapes.get(name).map(Vec::as_slice);
            let tensor = made(&self.recipes, checkpoint, name, shape)?;
            tensor.map_err(|error| failure.replace(Some(error))).ok()
        });
        if let Some(error) = failure.into_inner() {
            return Err(error);
        }
        network.map_err(|source| ArchitectureError::Mismatch {
            path: checkpoint.path().to_owned(),
            source: Box::new(source),
        })
    }

    /// One tensor of the network, without the others: `spec` is one of its architecture.
    ///
    /// # Errors
    /// As [`ResolvedArchitecture::network`], for this tensor.
    pub fn tensor<'a>(
        &self,
        checkpoint: &'a OpenCheckpoint,
        spec: &TensorSpec,
    ) -> Result<Tensor<'a>, ArchitectureError> {
        let mismatch = |source| ArchitectureError::Mismatch {
            path: checkpoint.path().to_owned(),
            source: Box::new(source),
        };
        let shape = || Some(spec.shape.as_slice());
        let made = made(&self.recipes, checkpoint, &spec.name, shape);
        let tensor = made.ok_or_else(|| {
            mismatch(NetworkError::MissingTensor {
                tensor: spec.name.clone(),
                expected: spec.shape.clone(),
            })
        })??;
        if tensor.values.len() == spec.n_values() {
            Ok(tensor)
        } else {
            Err(mismatch(NetworkError::TensorShape {
                tensor: spec.name.clone(),
                expected: spec.shape.clone(),
                found: tensor.shape,
            }))
        }
    }
}

/// A tensor by its name in the architecture; `None` if the file has none for it. `shape` is asked
/// for a tensor that no file holds.
fn made<'a, 's>(
    recipes: &BTreeMap<String, TensorRecipe>,
    checkpoint: &'a OpenCheckpoint,
    name: &str,
    shape: impl FnOnce() -> Option<&'s [usize]>,
) -> Option<Result<Tensor<'a>, ArchitectureError>> {
    Some(match recipes.get(name) {
        None if checkpoint.tensor(name).is_none() => return None,
        None => sliced(checkpoint, &TensorSlice::whole(name)),
        Some(TensorRecipe::Slice(slice)) => sliced(checkpoint, slice),
        Some(TensorRecipe::Concat(slices)) => concatenated(checkpoint, name, slices),
        Some(TensorRecipe::Normed(kernel, slice)) => normed(checkpoint, kernel, slice),
        Some(TensorRecipe::Zeros) => Ok(constant(shape()?, 0.0)),
        Some(TensorRecipe::Ones) => Ok(constant(shape()?, 1.0)),
    })
}

fn constant(shape: &[usize], value: f32) -> Tensor<'static> {
    Tensor::owned(shape, vec![value; shape.iter().product()])
}

fn sliced<'a>(
    checkpoint: &'a OpenCheckpoint,
    slice: &TensorSlice,
) -> Result<Tensor<'a>, ArchitectureError> {
    let shape = checkpoint
        .tensor(&slice.tensor)
        .map_or(&[][..], |tensor| &tensor.shape);
    let values = match &slice.scaling {
        None => checkpoint.values(&slice.tensor)?,
        Some(scaling) => scaled(checkpoint, &slice.tensor, shape, scaling)?.into(),
    };
    let (shape, values) = slice
        .apply(shape, values)
        .map_err(|source| recipe_error(checkpoint, source))?;
    Ok(Tensor { shape, values })
}

/// The weights that the numbers of a tensor stand for.
fn scaled(
    checkpoint: &OpenCheckpoint,
    tensor: &str,
    shape: &[usize],
    scaling: &Scaling,
) -> Result<Vec<f32>, ArchitectureError> {
    let mut numbers = checkpoint.numbers(tensor)?;
    let lists = |names: &[String]| -> Result<Vec<Vec<f32>>, ArchitectureError> {
        let lists = names.iter().map(|name| checkpoint.numbers(name));
        Ok(lists.collect::<Result<_, _>>()?)
    };
    let scales = lists(&scaling.scales)?;
    let zero_points = lists(scaling.zero_point.as_slice())?;
    scaling
        .apply(tensor, shape, &mut numbers, [&scales, &zero_points])
        .map_err(|source| recipe_error(checkpoint, source))?;
    Ok(numbers)
}

/// A slice of a kernel that the file holds in parts.
fn normed<'a>(
    checkpoint: &'a OpenCheckpoint,
    kernel: &NormedKernel,
    slice: &TensorSlice,
) -> Result<Tensor<'a>, ArchitectureError> {
    let Tensor { shape, values } = kernel.compose(checkpoint)?;
    let (shape, values) = slice
        .apply(&shape, values)
        .map_err(|source| recipe_error(checkpoint, source))?;
    Ok(Tensor { shape, values })
}

/// Slices one after the other along the first dimension.
fn concatenated<'a>(
    checkpoint: &'a OpenCheckpoint,
    name: &str,
    slices: &[TensorSlice],
) -> Result<Tensor<'a>, ArchitectureError> {
    let mut whole: Option<(Vec<usize>, Vec<f32>)> = None;
    for slice in slices {
        let Tensor { shape, values } = sliced(checkpoint, slice)?;
        match &mut whole {
            None => whole = Some((shape, values.into_owned())),
            Some((whole_shape, all)) if !shape.is_empty() && whole_shape[1..] == shape[1..] => {
                whole_shape[0] += shape[0];
                all.extend_from_slice(&values);
            }
            Some((whole_shape, _)) => {
                let source = RecipeError::Concat {
                    name: name.to_owned(),
                    before: whole_shape.clone(),
                    tensor: slice.tensor.clone(),
                    shape,
                };
                return Err(recipe_error(checkpoint, source));
            }
        }
    }
    let (shape, values) = whole.unwrap_or_default();
    Ok(Tensor::owned(&shape, values))
}

fn recipe_error(checkpoint: &OpenCheckpoint, source: RecipeError) -> ArchitectureError {
    ArchitectureError::Recipe {
        path: checkpoint.path().to_owned(),
        source: Box::new(source),
    }
}
