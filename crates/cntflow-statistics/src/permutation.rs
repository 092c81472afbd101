//! Permutation tests: labels are exchanged between groups, within strata.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use serde::Serialize;

use crate::error::{Result, StatisticsError, check_lengths};
use crate::random::{Purpose, random_stream};

/// The p-value of a permutation test: `(1 + permuted figures at or above the observed one) /
/// (1 + permutations)` (Phipson and Smyth 2010). It is never 0.
///
/// A permuted figure of NaN counts as one that reached the observed one, so failures never make a
/// result look more certain. NaN if the observed figure is NaN.
///
/// ```
/// use cntflow_statistics::permutation::p_value;
///
/// assert_eq!(p_value(0.9, &[0.5, 0.9, 0.4]), 0.5);
/// ```
pub fn p_value(observed: f64, permuted: &[f64]) -> f64 {
    if observed.is_nan() {
        return f64::NAN;
    }
    let has_reached = |figure: &&f64| figure.is_nan() || **figure >= observed;
    let n_reached = permuted.iter().filter(has_reached).count();
    (1 + n_reached) as f64 / (1 + permuted.len()) as f64
}

/// The p-value of a permutation test that stops early: permuted figures are taken one by one until
/// `enough` of them are at or above the observed one, or `max` are taken. After l figures it is
/// `enough / l` in the former case, and as [`p_value`] in the latter.
///
/// It is as valid as the p-value of all `max` permutations, and costs a fraction where the observed
/// figure is not extreme. NaN counts as in [`p_value`].
///
/// Source: Besag and Clifford, Biometrika 78 (1991).
///
/// ```
/// use cntflow_statistics::permutation::sequential_p_value;
///
/// // Every second figure reaches the observed one: it ends after four.
/// let p = sequential_p_value(0.5, 2, 1000, |index| (index % 2) as f64);
/// assert_eq!(p, 0.5);
/// assert_eq!(sequential_p_value(0.5, 2, 9, |_| 0.0), 0.1);
/// ```
pub fn sequential_p_value(
    observed: f64,
    enough: usize,
    max: usize,
    mut permuted: impl FnMut(usize) -> f64,
) -> f64 {
    if observed.is_nan() {
        return f64::NAN;
    }
    let mut n_reached = 0;
    for index in 0..max {
        let figure = permuted(index);
        n_reached += usize::from(figure.is_nan() || figure >= observed);
        if n_reached == enough {
            return enough as f64 / (index + 1) as f64;
        }
    }
    (1 + n_reached) as f64 / (1 + max) as f64
}

/// The indices below `n` in random order, from the stream for a purpose at some indices: see
/// [`random_stream`].
///
/// ```
/// use cntflow_statistics::permutation::random_order;
///
/// let mut order = random_order(5, 1, 7, &[0]);
/// assert_eq!(order, random_order(5, 1, 7, &[0]));
/// order.sort_unstable();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// ```
pub fn random_order(n: usize, seed: u64, purpose: u64, indices: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut random_stream(seed, purpose, indices));
    order
}

/// A figure with the true labels and with permuted ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PermutationTest {
    /// The figure with the true labels.
    pub observed: f64,
    /// The figure of each permutation.
    pub permuted: Vec<f64>,
    /// See [`p_value`].
    pub p: f64,
}

/// Groups that may exchange their labels: those of one stratum.
#[derive(Clone, Debug)]
pub struct GroupPermutation {
    n_rows: usize,
    /// Rows of each group, `[strata][groups][rows]`.
    strata: Vec<Vec<Vec<usize>>>,
}

impl GroupPermutation {
    /// Takes the group and the stratum of each row. Indices need not be consecutive.
    ///
    /// # Errors
    /// If the lists differ in length or a group has rows in two strata.
    pub fn new(groups: &[usize], strata: &[usize]) -> Result<Self> {
        check_lengths(("groups", groups.len()), ("strata", strata.len()))?;
        let mut rows_of_group = BTreeMap::<usize, (usize, Vec<usize>)>::new();
        for (row, (&group, &stratum)) in groups.iter().zip(strata).enumerate() {
            let (first, rows) = rows_of_group
                .entry(group)
                .or_insert_with(|| (stratum, Vec::new()));
            if *first != stratum {
                return Err(StatisticsError::GroupInTwoStrata {
                    group,
                    first: *first,
                    second: stratum,
                });
            }
            rows.push(row);
        }
        let mut groups_of_stratum = BTreeMap::<usize, Vec<Vec<usize>>>::new();
        for (stratum, rows) in rows_of_group.into_values() {
            groups_of_stratum.entry(stratum).or_default().push(rows);
        }
        Ok(Self {
            n_rows: groups.len(),
            strata: groups_of_stratum.into_values().collect(),
        })
    }

