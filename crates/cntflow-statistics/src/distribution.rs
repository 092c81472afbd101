//! Quantiles and tails of the normal and of Student's t distribution. Their special functions are
//! those of the crate `statrs`.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;

/// Halvings of the interval that holds a quantile: more than the digits of an f64.
const BISECTIONS: usize = 80;

/// Probability that t is below `statistic`. `None` degrees of freedom stand for the normal
/// distribution; NaN in, NaN out.
pub(crate) fn probability_below(statistic: f64, degrees_of_freedom: Option<f64>) -> f64 {
    if statistic.is_nan() {
        return f64::NAN;
    }
    let tail = match degrees_of_freedom {
        None => erfc(statistic.abs() / std::f64::consts::SQRT_2) / 2.0,
        // The tail is taken as such, so that small p-values keep their digits.
        Some(df) => beta_reg(df / 2.0, 0.5, df / (df + statistic * statistic)) / 2.0,
    };
    if statistic < 0.0 { tail } else { 1.0 - tail }
}

/// Probability that t is above `statistic`, with all digits where it is small.
pub(crate) fn probability_above(statistic: f64, degrees_of_freedom: Option<f64>) -> f64 {
    probability_below(-statistic, degrees_of_freedom)
}

/// Two-sided p-value: probability that |t| is above |`statistic`|.
pub(crate) fn two_sided_p(statistic: f64, degrees_of_freedom: Option<f64>) -> f64 {
    2.0 * probability_below(-statistic.abs(), degrees_of_freedom)
}

/// The value that t is below with the given probability, for a probability in (0, 0.5].
pub(crate) fn quantile_of_t(probability: f64, degrees_of_freedom: Option<f64>) -> f64 {
    debug_assert!(probability > 0.0 && probability <= 0.5);
    // Bisection needs the distribution function alone, so that intervals and p-values rest on the
    // same numbers. It is asked for once per interval.
    let mut low = -1.0;
    while probability_below(low, degrees_of_freedom) > probability {
        low *= 2.0;
    }
    let mut high = 0.0;
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if probability_below(middle, degrees_of_freedom) > probability {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() <= 1e-10 * expected.abs(),
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn quantiles_and_tails_are_those_of_scipy() {
        // scipy.stats.norm.ppf([.025, .005, .5]); scipy.stats.t.ppf([.025, .05], [14, 1])
        check(quantile_of_t(0.025, None), -1.9599639845400545);
        check(quantile_of_t(0.005, None), -2.575829303548901);
        assert!(quantile_of_t(0.5, None).abs() < 1e-15);
        check(quantile_of_t(0.025, Some(14.0)), -2.144786687917804);
        check(quantile_of_t(0.05, Some(1.0)), -6.313751514675044);
        // 2 * scipy.stats.norm.sf([1.5, 8]); 2 * scipy.stats.t.sf([2.5, 40], [9, 9])
        check(two_sided_p(1.5, None), 0.13361440253771614);
        check(two_sided_p(-8.0, None), 1.244192114854348e-15);
        check(two_sided_p(2.5, Some(9.0)), 0.033861827682985735);
        check(two_sided_p(40.0, Some(9.0)), 1.8982998449339822e-11);
        assert_eq!(two_sided_p(0.0, Some(3.0)), 1.0);
    }
}
