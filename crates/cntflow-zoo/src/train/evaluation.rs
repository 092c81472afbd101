//! Loss and accuracy of a network, and the batches of images it is given.

use candle_core::{Device, Result, Tensor};

use crate::data::Dataset;
use crate::train::model::Model;
use crate::train::objective::{Judgement, Objective};

/// How good a network is on one set of images.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Mean softmax cross-entropy; of an autoencoder the mean squared error of a pixel, pixels being in `[0, 1]`.
    pub loss: f64,
    /// Share of images told right, in `[0, 1]`; NaN of an autoencoder, which tells none.
    pub accuracy: f64,
}

/// The images at `indices`, `[n, channels, rows, columns]`.
pub(crate) fn batch(data: &Dataset, indices: &[usize]) -> Result<Tensor> {
    let [channels, rows, columns] = data.shape();
    Tensor::from_vec(
        pixels(data, indices),
        (indices.len(), channels, rows, columns),
        &Device::Cpu,
    )
}

/// The pixels of the images at `indices`.
pub(crate) fn pixels(data: &Dataset, indices: &[usize]) -> Vec<f32> {
    let size = data.image_size();
    let mut images = Vec::with_capacity(indices.len() * size);
    for &index in indices {
        images.extend_from_slice(&data.images()[index * size..][..size]);
    }
    images
}

/// The labels at `indices`.
pub(crate) fn labels(data: &Dataset, indices: &[usize]) -> Vec<usize> {
    indices.iter().map(|&index| data.labels()[index]).collect()
}

/// Loss and accuracy of `model` on the images at `indices`.
pub(crate) fn evaluate(
    model: &Model,
    objective: Objective,
    data: &Dataset,
    indices: &[usize],
) -> Result<Evaluation> {
    let mut judgement = Judgement::default();
    for indices in indices.chunks(model.images_per_pass()) {
        let outputs = model.evaluate(batch(data, indices)?)?;
        objective.judge(&mut judgement, &outputs, data, indices)?;
    }
    Ok(objective.evaluation(judgement))
}
