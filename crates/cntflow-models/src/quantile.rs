//! Quantiles of a list of numbers, with numpy's default interpolation.

/// The q-quantile of values in ascending order, with linear interpolation between order statistics;
/// NaN of an empty list.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let rank = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = rank.ceil() as usize;
    // At whole ranks nothing is interpolated, so that the result is one of the values.
    if below == above {
        return sorted[below];
    }
    sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        assert_eq!(quantile_of_sorted(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(quantile_of_sorted(&[7.0], 0.9), 7.0);
        assert!(quantile_of_sorted(&[], 0.5).is_nan());
    }
}
