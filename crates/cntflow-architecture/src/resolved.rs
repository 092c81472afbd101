//! An architecture with the recipes of its tensors, ready to be filled with a checkpoint's weights.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cntflow_formats::OpenCheckpoint;
use cntflow_network::{Architecture, Network, NetworkError, Tensor, TensorSpec};

use crate::error::{ArchitectureError, Translated};
use crate::normed_kernel::NormedKernel;
use crate::recipe::{RecipeError, TensorRecipe, TensorSlice};

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
    let values = checkpoint.values(&slice.tensor)?;
    let shape = checkpoint
        .tensor(&slice.tensor)
        .map_or(&[][..], |tensor| &tensor.shape);
    let (shape, values) = slice
        .apply(shape, values)
        .map_err(|source| recipe_error(checkpoint, source))?;
    Ok(Tensor { shape, values })
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
