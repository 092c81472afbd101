//! The networks of MLP-CN: a snapshot is a chain of dense layers without bias, kernels `[n_in, n_out]`.

use cntflow_formats::TensorEntry;
use cntflow_network::{Architecture, Dense, Layer};

use crate::{EmbeddedArchitecture, TensorRecipe, TensorSlice};

/// The chain of a snapshot's kernels; `None` where it has none.
pub(crate) fn embedded(tensors: &[TensorEntry]) -> Option<EmbeddedArchitecture> {
    let kernels: Vec<&TensorEntry> = tensors
        .iter()
        .filter(|tensor| tensor.excluded_because.is_none())
        .collect();
    let chained = kernels
        .array_windows()
        .all(|[before, after]| before.shape[1] == after.shape[0]);
    let architecture = match chained {
        true => Ok(Architecture {
            input: vec![kernels.first()?.shape[0]],
            layers: kernels.iter().enumerate().map(dense).collect(),
        }),
        false => Err("its kernels make no chain".to_owned()),
    };
    let fill = |(place, kernel): (usize, &&TensorEntry)| {
        let excerpt = TensorSlice::reordered(kernel.name.clone(), &[1, 0]);
        (
            format!("layer{place}.weight"),
            TensorRecipe::Tensor(excerpt),
        )
    };
    Some(EmbeddedArchitecture {
        architecture,
        recipes: kernels.iter().enumerate().map(fill).collect(),
        assumptions: vec!["the file tells no activations".to_owned()],
    })
}

fn dense((place, kernel): (usize, &&TensorEntry)) -> Layer {
    Layer::Dense(Dense {
        name: format!("layer{place}"),
        units: kernel.shape[1],
        bias: false,
        activation: None,
    })
}
