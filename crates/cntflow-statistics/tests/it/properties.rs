//! What must hold for any data.

use cntflow_statistics::bootstrap::Bootstrap;
use cntflow_statistics::delong::{auc_difference, auc_interval};
use cntflow_statistics::rank_correlation::kendall_tau;
use cntflow_statistics::{Confidence, binary};

use crate::data::{N_ROWS, coarse, distinct, is_positive, tied};

const CONFIDENCE: Confidence = Confidence::NINETY_FIVE;

#[test]
fn swapped_labels_turn_an_auc_into_its_complement() {
    let swapped: Vec<bool> = is_positive().iter().map(|positive| !positive).collect();
    let auc = binary::auc(&tied(), &is_positive()).unwrap();
    let complement = binary::auc(&tied(), &swapped).unwrap();
    assert!((auc + complement - 1.0).abs() < 1e-15);
    let interval = auc_interval(&tied(), &is_positive(), CONFIDENCE).unwrap();
    let mirrored = auc_interval(&tied(), &swapped, CONFIDENCE).unwrap();
    assert!((interval.low + mirrored.high - 1.0).abs() < 1e-12);
    assert!((interval.standard_error - mirrored.standard_error).abs() < 1e-15);
}

#[test]
fn only_the_order_of_scores_counts() {
    let stretched: Vec<f64> = tied().iter().map(|score| score.exp() * 7.0 - 2.0).collect();
    let labels = is_positive();
    assert_eq!(
        auc_interval(&tied(), &labels, CONFIDENCE),
        auc_interval(&stretched, &labels, CONFIDENCE)
    );
    let itself = auc_difference(&tied(), &stretched, &labels, CONFIDENCE).unwrap();
    assert_eq!((itself.low, itself.high, itself.p), (0.0, 0.0, 1.0));
}

#[test]
fn swapped_lists_turn_a_difference_round() {
    let labels = is_positive();
    let one = auc_difference(&tied(), &distinct(), &labels, CONFIDENCE).unwrap();
    let other = auc_difference(&distinct(), &tied(), &labels, CONFIDENCE).unwrap();
    assert!((one.difference + other.difference).abs() < 1e-15);
    assert!((one.low + other.high).abs() < 1e-15);
    assert!((one.p - other.p).abs() < 1e-15);
}

#[test]
fn tau_is_symmetric_and_equals_the_sum_over_pairs() {
    let (x, y) = (tied(), coarse());
    let tau = kendall_tau(&x, &y).unwrap();
    assert_eq!(Ok(tau), kendall_tau(&y, &x));
    let negative: Vec<f64> = y.iter().map(|value| -value).collect();
    assert_eq!(kendall_tau(&x, &negative), Ok(-tau));
    let sign = |values: &[f64], a: usize, b: usize| {
        f64::from(i8::from(values[a] > values[b]) - i8::from(values[a] < values[b]))
    };
    let (mut agreement, mut untied_x, mut untied_y) = (0.0, 0.0, 0.0);
    for a in 0..N_ROWS {
        for b in 0..a {
            agreement += sign(&x, a, b) * sign(&y, a, b);
            untied_x += sign(&x, a, b).abs();
            untied_y += sign(&y, a, b).abs();
        }
    }
    assert!((tau - agreement / (untied_x * untied_y).sqrt()).abs() < 1e-14);
    assert_eq!(kendall_tau(&x, &x), Ok(1.0));
    assert!(kendall_tau(&x, &[1.0; N_ROWS]).unwrap().is_nan());
}

#[test]
fn the_same_seed_gives_the_same_interval() {
    let groups: Vec<usize> = (0..N_ROWS).collect();
    let (scores, labels) = (distinct(), is_positive());
    let auc = |rows: &[usize]| {
        let scores: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
        let labels: Vec<bool> = rows.iter().map(|&row| labels[row]).collect();
        binary::auc(&scores, &labels).unwrap()
    };
    let interval = |seed| Bootstrap::new(seed).interval(&groups, auc).unwrap();
    assert_eq!(interval(4), interval(4));
    assert_ne!(interval(4), interval(5));
    // It says much the same as DeLong's.
    let delong = auc_interval(&distinct(), &is_positive(), CONFIDENCE).unwrap();
    assert!((interval(4).standard_error - delong.standard_error).abs() < 0.005);
}
