//! A convolutional layer: `z = phi(w * x + b)`, as products with columns of patches.
//!
//! Images are taken in groups whose columns stay in a core's cache. Columns are made anew in the backward pass: writing
//! them once more costs less than keeping those of a whole batch.

use std::sync::{Arc, Mutex, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use cntflow_network::Activation;
use pulp::Arch;

use crate::train::ops::activate::{
    activate, activate_for_backward, keeps_derivatives, multiply_derivative,
};
use crate::train::ops::channels::{add_row_sums, by_channel};
use crate::train::ops::patches::Patches;
use crate::train::ops::{
    WeightGradients, cpu_values, gradient, matrix, multiply, multiply_add, output, values,
};

/// Values of a group's columns, in number of `f32` (256 KiB): half of a usual second-level cache.
pub(crate) const COLUMNS_PER_GROUP: usize = 64 * 1024;

/// The operation: images `[n, channels, rows, columns]`, kernel `[filters, channels, kernel rows, kernel columns]`,
/// biases `[filters]`; result `[n, filters, rows, columns]`.
#[derive(Debug)]
pub(crate) struct Convolution {
    patches: Patches,
    filters: usize,
    activation: Activation,
    gradients: Arc<Mutex<WeightGradients>>,
    /// Derivatives where results do not tell them, kept by the forward pass for the backward pass.
    derivatives: OnceLock<Vec<f32>>,
}

impl Convolution {
    pub(crate) fn new(
        patches: Patches,
        filters: usize,
        activation: Activation,
        gradients: Arc<Mutex<WeightGradients>>,
    ) -> Self {
        Self {
            patches,
            filters,
            activation,
            gradients,
            derivatives: OnceLock::new(),
        }
    }

    fn images_per_group(&self) -> usize {
        (COLUMNS_PER_GROUP
            / (self.patches.geometry.patch_size() * self.patches.geometry.n_places()))
        .max(1)
    }

    /// Values of one image's result.
    fn result_size(&self) -> usize {
        self.filters * self.patches.geometry.n_places()
    }

    fn forward(&self, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f32> {
        let (patch, places, images) = (
            self.patches.geometry.patch_size(),
            self.patches.geometry.n_places(),
            self.images_per_group(),
        );
        let mut z = vec![0.0; x.len() / self.patches.geometry.image_size() * self.result_size()];
        let mut columns = vec![0.0; patch * places * images];
        let mut by_filter = vec![0.0; self.result_size() * images];
        let keep_derivatives = keeps_derivatives(self.activation);
        let groups = x
            .chunks(images * self.patches.geometry.image_size())
            .zip(z.chunks_mut(images * self.result_size()));
        for (x, z) in groups {
            let n = x.len() / self.patches.geometry.image_size();
            let columns = &mut columns[..patch * places * n];
            let by_filter = &mut by_filter[..self.result_size() * n];
            Arch::new().dispatch(
                #[inline(always)]
                || self.patches.gather(x, columns),
            );
            multiply(
                by_filter,
                matrix(w, self.filters, patch),
                matrix(columns, patch, places * n),
            );
            Arch::new().dispatch(
                #[inline(always)]
                || self.add_biases(by_filter, b, z),
            );
            if !keep_derivatives {
                activate(self.activation, z);
            }
        }
        if keep_derivatives
            && let Some(derivatives) = activate_for_backward(self.activation, &mut z)
        {
            self.derivatives.get_or_init(|| derivatives);
        }
        z
    }

    /// `by_filter`, `[filters, n, places]`, plus biases, as `z`, `[n, filters, places]`.
    #[inline(always)]
    fn add_biases(&self, by_filter: &[f32], b: &[f32], z: &mut [f32]) {
        let places = self.patches.geometry.n_places();
        let n = z.len() / self.result_size();
        for (image, z) in z.chunks_exact_mut(self.result_size()).enumerate() {
            for (filter, z) in z.chunks_exact_mut(places).enumerate() {
                let source = &by_filter[(filter * n + image) * places..][..places];
                z.iter_mut()
                    .zip(source)
                    .for_each(|(z, s)| *z = s + b[filter]);
            }
        }
    }

    /// Adds to the gradients of the weights; returns that of `x`, empty where it is not asked for.
    fn backward(
        &self,
        x: &[f32],
        w: &[f32],
        results: &[f32],
        z_gradient: &[f32],
        with_x: bool,
    ) -> Vec<f32> {
        let geometry = self.patches.geometry;
        let (patch, places, images) = (
            geometry.patch_size(),
            geometry.n_places(),
            self.images_per_group(),
        );
        let (group_in, group_out) = (images * geometry.image_size(), images * self.result_size());
        let mut x_gradient = vec![0.0; if with_x { x.len() } else { 0 }];
        let mut gradients = self.gradients.lock().expect("no pass panics");
        let mut columns = vec![0.0; patch * places * images];
        let mut by_image = vec![0.0; group_out];
        let mut by_filter = vec![0.0; group_out];
        let groups = x
            .chunks(group_in)
            .zip(results.chunks(group_out))
            .zip(z_gradient.chunks(group_out));
        for (group, ((x, results), z_gradient)) in groups.enumerate() {
            let columns = &mut columns[..patch * places * (x.len() / geometry.image_size())];
            let (by_image, by_filter) = (
                &mut by_image[..results.len()],
                &mut by_filter[..results.len()],
            );
            by_image.copy_from_slice(z_gradient);
            multiply_derivative(self.activation, results, by_image);
            by_channel(by_image, self.filters, places, by_filter);
            Arch::new().dispatch(
                #[inline(always)]
                || add_row_sums(by_filter, &mut gradients.biases),
            );

            Arch::new().dispatch(
                #[inline(always)]
                || self.patches.gather(x, columns),
            );
            let n_columns = columns.len() / patch;
            let g = matrix(by_filter, self.filters, n_columns);
            multiply_add(
                &mut gradients.kernel,
                g,
                matrix(columns, patch, n_columns).transpose(),
            );
            if with_x {
                multiply(columns, matrix(w, self.filters, patch).transpose(), g);
                let x_gradient = &mut x_gradient[group * group_in..][..x.len()];
                Arch::new().dispatch(
                    #[inline(always)]
                    || self.patches.scatter_add(columns, x_gradient),
                );
            }
        }
        x_gradient
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let z = self.forward(
            values(x, x_layout)?,
            values(w, w_layout)?,
            values(b, b_layout)?,
        );
        let n = z.len() / self.result_size();
        output(
            z,
            (
                n,
                self.filters,
                self.patches.geometry.result[0],
                self.patches.geometry.result[1],
            ),
        )
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _b: &Tensor,
        z: &Tensor,
        z_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (x_storage, x_layout) = x.storage_and_layout();
        let (w_storage, w_layout) = w.storage_and_layout();
        let (z_storage, z_layout) = z.storage_and_layout();
        let (g_storage, g_layout) = z_gradient.storage_and_layout();
        let z_values = cpu_values(&z_storage, z_layout)?;
        let x_gradient = self.backward(
            cpu_values(&x_storage, x_layout)?,
            cpu_values(&w_storage, w_layout)?,
            self.derivatives.get().map_or(z_values, Vec::as_slice),
            cpu_values(&g_storage, g_layout)?,
            x.track_op(),
        );
        let x_gradient = if x.track_op() {
            gradient(x_gradient, x)?
        } else {
            None
        };
        Ok((x_gradient, None, None))
    }
}
