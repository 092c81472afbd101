//! Tests of equivalence: whether a difference is too small to matter.

use serde::Serialize;

use crate::distribution::{probability_above, probability_below};
use crate::error::{Result, check_parameter};
use crate::interval::{Comparison, Confidence, half_width};

/// The result of two one-sided tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EquivalenceTest {
    /// p-value of "the difference is at or below -margin"; NaN without a standard error.
    pub p_below: f64,
    /// p-value of "the difference is at or above +margin"; NaN without a standard error.
    pub p_above: f64,
    /// The larger of both: p-value of "the difference is outside the margins".
    pub p: f64,
    /// Whether `p` is at most the significance level: the difference is within the margins.
    /// `false` means that nothing was shown, not that there is a difference.
    pub is_equivalent: bool,
    /// Lower end of the interval of confidence `1 - 2 significance`. It lies within the margins
    /// exactly where `is_equivalent`.
    pub low: f64,
    /// Upper end of that interval.
    pub high: f64,
}

/// Two one-sided tests (Schuirmann 1987) that a true difference is within `[-margin, margin]`.
///
/// The statistics are `(difference + margin) / SE` and `(difference - margin) / SE`, of a t
/// distribution with the given degrees of freedom, or of the normal distribution without. A
/// standard error of 0 is that of a difference which is known exactly: p is 0 within the margins
/// and 1 outside.
///
/// # Errors
/// If `margin` is not positive and finite, `significance` is not in (0, 0.5), the standard error is
/// negative, or degrees of freedom are not positive.
///
/// ```
/// use cntflow_statistics::equivalence::equivalence;
///
/// let test = equivalence(0.001, 0.003, None, 0.01, 0.05)?;
/// assert!(test.is_equivalent);
/// # Ok::<(), cntflow_statistics::StatisticsError>(())
/// ```
pub fn equivalence(
    difference: f64,
    standard_error: f64,
    degrees_of_freedom: Option<f64>,
    margin: f64,
    significance: f64,
) -> Result<EquivalenceTest> {
    let is_margin = margin > 0.0 && margin.is_finite();
    check_parameter("margin", margin, "positive and finite", is_margin)?;
    let is_level = significance > 0.0 && significance < 0.5;
    check_parameter("significance", significance, "between 0 and 0.5", is_level)?;
    // NaN is allowed: it says that there is no standard error.
    let is_negative = standard_error < 0.0;
    check_parameter("standard_error", standard_error, "0 or more", !is_negative)?;
    if let Some(df) = degrees_of_freedom {
        check_parameter("degrees_of_freedom", df, "positive", df > 0.0)?;
    }
    let (p_below, p_above) = if standard_error == 0.0 {
        let p_if_not = |is_inside: bool| if is_inside { 0.0 } else { 1.0 };
        (
            p_if_not(difference > -margin),
            p_if_not(difference < margin),
        )
    } else {
        (
            probability_above((difference + margin) / standard_error, degrees_of_freedom),
            probability_below((difference - margin) / standard_error, degrees_of_freedom),
        )
    };
    // `f64::max` would drop a NaN.
    let p = if p_below.is_nan() || p_above.is_nan() {
        f64::NAN
    } else {
        p_below.max(p_above)
    };
    let confidence = Confidence::new(1.0 - 2.0 * significance)?;
    let half = half_width(confidence, degrees_of_freedom) * standard_error;
    Ok(EquivalenceTest {
        p_below,
        p_above,
        p,
        is_equivalent: p <= significance,
        low: difference - half,
        high: difference + half,
    })
}

/// [`equivalence`] of a comparison, with its standard error and degrees of freedom.
///
/// # Errors
/// As [`equivalence`].
pub fn equivalence_of(
    comparison: &Comparison,
    margin: f64,
    significance: f64,
) -> Result<EquivalenceTest> {
    equivalence(
        comparison.difference,
        comparison.standard_error,
        comparison.degrees_of_freedom,
        margin,
        significance,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_agrees_with_the_interval() {
        for difference in [-0.02, -0.006, 0.0, 0.004, 0.005, 0.006] {
            for df in [None, Some(14.0)] {
                let test = equivalence(difference, 0.003, df, 0.01, 0.05).unwrap();
                let is_inside = -0.01 < test.low && test.high < 0.01;
                assert_eq!(test.is_equivalent, is_inside, "{difference} {test:?}");
            }
        }
    }

    #[test]
    fn without_a_standard_error_nothing_is_shown() {
        let test = equivalence(0.0, f64::NAN, None, 0.01, 0.05).unwrap();
        assert!(test.p.is_nan() && !test.is_equivalent);
        let exact = equivalence(0.0, 0.0, None, 0.01, 0.05).unwrap();
        assert!(exact.is_equivalent);
        assert!(
            !equivalence(0.01, 0.0, None, 0.01, 0.05)
                .unwrap()
                .is_equivalent
        );
        assert!(equivalence(0.0, 0.1, None, 0.0, 0.05).is_err());
        assert!(equivalence(0.0, -0.1, None, 0.1, 0.05).is_err());
    }
}
