//! AUCs at the ends of the scale, and classes with one row or none.

use cntflow_statistics::delong::{auc_difference, auc_interval};
use cntflow_statistics::{Comparison, Confidence, Estimate, Method};

/// As many positive rows as negative ones, positive ones last.
const LABELS: [bool; 12] = [
    false, false, false, false, false, false, true, true, true, true, true, true,
];

fn perfect() -> Vec<f64> {
    (0..12).map(f64::from).collect()
}

fn interval(scores: &[f64], labels: &[bool]) -> Estimate {
    auc_interval(scores, labels, Confidence::NINETY_FIVE).unwrap()
}

fn difference(a: &[f64], b: &[f64]) -> Comparison {
    auc_difference(a, b, &LABELS, Confidence::NINETY_FIVE).unwrap()
}

#[test]
fn perfect_separation_has_the_bound_of_disjoint_pairs() {
    let estimate = interval(&perfect(), &LABELS);
    assert_eq!((estimate.value, estimate.high), (1.0, 1.0));
    // Six pairs: .025^(1/6).
    assert!((estimate.low - 0.025_f64.powf(1.0 / 6.0)).abs() < 1e-15);
    assert_eq!(estimate.method, Method::DisjointPairs);
    assert!(estimate.standard_error.is_nan());
    let reversed: Vec<f64> = perfect().iter().map(|score| -score).collect();
    let reversed = interval(&reversed, &LABELS);
    assert_eq!((reversed.low, reversed.high), (0.0, 1.0 - estimate.low));
}

#[test]
fn two_perfect_lists_may_still_differ_in_truth() {
    let stretched: Vec<f64> = perfect().iter().map(|score| score * 2.0).collect();
    let comparison = difference(&perfect(), &stretched);
    assert_eq!((comparison.difference, comparison.p), (0.0, 1.0));
    // Half the error rate for each: .0125^(1/6).
    let bound = 0.0125_f64.powf(1.0 / 6.0);
    assert!((comparison.low - (bound - 1.0)).abs() < 1e-15);
    assert!((comparison.high - (1.0 - bound)).abs() < 1e-15);
}

#[test]
fn a_perfect_list_beats_a_constant_one() {
    let comparison = difference(&perfect(), &[0.0; 12]);
    assert_eq!(comparison.difference, 0.5);
    assert_eq!(comparison.p, 4.0 / 64.0);
    // p is above .05, and so the interval holds 0.
    assert!(comparison.contains(0.0) && comparison.high == 0.5);
    let mirrored = difference(&[0.0; 12], &perfect());
    assert_eq!((mirrored.low, mirrored.p), (-0.5, 4.0 / 64.0));
}

#[test]
fn constant_scores_are_chance_for_certain() {
    let estimate = interval(&[3.0; 12], &LABELS);
    assert_eq!((estimate.low, estimate.high), (0.5, 0.5));
    let comparison = difference(&[3.0; 12], &[4.0; 12]);
    assert_eq!(
        (comparison.low, comparison.high, comparison.p),
        (0.0, 0.0, 1.0)
    );
}

#[test]
fn a_class_with_one_row_or_none_has_no_interval() {
    let one_row = interval(&[0.3, 0.1, 0.5], &[true, false, false]);
    assert_eq!(one_row.value, 0.5);
    assert!(one_row.low.is_nan() && !one_row.contains(0.5));
    let none = interval(&[0.3, 0.1], &[true, true]);
    assert!(none.value.is_nan() && none.low.is_nan());
}
