//! Pooling layers: the largest value or the mean of each window.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::train::ops::patches::Geometry;
use crate::train::ops::{cpu_values, gradient, output, values};

/// Maximum pooling: images `[n, channels, rows, columns]` to the largest value of each window; padded places count for
/// nothing, and of equal values the first.
#[derive(Debug)]
pub(crate) struct MaxPool {
    geometry: Geometry,
    /// Where each result came from, kept by the forward pass for the backward pass.
    sources: OnceLock<Vec<u32>>,
}

/// Average pooling: the sum of each window over its size; padded places count as zeros.
#[derive(Debug)]
pub(crate) struct AveragePool {
    geometry: Geometry,
}

impl MaxPool {
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            sources: OnceLock::new(),
        }
    }
}

impl AveragePool {
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self { geometry }
    }
}

impl Geometry {
    /// Calls `pair(result, source)` for every result of every plane and every place of the image under its window.
    #[inline(always)]
    fn each_pair(&self, n_planes: usize, mut pair: impl FnMut(usize, usize)) {
        let (places, plane_size) = (self.n_places(), self.input[0] * self.input[1]);
        for tap in 0..self.window[0] * self.window[1] {
            let tap = [tap / self.window[1], tap % self.window[1]];
            let (rows, columns) = (self.inside(0, tap[0]), self.inside(1, tap[1]));
            for plane in 0..n_planes {
                for row in rows.clone() {
                    let source = plane * plane_size + self.input_row(row, tap[0]) * self.input[1];
                    for column in columns.clone() {
                        let source = source + column * self.stride[1] + tap[1] - self.padding[1];
                        pair(plane * places + row * self.result[1] + column, source);
                    }
                }
            }
        }
    }

    fn n_planes(&self, images: &[f32]) -> usize {
        images.len() / (self.input[0] * self.input[1])
    }

    fn result_shape(&self, n_results: usize) -> (usize, usize, usize, usize) {
        let n_images = n_results / (self.channels * self.n_places());
        (n_images, self.channels, self.result[0], self.result[1])
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let n_planes = self.geometry.n_planes(x);
        let mut z = vec![f32::NEG_INFINITY; n_planes * self.geometry.n_places()];
        let mut sources = vec![0; z.len()];
        self.geometry.each_pair(n_planes, |result, source| {
            // A NaN wins, as it does in PyTorch.
            let larger = x[source] > z[result] || x[source].is_nan();
            z[result] = if larger { x[source] } else { z[result] };
            sources[result] = if larger {
                source as u32
            } else {
                sources[result]
            };
        });
        self.sources.get_or_init(|| sources);
        let shape = self.geometry.result_shape(z.len());
        output(z, shape)
    }

    fn bwd(&self, x: &Tensor, _z: &Tensor, z_gradient: &Tensor) -> Result<Option<Tensor>> {
        let (storage, layout) = z_gradient.storage_and_layout();
        let mut x_gradient = vec![0.0; x.elem_count()];
        let sources = self.sources.get().map_or(&[][..], Vec::as_slice);
        for (&source, g) in sources.iter().zip(cpu_values(&storage, layout)?) {
            x_gradient[source as usize] += g;
        }
        gradient(x_gradient, x)
    }
}

impl CustomOp1 for AveragePool {
    fn name(&self) -> &'static str {
        "average-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let n_planes = self.geometry.n_planes(x);
        let mut z = vec![0.0; n_planes * self.geometry.n_places()];
        let share = 1.0 / (self.geometry.window[0] * self.geometry.window[1]) as f32;
        self.geometry
            .each_pair(n_planes, |result, source| z[result] += x[source] * share);
        let shape = self.geometry.result_shape(z.len());
        output(z, shape)
    }

    fn bwd(&self, x: &Tensor, _z: &Tensor, z_gradient: &Tensor) -> Result<Option<Tensor>> {
        let (storage, layout) = z_gradient.storage_and_layout();
        let g = cpu_values(&storage, layout)?;
        let mut x_gradient = vec![0.0; x.elem_count()];
        let n_planes = self.geometry.n_planes(&x_gradient);
        let share = 1.0 / (self.geometry.window[0] * self.geometry.window[1]) as f32;
        self.geometry.each_pair(n_planes, |result, source| {
            x_gradient[source] += g[result] * share
        });
        gradient(x_gradient, x)
    }
}
