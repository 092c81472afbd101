//! Long short-term memory (Hochreiter and Schmidhuber 1997, with a forget gate): gates i, f, g, o.

use super::columns::{split_columns, split_columns_mut};
use super::step::{BackwardStep, ForwardStep};
use crate::train::ops::activate::apply;
use crate::train::ops::vector_math::{gate_sigmoid, gate_tanh};

#[inline(always)]
pub(super) fn forward(step: ForwardStep) {
    let ForwardStep {
        units,
        gates,
        hidden,
        cells_before,
        cells,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(4 * units)
        .zip(cells_before.chunks_exact(units))
        .zip(cells.chunks_exact_mut(units))
        .zip(hidden.chunks_exact_mut(units));
    for (((gates, cell_before), cell), hidden) in images {
        apply(&mut gates[..2 * units], gate_sigmoid);
        apply(&mut gates[2 * units..3 * units], gate_tanh);
        apply(&mut gates[3 * units..], gate_sigmoid);
        next_state(units, gates, cell_before, cell, hidden);
    }
}

/// `c' = f c + i g`, `h' = o tanh(c')`, for one image.
#[inline(always)]
fn next_state(
    units: usize,
    gates: &[f32],
    cell_before: &[f32],
    cell: &mut [f32],
    hidden: &mut [f32],
) {
    let [input, forget, candidate, output] = split_columns(gates, units);
    // Slices of one known length: the loop needs no checks of bounds, and runs in vector registers.
    let (cell_before, cell, hidden) = (
        &cell_before[..units],
        &mut cell[..units],
        &mut hidden[..units],
    );
    for j in 0..units {
        cell[j] = forget[j] * cell_before[j] + input[j] * candidate[j];
        hidden[j] = output[j] * gate_tanh(cell[j]);
    }
}

#[inline(always)]
pub(super) fn backward(step: BackwardStep) {
    let BackwardStep {
        units,
        gates,
        cells_before,
        cells,
        hidden_gradient,
        cell_gradient,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(4 * units)
        .zip(cells_before.chunks_exact(units))
        .zip(cells.chunks_exact(units))
        .zip(hidden_gradient.chunks_exact_mut(units))
        .zip(cell_gradient.chunks_exact_mut(units));
    for ((((gates, cell_before), cell), hidden_gradient), cell_gradient) in images {
        let [input, forget, candidate, output] = split_columns_mut(gates, units);
        through_output(output, cell, hidden_gradient, cell_gradient);
        through_cell(input, forget, candidate, cell_before, cell_gradient);
    }
}

/// From the gradient of the hidden state, `h' = o tanh(c')`, to that of the output gate's
/// pre-activation; adds to that of the cell state. The previous hidden state gets a gradient
/// through the recurrent kernel only: here it is zero.
#[inline(always)]
fn through_output(
    output: &mut [f32],
    cell: &[f32],
    hidden_gradient: &mut [f32],
    cell_gradient: &mut [f32],
) {
    let values = output.iter_mut().zip(cell);
    let gradients = hidden_gradient.iter_mut().zip(cell_gradient);
    for ((output, &cell), (hidden_gradient, cell_gradient)) in values.zip(gradients) {
        let (o, g, squashed) = (*output, *hidden_gradient, gate_tanh(cell));
        *cell_gradient += g * o * (1.0 - squashed * squashed);
        *output = g * squashed * (o * (1.0 - o));
        *hidden_gradient = 0.0;
    }
}

/// From the gradient of the cell state, `c' = f c + i g`, to those of the other gates'
/// pre-activations and of the previous cell state.
#[inline(always)]
fn through_cell(
    input: &mut [f32],
    forget: &mut [f32],
    candidate: &mut [f32],
    cell_before: &[f32],
    cell_gradient: &mut [f32],
) {
    let gates = input.iter_mut().zip(forget).zip(candidate);
    for (((input, forget), candidate), (&before, gradient)) in
        gates.zip(cell_before.iter().zip(cell_gradient))
    {
        let (i, f, c, g) = (*input, *forget, *candidate, *gradient);
        // s (1 - s) is the derivative of the sigmoid, 1 - c^2 that of tanh.
        *input = g * c * (i * (1.0 - i));
        *forget = g * before * (f * (1.0 - f));
        *candidate = g * i * (1.0 - c * c);
        *gradient = g * f;
    }
}
