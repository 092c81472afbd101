//! Softmax cross-entropy of logits, as a training loss and as a measure of a trained network.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::train::ops::activate::exponentials;
use crate::train::ops::{cpu_values, gradient, output, values};

/// The operation: logits `[n, n_classes]` to the sum of their losses over the size of the batch they are of, a single
/// number.
#[derive(Debug)]
pub(crate) struct CrossEntropy {
    labels: Vec<usize>,
    batch_size: usize,
    /// Softmax of the logits, kept by the forward pass for the backward pass.
    probabilities: OnceLock<Vec<f32>>,
}

impl CrossEntropy {
    /// `labels` of the images passed, which are some or all of a batch of `batch_size`.
    pub(crate) fn new(labels: Vec<usize>, batch_size: usize) -> Self {
        Self {
            labels,
            batch_size,
            probabilities: OnceLock::new(),
        }
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut rows = values(logits, layout)?.to_vec();
        let n_classes = rows.len() / self.labels.len();
        let mut total = 0.0_f64;
        for (row, &label) in rows.chunks_exact_mut(n_classes).zip(&self.labels) {
            total += softmax_loss(row, label);
        }
        self.probabilities.get_or_init(|| rows);
        output(vec![(total / self.batch_size as f64) as f32], ())
    }

    fn bwd(
        &self,
        logits: &Tensor,
        _loss: &Tensor,
        loss_gradient: &Tensor,
    ) -> Result<Option<Tensor>> {
        let (storage, layout) = loss_gradient.storage_and_layout();
        let scale = cpu_values(&storage, layout)?[0] / self.batch_size as f32;
        let mut rows = self.probabilities.get().cloned().unwrap_or_default();
        let n_classes = rows.len() / self.labels.len();
        for (row, &label) in rows.chunks_exact_mut(n_classes).zip(&self.labels) {
            row[label] -= 1.0;
            row.iter_mut().for_each(|value| *value *= scale);
        }
        gradient(rows, logits)
    }
}

/// Turns a row of logits into probabilities; returns `-ln p[label]`.
fn softmax_loss(row: &mut [f32], label: usize) -> f64 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let logit = f64::from(row[label]) - f64::from(largest);
    let sum = exponentials(row, largest);
    row.iter_mut().for_each(|value| *value /= sum);
    f64::from(sum).ln() - logit
}

/// Sum of losses and number of right answers (the first of equal logits counts) over rows of logits.
pub(crate) fn loss_and_hits(logits: &[f32], labels: &[usize]) -> (f64, usize) {
    let n_classes = logits.len() / labels.len().max(1);
    let (mut loss, mut hits) = (0.0, 0);
    let mut row = vec![0.0; n_classes];
    for (logits, &label) in logits.chunks_exact(n_classes.max(1)).zip(labels) {
        row.copy_from_slice(logits);
        loss += softmax_loss(&mut row, label);
        let larger = |&(_, logit): &(usize, &f32)| *logit > logits[label];
        let rivals = logits.iter().enumerate().filter(larger).count();
        let earlier = logits[..label]
            .iter()
            .filter(|&&logit| logit == logits[label])
            .count();
        hits += usize::from(rivals + earlier == 0 && !logits[label].is_nan());
    }
    (loss, hits)
}
