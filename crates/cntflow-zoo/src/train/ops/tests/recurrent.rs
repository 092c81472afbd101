//! Recurrent layers.

use cntflow_network::Activation;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{check_gradients, random_values};
use crate::train::ops::cells::Cell;
use crate::train::ops::recurrent::RecurrentStack;
use crate::train::ops::tape::{Operation, Weights};

const CELLS: [Cell; 4] = [
    Cell::Elman(Activation::Tanh),
    Cell::Elman(Activation::Relu),
    Cell::Lstm,
    Cell::Gru,
];

/// Two channels of five rows and three columns.
const IMAGE: [usize; 3] = [2, 5, 3];
const UNITS: usize = 4;
const N_IMAGES: usize = 3;

fn stack(cell: Cell) -> RecurrentStack {
    RecurrentStack {
        cell,
        units: UNITS,
        image: IMAGE,
    }
}

/// Random weights in `[-scale, scale)`, two for each layer.
fn random_weights(
    cell: Cell,
    n_layers: usize,
    scale: f32,
    random: &mut ChaCha8Rng,
) -> Vec<Weights> {
    let n_out = cell.n_gates() * UNITS;
    let n_in = |depth: usize| {
        if depth == 0 {
            IMAGE[0] * IMAGE[2]
        } else {
            UNITS
        }
    };
    let sizes = (0..n_layers).flat_map(|depth| [n_in(depth), UNITS]);
    let mut values = |n| -> Vec<f32> {
        let values = random_values(random, n).into_iter();
        values.map(|value| scale * value).collect()
    };
    sizes
        .map(|n_in| Weights {
            kernel: values(n_out * n_in),
            biases: values(n_out),
        })
        .collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `w x + b`, row by row.
fn product(weights: &Weights, x: &[f64]) -> Vec<f64> {
    let rows = weights.kernel.chunks_exact(x.len()).zip(&weights.biases);
    rows.map(|(row, &bias)| {
        let terms = row.iter().zip(x).map(|(&w, x)| f64::from(w) * x);
        f64::from(bias) + terms.sum::<f64>()
    })
    .collect()
}

/// One layer by its definition in PyTorch's documentation: hidden states of all steps.
fn plain_layer(cell: Cell, weights: &[Weights], x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (mut hidden, mut state) = (vec![0.0; UNITS], vec![0.0; UNITS]);
    let step = |x: &Vec<f64>| {
        let from_input = product(&weights[0], x);
        let from_hidden = product(&weights[1], &hidden);
        let sum = |gate: usize, j: usize| {
            let index = gate * UNITS + j;
            from_input[index] + from_hidden[index]
        };
        for j in 0..UNITS {
            hidden[j] = match cell {
                Cell::Elman(Activation::Relu) => sum(0, j).max(0.0),
                Cell::Elman(_) => sum(0, j).tanh(),
                Cell::Lstm => {
                    let (i, f, o) = (sigmoid(sum(0, j)), sigmoid(sum(1, j)), sigmoid(sum(3, j)));
                    state[j] = f * state[j] + i * sum(2, j).tanh();
                    o * state[j].tanh()
                }
                Cell::Gru => {
                    let (reset, z) = (sigmoid(sum(0, j)), sigmoid(sum(1, j)));
                    let index = 2 * UNITS + j;
                    let n = (from_input[index] + reset * from_hidden[index]).tanh();
                    (1.0 - z) * n + z * hidden[j]
                }
            };
        }
        hidden.clone()
    };
    x.iter().map(step).collect()
}

/// The last hidden state of the top layer for one image.
fn plain_stack(cell: Cell, weights: &[Weights], image: &[f32]) -> Vec<f64> {
    let [channels, rows, columns] = IMAGE;
    let row = |row: usize| {
        let value = |k: usize| image[(k / columns * rows + row) * columns + k % columns];
        (0..channels * columns)
            .map(|k| f64::from(value(k)))
            .collect()
    };
    let mut states: Vec<Vec<f64>> = (0..rows).map(row).collect();
    for weights in weights.chunks_exact(2) {
        states = plain_layer(cell, weights, &states);
    }
    states.pop().unwrap()
}

#[test]
fn recurrent_layers_equal_plain_loops() {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    for (cell, n_layers) in CELLS.into_iter().flat_map(|cell| [(cell, 1), (cell, 3)]) {
        let weights = random_weights(cell, n_layers, 1.0, &mut random);
        let size = IMAGE.iter().product();
        let images = random_values(&mut random, N_IMAGES * size);
        let (last_states, _) = stack(cell).forward(&weights, &images);
        assert_eq!(last_states.len(), N_IMAGES * UNITS);
        let expected = images
            .chunks_exact(size)
            .flat_map(|image| plain_stack(cell, &weights, image));
        for (found, expected) in last_states.iter().zip(expected) {
            let error = (f64::from(*found) - expected).abs();
            assert!(
                error < 1e-4 * (1.0 + expected.abs()),
                "{cell:?} x {n_layers}: {found} instead of {expected}"
            );
        }
    }
}

#[test]
fn gradients_through_time_are_right() {
    let mut random = ChaCha8Rng::seed_from_u64(22);
    for (cell, n_layers) in CELLS.into_iter().flat_map(|cell| [(cell, 1), (cell, 2)]) {
        let weights = random_weights(cell, n_layers, 0.5, &mut random);
        let images = random_values(&mut random, N_IMAGES * IMAGE.iter().product::<usize>());
        let what = format!("{cell:?} x {n_layers}");
        check_gradients(&what, &stack(cell), &weights, &images);
    }
}
