//! Whether predicted probabilities can be taken at their word.

use serde::Serialize;

use crate::error::{Result, check_lengths, check_parameter, check_values};
use crate::rank::ascending;

/// Default number of bins of a reliability curve.
pub const DEFAULT_BINS: usize = 10;

/// Probabilities are moved at least this far from 0 and 1 in [`log_loss`], so that one sure and
/// wrong prediction does not make it infinite.
pub const LOG_LOSS_MARGIN: f64 = 1e-15;

/// Brier score, in [0, 1]: the mean of `(p - y)^2`, with y = 1 for positive rows (Brier 1950). 0 is
/// perfect. NaN without rows.
///
/// # Errors
/// If the lists differ in length or a probability is outside [0, 1].
pub fn brier_score(probabilities: &[f64], is_positive: &[bool]) -> Result<f64> {
    check(probabilities, is_positive)?;
    let rows = probabilities.iter().zip(is_positive);
    let squares = rows.map(|(p, &positive)| (p - f64::from(u8::from(positive))).powi(2));
    Ok(squares.sum::<f64>() / probabilities.len() as f64)
}

/// Log loss in nats: the mean of `-ln(p)` over positive and `-ln(1 - p)` over negative rows. 0 is
/// perfect, ln 2 the constant prediction of one half. NaN without rows. See [`LOG_LOSS_MARGIN`].
///
/// # Errors
/// If the lists differ in length or a probability is outside [0, 1].
pub fn log_loss(probabilities: &[f64], is_positive: &[bool]) -> Result<f64> {
    check(probabilities, is_positive)?;
    let rows = probabilities.iter().zip(is_positive);
    let losses = rows.map(|(p, &positive)| {
        let p = p.clamp(LOG_LOSS_MARGIN, 1.0 - LOG_LOSS_MARGIN);
        // ln_1p keeps the digits of small probabilities.
        if positive { -p.ln() } else { -(-p).ln_1p() }
    });
    Ok(losses.sum::<f64>() / probabilities.len() as f64)
}

/// A point of the reliability curve: the rows of one bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityPoint {
    /// Mean predicted probability, in [0, 1].
    pub mean_probability: f64,
    /// Share of positive rows, in [0, 1].
    pub positive_share: f64,
    /// Number of rows.
    pub n_rows: usize,
}

/// The reliability curve over bins of equal numbers of rows, in ascending order of probability.
///
/// With n rows and k bins, bin i ends at row `(i + 1) n / k`. Equal probabilities are never
/// separated: a bin takes all rows that tie with its last one. So there may be fewer than
/// `n_bins` bins, and no bin is empty.
///
/// # Errors
/// If the lists differ in length, a probability is outside [0, 1], or `n_bins` is 0.
pub fn reliability_curve(
    probabilities: &[f64],
    is_positive: &[bool],
    n_bins: usize,
) -> Result<Vec<ReliabilityPoint>> {
    check(probabilities, is_positive)?;
    check_parameter("n_bins", n_bins as f64, "at least 1", n_bins > 0)?;
    let order = ascending(probabilities);
    let mut points = Vec::new();
    let mut start = 0;
    for bin in 0..n_bins {
        let mut end = (bin + 1) * order.len() / n_bins;
        // A long tie may have reached beyond the end of this bin already.
        if end <= start {
            continue;
        }
        let last = probabilities[order[end - 1]];
        while end < order.len() && probabilities[order[end]] == last {
            end += 1;
        }
        let rows = &order[start..end];
        let n_positive = rows.iter().filter(|&&row| is_positive[row]).count();
        let sum: f64 = rows.iter().map(|&row| probabilities[row]).sum();
        points.push(ReliabilityPoint {
            mean_probability: sum / rows.len() as f64,
            positive_share: n_positive as f64 / rows.len() as f64,
            n_rows: rows.len(),
        });
        start = end;
    }
    Ok(points)
}

/// Expected calibration error, in [0, 1]: the mean over rows of `|positive share - mean
/// probability|` of their bin, over the bins of [`reliability_curve`] (Naeini et al. 2015, with
/// bins of equal frequency). It is above 0 even for perfect probabilities, and the more so the more
/// bins there are: report it with the number of bins. NaN without rows.
///
/// # Errors
/// If the lists differ in length, a probability is outside [0, 1], or `n_bins` is 0.
pub fn expected_calibration_error(
    probabilities: &[f64],
    is_positive: &[bool],
    n_bins: usize,
) -> Result<f64> {
    let points = reliability_curve(probabilities, is_positive, n_bins)?;
    let gaps = points.iter().map(|point| {
        let gap = (point.positive_share - point.mean_probability).abs();
        gap * point.n_rows as f64
    });
    Ok(gaps.sum::<f64>() / probabilities.len() as f64)
}

fn check(probabilities: &[f64], is_positive: &[bool]) -> Result<()> {
    check_lengths(
        ("probabilities", probabilities.len()),
        ("is_positive", is_positive.len()),
    )?;
    check_values("probabilities", probabilities, "in [0, 1]", |p| {
        (0.0..=1.0).contains(&p)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_never_separated() {
        let probabilities = [0.2, 0.5, 0.5, 0.5, 0.9];
        let is_positive = [false, true, false, true, true];
        let points = reliability_curve(&probabilities, &is_positive, 5).unwrap();
        assert_eq!(
            points.iter().map(|point| point.n_rows).collect::<Vec<_>>(),
            [1, 3, 1]
        );
        assert_eq!(points[1].positive_share, 2.0 / 3.0);
        // (.2 + 3 (2/3 - .5) + .1) / 5
        let error = expected_calibration_error(&probabilities, &is_positive, 5).unwrap();
        assert!((error - 0.8 / 5.0).abs() < 1e-15, "{error}");
    }

    #[test]
    fn a_sure_and_wrong_prediction_costs_a_finite_loss() {
        let loss = log_loss(&[1.0], &[false]).unwrap();
        assert!((loss + LOG_LOSS_MARGIN.ln()).abs() < 0.2, "{loss}");
        assert!(log_loss(&[1.1], &[true]).is_err());
    }
}
