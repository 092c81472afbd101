//! Several tests at once.

use crate::error::{Result, check_values};

/// Holm's adjusted p-values, in the order given (Holm 1979): with m p-values in ascending order,
/// `max over j <= i of min(1, (m - j + 1) p_j)`. Rejecting all adjusted values up to `alpha` keeps
/// the probability of any false rejection at most at `alpha`, whatever the dependence of the tests.
///
/// A p-value of NaN, of a test that could not be made, stays NaN. It counts as a member of the
/// family all the same, so a failed test never makes the others look more certain.
///
/// # Errors
/// If a p-value is outside [0, 1].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    check_p_values(p_values)?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    // NaN stands last in the total order of its sign, and is taken as positive.
    order.sort_by(|&a, &b| p_values[a].abs().total_cmp(&p_values[b].abs()));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut largest: f64 = 0.0;
    for (n_smaller, &test) in order.iter().enumerate() {
        if p_values[test].is_nan() {
            break;
        }
        let factor = (p_values.len() - n_smaller) as f64;
        largest = largest.max((factor * p_values[test]).min(1.0));
        adjusted[test] = largest;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's adjusted p-values, in the order given: with m p-values in ascending
/// order, `min over j >= i of min(1, m p_j / j)`. Of the tests whose adjusted value is at most
/// `alpha`, a share of at most `alpha` is expected to be false, if tests are independent or
/// positively dependent (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001).
///
/// A p-value of NaN, of a test that could not be made, stays NaN and is no member of the family.
///
/// ```
/// use cntflow_statistics::multiple::benjamini_hochberg;
///
/// let adjusted = benjamini_hochberg(&[0.01, f64::NAN, 0.03, 0.02])?;
/// assert_eq!((adjusted[0], adjusted[2], adjusted[3]), (0.03, 0.03, 0.03));
/// assert!(adjusted[1].is_nan());
/// # Ok::<(), cntflow_statistics::StatisticsError>(())
/// ```
///
/// # Errors
/// If a p-value is outside [0, 1].
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    check_p_values(p_values)?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.retain(|&test| !p_values[test].is_nan());
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (n_smaller, &test) in order.iter().enumerate().rev() {
        let factor = order.len() as f64 / (n_smaller + 1) as f64;
        smallest = smallest.min(factor * p_values[test]);
        adjusted[test] = smallest;
    }
    Ok(adjusted)
}

fn check_p_values(p_values: &[f64]) -> Result<()> {
    check_values("p_values", p_values, "in [0, 1]", |p| {
        p.is_nan() || (0.0..=1.0).contains(&p)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(p_values: &[f64], expected: &[f64]) {
        assert_close(&holm(p_values).unwrap(), expected);
    }

    fn assert_close(adjusted: &[f64], expected: &[f64]) {
        for (adjusted, expected) in adjusted.iter().zip(expected) {
            assert!(
                (adjusted - expected).abs() < 1e-15,
                "{adjusted} is not {expected}"
            );
        }
    }

    #[test]
    fn adjusted_values_equal_those_worked_out_by_hand() {
        // Ascending: 4 x .005, 3 x .01, 2 x .03, and .04, which is raised to the one before it.
        check(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
        check(&[0.5, 0.6], &[1.0, 1.0]);
        assert_eq!(holm(&[]), Ok(vec![]));
    }

    #[test]
    fn rates_of_false_discoveries_equal_those_worked_out_by_hand() {
        // Ascending: 4/1 x .005, 4/2 x .01, 4/3 x .03 and .04, of which the third is not smaller.
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]).unwrap();
        assert_close(&adjusted, &[0.02, 0.04, 0.04, 0.02]);
        assert_eq!(benjamini_hochberg(&[]), Ok(vec![]));
        assert!(benjamini_hochberg(&[1.5]).is_err());
    }

    #[test]
    fn adjustment_keeps_the_order_and_never_lowers_a_value() {
        let p_values: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50) / 400.0).collect();
        let adjusted = holm(&p_values).unwrap();
        for a in 0..50 {
            assert!(adjusted[a] >= p_values[a]);
            for b in 0..50 {
                assert!(p_values[a] > p_values[b] || adjusted[a] <= adjusted[b]);
            }
        }
    }

    #[test]
    fn a_failed_test_stays_in_the_family() {
        let adjusted = holm(&[0.01, f64::NAN]).unwrap();
        assert_eq!(adjusted[0], 0.02);
        assert!(adjusted[1].is_nan());
        assert!(holm(&[-0.1]).is_err());
    }
}
