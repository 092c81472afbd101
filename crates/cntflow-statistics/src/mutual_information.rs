//! The conditional-mutual-information score of PGDL: what one ranking says of another that
//! hyperparameters do not say already.
//!
//! Jiang et al., "NeurIPS 2020 Competition: Predicting Generalization in Deep Learning"
//! (arXiv 2012.07976), and "Fantastic Generalization Measures and Where to Find Them", ICLR 2020,
//! section 3.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::granulated::{check_rows, sign_of_difference};

/// Largest number of hyperparameters in a conditioning set, as in PGDL.
pub const MAX_CONDITIONS: usize = 2;

/// The information of one conditioning set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConditionalInformation {
    /// Indices of the hyperparameters of the set, in ascending order.
    pub conditions: Vec<usize>,
    /// `I(V_x; V_y | U) / H(V_y | U)`, in [0, 1]; `None` if the set alone determines every order of
    /// y.
    pub normalised: Option<f64>,
    /// Values of U that occur. With few pairs per value the information is too high by chance.
    pub n_values: usize,
}

/// The score and what it is the minimum of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InformationScore {
    /// Smallest normalised information over conditioning sets, in [0, 1] (PGDL reports 100 times
    /// that); `None` if no set has one.
    pub score: Option<f64>,
    /// Every conditioning set.
    pub sets: Vec<ConditionalInformation>,
    /// Ordered pairs of different rows.
    pub n_pairs: u64,
}

/// The conditional-mutual-information score of x about y.
///
/// Over all ordered pairs of different rows, `V_x = sign(x_i - x_j)` and `V_y = sign(y_i - y_j)`,
/// each -1, 0 or 1. U holds the levels of both rows in a set of at most two hyperparameters. The
/// score is the minimum over these sets, the empty one included, of the conditional mutual
/// information `I(V_x; V_y | U)` over the conditional entropy `H(V_y | U)`, both from shares of
/// pairs.
///
/// The competition's scoring program differs in four points. It takes only sets of exactly two
/// hyperparameters, counts a tie as a negative sign, pairs each row with itself, and weighs all
/// values of U alike, which is the same only on a complete grid. Scores here follow the paper's
/// formula, and are not to be compared with the competition's to the last digit.
///
/// `hyperparameters` has one list per hyperparameter, with the level of each row. The time is
/// quadratic in the rows, times the number of sets.
///
/// # Errors
/// If lists differ in length or a value is NaN.
pub fn conditional_information_score(
    x: &[f64],
    y: &[f64],
    hyperparameters: &[&[usize]],
) -> Result<InformationScore> {
    check_rows(x, y, hyperparameters)?;
    let sets: Vec<ConditionalInformation> = conditioning_sets(hyperparameters.len())
        .into_iter()
        .map(|conditions| information(x, y, hyperparameters, conditions))
        .collect();
    let defined = sets.iter().filter_map(|set| set.normalised);
    let n_rows = x.len() as u64;
    Ok(InformationScore {
        score: defined.min_by(f64::total_cmp),
        sets,
        n_pairs: n_rows * n_rows.saturating_sub(1),
    })
}

/// All sets of at most [`MAX_CONDITIONS`] of n hyperparameters, the small ones first.
fn conditioning_sets(n: usize) -> Vec<Vec<usize>> {
    let mut sets = vec![Vec::new()];
    let mut longest = sets.clone();
    for _ in 0..MAX_CONDITIONS {
        // Each set grows by indices above its last one, so that none is made twice.
        let grow = |set: &Vec<usize>| {
            let next = set.last().map_or(0, |last| last + 1);
            let set = set.clone();
            (next..n).map(move |index| [set.as_slice(), &[index]].concat())
        };
        longest = longest.iter().flat_map(grow).collect();
        sets.extend_from_slice(&longest);
    }
    sets
}

