//! A transposed convolution: `z = phi(w^T * x + b)`, the adjoint of a convolution, as decoders have it.
//!
//! Its geometry is that of the convolution it is the adjoint of, which goes from its result to its input: patches are
//! added to the result where the convolution would take them from.

use std::sync::{Arc, Mutex, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use cntflow_network::Activation;
use pulp::Arch;

use crate::train::ops::activate::{activate_for_backward, multiply_derivative};
use crate::train::ops::channels::{by_channel, by_image};
use crate::train::ops::convolution::COLUMNS_PER_GROUP;
use crate::train::ops::patches::Patches;
use crate::train::ops::{
    WeightGradients, cpu_values, gradient, matrix, multiply, multiply_add, output, sum, values,
};

/// The operation: images `[n, channels, rows, columns]`, kernel `[channels, filters, kernel rows, kernel columns]`,
/// biases `[filters]`; result `[n, filters, result rows, result columns]`.
#[derive(Debug)]
pub(crate) struct TransposedConvolution {
    /// Its images are the results, its results the places of the input.
    patches: Patches,
    channels: usize,
    activation: Activation,
    gradients: Arc<Mutex<WeightGradients>>,
    /// Derivatives where results do not tell them, kept by the forward pass for the backward pass.
    derivatives: OnceLock<Vec<f32>>,
}

impl TransposedConvolution {
    pub(crate) fn new(
        patches: Patches,
        channels: usize,
        activation: Activation,
        gradients: Arc<Mutex<WeightGradients>>,
    ) -> Self {
        Self {
            patches,
            channels,
            activation,
            gradients,
            derivatives: OnceLock::new(),
        }
    }

    /// Values of one image's input.
    fn input_size(&self) -> usize {
        self.channels * self.patches.geometry.n_places()
    }

    /// Images of a group, whose columns stay in a core's cache.
    fn images_per_group(&self) -> usize {
        let geometry = self.patches.geometry;
        (COLUMNS_PER_GROUP / (geometry.patch_size() * geometry.n_places())).max(1)
    }

    fn forward(&self, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f32> {
        let geometry = self.patches.geometry;
        let (places, size) = (geometry.n_places(), geometry.image_size());
        let group = self.images_per_group();
        let mut z = biases(b, size, x.len() / self.input_size());
        let mut inputs = vec![0.0; group * self.input_size()];
        let mut columns = vec![0.0; group * geometry.patch_size() * places];
        let groups = x.chunks(group * self.input_size());
        for (x, z) in groups.zip(z.chunks_mut(group * size)) {
            let n = x.len() / self.input_size();
            let (inputs, columns) = self.of_group(n, &mut inputs, &mut columns);
            by_channel(x, self.channels, places, inputs);
            multiply(
                columns,
                matrix(w, self.channels, geometry.patch_size()).transpose(),
                matrix(inputs, self.channels, n * places),
            );
            Arch::new().dispatch(
                #[inline(always)]
                || self.patches.scatter_add(columns, z),
            );
        }
        if let Some(derivatives) = activate_for_backward(self.activation, &mut z) {
            self.derivatives.get_or_init(|| derivatives);
        }
        z
    }

    /// Adds to the gradients of the weights; returns that of `x`, empty where it is not asked for. `g` is that of the
    /// pre-activations.
    fn backward(&self, x: &[f32], w: &[f32], g: &[f32], with_x: bool) -> Vec<f32> {
        let geometry = self.patches.geometry;
        let (patch, places) = (geometry.patch_size(), geometry.n_places());
        let group = self.images_per_group();
        let mut x_gradient = vec![0.0; if with_x { x.len() } else { 0 }];
        let mut gradients = self.gradients.lock().expect("no pass panics");
        add_channel_sums(
            g,
            geometry.input[0] * geometry.input[1],
            &mut gradients.biases,
        );
        let mut inputs = vec![0.0; group * self.input_size()];
        let mut columns = vec![0.0; group * patch * places];
        let groups = x.chunks(group * self.input_size());
        let groups = groups.zip(g.chunks(group * geometry.image_size()));
        for (number, (x, g)) in groups.enumerate() {
            let n = x.len() / self.input_size();
            let (inputs, columns) = self.of_group(n, &mut inputs, &mut columns);
            by_channel(x, self.channels, places, inputs);
            Arch::new().dispatch(
                #[inline(always)]
                || self.patches.gather(g, columns),
            );
            let columns = matrix(columns, patch, n * places);
            let of_inputs = matrix(inputs, self.channels, n * places);
            multiply_add(&mut gradients.kernel, of_inputs, columns.transpose());
            if with_x {
                multiply(inputs, matrix(w, self.channels, patch), columns);
                let target = &mut x_gradient[number * group * self.input_size()..][..x.len()];
                by_image(inputs, self.channels, places, target);
            }
        }
        x_gradient
    }

    /// The parts of the two buffers that `n_images` need.
    fn of_group<'a>(
        &self,
        n_images: usize,
        inputs: &'a mut [f32],
        columns: &'a mut [f32],
    ) -> (&'a mut [f32], &'a mut [f32]) {
        let geometry = self.patches.geometry;
        let n_columns = n_images * geometry.patch_size() * geometry.n_places();
        (
            &mut inputs[..n_images * self.input_size()],
            &mut columns[..n_columns],
        )
    }
}

/// `n_images` of `size` values whose channels hold their biases.
fn biases(b: &[f32], size: usize, n_images: usize) -> Vec<f32> {
    let plane = size / b.len();
    let one = b.iter().flat_map(|&b| std::iter::repeat_n(b, plane));
    one.collect::<Vec<_>>().repeat(n_images)
}

/// Adds the sum of each channel of images `[n, channels, places]` to `sums`.
fn add_channel_sums(images: &[f32], places: usize, sums: &mut [f32]) {
    for image in images.chunks_exact(places * sums.len()) {
        for (plane, total) in image.chunks_exact(places).zip(&mut *sums) {
            *total += sum(plane);
        }
    }
}

impl CustomOp3 for TransposedConvolution {
    fn name(&self) -> &'static str {
        "transposed-convolution"
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
        let geometry = self.patches.geometry;
        let n = z.len() / geometry.image_size();
        let [rows, columns] = geometry.input;
        output(z, (n, geometry.channels, rows, columns))
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
        let mut g = cpu_values(&g_storage, g_layout)?.to_vec();
        let z_values = cpu_values(&z_storage, z_layout)?;
        let results = self.derivatives.get().map_or(z_values, Vec::as_slice);
        multiply_derivative(self.activation, results, &mut g);
        let x_gradient = self.backward(
            cpu_values(&x_storage, x_layout)?,
            cpu_values(&w_storage, w_layout)?,
            &g,
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
