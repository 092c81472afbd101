//! The networks of MLP-CN: a snapshot is a chain of dense layers without bias, kernels `[n_in,
//! n_out]`.

use cntflow_formats::TensorEntry;
use cntflow_network::{Dense, Layer};

use crate::builder::ArchitectureBuilder;
use crate::error::{Translated, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};
use crate::resolved::ResolvedArchitecture;

/// The chain of a snapshot's kernels; `None` if there are none. All of them are matrices, because
/// the format excludes every other tensor.
pub(crate) fn translate(tensors: &[TensorEntry]) -> Option<Translated<ResolvedArchitecture>> {
    let kernels: Vec<&TensorEntry> = tensors
        .iter()
        .filter(|tensor| tensor.excluded_because.is_none())
        .collect();
    let n_inputs = kernels.first().map(|kernel| kernel.shape[0]);
    let broken = kernels
        .array_windows()
        .find(|[before, after]| before.shape[1] != after.shape[0]);
    if let Some([before, after]) = broken {
        return Some(Err(unsupported(format!(
            "its kernels make no chain: {} {:?} comes before {} {:?}",
            before.name, before.shape, after.name, after.shape
        ))));
    }
    let mut builder = ArchitectureBuilder::default();
    builder.assume("the activations of the layers are unknown: the file does not name them");
    for (index, kernel) in kernels.iter().enumerate() {
        let name = format!("layer{index}");
        let transposed = TensorSlice::permuted(&*kernel.name, &[1, 0]);
        builder.set_recipe(format!("{name}.weight"), TensorRecipe::Slice(transposed));
        builder.add_layer(Layer::Dense(Dense {
            name,
            units: kernel.shape[1],
            bias: false,
            activation: None,
        }));
    }
    Some(Ok(builder.finish(vec![n_inputs?], "snapshot")))
}
