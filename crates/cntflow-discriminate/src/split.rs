//! Splits by group: stratified, repeated, and checked before anybody uses them.

use std::collections::HashSet;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{DiscriminateError, Result};

/// Rows of one fold's two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) training: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

/// What a split looks at, one entry per row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping<'a> {
    pub(crate) groups: &'a [usize],
    pub(crate) group_names: &'a [String],
    /// Text to balance first, such as the layer type; may be all equal.
    pub(crate) strata: &'a [Option<String>],
    /// Numbers to balance within a stratum.
    pub(crate) accuracies: &'a [f64],
}

/// Splits the rows into `folds` folds such that no group stands on both sides and each fold's groups are spread alike over
/// strata and accuracies.
///
/// Groups are sorted by stratum, then by mean accuracy, and cut into blocks of `folds` groups; each block deals one group
/// to every fold, in an order drawn from `rng`. So folds differ by at most one group, and so do the folds' numbers of
/// groups in any stretch of the order but for its two ends.
///
/// # Errors
/// [`DiscriminateError::GroupOnBothSides`] if the check of the result fails.
pub(crate) fn group_folds(
    grouping: Grouping<'_>,
    folds: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Fold>> {
    let mut fold_of_group = vec![0; grouping.group_names.len()];
    for block in sorted_groups(grouping).chunks(folds) {
        let mut order: Vec<usize> = (0..folds).collect();
        order.shuffle(rng);
        for (&group, fold) in block.iter().zip(order) {
            fold_of_group[group] = fold;
        }
    }
    let splits: Vec<Fold> = (0..folds)
        .map(|fold| {
            let in_test = |row: &usize| fold_of_group[grouping.groups[*row]] == fold;
            let (test, training) = (0..grouping.groups.len()).partition(in_test);
            Fold { training, test }
        })
        .collect();
    for (number, fold) in splits.iter().enumerate() {
        check_groups_apart(grouping, number, fold)?;
    }
    Ok(splits)
}

/// Groups in the order of stratum (of their first row), mean accuracy and name.
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

/// The invariant of all that follows.
fn check_groups_apart(grouping: Grouping<'_>, number: usize, fold: &Fold) -> Result<()> {
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
            fold: number,
        }),
    }
}

/// The number of different groups among rows.
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
    use crate::random::{Use, stream};

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
        let mut rng = stream(seed, Use::Split, &[99]);
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
    fn no_group_on_both_sides_and_every_row_tested_once() {
        for seed in 0..40 {
            let rows = random_rows(seed, 7 + 3 * seed as usize);
            let folds =
                group_folds(rows.grouping(), 5, &mut stream(seed, Use::Split, &[])).unwrap();
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
    fn strata_and_accuracies_are_balanced() {
        let mut rows = random_rows(3, 200);
        rows.groups = (0..200).collect();
        rows.strata = (0..200)
            .map(|group| Some((group % 4 == 0).to_string()))
            .collect();
        rows.accuracies = (0..200).map(|group| f64::from(group % 20) / 20.0).collect();
        for fold in group_folds(rows.grouping(), 5, &mut stream(1, Use::Split, &[])).unwrap() {
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
    fn repeats_differ_and_seeds_repeat() {
        let rows = random_rows(5, 50);
        let split = |repeat| {
            group_folds(rows.grouping(), 5, &mut stream(7, Use::Split, &[repeat])).unwrap()
        };
        assert_eq!(split(0), split(0));
        assert_ne!(split(0), split(1));
    }

    #[test]
    fn a_broken_split_is_refused() {
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
