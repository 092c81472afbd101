//! Tests of preparation.

use ndarray::array;

use super::*;

const MISSING: f64 = f64::NAN;

#[test]
fn everything_is_learned_from_the_training_rows() {
    let features = array![
        [0.0, 2.0, MISSING],
        [1.0, 2.0, MISSING],
        [2.0, 2.0, MISSING]
    ];
    let learned = Preparation::learn(features.view(), (true, true), |_| ());
    assert_eq!(
        (learned.columns.as_slice(), learned.medians.as_slice()),
        (&[0][..], &[1.0][..])
    );
    assert_eq!(
        learned.scaling.as_ref().unwrap().spreads,
        [1.0 / NORMAL_INTERQUARTILE_RANGE]
    );
    assert!(learned.is_consistent(3, true));
    assert!(!learned.is_consistent(0, true) && !learned.is_consistent(3, false));
}

#[test]
fn scaled_columns_have_mean_0_and_deviation_1_whatever_their_magnitude() {
    let features = Array2::from_shape_fn((50, 3), |(row, column)| {
        let value = ((row * 7 + column) % 50) as f64;
        [value, 1e300 * value.exp2().recip(), 1e-300 * value][column]
    });
    let learned = Preparation::learn(features.view(), (true, true), |_| ());
    for column in learned.apply(features.view()).columns() {
        let (mean, deviation) = mean_and_deviation(&column.to_vec());
        assert!(mean.abs() < 1e-9 && (deviation - 1.0).abs() < 1e-9);
    }
}

#[test]
fn missing_values_take_the_median_and_order_is_kept() {
    let learned = Preparation::learn(array![[0.0], [1.0], [2.0]].view(), (true, true), |_| ());
    let rows = array![[0.0], [1.0], [2.0], [f64::INFINITY], [1e12], [-1e300]];
    let prepared = learned.apply(rows.view());
    assert_eq!(prepared[(3, 0)], prepared[(1, 0)]);
    assert!(prepared[(0, 0)] < prepared[(1, 0)] && prepared[(2, 0)] < prepared[(4, 0)]);
    assert_eq!(prepared[(5, 0)], -MAX_DEVIATIONS);
}

#[test]
fn a_rarely_set_flag_is_scaled_by_its_standard_deviation() {
    let spread = spread_of_sorted(&[0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    assert!((spread - 0.4).abs() < 1e-15);
}
