//! The values of a layer as links that come from it see them.

use super::attention::attend;
use crate::program::Source;
use crate::{Network, Real, Shape, TakenStep, View};

/// The values that layers can see.
pub(super) struct Seen<'v, 'n, T> {
    pub(super) network: &'v Network<'n>,
    pub(super) inputs: &'v [T],
    /// Those of every layer but the inputs.
    pub(super) values: &'v [Vec<T>],
    pub(super) n_inputs: usize,
}

impl<T: Real> Seen<'_, '_, T> {
    /// The values of a source, in `viewed` where they are not as they lie.
    pub(super) fn by<'s>(&'s self, source: Source, viewed: &'s mut Vec<T>) -> &'s [T] {
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
                let blocks = [n, shape.channels(), shape.rows()];
                swap_inner(z, blocks, shape.columns(), viewed);
            }
            View::Places => swap_inner(z, [n, shape.channels(), shape.places()], 1, viewed),
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

/// `[n, a, b, width]` to `[n, b, a, width]`.
fn swap_inner<T: Real>(z: &[T], [n, a, b]: [usize; 3], width: usize, swapped: &mut Vec<T>) {
    for input in z.chunks_exact(z.len() / n.max(1)) {
        for second in 0..b {
            for first in 0..a {
                swapped.extend_from_slice(&input[(first * b + second) * width..][..width]);
            }
        }
    }
}

fn take_steps<T: Real>(z: &[T], shape: Shape, which: TakenStep, taken: &mut Vec<T>) {
    let units = shape.n_neurons();
    for sequence in z.chunks_exact(shape.n_values()) {
        let (first, last) = (&sequence[..units], &sequence[sequence.len() - units..]);
        match which {
            TakenStep::First => taken.extend_from_slice(first),
            TakenStep::Last => taken.extend_from_slice(last),
            TakenStep::Final => {
                taken.extend_from_slice(&last[..units / 2]);
                taken.extend_from_slice(&first[units / 2..]);
            }
            TakenStep::Mean => {
                let at = taken.len();
                taken.resize(at + units, T::default());
                for step in sequence.chunks_exact(units) {
                    taken[at..]
                        .iter_mut()
                        .zip(step)
                        .for_each(|(sum, &z)| *sum += z);
                }
                let steps = T::from_f64(shape.steps() as f64);
                taken[at..].iter_mut().for_each(|sum| *sum /= steps);
            }
        }
    }
}

/// Puts a row before the steps of every input.
pub(super) fn prepend<T: Real>(row: &[f32], values: &mut Vec<T>, n_inputs: usize) {
    let length = values.len() / n_inputs.max(1);
    let mut longer = Vec::with_capacity(values.len() + n_inputs * row.len());
    for input in values.chunks_exact(length.max(1)) {
        longer.extend(row.iter().map(|&x| T::from_f32(x)));
        longer.extend_from_slice(input);
    }
    *values = longer;
}
