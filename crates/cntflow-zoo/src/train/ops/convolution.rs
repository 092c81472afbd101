//! A convolutional layer: `z = phi(w * x + b)`, as products with columns of patches.
//!
//! Images are taken in groups whose columns stay in a core's cache. The backward pass makes the
//! columns again: writing them twice costs less than keeping those of a whole batch.

use cntflow_network::Activation;
use pulp::Arch;

use crate::train::ops::activate::{
    SavedDerivatives, activate, activate_for_backward, needs_saved_derivatives,
    pre_activation_gradient,
};
use crate::train::ops::channels::{add_row_sums, to_channel_major};
use crate::train::ops::matrix::{matrix, multiply, multiply_add};
use crate::train::ops::patches::Patches;
use crate::train::ops::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// Largest number of `f32` in the columns of a group (256 KiB): half of a usual second-level cache.
pub(super) const COLUMNS_PER_GROUP: usize = 64 * 1024;

/// The operation: images `[n, channels, rows, columns]`, kernel
/// `[filters, channels, kernel rows, kernel columns]`, biases `[filters]`; result
/// `[n, filters, result rows, result columns]`.
#[derive(Debug)]
pub(crate) struct Convolution {
    pub(crate) patches: Patches,
    pub(crate) filters: usize,
    pub(crate) activation: Activation,
}

/// Memory for one group of images; the next group uses it again.
struct Buffers {
    /// `[patch_size, n, positions]`
    columns: Vec<f32>,
    /// Results or their gradients, `[filters, n, positions]`.
    by_filter: Vec<f32>,
}

impl Convolution {
    fn images_per_group(&self) -> usize {
        let geometry = &self.patches.geometry;
        (COLUMNS_PER_GROUP / (geometry.patch_size() * geometry.n_positions())).max(1)
    }

    /// Number of values in one image's result.
    fn result_size(&self) -> usize {
        self.filters * self.patches.geometry.n_positions()
    }

    /// Memory for the groups of `n_images`.
    fn buffers(&self, n_images: usize) -> Buffers {
        let n = self.images_per_group().min(n_images);
        let geometry = &self.patches.geometry;
        Buffers {
            columns: vec![0.0; n * geometry.patch_size() * geometry.n_positions()],
            by_filter: vec![0.0; n * self.result_size()],
        }
    }

    /// The pre-activations of one group.
    fn forward_group(&self, weights: &Weights, x: &[f32], buffers: &mut Buffers, z: &mut [f32]) {
        let patch_size = self.patches.geometry.patch_size();
        let by_filter = &mut buffers.by_filter[..z.len()];
        let n_columns = by_filter.len() / self.filters;
        let columns = &mut buffers.columns[..patch_size * n_columns];
        Arch::new().dispatch(
            #[inline(always)]
            || self.patches.gather(x, columns),
        );
        multiply(
            by_filter,
            matrix(&weights.kernel, self.filters, patch_size),
            matrix(columns, patch_size, n_columns),
        );
        Arch::new().dispatch(
            #[inline(always)]
            || self.add_biases(by_filter, &weights.biases, z),
        );
    }

    /// `by_filter`, `[filters, n, positions]`, plus biases, as `z`, `[n, filters, positions]`.
    #[inline(always)]
    fn add_biases(&self, by_filter: &[f32], biases: &[f32], z: &mut [f32]) {
        let n_positions = self.patches.geometry.n_positions();
        let n = z.len() / self.result_size();
        for (image, z) in z.chunks_exact_mut(self.result_size()).enumerate() {
            for (filter, z) in z.chunks_exact_mut(n_positions).enumerate() {
                let source = &by_filter[(filter * n + image) * n_positions..][..n_positions];
                z.iter_mut()
                    .zip(source)
                    .for_each(|(z, s)| *z = s + biases[filter]);
            }
        }
    }

    /// The gradients of one group. `gradient` is that of the pre-activations; `x_gradient` is empty
    /// unless it is needed.
    fn backward_group(
        &self,
        weights: &Weights,
        [x, gradient]: [&[f32]; 2],
        buffers: &mut Buffers,
        weight_gradients: &mut WeightGradients,
        x_gradient: &mut [f32],
    ) {
        let patch_size = self.patches.geometry.patch_size();
        let by_filter = &mut buffers.by_filter[..gradient.len()];
        let n_columns = by_filter.len() / self.filters;
        let columns = &mut buffers.columns[..patch_size * n_columns];
        let n_positions = self.patches.geometry.n_positions();
        to_channel_major(gradient, self.filters, n_positions, by_filter);
        Arch::new().dispatch(
            #[inline(always)]
            || {
                add_row_sums(by_filter, &mut weight_gradients.biases);
                self.patches.gather(x, columns);
            },
        );
        let g = matrix(by_filter, self.filters, n_columns);
        let transposed = matrix(columns, patch_size, n_columns).transpose();
        multiply_add(&mut weight_gradients.kernel, g, transposed);
        if !x_gradient.is_empty() {
            // The columns of x are not needed any more: those of its gradient take their memory.
            let kernel = matrix(&weights.kernel, self.filters, patch_size);
            multiply(columns, kernel.transpose(), g);
            Arch::new().dispatch(
                #[inline(always)]
                || self.patches.scatter_add(columns, x_gradient),
            );
        }
    }
}

impl Operation for Convolution {
    type Saved = SavedDerivatives;

    fn forward(&self, weights: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved) {
        let (n_in, n_out) = (self.patches.geometry.image_size(), self.result_size());
        let group = self.images_per_group();
        let mut z = vec![0.0; x.len() / n_in * n_out];
        let mut buffers = self.buffers(x.len() / n_in);
        // Results are activated while they are in the cache, unless their derivatives have to be
        // kept.
        let activates_groups = !needs_saved_derivatives(self.activation);
        for (x, z) in x.chunks(group * n_in).zip(z.chunks_mut(group * n_out)) {
            self.forward_group(&weights[0], x, &mut buffers, z);
            if activates_groups {
                activate(self.activation, z);
            }
        }
        let derivatives = if activates_groups {
            None
        } else {
            activate_for_backward(self.activation, &mut z)
        };
        (z, derivatives)
    }

    fn backward(
        &self,
        weights: &[Weights],
        mut pass: BackwardPass<'_, Self::Saved>,
        gradients: &mut [WeightGradients],
    ) -> Vec<f32> {
        let (n_in, n_out) = (self.patches.geometry.image_size(), self.result_size());
        let group = self.images_per_group();
        let gradient = pre_activation_gradient(self.activation, &mut pass);
        let mut x_gradient = pass.zero_x_gradient();
        let mut x_gradients = x_gradient.chunks_mut(group * n_in);
        let mut buffers = self.buffers(pass.x.len() / n_in);
        let groups = pass.x.chunks(group * n_in);
        for (x, gradient) in groups.zip(gradient.chunks(group * n_out)) {
            let x_gradient = x_gradients.next().unwrap_or_default();
            self.backward_group(
                &weights[0],
                [x, gradient],
                &mut buffers,
                &mut gradients[0],
                x_gradient,
            );
        }
        x_gradient
    }
}
