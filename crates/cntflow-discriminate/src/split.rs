//! Splits into folds by group: balanced over strata and accuracies, and
//! checked before they are used.

use std::collections::HashSet;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{DiscriminateError, Result};

/// The training and the test rows of one fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) training: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

/// The groups of all rows, and what splits are balanced over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping<'a> {
    /// For each row, the index of its group.
    pub(crate) groups: &'a [usize],
    /// For each group, its name.
    pub(crate) group_names: &'a [String],
    /// For each row, a text over which folds are balanced first, such as the layer type.
    pub(crate) strata: &'a [Option<String>],
    /// For each row, a number over which folds are balanced within a stratum.
    pub(crate) accuracies: &'a [f64],
}

/// Splits the rows into `n_folds` folds. No group is on both sides of a fold, and each fold has a
/// similar share of every stratum and of low and high accuracies.
///
/// Groups are sorted by stratum, then by mean accuracy, and cut into blocks of `n_folds` groups.
/// From each block, every fold gets one test group, in an order drawn from `rng`. So folds differ
/// by at most one group, and within a run of neighbouring groups they differ by at most two: one at
/// each end, where the run cuts through a block.
///
/// # Errors
/// [`DiscriminateError::GroupOnBothSides`] if a fold has a group on both sides.
pub(crate) fn group_folds(
    grouping: Grouping<'_>,
    n_folds: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Fold>> {
    let mut fold_of_group = vec![0; grouping.group_names.len()];
    for block in sorted_groups(grouping).chunks(n_folds) {
        let mut order: Vec<usize> = (0..n_folds).collect();
        order.shuffle(rng);
        for (&group, fold) in block.iter().zip(order) {
            fold_of_group[group] = fold;
        }
    }
    let folds: Vec<Fold> = (0..n_folds)
        .map(|fold| {
            let in_test = |row: &usize| fold_of_group[grouping.groups[*row]] == fold;
            let (test, training) = (0..grouping.groups.len()).partition(in_test);
            Fold { training, test }
        })
        .collect();
    for (index, fold) in folds.iter().enumerate() {
        check_groups_apart(grouping, index, fold)?;
    }
    Ok(folds)
}

/// Groups in the order of stratum, mean accuracy and name. A group's stratum is
/// that of its first row.
fn sorted_groups(grouping: Grouping<'_>) -> Vec<usize> {
    let n_groups = grouping.group_names.len();
    let (mut sums, mut counts, mut strata) = (
        vec![0.0; n_groups],
        vec![0.0; n_groups],
        vec![None; n_groups],
    );
    for (row, &group) in grouping.groups.iter().enumerate() {
        if counts[group] == 0.0 {
            strata[group] = grouping.strata[row].as_ref();
        }
        sums[group] += grouping.accuracies[row];
        counts[group] += 1.0;
    }
    let mean = |group: usize| sums[group] / counts[group];
    let mut order: Vec<usize> = (0..n_groups).collect();
    order.sort_by(|&a, &b| {
        strata[a]
            .cmp(&strata[b])
            .then(mean(a).total_cmp(&mean(b)))
            .then(a.cmp(&b))
    });
    order
}

/// Checks that no group has both training and test rows. All figures rest on it, because a
/// classifier that has seen a run recognises the other networks of that run.
fn check_groups_apart(grouping: Grouping<'_>, index: usize, fold: &Fold) -> Result<()> {
    let training: HashSet<usize> = fold
        .training
        .iter()
        .map(|&row| grouping.groups[row])
        .collect();
    match fold
        .test
        .iter()
        .find(|&&row| training.contains(&grouping.groups[row]))
    {
        None => Ok(()),
        Some(&row) => Err(DiscriminateError::GroupOnBothSides {
            group: grouping.group_names[grouping.groups[row]].clone(),
            fold: index,
        }),
    }
}

/// The number of groups among the given rows.
pub(crate) fn count_groups(groups: &[usize], rows: &[usize]) -> usize {
    rows.iter()
        .map(|&row| groups[row])
        .collect::<HashSet<_>>()
        .len()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random::{Purpose, random_stream};

    struct Rows {
        groups: Vec<usize>,
        names: Vec<String>,
        strata: Vec<Option<String>>,
        accuracies: Vec<f64>,
    }

    impl Rows {
        fn grouping(&self) -> Grouping<'_> {
            Grouping {
                groups: &self.groups,
                group_names: &self.names,
                strata: &self.strata,
                accuracies: &self.accuracies,
            }
        }
    }

    fn random_rows(seed: u64, n_groups: usize) -> Rows {
        let mut rng = random_stream(seed, Purpose::Split, &[99]);
        let groups: Vec<usize> = (0..n_groups)
            .flat_map(|group| vec![group; rng.random_range(1..5)])
            .collect();
        let strata = groups.iter().map(|group| {
            Some(
                if group % 3 == 0 {
                    "convolutional"
                } else {
                    "dense"
                }
                .to_owned(),
            )
        });
        Rows {
            strata: strata.collect(),
            accuracies: groups.iter().map(|_| rng.random()).collect(),
            names: (0..n_groups).map(|group| format!("run{group}")).collect(),
            groups,
        }
    }

    #[test]
    fn no_group_is_on_both_sides_and_every_row_is_tested_once() {
        for seed in 0..40 {
            let rows = random_rows(seed, 7 + 3 * seed as usize);
            let folds = group_folds(
                rows.grouping(),
                5,
                &mut random_stream(seed, Purpose::Split, &[]),
            )
            .unwrap();
            let mut tested: Vec<usize> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            tested.sort_unstable();
            assert_eq!(tested, (0..rows.groups.len()).collect::<Vec<_>>());
            for fold in &folds {
                let test: HashSet<usize> = fold.test.iter().map(|&row| rows.groups[row]).collect();
                assert!(
                    fold.training
                        .iter()
                        .all(|&row| !test.contains(&rows.groups[row]))
                );
                assert_eq!(fold.training.len() + fold.test.len(), rows.groups.len());
            }
        }
    }

    #[test]
    fn folds_are_balanced_over_strata_and_accuracies() {
        let mut rows = random_rows(3, 200);
        rows.groups = (0..200).collect();
        rows.strata = (0..200)
            .map(|group| Some((group % 4 == 0).to_string()))
            .collect();
        rows.accuracies = (0..200).map(|group| f64::from(group % 20) / 20.0).collect();
        for fold in group_folds(
            rows.grouping(),
            5,
            &mut random_stream(1, Purpose::Split, &[]),
        )
        .unwrap()
        {
            assert_eq!(fold.test.len(), 40);
            let in_stratum = fold.test.iter().filter(|&&row| row % 4 == 0).count();
            assert!((9..=11).contains(&in_stratum), "{in_stratum}");
            let high = fold
                .test
                .iter()
                .filter(|&&row| rows.accuracies[row] > 0.475)
                .count();
            assert!((17..=23).contains(&high), "{high}");
        }
    }

    #[test]
    fn repeats_differ_and_the_same_seed_gives_the_same_split() {
        let rows = random_rows(5, 50);
        let split = |repeat| {
            group_folds(
                rows.grouping(),
                5,
                &mut random_stream(7, Purpose::Split, &[repeat]),
            )
            .unwrap()
        };
        assert_eq!(split(0), split(0));
        assert_ne!(split(0), split(1));
    }

    #[test]
    fn a_group_on_both_sides_is_refused() {
        let rows = random_rows(5, 10);
        let fold = Fold {
            training: (0..rows.groups.len()).collect(),
            test: vec![0],
        };
        let error = check_groups_apart(rows.grouping(), 2, &fold).unwrap_err();
        assert!(
            matches!(error, DiscriminateError::GroupOnBothSides { group, fold: 2 } if group == "run0")
        );
    }
}
