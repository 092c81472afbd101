//! Pooling of every channel of every input.

use crate::{Real, Window, adaptive_window};

/// Largest value of each window of every channel, without padding; NaN if a value is NaN.
pub(super) fn max<T: Real>(window: Window, input: &[T], output: &mut [T]) {
    let lowest = T::from_f64(f64::NEG_INFINITY);
    pool(window, input, output, lowest, |largest, z| {
        if z <= largest { largest } else { z }
    });
}

/// Mean of each window of every channel, over the positions that `counted` has.
pub(super) fn average<T: Real>(window: Window, counted: Window, input: &[T], output: &mut [T]) {
    pool(window, input, output, T::default(), |sum, z| sum + z);
    let sizes: Vec<T> = counted
        .taps_per_output()
        .map(|n| T::from_f64(n as f64))
        .collect();
    for channel in output.chunks_exact_mut(sizes.len()) {
        let means = channel.iter_mut().zip(&sizes);
        means.for_each(|(sum, &size)| *sum /= size);
    }
}

/// Folds the inputs of each window with `take`, from `start` on.
fn pool<T: Real>(
    window: Window,
    input: &[T],
    output: &mut [T],
    start: T,
    take: impl Fn(T, T) -> T,
) {
    let Window { rows, columns } = window;
    let channels = input.chunks_exact(window.inputs());
    for (channel, pooled) in channels.zip(output.chunks_exact_mut(window.outputs())) {
        for (index, out) in pooled.iter_mut().enumerate() {
            let (row, column) = (index / columns.output, index % columns.output);
            let (down, across) = (rows.taps_of_output(row), columns.taps_of_output(column));
            // Windows have no dilation, so the taps of a row are contiguous inputs.
            let first = columns.input_index(column, across.start);
            *out = down.fold(start, |value, tap| {
                let line = &channel[rows.input_index(row, tap) * columns.input + first..];
                line[..across.len()].iter().copied().fold(value, &take)
            });
        }
    }
}

/// Largest value or mean of each of a given number of windows of every channel.
pub(super) fn adaptive<T: Real>(
    max: bool,
    [rows, columns]: [usize; 2],
    [n_rows, n_columns]: [usize; 2],
    input: &[T],
    output: &mut Vec<T>,
) {
    for channel in input.chunks_exact(rows * columns) {
        for row in 0..n_rows {
            let down = adaptive_window(rows, n_rows, row);
            for column in 0..n_columns {
                let across = adaptive_window(columns, n_columns, column);
                let lines = down
                    .clone()
                    .map(|row| &channel[row * columns..][across.clone()]);
                let values = lines.flatten().copied();
                output.push(if max {
                    let lowest = T::from_f64(f64::NEG_INFINITY);
                    values.fold(lowest, |largest, z| if z <= largest { largest } else { z })
                } else {
                    let sum = values.fold(T::default(), |sum, z| sum + z);
                    sum / T::from_f64((down.len() * across.len()) as f64)
                });
            }
        }
    }
}
