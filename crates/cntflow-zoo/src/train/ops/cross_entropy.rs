//! Softmax cross-entropy of logits, as a training loss and as a measure of a trained network.

use crate::train::ops::activate::exponentials;

/// The part of a batch's mean loss that these images contribute, and the gradient of `logits`,
/// `[n, n_classes]`.
///
/// `labels` are those of the images passed, which are some or all of a batch of `batch_size`.
pub(crate) fn cross_entropy(
    logits: &[f32],
    labels: &[usize],
    batch_size: usize,
) -> (f32, Vec<f32>) {
    let n_classes = logits.len() / labels.len();
    let scale = 1.0 / batch_size as f32;
    let mut total = 0.0_f64;
    let mut gradient = logits.to_vec();
    for (row, &label) in gradient.chunks_exact_mut(n_classes).zip(labels) {
        total += softmax_loss(row, label);
        // The gradient of softmax and logarithm together: probabilities minus the one-hot label.
        row[label] -= 1.0;
        row.iter_mut().for_each(|value| *value *= scale);
    }
    ((total / batch_size as f64) as f32, gradient)
}

/// Turns a row of logits into probabilities `p`; returns `-ln p[label]`.
fn softmax_loss(row: &mut [f32], label: usize) -> f64 {
    // Shifted by the largest logit, no exponential overflows.
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let logit = f64::from(row[label]) - f64::from(largest);
    let sum = exponentials(row, largest);
    row.iter_mut().for_each(|value| *value /= sum);
    f64::from(sum).ln() - logit
}

/// The sum of losses and the number of correct predictions over rows of logits `[n, n_classes]`. Of
/// equal logits the first is the prediction; NaN is never correct.
pub(crate) fn loss_and_hits(logits: &[f32], labels: &[usize]) -> (f64, usize) {
    let n_classes = logits.len() / labels.len().max(1);
    let (mut loss, mut hits) = (0.0, 0);
    let mut row = vec![0.0; n_classes];
    for (logits, &label) in logits.chunks_exact(n_classes.max(1)).zip(labels) {
        row.copy_from_slice(logits);
        loss += softmax_loss(&mut row, label);
        hits += usize::from(is_prediction(logits, label));
    }
    (loss, hits)
}

/// Whether `logits[label]` is the largest, and the first of the largest.
fn is_prediction(logits: &[f32], label: usize) -> bool {
    let own = logits[label];
    let n_larger = logits.iter().filter(|&&logit| logit > own).count();
    let n_equal_before = logits[..label]
        .iter()
        .filter(|&&logit| logit == own)
        .count();
    n_larger + n_equal_before == 0 && !own.is_nan()
}
