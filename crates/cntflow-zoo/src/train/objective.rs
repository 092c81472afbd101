//! What a network is trained for: telling classes apart, or giving back its input.

use crate::data::Dataset;
use crate::train::layer_type::LayerType;
use crate::train::ops::cross_entropy::{cross_entropy, loss_and_hits};
use crate::train::ops::squared_error::{squared_error, sum_of_squares};
use crate::train::outcome::Evaluation;

/// What a network is trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Classes, by softmax cross-entropy.
    Classification,
    /// The images themselves, by the mean squared error of their pixels.
    Reconstruction,
}

/// Images and what is to be learnt of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Examples<'a> {
    pub(crate) data: &'a Dataset,
    /// The class of each image of `data`.
    labels: &'a [usize],
}

impl<'a> Examples<'a> {
    /// The images of `data`, of which `labels` are learnt: one for each image.
    pub(crate) fn new(data: &'a Dataset, labels: &'a [usize]) -> Self {
        Self { data, labels }
    }

    /// The classes of the images at `indices`.
    fn labels_at(self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|&index| self.labels[index]).collect()
    }
}

/// Sums over images, from which an [`Evaluation`] takes means.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EvaluationSums {
    loss: f64,
    /// Images whose class was predicted.
    hits: usize,
    n_images: usize,
}

impl Objective {
    /// What networks of this kind are trained for.
    pub(crate) fn of(layer_type: LayerType) -> Self {
        if layer_type.is_autoencoder() {
            Self::Reconstruction
        } else {
            Self::Classification
        }
    }

    /// A batch of `batch_size` images is trained in several parts; `indices` are the images of one
    /// part. Returns what this part adds to the batch's mean loss, and the gradient of that mean
    /// with respect to `outputs`.
    pub(crate) fn loss_and_gradient(
        self,
        outputs: &[f32],
        examples: Examples<'_>,
        indices: &[usize],
        batch_size: usize,
    ) -> (f32, Vec<f32>) {
        match self {
            Self::Classification => {
                cross_entropy(outputs, &examples.labels_at(indices), batch_size)
            }
            Self::Reconstruction => {
                let targets = examples.data.pixels_at(indices);
                squared_error(outputs, &targets, indices.len(), batch_size)
            }
        }
    }

    /// Adds loss and hits of the `outputs` for the images at `indices`.
    pub(crate) fn add_to_sums(
        self,
        sums: &mut EvaluationSums,
        outputs: &[f32],
        examples: Examples<'_>,
        indices: &[usize],
    ) {
        let (loss, hits) = match self {
            Self::Classification => loss_and_hits(outputs, &examples.labels_at(indices)),
            Self::Reconstruction => {
                let data = examples.data;
                let sum = sum_of_squares(outputs, &data.pixels_at(indices));
                (sum / data.image_size() as f64, 0)
            }
        };
        sums.loss += loss;
        sums.hits += hits;
        sums.n_images += indices.len();
    }

    /// The means over all images added.
    pub(crate) fn evaluation(self, sums: EvaluationSums) -> Evaluation {
        let n_images = sums.n_images.max(1) as f64;
        Evaluation {
            loss: sums.loss / n_images,
            accuracy: match self {
                Self::Classification => sums.hits as f64 / n_images,
                Self::Reconstruction => f64::NAN,
            },
        }
    }
}
