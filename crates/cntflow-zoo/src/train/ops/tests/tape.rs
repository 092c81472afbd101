//! The tape: gradients through chains of layers.

use cntflow_network::Activation;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::pool::geometry;
use super::{check_gradient, dot, random_values};
use crate::train::ops::convolution::Convolution;
use crate::train::ops::dense::DenseLayer;
use crate::train::ops::patches::Patches;
use crate::train::ops::pool::{AveragePool, MaxPool};
use crate::train::ops::tape::{Record, Tape, WeightGradients, Weights};

/// A pooling of the images, a convolution, another pooling, two dense layers; each with its
/// weights.
fn chain(random: &mut ChaCha8Rng) -> Vec<(Box<dyn Record>, Vec<Weights>)> {
    let mut weights = |n_weights, n_biases| {
        vec![Weights {
            kernel: random_values(random, n_weights),
            biases: random_values(random, n_biases),
        }]
    };
    let convolution = geometry(1, [3, 4], [2, 2], [1, 1], [0, 0]);
    let dense = |n_in, n_out, activation| DenseLayer {
        n_in,
        n_out,
        activation,
    };
    vec![
        (
            Box::new(AveragePool(geometry(1, [6, 8], [2, 2], [2, 2], [0, 0]))),
            Vec::new(),
        ),
        (
            Box::new(Convolution {
                patches: Patches::new(convolution),
                filters: 2,
                activation: Activation::Silu,
            }),
            weights(2 * 4, 2),
        ),
        (
            Box::new(MaxPool(geometry(2, [2, 3], [2, 1], [1, 1], [0, 0]))),
            Vec::new(),
        ),
        (Box::new(dense(6, 4, Activation::Tanh)), weights(6 * 4, 4)),
        (Box::new(dense(4, 3, Activation::Linear)), weights(4 * 3, 3)),
    ]
}

fn record<'a>(layers: &'a [(Box<dyn Record>, Vec<Weights>)], x: &[f32]) -> Tape<'a> {
    let mut tape = Tape::new(x.to_vec());
    for (operation, weights) in layers {
        tape.apply(&**operation, weights);
    }
    tape
}

#[test]
fn gradients_flow_through_a_chain_of_layers() {
    let random = &mut ChaCha8Rng::seed_from_u64(31);
    let mut layers = chain(random);
    let x = random_values(random, 2 * 48);
    let factors = random_values(random, 2 * 3);
    let tape = record(&layers, &x);
    assert_eq!(tape.values().len(), factors.len());
    let zeros = |weights: &Vec<Weights>| weights.iter().map(WeightGradients::zeros).collect();
    let mut gradients: Vec<Vec<_>> = layers.iter().map(|(_, weights)| zeros(weights)).collect();
    tape.backward(factors.clone(), &mut gradients);
    for index in [1, 3, 4] {
        let original = layers[index].1[0].clone();
        let kernel_gradient = &gradients[index][0].kernel;
        let layers = std::cell::RefCell::new(&mut layers);
        check_gradient(
            &format!("kernel of layer {index}"),
            &original.kernel,
            kernel_gradient,
            |kernel| {
                let mut layers = layers.borrow_mut();
                layers[index].1[0].kernel = kernel.to_vec();
                dot(&factors, record(&layers, &x).values())
            },
        );
        layers.borrow_mut()[index].1[0] = original;
    }
}

#[test]
fn gradients_add_up_over_passes() {
    let random = &mut ChaCha8Rng::seed_from_u64(32);
    let layers = chain(random);
    let x = random_values(random, 48);
    let zeros = |weights: &Vec<Weights>| weights.iter().map(WeightGradients::zeros).collect();
    let mut gradients: Vec<Vec<_>> = layers.iter().map(|(_, weights)| zeros(weights)).collect();
    record(&layers, &x).backward(vec![1.0; 3], &mut gradients);
    let once = gradients[4][0].biases.clone();
    record(&layers, &x).backward(vec![1.0; 3], &mut gradients);
    let twice: Vec<f32> = once.iter().map(|gradient| 2.0 * gradient).collect();
    assert_eq!(gradients[4][0].biases, twice);
}

#[test]
fn gradients_flow_through_scaled_values() {
    let random = &mut ChaCha8Rng::seed_from_u64(33);
    let mut layers = chain(random);
    let x = random_values(random, 48);
    let factors = random_values(random, 3);
    let scales = [2.0, 0.0, -0.5, 1.0];
    let zeros = |weights: &Vec<Weights>| weights.iter().map(WeightGradients::zeros).collect();
    let mut gradients: Vec<Vec<_>> = layers.iter().map(|(_, weights)| zeros(weights)).collect();
    record_scaled(&layers, &x, &scales).backward(factors.clone(), &mut gradients);
    // The second dense layer reads scaled values, the first makes them.
    for index in [3, 4] {
        let original = layers[index].1[0].clone();
        let layers = std::cell::RefCell::new(&mut layers);
        check_gradient(
            &format!("kernel of layer {index}"),
            &original.kernel,
            &gradients[index][0].kernel,
            |kernel| {
                let mut layers = layers.borrow_mut();
                layers[index].1[0].kernel = kernel.to_vec();
                dot(&factors, record_scaled(&layers, &x, &scales).values())
            },
        );
        layers.borrow_mut()[index].1[0] = original;
    }
}

/// As [`record`], with the results of the first dense layer multiplied by `scales`.
fn record_scaled<'a>(
    layers: &'a [(Box<dyn Record>, Vec<Weights>)],
    x: &[f32],
    scales: &[f32],
) -> Tape<'a> {
    let (last, before) = layers.split_last().unwrap();
    let mut tape = record(before, x);
    tape.scale(scales.to_vec());
    tape.apply(&*last.0, &last.1);
    tape
}
