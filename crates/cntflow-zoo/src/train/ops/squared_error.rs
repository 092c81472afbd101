//! Mean squared error of a reconstruction, as a training loss and as a measure of a trained autoencoder.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::train::ops::{cpu_values, gradient, output, values};

/// The operation: reconstructions `[n, ...]` to the sum over images of their mean squared errors over the size of the
/// batch they are of, a single number.
#[derive(Debug)]
pub(crate) struct SquaredError {
    targets: Vec<f32>,
    n_images: usize,
    batch_size: usize,
}

impl SquaredError {
    /// `targets` of the `n_images` passed, which are some or all of a batch of `batch_size`.
    pub(crate) fn new(targets: Vec<f32>, n_images: usize, batch_size: usize) -> Self {
        Self {
            targets,
            n_images,
            batch_size,
        }
    }

    /// Values per batch, over which the mean is taken.
    fn n_values(&self) -> f64 {
        (self.targets.len() / self.n_images * self.batch_size) as f64
    }
}

impl CustomOp1 for SquaredError {
    fn name(&self) -> &'static str {
        "squared-error"
    }

    fn cpu_fwd(&self, results: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let total = sum_of_squares(values(results, layout)?, &self.targets);
        output(vec![(total / self.n_values()) as f32], ())
    }

    fn bwd(
        &self,
        results: &Tensor,
        _loss: &Tensor,
        loss_gradient: &Tensor,
    ) -> Result<Option<Tensor>> {
        let (storage, layout) = loss_gradient.storage_and_layout();
        let scale = (2.0 * f64::from(cpu_values(&storage, layout)?[0]) / self.n_values()) as f32;
        let (storage, layout) = results.storage_and_layout();
        let pairs = cpu_values(&storage, layout)?.iter().zip(&self.targets);
        gradient(pairs.map(|(z, x)| scale * (z - x)).collect(), results)
    }
}

/// `sum (z - x)^2`
pub(crate) fn sum_of_squares(results: &[f32], targets: &[f32]) -> f64 {
    let squares = results.iter().zip(targets).map(|(z, x)| {
        let difference = f64::from(z - x);
        difference * difference
    });
    squares.sum()
}
