//! Sixty rows that other programs can make too: whole-number patterns, with ties in `tied` and
//! `coarse`. In Python, with numpy as np:
//!
//! ```text
//! i = np.arange(60); pos = i % 3 == 0
//! tied = (i * 37 % 13) / 13 + np.where(pos, .25, 0)
//! distinct = (i * 29 % 61) / 61 + np.where(pos, .4, 0); coarse = np.round(distinct * 10)
//! p = (i * 37 % 61) / 61 * .8 + np.where(pos, .2, 0)
//! h = [i % 2, i // 2 % 3, i // 6 % 2]
//! ```

pub(crate) const N_ROWS: usize = 60;

pub(crate) fn is_positive() -> Vec<bool> {
    (0..N_ROWS).map(|i| i % 3 == 0).collect()
}

fn shifted(value_of: impl Fn(usize) -> f64, shift: f64) -> Vec<f64> {
    let is_positive = is_positive();
    (0..N_ROWS)
        .map(|i| value_of(i) + if is_positive[i] { shift } else { 0.0 })
        .collect()
}

pub(crate) fn tied() -> Vec<f64> {
    shifted(|i| (i * 37 % 13) as f64 / 13.0, 0.25)
}

pub(crate) fn distinct() -> Vec<f64> {
    shifted(|i| (i * 29 % 61) as f64 / 61.0, 0.4)
}

pub(crate) fn coarse() -> Vec<f64> {
    distinct()
        .iter()
        .map(|value| (value * 10.0).round())
        .collect()
}

pub(crate) fn probabilities() -> Vec<f64> {
    shifted(|i| (i * 37 % 61) as f64 / 61.0 * 0.8, 0.2)
}

pub(crate) fn hyperparameters() -> [Vec<usize>; 3] {
    let levels = |level_of: fn(usize) -> usize| (0..N_ROWS).map(level_of).collect();
    [
        levels(|i| i % 2),
        levels(|i| i / 2 % 3),
        levels(|i| i / 6 % 2),
    ]
}
