//! Quantiles of a sorted list, with numpy's default interpolation, and moments of a list.

/// The q-quantile with linear interpolation between order statistics; NaN of an empty list.
///
/// ```
/// use cntflow_statistics::quantile::quantile;
///
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.25), 1.75);
/// ```
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// [`quantile`] of values that are already in ascending order.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let rank = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = rank.ceil() as usize;
    // At whole ranks nothing is interpolated, so that an infinite value stays itself.
    if below == above {
        return sorted[below];
    }
    sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
}

/// The mean; NaN without values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance, with `n - 1` in the denominator; NaN with fewer than two values.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        assert_eq!(quantile_of_sorted(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(quantile_of_sorted(&[7.0], 0.9), 7.0);
    }

    #[test]
    fn variance_divides_by_one_less_than_the_number_of_values() {
        assert_eq!(variance(&[1.0, 2.0, 3.0, 4.0]), 5.0 / 3.0);
        assert!(variance(&[1.0]).is_nan());
    }
}
