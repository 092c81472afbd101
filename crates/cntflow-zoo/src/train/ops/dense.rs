//! A dense layer: `z = phi(x * w^T + b)`.

use cntflow_network::Activation;

use crate::train::ops::activate::{
    SavedDerivatives, activate_for_backward, pre_activation_gradient,
};
use crate::train::ops::matrix::{add_biases, add_column_sums, matrix, multiply, multiply_add};
use crate::train::ops::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// The operation: input `[n, ...]` with `n_in` values each, kernel `[n_out, n_in]`, biases
/// `[n_out]`; result `[n, n_out]`.
#[derive(Debug)]
pub(crate) struct DenseLayer {
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    pub(crate) activation: Activation,
}

impl Operation for DenseLayer {
    type Saved = SavedDerivatives;

    fn forward(&self, weights: &[Weights], x: &[f32]) -> (Vec<f32>, Self::Saved) {
        let Weights { kernel, biases } = &weights[0];
        let n = x.len() / self.n_in;
        let mut z = vec![0.0; n * self.n_out];
        let kernel = matrix(kernel, self.n_out, self.n_in);
        multiply(&mut z, matrix(x, n, self.n_in), kernel.transpose());
        add_biases(&mut z, biases);
        let derivatives = activate_for_backward(self.activation, &mut z);
        (z, derivatives)
    }

    fn backward(
        &self,
        weights: &[Weights],
        mut pass: BackwardPass<'_, Self::Saved>,
        gradients: &mut [WeightGradients],
    ) -> Vec<f32> {
        let gradient = pre_activation_gradient(self.activation, &mut pass);
        let n = gradient.len() / self.n_out;
        let g = matrix(&gradient, n, self.n_out);

        let weight_gradients = &mut gradients[0];
        let x = matrix(pass.x, n, self.n_in);
        multiply_add(&mut weight_gradients.kernel, g.transpose(), x);
        add_column_sums(&gradient, &mut weight_gradients.biases);

        if !pass.needs_x_gradient {
            return Vec::new();
        }
        let mut x_gradient = vec![0.0; n * self.n_in];
        let kernel = matrix(&weights[0].kernel, self.n_out, self.n_in);
        multiply(&mut x_gradient, g, kernel);
        x_gradient
    }
}
