//! The control of chance: the whole procedure again, on labels permuted between groups.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::crossval::Experiment;
use super::results::Candidate;
use super::scores::{AUC, Ranked};
use crate::error::Result;
use crate::random::{Use, stream};
use crate::split::Grouping;

/// What permuted labels came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PermutationControl {
    /// The feature set and classifier that were put to the test.
    pub candidate: Candidate,
    /// AUC with the labels as they are, of the first repeat alone, as in each permutation.
    pub observed: f64,
    /// AUC of each permutation.
    pub permuted: Vec<f64>,
    /// `(1 + permutations with an AUC at or above the observed) / (1 + permutations)`.
    pub p_value: f64,
}

/// Repeats splits, thresholds, preparation and fits of one repeat on accuracies permuted between groups.
///
/// `experiment` has the one feature set and classifier to be tested; a permutation in which the fit fails counts as one
/// that reached the observed figure, so failures never make a result look surer. `None` if the observed fit fails.
pub(crate) fn permutation_control(
    experiment: &Experiment<'_>,
    candidate: Candidate,
    permutations: usize,
    after_fold: &mut dyn FnMut(),
) -> Result<Option<PermutationControl>> {
    let observed = area(experiment, candidate, after_fold)?;
    if observed.is_nan() {
        return Ok(None);
    }
    let mut permuted = Vec::with_capacity(permutations);
    for number in 0..permutations {
        let mut rng = stream(experiment.seed, Use::Permutation, &[number]);
        let accuracies = permute_between_groups(experiment.grouping, &mut rng);
        let grouping = Grouping {
            accuracies: &accuracies,
            ..experiment.grouping
        };
        permuted.push(area(
            &Experiment {
                grouping,
                ..*experiment
            },
            candidate,
            after_fold,
        )?);
    }
    let reached = permuted
        .iter()
        .filter(|area| area.is_nan() || **area >= observed)
        .count();
    let p_value = (1 + reached) as f64 / (1 + permutations) as f64;
    Ok(Some(PermutationControl {
        candidate,
        observed,
        permuted,
        p_value,
    }))
}

/// The AUC of one repeat; NaN if a fit fails or a class is empty.
fn area(
    experiment: &Experiment<'_>,
    candidate: Candidate,
    after_fold: &mut dyn FnMut(),
) -> Result<f64> {
    let (results, _) = experiment.run(1, after_fold)?;
    let ranked = results.get(&candidate).and_then(|result| result.ranked());
    let weights = vec![1.0; experiment.grouping.group_names.len()];
    Ok(ranked.map_or(f64::NAN, |repeats: Vec<Ranked>| {
        repeats[0].figures(&weights)[AUC]
    }))
}

/// Gives each group the accuracies of another, drawn without replacement: its rows take the donor's in their order, from
/// the start again where the donor has fewer.
fn permute_between_groups(grouping: Grouping<'_>, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut rows_of_group = vec![Vec::new(); grouping.group_names.len()];
    for (row, &group) in grouping.groups.iter().enumerate() {
        rows_of_group[group].push(row);
    }
    let mut donors: Vec<usize> = (0..rows_of_group.len()).collect();
    donors.shuffle(rng);
    let mut accuracies = vec![f64::NAN; grouping.groups.len()];
    for (rows, donor) in rows_of_group.iter().zip(donors) {
        for (&row, &from) in rows.iter().zip(rows_of_group[donor].iter().cycle()) {
            accuracies[row] = grouping.accuracies[from];
        }
    }
    accuracies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_swap_all_their_labels() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let strata = vec![None; 6];
        let grouping = Grouping {
            groups: &[0, 0, 1, 1, 2, 2],
            group_names: &names,
            strata: &strata,
            accuracies: &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        };
        let permuted = permute_between_groups(grouping, &mut stream(1, Use::Permutation, &[0]));
        let mut pairs: Vec<&[f64]> = permuted.chunks(2).collect();
        pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(pairs.concat(), grouping.accuracies);
    }
}
