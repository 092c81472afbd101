//! Poolings.

use cntflow_network::Pool2d;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{check_gradients, random_values};
use crate::train::ops::geometry::Geometry;
use crate::train::ops::pool::{AveragePool, MaxPool};
use crate::train::ops::tape::Operation;

pub(super) fn geometry(
    channels: usize,
    input: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Geometry {
    let pool = Pool2d {
        name: String::new(),
        window,
        stride: Some(stride),
        padding: padding.into(),
        count_padding: true,
        ceil_mode: false,
    };
    Geometry::of_pool(&pool, [channels, input[0], input[1]]).unwrap()
}

#[test]
fn gradients_of_poolings_are_right() {
    let geometry = geometry(2, [5, 6], [2, 3], [2, 2], [1, 1]);
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let x = random_values(&mut random, 2 * geometry.image_size());
    check_gradients("maximum", &MaxPool(geometry), &[], &x);
    check_gradients("average", &AveragePool(geometry), &[], &x);
}

#[test]
fn pooled_values_are_right() {
    let x: Vec<f32> = (0..12).map(|value| value as f32).collect();
    let geometry = geometry(1, [3, 4], [2, 2], [2, 2], [1, 0]);
    let (largest, _) = MaxPool(geometry).forward(&[], &x);
    assert_eq!(largest, [1.0, 3.0, 9.0, 11.0]);
    let (mean, ()) = AveragePool(geometry).forward(&[], &x);
    assert_eq!(mean, [0.25, 1.25, 6.5, 8.5]);
}

#[test]
fn the_first_of_equal_values_gets_the_gradient_and_nan_wins() {
    let pool = MaxPool(geometry(1, [1, 4], [1, 2], [1, 2], [0, 0]));
    let (z, sources) = pool.forward(&[], &[3.0, 3.0, f32::NAN, 5.0]);
    assert!(z[0] == 3.0 && z[1].is_nan());
    assert_eq!(sources, [0, 2]);
}
