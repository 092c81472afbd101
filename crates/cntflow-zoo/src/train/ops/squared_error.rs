//! Mean squared error of a reconstruction, as a training loss and as a measure of a trained
//! autoencoder.

/// The part of a batch's mean squared error that these images contribute, and the gradient
/// of `results`.
///
/// The mean is over all values of a batch of `batch_size` images, of which `n_images` are passed;
/// `targets` has their pixels, as many as `results`.
pub(crate) fn squared_error(
    results: &[f32],
    targets: &[f32],
    n_images: usize,
    batch_size: usize,
) -> (f32, Vec<f32>) {
    let n_values = (targets.len() / n_images * batch_size) as f64;
    let loss = (sum_of_squares(results, targets) / n_values) as f32;
    let scale = (2.0 / n_values) as f32;
    let pairs = results.iter().zip(targets);
    (loss, pairs.map(|(z, x)| scale * (z - x)).collect())
}

/// `sum (z - x)^2`
pub(crate) fn sum_of_squares(results: &[f32], targets: &[f32]) -> f64 {
    let squares = results.iter().zip(targets).map(|(z, x)| {
        let difference = f64::from(z - x);
        difference * difference
    });
    squares.sum()
}
