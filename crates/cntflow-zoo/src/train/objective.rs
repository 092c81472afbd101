//! What a network is trained for: telling classes apart, or giving back its input.

use candle_core::{Result, Tensor};

use crate::data::Dataset;
use crate::train::evaluation::{Evaluation, labels, pixels};
use crate::train::ops::cpu_values;
use crate::train::ops::cross_entropy::{CrossEntropy, loss_and_hits};
use crate::train::ops::squared_error::{SquaredError, sum_of_squares};
use crate::train::run_spec::RunSpec;

/// What a network is trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Classes, by softmax cross-entropy.
    Classification,
    /// The images themselves, by the mean squared error of their pixels.
    Reconstruction,
}

/// Sums over images.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judgement {
    loss: f64,
    hits: usize,
    n_images: usize,
}

impl Objective {
    /// That of `run`.
    pub(crate) fn of(run: &RunSpec) -> Self {
        if run.layer_type.is_autoencoder() {
            Self::Reconstruction
        } else {
            Self::Classification
        }
    }

    /// The share of a batch's mean loss that the images at `indices` have, the batch being of `batch_size`.
    pub(crate) fn loss(
        self,
        outputs: &Tensor,
        data: &Dataset,
        indices: &[usize],
        batch_size: usize,
    ) -> Result<Tensor> {
        match self {
            Self::Classification => {
                outputs.apply_op1(CrossEntropy::new(labels(data, indices), batch_size))
            }
            Self::Reconstruction => {
                let targets = pixels(data, indices);
                outputs.apply_op1(SquaredError::new(targets, indices.len(), batch_size))
            }
        }
    }

    /// Adds what the `outputs` for the images at `indices` come to.
    pub(crate) fn judge(
        self,
        judgement: &mut Judgement,
        outputs: &Tensor,
        data: &Dataset,
        indices: &[usize],
    ) -> Result<()> {
        let (storage, layout) = outputs.storage_and_layout();
        let outputs = cpu_values(&storage, layout)?;
        let (loss, hits) = match self {
            Self::Classification => loss_and_hits(outputs, &labels(data, indices)),
            Self::Reconstruction => {
                let sum = sum_of_squares(outputs, &pixels(data, indices));
                (sum / data.image_size() as f64, 0)
            }
        };
        judgement.loss += loss;
        judgement.hits += hits;
        judgement.n_images += indices.len();
        Ok(())
    }

    /// The means.
    pub(crate) fn evaluation(self, judgement: Judgement) -> Evaluation {
        let n_images = judgement.n_images.max(1) as f64;
        Evaluation {
            loss: judgement.loss / n_images,
            accuracy: match self {
                Self::Classification => judgement.hits as f64 / n_images,
                Self::Reconstruction => f64::NAN,
            },
        }
    }
}
