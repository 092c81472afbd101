//! Dense layers.

use super::{ACTIVATIONS, check_gradients_of_layer};
use crate::train::ops::dense::DenseLayer;

#[test]
fn gradients_of_dense_layers_are_right() {
    for activation in ACTIVATIONS {
        let layer = DenseLayer {
            n_in: 5,
            n_out: 4,
            activation,
        };
        let what = format!("dense {activation:?}");
        check_gradients_of_layer(&what, &layer, [4 * 5, 4], 3 * 5);
    }
}
