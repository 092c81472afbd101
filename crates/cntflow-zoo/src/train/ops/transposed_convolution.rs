//! A transposed convolution, as decoders have it: `z = phi(w^T * x + b)`.
//!
//! It uses the geometry of the ordinary convolution that it transposes. Input and output change
//! places: `geometry.input` is the size of this layer's result, `geometry.result` that of this
//! layer's input. Where the ordinary convolution reads a patch, this layer adds one.

use cntflow_network::Activation;
use pulp::Arch;

use crate::train::ops::activate::{
    SavedDerivatives, activate_for_backward, pre_activation_gradient,
};
use crate::train::ops::channels::{to_channel_major, to_image_major};
use crate::train::ops::convolution::COLUMNS_PER_GROUP;
use crate::train::ops::matrix::{matrix, multiply, multiply_add, sum};
use crate::train::ops::patches::Patches;
use crate::train::ops::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// The operation: images `[n, channels, rows, columns]`, kernel
/// `[channels, filters, kernel rows, kernel columns]`, biases `[filters]`; result
/// `[n, filters, result rows, result columns]`.
#[derive(Debug)]
pub(crate) struct TransposedConvolution {
    /// The `images` of these patches are this layer's results; each position of their window is one
    /// pixel of this layer's input.
    pub(crate) patches: Patches,
    /// Channels of the input.
    pub(crate) channels: usize,
    pub(crate) activation: Activation,
}

/// Memory for one group of images; the next group uses it again.
struct Buffers {
    /// Inputs or their gradients, `[channels, n, positions]`.
    inputs: Vec<f32>,
    /// `[patch_size, n, positions]`
    columns: Vec<f32>,
}

impl TransposedConvolution {
    /// Number of values in one image's input.
    fn input_size(&self) -> usize {
        self.channels * self.patches.geometry.n_positions()
    }

    /// Images whose columns stay in a core's cache.
    fn images_per_group(&self) -> usize {
        let geometry = self.patches.geometry;
        (COLUMNS_PER_GROUP / (geometry.patch_size() * geometry.n_positions())).max(1)
    }

    /// Memory for the groups of `n_images`.
    fn buffers(&self, n_images: usize) -> Buffers {
        let n = self.images_per_group().min(n_images);
        let geometry = self.patches.geometry;
        Buffers {
            inputs: vec![0.0; n * self.input_size()],
            columns: vec![0.0; n * geometry.patch_size() * geometry.n_positions()],
        }
    }

    /// Adds the patches of one group of inputs to `z`, which holds the biases.
    fn forward_group(&self, weights: &Weights, x: &[f32], buffers: &mut Buffers, z: &mut [f32]) {
        let patch_size = self.patches.geometry.patch_size();
        let n_columns = x.len() / self.channels;
        let inputs = &mut buffers.inputs[..x.len()];
        let columns = &mut buffers.columns[..patch_size * n_columns];
        to_channel_major(
            x,
            self.channels,
            self.patches.geometry.n_positions(),
            inputs,
        );
        multiply(
            columns,
            matrix(&weights.kernel, self.channels, patch_size).transpose(),
            matrix(inputs, self.channels, n_columns),
        );
        Arch::new().dispatch(
            #[inline(always)]
            || self.patches.scatter_add(columns, z),
        );
    }

    /// The gradients of one group. `gradient` is that of the pre-activations; `x_gradient` is empty
    /// unless it is needed.
    fn backward_group(
        &self,
        weights: &Weights,
        [x, gradient]: [&[f32]; 2],
        buffers: &mut Buffers,
        kernel_gradient: &mut [f32],
        x_gradient: &mut [f32],
    ) {
        let geometry = self.patches.geometry;
        let (patch_size, n_positions) = (geometry.patch_size(), geometry.n_positions());
        let n_columns = x.len() / self.channels;
        let inputs = &mut buffers.inputs[..x.len()];
        let columns = &mut buffers.columns[..patch_size * n_columns];
        to_channel_major(x, self.channels, n_positions, inputs);
        Arch::new().dispatch(
            #[inline(always)]
            || self.patches.gather(gradient, columns),
        );
        let columns = matrix(columns, patch_size, n_columns);
        let x = matrix(inputs, self.channels, n_columns);
        multiply_add(kernel_gradient, x, columns.transpose());
        if !x_gradient.is_empty() {
            // The inputs are not needed any more: their gradient takes their memory.
            let kernel = matrix(&weights.kernel, self.channels, patch_size);
            multiply(inputs, kernel, columns);
            to_image_major(inputs, self.channels, n_positions, x_gradient);
        }
    }
}

impl Operation for TransposedConvolution {
    type Saved = SavedDerivatives;

    fn forward(&self, weights: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved) {
        let (n_in, n_out) = (self.input_size(), self.patches.geometry.image_size());
        let group = self.images_per_group();
        let mut z = repeated_biases(&weights[0].biases, n_out, x.len() / n_in);
        let mut buffers = self.buffers(x.len() / n_in);
        for (x, z) in x.chunks(group * n_in).zip(z.chunks_mut(group * n_out)) {
            self.forward_group(&weights[0], x, &mut buffers, z);
        }
        let derivatives = activate_for_backward(self.activation, &mut z);
        (z, derivatives)
    }

    fn backward(
        &self,
        weights: &[Weights],
        mut pass: BackwardPass<'_, Self::Saved>,
        gradients: &mut [WeightGradients],
    ) -> Vec<f32> {
        let geometry = self.patches.geometry;
        let (n_in, n_out) = (self.input_size(), geometry.image_size());
        let group = self.images_per_group();
        let gradient = pre_activation_gradient(self.activation, &mut pass);
        let WeightGradients { kernel, biases } = &mut gradients[0];
        add_channel_sums(&gradient, geometry.input[0] * geometry.input[1], biases);
        let mut x_gradient = pass.zero_x_gradient();
        let mut x_gradients = x_gradient.chunks_mut(group * n_in);
        let mut buffers = self.buffers(pass.x.len() / n_in);
        let groups = pass.x.chunks(group * n_in);
        for (x, gradient) in groups.zip(gradient.chunks(group * n_out)) {
            let x_gradient = x_gradients.next().unwrap_or_default();
            self.backward_group(&weights[0], [x, gradient], &mut buffers, kernel, x_gradient);
        }
        x_gradient
    }
}

/// `n_images` images of `size` values, each value the bias of its channel.
fn repeated_biases(biases: &[f32], size: usize, n_images: usize) -> Vec<f32> {
    let plane_size = size / biases.len();
    let image = biases
        .iter()
        .flat_map(|&bias| std::iter::repeat_n(bias, plane_size));
    image.collect::<Vec<_>>().repeat(n_images)
}

/// Adds the sum of each channel of images `[n, channels, plane_size]` to `sums`, `[channels]`.
fn add_channel_sums(images: &[f32], plane_size: usize, sums: &mut [f32]) {
    for image in images.chunks_exact(plane_size * sums.len()) {
        for (plane, total) in image.chunks_exact(plane_size).zip(&mut *sums) {
            *total += sum(plane);
        }
    }
}
