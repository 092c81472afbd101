//! Granulated Kendall tau: agreement of rankings among models that differ in one hyperparameter.
//!
//! Jiang et al., "Fantastic Generalization Measures and Where to Find Them", ICLR 2020
//! (arXiv 1912.02178), section 3.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Result, check_lengths, check_not_nan};

/// The granulated tau of one hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HyperparameterTau {
    /// Mean over settings of the tau within the setting, in [-1, 1]; `None` without pairs.
    pub tau: Option<f64>,
    /// Settings of all other hyperparameters that have a pair.
    pub n_settings: usize,
    /// Pairs of rows that differ in this hyperparameter alone.
    pub n_pairs: u64,
}

/// The granulated tau of all hyperparameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GranulatedTau {
    /// The mean over the hyperparameters that have pairs, in [-1, 1]; `None` if none has.
    pub tau: Option<f64>,
    /// One per hyperparameter, in the order given.
    pub per_hyperparameter: Vec<HyperparameterTau>,
}

/// Granulated Kendall tau of two lists.
///
/// Per hyperparameter: in each setting of all others, `tau = mean of sign(x_i - x_j) sign(y_i -
/// y_j)` over the pairs that differ in this hyperparameter (tied pairs are 0); then the mean over
/// settings. The result is the mean over hyperparameters. Replicates, which agree in all
/// hyperparameters, make no pair with each other. A hyperparameter drawn from a continuum never
/// repeats, so that the others have no pairs: give its bins instead.
///
/// `hyperparameters` has one list per hyperparameter, with the level of each row. The time is
/// quadratic in the rows of a setting.
///
/// # Errors
/// If lists differ in length or a value is NaN.
pub fn granulated_kendall(
    x: &[f64],
    y: &[f64],
    hyperparameters: &[&[usize]],
) -> Result<GranulatedTau> {
    check_rows(x, y, hyperparameters)?;
    let of_hyperparameter = |index| tau_of_hyperparameter(x, y, hyperparameters, index);
    let per_hyperparameter: Vec<HyperparameterTau> =
        (0..hyperparameters.len()).map(of_hyperparameter).collect();
    let taus = per_hyperparameter.iter().filter_map(|one| one.tau);
    Ok(GranulatedTau {
        tau: mean(taus),
        per_hyperparameter,
    })
}

/// Checks lists that describe the same rows.
pub(crate) fn check_rows(x: &[f64], y: &[f64], hyperparameters: &[&[usize]]) -> Result<()> {
    check_lengths(("x", x.len()), ("y", y.len()))?;
    check_not_nan("x", x)?;
    check_not_nan("y", y)?;
    for levels in hyperparameters {
        check_lengths(("hyperparameters", levels.len()), ("x", x.len()))?;
    }
    Ok(())
}

/// -1, 0 or 1 by the order of two values; equal infinities are equal.
pub(crate) fn sign_of_difference(a: f64, b: f64) -> i8 {
    i8::from(a > b) - i8::from(a < b)
}

fn tau_of_hyperparameter(
    x: &[f64],
    y: &[f64],
    hyperparameters: &[&[usize]],
    index: usize,
) -> HyperparameterTau {
    let mut rows_of_setting = BTreeMap::<Vec<usize>, Vec<usize>>::new();
    for row in 0..x.len() {
        let others = hyperparameters.iter().enumerate();
        let setting = others
            .filter(|&(other, _)| other != index)
            .map(|(_, levels)| levels[row])
            .collect();
        rows_of_setting.entry(setting).or_default().push(row);
    }
    let mut n_pairs = 0;
    let mut taus = Vec::new();
    for rows in rows_of_setting.values() {
        let (mut agreement, mut n_pairs_here) = (0_i64, 0_u64);
        for (position, &a) in rows.iter().enumerate() {
            for &b in &rows[position + 1..] {
                if hyperparameters[index][a] == hyperparameters[index][b] {
                    continue;
                }
                n_pairs_here += 1;
                let signs = sign_of_difference(x[a], x[b]) * sign_of_difference(y[a], y[b]);
                agreement += i64::from(signs);
            }
        }
        if n_pairs_here > 0 {
            taus.push(agreement as f64 / n_pairs_here as f64);
            n_pairs += n_pairs_here;
        }
    }
    HyperparameterTau {
        tau: mean(taus.iter().copied()),
        n_settings: taus.len(),
        n_pairs,
    }
}

/// The mean; `None` without values.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_equals_the_one_worked_out_by_hand() {
        // Depth 0, 0, 0, 1, 1; width 0, 1, 2, 0, 1.
        let hyperparameters: [&[usize]; 2] = [&[0, 0, 0, 1, 1], &[0, 1, 2, 0, 1]];
        let x = [1.0, 2.0, 3.0, 5.0, 4.0];
        let y = [1.0, 3.0, 2.0, 0.0, 9.0];
        let result = granulated_kendall(&x, &y, &hyperparameters).unwrap();
        // Depth: width 0 disagrees, width 1 agrees. Width: (1 + 1 - 1) / 3 at depth 0, -1 at depth
        // 1.
        let depth = HyperparameterTau {
            tau: Some(0.0),
            n_settings: 2,
            n_pairs: 2,
        };
        let width = HyperparameterTau {
            tau: Some((1.0 / 3.0 - 1.0) / 2.0),
            n_settings: 2,
            n_pairs: 4,
        };
        assert_eq!(result.per_hyperparameter, [depth, width]);
        assert_eq!(result.tau, Some((1.0 / 3.0 - 1.0) / 4.0));
    }

    #[test]
    fn what_orders_by_one_hyperparameter_says_nothing_of_the_others() {
        // x knows depth alone: it orders every pair that differs in depth, and ties all others.
        let depth: Vec<usize> = (0..12).map(|row| row / 4).collect();
        let seed: Vec<usize> = (0..12).map(|row| row % 4).collect();
        let x: Vec<f64> = depth.iter().map(|&depth| depth as f64).collect();
        let y: Vec<f64> = (0..12).map(f64::from).collect();
        let result = granulated_kendall(&x, &y, &[&depth, &seed]).unwrap();
        let taus: Vec<_> = result
            .per_hyperparameter
            .iter()
            .map(|one| one.tau)
            .collect();
        assert_eq!(taus, [Some(1.0), Some(0.0)]);
    }

    #[test]
    fn replicates_and_continuous_hyperparameters_have_no_pairs() {
        let unique: Vec<usize> = (0..4).collect();
        let x = [1.0, 2.0, 3.0, 4.0];
        let result = granulated_kendall(&x, &x, &[&unique, &[0, 1, 0, 1]]).unwrap();
        assert_eq!(result.per_hyperparameter[1].tau, None);
        assert_eq!(result.per_hyperparameter[0].n_pairs, 2);
        let replicates = granulated_kendall(&x, &x, &[&[0; 4]]).unwrap();
        assert_eq!(replicates.tau, None);
        assert!(granulated_kendall(&x, &x, &[&[0; 3]]).is_err());
    }
}
