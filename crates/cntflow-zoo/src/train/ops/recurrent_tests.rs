//! Recurrent layers against plain loops over units and finite differences through time.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Tensor, Var};
use cntflow_network::Activation;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::WeightGradients;
use super::cells::Cell;
use super::recurrent::{Parameters, Recurrent};
use super::tests::{Weigh, check_gradient, flat, random_values, weigh};

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

/// Of each kernel, layer by layer: its weights and its biases.
type Values = Vec<[Vec<f32>; 2]>;

fn parameter_values(cell: Cell, n_layers: usize, random: &mut ChaCha8Rng) -> Values {
    let n_out = cell.n_gates() * UNITS;
    let first = IMAGE[0] * IMAGE[2];
    let sizes = (0..n_layers).flat_map(|depth| [if depth == 0 { first } else { UNITS }, UNITS]);
    let mut values = |n| random_values(random, n);
    sizes
        .map(|n_in| [values(n_out * n_in), values(n_out)])
        .collect()
}

/// The operation's result, the gradients it adds to, and the tensors of its parameters.
fn run(cell: Cell, images: &[f32], values: &Values) -> (Tensor, Vec<Arc<Mutex<WeightGradients>>>) {
    let var = |values: &[f32]| Var::from_slice(values, values.len(), &Device::Cpu).unwrap();
    let parameters = |[kernel, biases]: &[Vec<f32>; 2]| Parameters {
        kernel: var(kernel).into_inner(),
        biases: var(biases).into_inner(),
        gradients: WeightGradients::shared(kernel.len(), biases.len()),
    };
    let layers: Vec<[Parameters; 2]> = values
        .chunks_exact(2)
        .map(|pair| [parameters(&pair[0]), parameters(&pair[1])])
        .collect();
    let gradients = layers.iter().flatten().map(|one| one.gradients.clone());
    let gradients = gradients.collect();
    let any = layers[0][0].kernel.clone();
    let operation = Recurrent::new(cell, UNITS, IMAGE, layers);
    let [channels, rows, columns] = IMAGE;
    let shape = (N_IMAGES, channels, rows, columns);
    let images = Tensor::from_slice(images, shape, &Device::Cpu).unwrap();
    (images.apply_op3(&any, &any, operation).unwrap(), gradients)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `w x + b`, row by row.
fn product([w, b]: &[Vec<f32>; 2], x: &[f64]) -> Vec<f64> {
    let rows = w.chunks_exact(x.len()).zip(b);
    rows.map(|(row, &b)| {
        let terms = row.iter().zip(x).map(|(&w, x)| f64::from(w) * x);
        f64::from(b) + terms.sum::<f64>()
    })
    .collect()
}

/// One layer by its definition in PyTorch's documentation: hidden states of all steps.
fn plain(cell: Cell, [ih, hh]: [&[Vec<f32>; 2]; 2], x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (mut hidden, mut state) = (vec![0.0; UNITS], vec![0.0; UNITS]);
    let step = |x: &Vec<f64>| {
        let (a, r) = (product(ih, x), product(hh, &hidden));
        let sum = |gate: usize, j: usize| a[gate * UNITS + j] + r[gate * UNITS + j];
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
                    let n = (a[2 * UNITS + j] + reset * r[2 * UNITS + j]).tanh();
                    (1.0 - z) * n + z * hidden[j]
                }
            };
        }
        hidden.clone()
    };
    x.iter().map(step).collect()
}

/// The last hidden state of the top layer for one image.
fn plain_stack(cell: Cell, values: &Values, image: &[f32]) -> Vec<f64> {
    let [channels, rows, columns] = IMAGE;
    let row = |row: usize| {
        let value = |k: usize| image[(k / columns * rows + row) * columns + k % columns];
        (0..channels * columns)
            .map(|k| f64::from(value(k)))
            .collect()
    };
    let mut states: Vec<Vec<f64>> = (0..rows).map(row).collect();
    for pair in values.chunks_exact(2) {
        states = plain(cell, [&pair[0], &pair[1]], &states);
    }
    states.pop().unwrap()
}

#[test]
fn recurrent_layers_equal_plain_loops() {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    for (cell, n_layers) in CELLS.into_iter().flat_map(|cell| [(cell, 1), (cell, 3)]) {
        let values = parameter_values(cell, n_layers, &mut random);
        let size = IMAGE.iter().product();
        let images = random_values(&mut random, N_IMAGES * size);
        let (last, _) = run(cell, &images, &values);
        assert_eq!(last.dims(), [N_IMAGES, UNITS]);
        let expected = images
            .chunks_exact(size)
            .flat_map(|image| plain_stack(cell, &values, image));
        for (found, expected) in flat(&last).iter().zip(expected) {
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
        let mut values = parameter_values(cell, n_layers, &mut random);
        let all = values.iter_mut().flatten().flatten();
        all.for_each(|value| *value *= 0.5);
        let images = random_values(&mut random, N_IMAGES * IMAGE.iter().product::<usize>());
        let (last, gradients) = run(cell, &images, &values);
        let factors = random_values(&mut random, last.elem_count());
        let sum = last.apply_op1(Weigh(factors.clone())).unwrap();
        sum.backward().unwrap();
        for (place, gradients) in gradients.iter().enumerate() {
            let found = gradients.lock().unwrap();
            for (part, found) in [&found.kernel, &found.biases].into_iter().enumerate() {
                let what = format!("{cell:?} x {n_layers}: kernel {place}, part {part}");
                check_gradient(&what, &values[place][part], found, |moved| {
                    let mut values = values.clone();
                    values[place][part] = moved.to_vec();
                    weigh(&factors, &flat(&run(cell, &images, &values).0))
                });
            }
        }
    }
}
