//! New entries of one kernel.

use super::random::RandomStream;

/// Draws every value from the normal distribution with the values' mean and population standard
/// deviation.
pub(super) fn draw_gaussian(values: &mut [f32], random: &mut RandomStream) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
    let squares = values.iter().map(|&w| (f64::from(w) - mean).powi(2));
    let std = (squares.sum::<f64>() / n).sqrt();
    // Box and Muller's method gives two numbers at a time. `libm` has the same bits everywhere.
    for pair in values.chunks_mut(2) {
        let radius = std * (-2.0 * libm::log(random.unit())).sqrt();
        let angle = std::f64::consts::TAU * random.unit();
        let drawn = [radius * libm::cos(angle), radius * libm::sin(angle)];
        for (value, drawn) in pair.iter_mut().zip(drawn) {
            *value = (mean + drawn) as f32;
        }
    }
}

/// Gives every value a random sign.
pub(super) fn draw_signs(values: &mut [f32], random: &mut RandomStream) {
    for values in values.chunks_mut(64) {
        let mut bits = random.bits();
        for value in values {
            *value = if bits & 1 == 1 {
                value.abs()
            } else {
                -value.abs()
            };
            bits >>= 1;
        }
    }
}
