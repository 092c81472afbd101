//! Norms: normalising, scaling and shifting a batch.

use std::borrow::Cow;

use crate::Real;
use crate::norm::{Norm, NormOver};

/// Normalises values `[rows, channels, positions]` in place. Means and variances of groups are in
/// f64.
pub(super) fn apply<T: Real>(norm: &Norm, tensors: &[Cow<'_, [f32]>], values: &mut [T]) {
    if let NormOver::Groups(groups) = norm.over {
        let size = norm.channels / groups * norm.positions;
        for group in values.chunks_exact_mut(size) {
            standardise(group, norm.epsilon);
        }
    }
    let [scale, shift] = norm
        .scale_and_shift(tensors)
        .map(|values| values.into_iter().map(T::from_f64).collect::<Vec<T>>());
    let channels = scale.iter().zip(&shift).cycle();
    for (run, (&scale, &shift)) in values.chunks_exact_mut(norm.positions).zip(channels) {
        run.iter_mut().for_each(|x| *x = *x * scale + shift);
    }
}

/// Brings a group to mean 0 and variance 1, but for epsilon.
fn standardise<T: Real>(group: &mut [T], epsilon: f64) {
    let n = group.len() as f64;
    let mean = group.iter().map(|x| x.to_f64()).sum::<f64>() / n;
    let square = |x: &T| (x.to_f64() - mean) * (x.to_f64() - mean);
    let variance = group.iter().map(square).sum::<f64>() / n;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for x in group {
        *x = T::from_f64((x.to_f64() - mean) * scale);
    }
}
