//! Loss and accuracy of a network, and the batches of images it is given.

use candle_core::{Device, Result, Tensor};

use crate::dataset::Dataset;
use crate::model::Model;
use crate::ops::cpu_values;
use crate::ops::cross_entropy::loss_and_hits;

/// How good a network is on one set of images.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Mean softmax cross-entropy.
    pub loss: f64,
    /// Share of images told right, in `[0, 1]`.
    pub accuracy: f64,
}

/// The images at `indices`, `[n, channels, rows, columns]`.
pub(crate) fn batch(data: &Dataset, indices: &[usize]) -> Result<Tensor> {
    let size = data.image_size();
    let mut images = Vec::with_capacity(indices.len() * size);
    for &index in indices {
        images.extend_from_slice(&data.images()[index * size..][..size]);
    }
    let [channels, rows, columns] = data.shape();
    Tensor::from_vec(
        images,
        (indices.len(), channels, rows, columns),
        &Device::Cpu,
    )
}

/// The labels at `indices`.
pub(crate) fn labels(data: &Dataset, indices: &[usize]) -> Vec<usize> {
    indices.iter().map(|&index| data.labels()[index]).collect()
}

/// Loss and accuracy of `model` on the images at `indices`.
pub(crate) fn evaluate(model: &Model, data: &Dataset, indices: &[usize]) -> Result<Evaluation> {
    let (mut loss, mut hits) = (0.0, 0);
    for indices in indices.chunks(model.images_per_pass()) {
        let logits = model.evaluate(batch(data, indices)?)?;
        let (storage, layout) = logits.storage_and_layout();
        let (batch_loss, batch_hits) =
            loss_and_hits(cpu_values(&storage, layout)?, &labels(data, indices));
        loss += batch_loss;
        hits += batch_hits;
    }
    let n_images = indices.len().max(1) as f64;
    Ok(Evaluation {
        loss: loss / n_images,
        accuracy: hits as f64 / n_images,
    })
}
