//! A stack of recurrent layers over the rows of images, up to the hidden state after the last row.

use crate::train::ops::cells::{Cell, RecurrentLayer, Trace};
use crate::train::ops::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// The operation: images `[n, channels, rows, columns]` to the last hidden state `[n, units]` of
/// the topmost layer.
///
/// Its weights are two for each layer, from the bottom on: the input kernel
/// `[n_gates * units, n_in]` and the recurrent kernel `[n_gates * units, units]`. It is the first
/// layer of a network: it gives no gradient of the images.
#[derive(Debug)]
pub(crate) struct RecurrentStack {
    pub(crate) cell: Cell,
    pub(crate) units: usize,
    /// Channels, rows and columns of an image.
    pub(crate) image: [usize; 3],
}

/// What the forward pass of a [`RecurrentStack`] keeps for the backward pass.
pub(crate) struct SavedStates {
    /// The images by row, `[rows, n, channels * columns]`: the input of the bottom layer.
    rows: Vec<f32>,
    /// One for each layer, from the bottom on.
    traces: Vec<Trace>,
}

impl RecurrentStack {
    /// The layer at `depth`, counted from the bottom, over `n_images`.
    fn layer(&self, depth: usize, n_images: usize) -> RecurrentLayer {
        let [channels, n_steps, columns] = self.image;
        RecurrentLayer {
            cell: self.cell,
            n_steps,
            n_images,
            n_in: if depth == 0 {
                channels * columns
            } else {
                self.units
            },
            units: self.units,
        }
    }

    /// `[n, channels, rows, columns]` to `[rows, n, channels * columns]`.
    fn rows(&self, images: &[f32]) -> Vec<f32> {
        let [channels, rows, columns] = self.image;
        let mut by_row = Vec::with_capacity(images.len());
        for row in 0..rows {
            for image in images.chunks_exact(channels * rows * columns) {
                for channel in image.chunks_exact(rows * columns) {
                    by_row.extend_from_slice(&channel[row * columns..][..columns]);
                }
            }
        }
        by_row
    }

    /// The input of the layer above `traces`: the states of the topmost of them, or the rows.
    fn input<'a>(&self, rows: &'a [f32], traces: &'a [Trace], n_images: usize) -> &'a [f32] {
        match traces.split_last() {
            Some((below, rest)) => below.states(&self.layer(rest.len(), n_images)),
            None => rows,
        }
    }
}

impl Operation for RecurrentStack {
    type Saved = SavedStates;

    fn forward(&self, weights: &[Weights], images: &[f32]) -> (Vec<f32>, Self::Saved) {
        let n_images = images.len() / self.image.iter().product::<usize>();
        let rows = self.rows(images);
        let mut traces: Vec<Trace> = Vec::new();
        let mut last_states = Vec::new();
        for (depth, weights) in weights.chunks_exact(2).enumerate() {
            let layer = self.layer(depth, n_images);
            let trace = layer.forward(weights, self.input(&rows, &traces, n_images));
            last_states = trace.last_state(&layer).to_vec();
            traces.push(trace);
        }
        (last_states, SavedStates { rows, traces })
    }

    fn backward(
        &self,
        weights: &[Weights],
        pass: BackwardPass<'_, Self::Saved>,
        gradients: &mut [WeightGradients],
    ) -> Vec<f32> {
        let n_images = pass.z_gradient.len() / self.units;
        let SavedStates { rows, mut traces } = pass.saved;
        // The layers after the stack read only the last state of the top layer.
        let mut state_gradients = pass.z_gradient;
        while let Some(trace) = traces.pop() {
            let depth = traces.len();
            let x = self.input(&rows, &traces, n_images);
            state_gradients = self.layer(depth, n_images).backward(
                &weights[2 * depth..][..2],
                x,
                trace,
                &state_gradients,
                &mut gradients[2 * depth..][..2],
                depth > 0,
            );
        }
        Vec::new()
    }
}