fn information(
    x: &[f64],
    y: &[f64],
    hyperparameters: &[&[usize]],
    conditions: Vec<usize>,
) -> ConditionalInformation {
    let levels_of = |row: usize| {
        conditions
            .iter()
            .map(|&one| hyperparameters[one][row])
            .collect()
    };
    let mut rows_of_levels = BTreeMap::<Vec<usize>, Vec<usize>>::new();
    for row in 0..x.len() {
        rows_of_levels.entry(levels_of(row)).or_default().push(row);
    }
    let (mut information, mut entropy, mut n_values) = (0.0, 0.0, 0);
    for left in rows_of_levels.values() {
        for right in rows_of_levels.values() {
            let counts = sign_counts(x, y, left, right);
            let n_pairs: u64 = counts.iter().flatten().sum();
            if n_pairs == 0 {
                continue;
            }
            n_values += 1;
            // Both weighted by the value's pairs: the common number of all pairs cancels.
            information += mutual_information(&counts, n_pairs as f64);
            entropy += (0..3)
                .map(|sign| plogp(of_y(&counts, sign), n_pairs as f64))
                .sum::<f64>();
        }
    }
    let normalised = (entropy > 0.0).then(|| (information / entropy).clamp(0.0, 1.0));
    ConditionalInformation {
        conditions,
        normalised,
        n_values,
    }
}

/// Pairs by the signs of their differences in x and in y, each shifted to 0, 1 or 2.
fn sign_counts(x: &[f64], y: &[f64], left: &[usize], right: &[usize]) -> [[u64; 3]; 3] {
    let mut counts = [[0; 3]; 3];
    for &a in left {
        for &b in right {
            if a != b {
                let index =
                    |values: &[f64]| (sign_of_difference(values[a], values[b]) + 1) as usize;
                counts[index(x)][index(y)] += 1;
            }
        }
    }
    counts
}

fn of_x(counts: &[[u64; 3]; 3], sign: usize) -> u64 {
    counts[sign].iter().sum()
}

fn of_y(counts: &[[u64; 3]; 3], sign: usize) -> u64 {
    counts.iter().map(|row| row[sign]).sum()
}

/// `-n p ln p` with `p = count / n`.
fn plogp(count: u64, n: f64) -> f64 {
    if count == 0 {
        0.0
    } else {
        -(count as f64) * (count as f64 / n).ln()
    }
}

/// `n (H(x) + H(y) - H(x, y))`.
fn mutual_information(counts: &[[u64; 3]; 3], n: f64) -> f64 {
    let of_signs: f64 = (0..3)
        .map(|sign| plogp(of_x(counts, sign), n) + plogp(of_y(counts, sign), n))
        .sum();
    let joint: f64 = counts.iter().flatten().map(|&count| plogp(count, n)).sum();
    of_signs - joint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_at_most_two_hyperparameters() {
        let sets = conditioning_sets(3);
        let expected: [&[usize]; 7] = [&[], &[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]];
        assert_eq!(sets, expected);
        assert_eq!(conditioning_sets(0), [Vec::<usize>::new()]);
    }

    #[test]
    fn a_ranking_says_everything_of_itself_and_of_its_inverse() {
        let x = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
        let inverse = x.map(|value| -value);
        for y in [x, inverse] {
            let result = conditional_information_score(&x, &y, &[&[0, 1, 0, 1, 0, 1]]).unwrap();
            assert!((result.score.unwrap() - 1.0).abs() < 1e-12);
            assert_eq!(result.n_pairs, 30);
        }
    }

    #[test]
    fn what_a_hyperparameter_says_already_does_not_count() {
        // Both lists follow the hyperparameter. Within a level y has an order, and x has none.
        let level = [0, 0, 0, 1, 1, 1];
        let x = level.map(|level| level as f64);
        let y = [0.1, 0.3, 0.2, 1.2, 1.1, 1.3];
        let result = conditional_information_score(&x, &y, &[&level]).unwrap();
        assert!(result.sets[0].normalised.unwrap() > 0.5);
        assert_eq!(result.score, Some(0.0));
    }

    #[test]
    fn the_score_equals_the_one_worked_out_by_hand() {
        // 3 unordered pairs, 2 agree: shares of (+,+), (-,-) are 1/3 each, of (+,-), (-,+) 1/6.
        let result =
            conditional_information_score(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0], &[]).unwrap();
        let joint = -(2.0 / 3.0 * (1.0_f64 / 3.0).ln() + 1.0 / 3.0 * (1.0_f64 / 6.0).ln());
        let expected = (2.0 * 2.0_f64.ln() - joint) / 2.0_f64.ln();
        assert!((result.score.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_constant_list_has_no_score() {
        let result = conditional_information_score(&[1.0, 2.0], &[5.0, 5.0], &[]).unwrap();
        assert_eq!(result.score, None);
    }
}
