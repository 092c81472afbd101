//! Whether intervals hold the truth, and p-values their level, over simulated data sets.

use cntflow_statistics::Confidence;
use cntflow_statistics::delong::{auc_difference, auc_interval};
use cntflow_statistics::permutation::GroupPermutation;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub(crate) const DATA_SETS: u64 = 2_000;

/// Standard normal quantiles of the AUCs: scipy.stats.norm.ppf([.75, .85, .95]).
const AUCS: [(f64, f64); 3] = [
    (0.75, 0.674_489_750_196_081_7),
    (0.85, 1.036_433_389_493_789_6),
    (0.95, 1.644_853_626_951_472_2),
];

pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Sixty negative rows, then sixty positive ones.
pub(crate) fn labels() -> Vec<bool> {
    (0..120).map(|row| row >= 60).collect()
}

/// The share of data sets in which something holds.
pub(crate) fn share(holds: impl FnMut(u64) -> bool) -> f64 {
    let n_holding = (0..DATA_SETS).map(holds).filter(|&holds| holds).count();
    n_holding as f64 / DATA_SETS as f64
}

#[test]
fn delong_intervals_of_one_auc_hold_the_truth() {
    let labels = labels();
    for (auc, quantile) in AUCS {
        let coverage = share(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // Normal scores at distance d have AUC Phi(d / sqrt(2)).
            let distance = quantile * 2.0_f64.sqrt();
            let score = |&positive: &bool| normal(&mut rng) + if positive { distance } else { 0.0 };
            let scores: Vec<f64> = labels.iter().map(score).collect();
            let estimate = auc_interval(&scores, &labels, Confidence::NINETY_FIVE).unwrap();
            estimate.contains(auc)
        });
        assert!((0.93..=0.97).contains(&coverage), "AUC {auc}: {coverage}");
    }
}

#[test]
fn delong_intervals_of_a_difference_hold_the_truth() {
    let labels = labels();
    for (better, worse) in [(AUCS[1], AUCS[0]), (AUCS[1], AUCS[1])] {
        let truth = better.0 - worse.0;
        let coverage = share(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for &positive in &labels {
                // Scores of the two models are correlated by .6.
                let common = normal(&mut rng);
                let own = 0.6 * common + 0.8 * normal(&mut rng);
                let distance = if positive { 2.0_f64.sqrt() } else { 0.0 };
                a.push(common + better.1 * distance);
                b.push(own + worse.1 * distance);
            }
            let comparison = auc_difference(&a, &b, &labels, Confidence::NINETY_FIVE).unwrap();
            // The interval and the test are one statement.
            assert_eq!(comparison.contains(0.0), comparison.p > 0.05);
            comparison.contains(truth)
        });
        assert!((0.93..=0.97).contains(&coverage), "{truth}: {coverage}");
    }
}

#[test]
fn permutation_p_values_are_uniform_without_an_effect() {
    // Forty groups of two rows in two strata, whose labels have nothing to do with the scores.
    let groups: Vec<usize> = (0..80).map(|row| row / 2).collect();
    let strata: Vec<usize> = groups.iter().map(|group| group % 2).collect();
    let permutation = GroupPermutation::new(&groups, &strata).unwrap();
    let (n_seeds, n_permutations) = (400, 199);
    let mut p_values: Vec<f64> = (0..n_seeds)
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // Rows of a group share most of both: rows are not exchangeable, groups are. Strata
            // differ in both: groups of two strata are not exchangeable either.
            let mut shared_by_group = || -> Vec<f64> {
                let of_group: Vec<f64> = (0..40).map(|_| normal(&mut rng)).collect();
                let value = |row: usize| {
                    of_group[groups[row]] + 3.0 * strata[row] as f64 + 0.1 * normal(&mut rng)
                };
                (0..80).map(value).collect()
            };
            let (scores, labels) = (shared_by_group(), shared_by_group());
            let product = |donors: &[usize]| {
                let rows = scores.iter().zip(donors);
                rows.map(|(score, &donor)| score * labels[donor])
                    .sum::<f64>()
            };
            permutation.test(n_permutations, seed, product).p
        })
        .collect();
    p_values.sort_by(f64::total_cmp);
    let n = n_seeds as f64;
    let distance = p_values.iter().enumerate().map(|(rank, p)| {
        let rank = rank as f64;
        ((rank + 1.0) / n - p).abs().max((p - rank / n).abs())
    });
    let distance = distance.fold(0.0, f64::max);
    // The 95% point of Kolmogorov's distance is 1.36 / sqrt(400); p comes in steps of 1 / 200.
    assert!(distance < 1.36 / n.sqrt() + 0.005, "{distance}");
}
