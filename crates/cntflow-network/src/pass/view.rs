//! The values of a layer as the links that come from it see them.

use super::attention::attend;
use crate::program::Source;
use crate::{Network, Real, Shape, TakenStep, View};

/// The values of all layers so far.
pub(super) struct LayerValues<'v, 'n, T> {
    pub(super) network: &'v Network<'n>,
    pub(super) inputs: &'v [T],
    /// Post-activations by layer, from layer 1 on.
    pub(super) values: &'v [Vec<T>],
    pub(super) n_inputs: usize,
}

impl<T: Real> LayerValues<'_, '_, T> {
    /// The values of a source. Views that reorder or mix values write them to `viewed`.
    pub(super) fn view<'s>(&'s self, source: Source, viewed: &'s mut Vec<T>) -> &'s [T] {
        let z = match source.layer {
            0 => self.inputs,
            layer => &self.values[layer],
        };
        let shape = self.network.neurons()[source.layer].shape;
        let n = self.n_inputs;
        viewed.clear();
        match source.view {
            View::Same | View::Flat => return z,
            View::Rows => {
                let sizes = [n, shape.channels(), shape.rows()];
                swap_middle(z, sizes, shape.columns(), viewed);
            }
            View::Positions => {
                let sizes = [n, shape.channels(), shape.positions()];
                swap_middle(z, sizes, 1, viewed);
            }
            View::Step(which) => take_steps(z, shape, which, viewed),
            View::Attended { query, key, heads } => {
                let sizes = [shape.steps(), shape.n_neurons()];
                viewed.resize(z.len(), T::default());
                let [q, k] = [query, key].map(|layer| self.values[layer].as_slice());
                attend([q, k, z], sizes, heads, viewed);
            }
        }
        viewed
    }
}

/// Swaps the middle dimensions: `[n, a, b, width]` to `[n, b, a, width]`.
fn swap_middle<T: Real>(z: &[T], [n, a, b]: [usize; 3], width: usize, swapped: &mut Vec<T>) {
    for input in z.chunks_exact(z.len() / n.max(1)) {
        for second in 0..b {
            for first in 0..a {
                swapped.extend_from_slice(&input[(first * b + second) * width..][..width]);
            }
        }
    }
}

/// Writes one step of every sequence, or the mean over its steps.
fn take_steps<T: Real>(z: &[T], shape: Shape, which: TakenStep, taken: &mut Vec<T>) {
    let units = shape.n_neurons();
    for sequence in z.chunks_exact(shape.n_values()) {
        let (first, last) = (&sequence[..units], &sequence[sequence.len() - units..]);
        match which {
            TakenStep::First => taken.extend_from_slice(first),
            TakenStep::Last => taken.extend_from_slice(last),
            // The forward direction ends at the last step, the other one at the first.
            TakenStep::Final => {
                taken.extend_from_slice(&last[..units / 2]);
                taken.extend_from_slice(&first[units / 2..]);
            }
            TakenStep::Mean => {
                let start = taken.len();
                taken.resize(start + units, T::default());
                let mean = &mut taken[start..];
                for step in sequence.chunks_exact(units) {
                    mean.iter_mut().zip(step).for_each(|(sum, &z)| *sum += z);
                }
                let n_steps = T::from_f64(shape.steps() as f64);
                mean.iter_mut().for_each(|sum| *sum /= n_steps);
            }
        }
    }
}

/// Writes rows of values into rows of `n_neurons`, from the neuron `first` on.
pub(super) fn put_beside<T: Real>(
    z: &[T],
    [n_rows, n_neurons]: [usize; 2],
    first: usize,
    values: &mut Vec<T>,
) {
    values.resize(n_rows * n_neurons, T::default());
    let width = z.len() / n_rows.max(1);
    let rows = values.chunks_exact_mut(n_neurons.max(1));
    for (row, z) in rows.zip(z.chunks_exact(width.max(1))) {
        row[first..first + width].copy_from_slice(z);
    }
}

/// Prepends a row to the steps of every input.
pub(super) fn prepend<T: Real>(row: &[f32], values: &mut Vec<T>, n_inputs: usize) {
    let length = values.len() / n_inputs.max(1);
    let mut longer = Vec::with_capacity(values.len() + n_inputs * row.len());
    for input in values.chunks_exact(length.max(1)) {
        longer.extend(row.iter().map(|&x| T::from_f32(x)));
        longer.extend_from_slice(input);
    }
    *values = longer;
}
