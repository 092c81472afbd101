//! A dense layer: `z = phi(x * w^T + b)`.

use std::sync::{Arc, Mutex, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use cntflow_network::Activation;

use crate::train::ops::activate::{activate_for_backward, multiply_derivative};
use crate::train::ops::{
    WeightGradients, cpu_values, gradient, matrix, multiply, multiply_add, output, values,
};

/// The operation: input `[n, ...]` with `n_in` values each, kernel `[n_out, n_in]`, biases `[n_out]`; result `[n, n_out]`.
#[derive(Debug)]
pub(crate) struct Linear {
    n_in: usize,
    n_out: usize,
    activation: Activation,
    gradients: Arc<Mutex<WeightGradients>>,
    /// Derivatives where results do not tell them, kept by the forward pass for the backward pass.
    derivatives: OnceLock<Vec<f32>>,
}

impl Linear {
    pub(crate) fn new(
        n_in: usize,
        n_out: usize,
        activation: Activation,
        gradients: Arc<Mutex<WeightGradients>>,
    ) -> Self {
        Self {
            n_in,
            n_out,
            activation,
            gradients,
            derivatives: OnceLock::new(),
        }
    }

    fn forward(&self, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f32> {
        let n = x.len() / self.n_in;
        let mut z = vec![0.0; n * self.n_out];
        multiply(
            &mut z,
            matrix(x, n, self.n_in),
            matrix(w, self.n_out, self.n_in).transpose(),
        );
        for row in z.chunks_exact_mut(self.n_out) {
            row.iter_mut().zip(b).for_each(|(s, b)| *s += b);
        }
        if let Some(derivatives) = activate_for_backward(self.activation, &mut z) {
            self.derivatives.get_or_init(|| derivatives);
        }
        z
    }

    /// The gradient of the pre-activations.
    fn pre_activation_gradient(&self, z: &[f32], z_gradient: &[f32]) -> Vec<f32> {
        let mut s_gradient = z_gradient.to_vec();
        let results = self.derivatives.get().map_or(z, Vec::as_slice);
        multiply_derivative(self.activation, results, &mut s_gradient);
        s_gradient
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
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
        let n = z.len() / self.n_out;
        output(z, (n, self.n_out))
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
        let s_gradient = self.pre_activation_gradient(
            cpu_values(&z_storage, z_layout)?,
            cpu_values(&g_storage, g_layout)?,
        );
        let n = s_gradient.len() / self.n_out;
        let g = matrix(&s_gradient, n, self.n_out);

        let x_values = matrix(cpu_values(&x_storage, x_layout)?, n, self.n_in);
        let mut gradients = self.gradients.lock().expect("no pass panics");
        multiply_add(&mut gradients.kernel, g.transpose(), x_values);
        for row in s_gradient.chunks_exact(self.n_out) {
            gradients
                .biases
                .iter_mut()
                .zip(row)
                .for_each(|(sum, g)| *sum += g);
        }
        // The images need no gradient: it would be the largest product of a dense network.
        let x_gradient = if x.track_op() {
            let mut x_gradient = vec![0.0; n * self.n_in];
            multiply(
                &mut x_gradient,
                g,
                matrix(cpu_values(&w_storage, w_layout)?, self.n_out, self.n_in),
            );
            gradient(x_gradient, x)?
        } else {
            None
        };
        Ok((x_gradient, None, None))
    }
}
