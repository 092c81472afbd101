//! Pooling layers: the largest value or the mean of each window.

use crate::train::ops::geometry::Geometry;
use crate::train::ops::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// Maximum pooling: images `[n, channels, rows, columns]` to the largest value of each window.
/// Padding never wins; of equal values the first does.
#[derive(Debug)]
pub(crate) struct MaxPool(pub(crate) Geometry);

/// Average pooling: images `[n, channels, rows, columns]` to the sum of each window divided by its
/// size. Padding counts as zeros.
#[derive(Debug)]
pub(crate) struct AveragePool(pub(crate) Geometry);

impl Geometry {
    /// Calls `pair(result, source)` for each result and each value under its window, with the index
    /// of the result and the index of the value. A plane is one channel of one image.
    #[inline(always)]
    fn each_pair(&self, n_planes: usize, mut pair: impl FnMut(usize, usize)) {
        let (n_positions, plane_size) = (self.n_positions(), self.input[0] * self.input[1]);
        // Taps outermost: the two inner loops then run along rows of both images.
        for tap in 0..self.window[0] * self.window[1] {
            let tap = [tap / self.window[1], tap % self.window[1]];
            let (rows, columns) = (self.inside(0, tap[0]), self.inside(1, tap[1]));
            for plane in 0..n_planes {
                for row in rows.clone() {
                    let start = plane * plane_size + self.input_row(row, tap[0]) * self.input[1];
                    for column in columns.clone() {
                        let source = start + self.input_column(column, tap[1]);
                        pair(plane * n_positions + row * self.result[1] + column, source);
                    }
                }
            }
        }
    }

    /// Channels of all images together.
    fn n_planes(&self, images: &[f32]) -> usize {
        images.len() / (self.input[0] * self.input[1])
    }
}

impl Operation for MaxPool {
    /// The index in `x` that each result came from.
    type Saved = Vec<u32>;

    fn forward(&self, _: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved) {
        let n_planes = self.0.n_planes(x);
        let mut z = vec![f32::NEG_INFINITY; n_planes * self.0.n_positions()];
        let mut sources = vec![0; z.len()];
        self.0.each_pair(n_planes, |result, source| {
            // A NaN wins, as it does in PyTorch. The value and its index are selected without a
            // branch, which would often be mispredicted.
            let wins = x[source] > z[result] || x[source].is_nan();
            z[result] = if wins { x[source] } else { z[result] };
            sources[result] = if wins { source as u32 } else { sources[result] };
        });
        (z, sources)
    }

    fn backward(
        &self,
        _: &[Weights],
        pass: BackwardPass<'_, Self::Saved>,
        _: &mut [WeightGradients],
    ) -> Vec<f32> {
        let mut x_gradient = vec![0.0; pass.x.len()];
        for (source, g) in pass.saved.into_iter().zip(pass.z_gradient) {
            x_gradient[source as usize] += g;
        }
        x_gradient
    }
}

impl AveragePool {
    /// The weight of one value in the mean.
    fn share(&self) -> f32 {
        1.0 / (self.0.window[0] * self.0.window[1]) as f32
    }
}

impl Operation for AveragePool {
    type Saved = ();

    fn forward(&self, _: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved) {
        let n_planes = self.0.n_planes(x);
        let share = self.share();
        let mut z = vec![0.0; n_planes * self.0.n_positions()];
        self.0
            .each_pair(n_planes, |result, source| z[result] += x[source] * share);
        (z, ())
    }

    fn backward(
        &self,
        _: &[Weights],
        pass: BackwardPass<'_, Self::Saved>,
        _: &mut [WeightGradients],
    ) -> Vec<f32> {
        let share = self.share();
        let mut x_gradient = vec![0.0; pass.x.len()];
        let n_planes = self.0.n_planes(pass.x);
        self.0.each_pair(n_planes, |result, source| {
            x_gradient[source] += pass.z_gradient[result] * share
        });
        x_gradient
    }
}