    /// For each row, the row whose label it takes in a permutation. It depends on the seed, the
    /// number of the permutation, groups and strata alone.
    ///
    /// Each group takes all labels from one group of its stratum, its donor. Each group is a donor
    /// once. Rows take the donor's labels in order, and start again if the donor has fewer rows; of
    /// a donor with more rows, the last labels are left out. With groups of equal size every
    /// label is used once.
    pub fn donors(&self, seed: u64, permutation: usize) -> Vec<usize> {
        let mut rng = random_stream(seed, Purpose::Permutation as u64, &[permutation]);
        let mut donor_of_row = vec![0; self.n_rows];
        for groups in &self.strata {
            let mut donors: Vec<&Vec<usize>> = groups.iter().collect();
            donors.shuffle(&mut rng);
            for (rows, donor) in groups.iter().zip(donors) {
                for (&row, &donor_row) in rows.iter().zip(donor.iter().cycle()) {
                    donor_of_row[row] = donor_row;
                }
            }
        }
        donor_of_row
    }

    /// Compares a figure with those of permuted labels. `figure` takes, for each row, the row whose
    /// label counts; the true labels come first.
    pub fn test(
        &self,
        permutations: usize,
        seed: u64,
        mut figure: impl FnMut(&[usize]) -> f64,
    ) -> PermutationTest {
        let own_labels: Vec<usize> = (0..self.n_rows).collect();
        let observed = figure(&own_labels);
        let permuted: Vec<f64> = (0..permutations)
            .map(|permutation| figure(&self.donors(seed, permutation)))
            .collect();
        PermutationTest {
            observed,
            p: p_value(observed, &permuted),
            permuted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_takes_all_labels_of_one_group_of_its_stratum() {
        let groups = [0, 0, 1, 1, 7, 7, 8, 8];
        let strata = [0, 0, 0, 0, 5, 5, 5, 5];
        let permutation = GroupPermutation::new(&groups, &strata).unwrap();
        let mut has_moved = false;
        for index in 0..20 {
            let donors = permutation.donors(1, index);
            has_moved |= donors[0] != 0;
            for pair in donors.chunks(2) {
                assert_eq!((pair[0] % 2, pair[1]), (0, pair[0] + 1));
            }
            assert!(donors[..4].iter().all(|&donor| donor < 4), "{donors:?}");
            let mut sorted = donors.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..8).collect::<Vec<_>>());
        }
        assert!(has_moved);
    }

    #[test]
    fn a_small_donor_starts_again() {
        let permutation = GroupPermutation::new(&[0, 0, 0, 1], &[0; 4]).unwrap();
        let all: Vec<_> = (0..20).map(|index| permutation.donors(1, index)).collect();
        assert!(all.contains(&vec![3, 3, 3, 0]));
        assert!(all.contains(&vec![0, 1, 2, 3]));
    }

    #[test]
    fn a_group_in_two_strata_is_refused() {
        let error = GroupPermutation::new(&[4, 4], &[0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "group 4 has rows in stratum 0 and in stratum 1"
        );
    }

    #[test]
    fn stopping_early_changes_no_small_p_value() {
        let figures: Vec<f64> = (0..199).map(|index| f64::from(index * 37 % 199)).collect();
        let whole = |observed| p_value(observed, &figures);
        let early = |observed| sequential_p_value(observed, 10, 199, |index| figures[index]);
        assert_eq!(early(195.0), whole(195.0));
        assert!((early(100.0) - whole(100.0)).abs() < 0.1);
        assert_eq!(early(-1.0), 1.0);
        assert_eq!(sequential_p_value(0.5, 2, 9, |_| f64::NAN), 1.0);
        assert!(early(f64::NAN).is_nan());
    }

    #[test]
    fn failures_count_against_the_observed_figure() {
        assert_eq!(p_value(0.9, &[f64::NAN, 0.1, 0.2]), 0.5);
        assert!(p_value(f64::NAN, &[0.1]).is_nan());
        assert_eq!(p_value(0.9, &[]), 1.0);
    }
}
