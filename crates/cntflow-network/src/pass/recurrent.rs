//! Recurrent layers, computed step by step.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::program::{Cell, DirectionTensors, Recurrence};
use crate::{Activation, Network, Real};

/// One recurrent layer over one batch.
pub(super) struct RecurrentPass<'r, 'a> {
    pub(super) recurrence: &'r Recurrence,
    pub(super) network: &'r Network<'a>,
    pub(super) n_inputs: usize,
    pub(super) steps: usize,
}

impl RecurrentPass<'_, '_> {
    /// From the values `z` `[n_inputs, steps, n_in]`, computes the pre-activations
    /// `[n_inputs, steps, gates, directions * units]` and the hidden states
    /// `[n_inputs, steps, directions * units]`.
    pub(super) fn run<T: Real>(&self, z: &[T], pre: &mut Vec<T>, post: &mut Vec<T>) {
        let width = self.recurrence.directions.len() * self.recurrence.units;
        let rows = self.n_inputs * self.steps;
        for (values, per_row) in [(&mut *pre, width * self.n_gates()), (&mut *post, width)] {
            values.clear();
            values.resize(rows * per_row, T::default());
        }
        for (direction, tensors) in self.recurrence.directions.iter().enumerate() {
            self.direction(direction, tensors, z, pre, post);
        }
    }

    fn n_gates(&self) -> usize {
        self.recurrence.cell.gates().len()
    }

    /// Computes one direction: 0 from the first step to the last, 1 the other way.
    fn direction<T: Real>(
        &self,
        direction: usize,
        tensors: &DirectionTensors,
        z: &[T],
        pre: &mut [T],
        post: &mut [T],
    ) {
        let Recurrence { n_in, units, .. } = *self.recurrence;
        let rows = self.n_gates() * units;
        let [ih, hh] = tensors
            .kernels
            .map(|index| widened(self.network.tensor(index)));
        let [bias_ih, bias_hh]: [Vec<T>; 2] = match tensors.biases {
            Some(biases) => biases.map(|index| widened(self.network.tensor(index))),
            None => [vec![T::default(); rows], vec![T::default(); rows]],
        };
        // The inputs' part of every gate at every step does not depend on the hidden state: one
        // product.
        let mut from_inputs = vec![T::default(); self.n_inputs * self.steps * rows];
        product(&ih, n_in, z, &bias_ih, &mut from_inputs);
        let mut hidden = vec![T::default(); self.n_inputs * units];
        let mut cells = hidden.clone();
        let mut from_hidden = vec![T::default(); self.n_inputs * rows];
        for number in 0..self.steps {
            let step = if direction == 0 {
                number
            } else {
                self.steps - 1 - number
            };
            product(&hh, units, &hidden, &bias_hh, &mut from_hidden);
            for input in 0..self.n_inputs {
                let row = input * self.steps + step;
                let mut units_of_input = StepUnits {
                    cell: self.recurrence.cell,
                    from_inputs: &from_inputs[row * rows..][..rows],
                    from_hidden: &from_hidden[input * rows..][..rows],
                    hidden: &mut hidden[input * units..][..units],
                    cells: &mut cells[input * units..][..units],
                };
                let width = self.recurrence.directions.len() * units;
                let gates = &mut pre[row * width * self.n_gates()..][..width * self.n_gates()];
                for u in 0..units {
                    let s = units_of_input.step(u);
                    let gates_of_unit = gates[direction * units + u..].iter_mut().step_by(width);
                    gates_of_unit.zip(s).for_each(|(gate, s)| *gate = s);
                }
                let states = &mut post[row * width + direction * units..][..units];
                states.copy_from_slice(units_of_input.hidden);
            }
        }
    }
}

/// The units of one direction, for one input at one step.
struct StepUnits<'s, T> {
    cell: Cell,
    /// The inputs' part of the pre-activations, gate by gate.
    from_inputs: &'s [T],
    /// The part of the last hidden state.
    from_hidden: &'s [T],
    hidden: &'s mut [T],
    /// Cell states of an LSTM.
    cells: &'s mut [T],
}

impl<T: Real> StepUnits<'_, T> {
    /// Advances one unit by a step. Returns the pre-activations of its gates. Where there are fewer
    /// than four gates, the rest repeats the last one and is not used.
    fn step(&mut self, u: usize) -> [T; 4] {
        let units = self.hidden.len();
        let both =
            |gate: usize| self.from_inputs[gate * units + u] + self.from_hidden[gate * units + u];
        match self.cell {
            Cell::Elman(activation) => {
                let s = both(0);
                self.hidden[u] = apply_to_one(activation, s);
                [s, s, s, s]
            }
            Cell::Lstm => {
                let s = [both(0), both(1), both(2), both(3)];
                let [i, f, o] = [s[0], s[1], s[3]].map(|s| apply_to_one(Activation::Sigmoid, s));
                let g = s[2].tanh();
                self.cells[u] = f * self.cells[u] + i * g;
                self.hidden[u] = o * self.cells[u].tanh();
                s
            }
            Cell::Gru => {
                let [r, z] = [both(0), both(1)];
                let [reset, update] = [r, z].map(|s| apply_to_one(Activation::Sigmoid, s));
                // The reset gate applies to the hidden state's part only, after its bias (as in
                // PyTorch).
                let index = 2 * units + u;
                let n = self.from_inputs[index] + reset * self.from_hidden[index];
                let new = n.tanh();
                self.hidden[u] = (T::from_f64(1.0) - update) * new + update * self.hidden[u];
                [r, z, n, n]
            }
        }
    }
}

fn apply_to_one<T: Real>(activation: Activation, s: T) -> T {
    let mut z = [s];
    activation.apply(&[s], &mut z, 1);
    z[0]
}

fn widened<T: Real>(weights: &[f32]) -> Vec<T> {
    weights.iter().map(|&w| T::from_f32(w)).collect()
}

/// `S = Z W^T + b` for rows `[n, n_in]` and a kernel `[n_out, n_in]`.
fn product<T: Real>(kernel: &[T], n_in: usize, z: &[T], bias: &[T], s: &mut [T]) {
    let n_out = bias.len();
    for row in s.chunks_exact_mut(n_out) {
        row.copy_from_slice(bias);
    }
    let n = z.len() / n_in;
    matmul(
        MatMut::from_column_major_slice_mut(s, n_out, n),
        Accum::Add,
        MatRef::from_row_major_slice(kernel, n_out, n_in),
        MatRef::from_column_major_slice(z, n_in, n),
        T::from_f64(1.0),
        Par::Seq,
    );
}
