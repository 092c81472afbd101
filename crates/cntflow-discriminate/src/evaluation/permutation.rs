//! The permutation control: the whole procedure is repeated on labels that were
//! permuted between groups.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::candidates::Candidate;
use super::cross_validation::CrossValidation;
use super::figures::{AUC, RankedPredictions};
use crate::error::Result;
use crate::random::{Purpose, random_stream};
use crate::split::Grouping;

/// How well a candidate does on permuted labels, where nothing can be learned.
#[derive(Clone, Debug, PartialEq)]
pub struct PermutationControl {
    /// The feature set and classifier tested.
    pub candidate: Candidate,
    /// AUC with the true labels. Like each permutation, it comes from one repeat.
    pub observed: f64,
    /// AUC of each permutation.
    pub permuted: Vec<f64>,
    /// `(1 + permutations with an AUC at or above the observed) / (1 + permutations)`.
    pub p_value: f64,
}

/// Repeats one repeat (split, thresholds, preparation, fits) on accuracies permuted between groups.
///
/// `cross_validation` has only the feature set and classifier to be tested. A permutation whose fit
/// fails counts as one that reached the observed AUC, so failures never make a result look more
/// certain. `None` if the fit on the true labels fails.
pub(crate) fn permutation_control(
    cross_validation: &CrossValidation<'_>,
    candidate: Candidate,
    permutations: usize,
    after_fold: &mut dyn FnMut(),
) -> Result<Option<PermutationControl>> {
    let observed = auc_of_one_repeat(cross_validation, candidate, after_fold)?;
    if observed.is_nan() {
        return Ok(None);
    }
    let mut permuted = Vec::with_capacity(permutations);
    for permutation in 0..permutations {
        let mut rng = random_stream(cross_validation.seed, Purpose::Permutation, &[permutation]);
        let accuracies = permute_between_groups(cross_validation.grouping, &mut rng);
        let grouping = Grouping {
            accuracies: &accuracies,
            ..cross_validation.grouping
        };
        let permuted_labels = CrossValidation {
            grouping,
            ..*cross_validation
        };
        permuted.push(auc_of_one_repeat(&permuted_labels, candidate, after_fold)?);
    }
    let n_reached = permuted
        .iter()
        .filter(|auc| auc.is_nan() || **auc >= observed)
        .count();
    let p_value = (1 + n_reached) as f64 / (1 + permutations) as f64;
    Ok(Some(PermutationControl {
        candidate,
        observed,
        permuted,
        p_value,
    }))
}

/// The AUC of one repeat; NaN if a fit fails or a class is empty.
fn auc_of_one_repeat(
    cross_validation: &CrossValidation<'_>,
    candidate: Candidate,
    after_fold: &mut dyn FnMut(),
) -> Result<f64> {
    let (results, _) = cross_validation.run(1, after_fold)?;
    let ranked = results.get(&candidate).and_then(|result| result.ranked());
    let weight_of_group = vec![1.0; cross_validation.grouping.group_names.len()];
    Ok(ranked.map_or(f64::NAN, |repeats: Vec<RankedPredictions>| {
        repeats[0].figures(&weight_of_group)[AUC]
    }))
}

/// Gives each group the accuracies of another one, its donor. Each group is a donor once. Rows take
/// the donor's accuracies in order, and start again if the donor has fewer rows.
fn permute_between_groups(grouping: Grouping<'_>, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut rows_of_group = vec![Vec::new(); grouping.group_names.len()];
    for (row, &group) in grouping.groups.iter().enumerate() {
        rows_of_group[group].push(row);
    }
    let mut donors: Vec<usize> = (0..rows_of_group.len()).collect();
    donors.shuffle(rng);
    let mut accuracies = vec![f64::NAN; grouping.groups.len()];
    for (rows, donor) in rows_of_group.iter().zip(donors) {
        for (&row, &donor_row) in rows.iter().zip(rows_of_group[donor].iter().cycle()) {
            accuracies[row] = grouping.accuracies[donor_row];
        }
    }
    accuracies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_takes_all_labels_of_one_other_group() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let strata = vec![None; 6];
        let grouping = Grouping {
            groups: &[0, 0, 1, 1, 2, 2],
            group_names: &names,
            strata: &strata,
            accuracies: &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        };
        let permuted =
            permute_between_groups(grouping, &mut random_stream(1, Purpose::Permutation, &[0]));
        let mut pairs: Vec<&[f64]> = permuted.chunks(2).collect();
        pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(pairs.concat(), grouping.accuracies);
    }
}
