//! Tests of the estimators against scikit-learn (`tests/scikit_learn/make_expected`).

use ndarray::Array2;
use serde::Deserialize;

use crate::elastic_net::LinearModel;
use crate::logistic::LogisticModel;
use crate::naive_bayes::NaiveBayesModel;
use crate::svm::{SvmModel, SvmSetting};

#[derive(Deserialize)]
struct Expected {
    x: Vec<Vec<f64>>,
    two: Vec<u32>,
    three: Vec<u32>,
    values: Vec<f64>,
    wide: Vec<Vec<f64>>,
    wide_two: Vec<u32>,
    logistic_two: Coefficients,
    logistic_weak: Coefficients,
    logistic_three: Coefficients,
    logistic_wide: Coefficients,
    bayes: Vec<Vec<f64>>,
    net: Coefficients,
    svm: Decisions,
    svr: Vec<f64>,
}

#[derive(Deserialize)]
struct Coefficients {
    intercepts: Vec<f64>,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
struct Decisions {
    linear: Vec<f64>,
    gaussian: Vec<f64>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("../tests/scikit_learn/expected.json")).unwrap()
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| {
        rows[row][column]
    })
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let distance = |(found, expected): (&f64, &f64)| (found - expected).abs();
    let largest = found.iter().zip(expected).map(distance).fold(0.0, f64::max);
    assert!(largest <= tolerance, "{largest} > {tolerance}");
}

/// Intercepts and weights of linear outputs, from the outputs at 0 and at each unit vector.
fn coefficients(n_features: usize, outputs: impl Fn(&Array2<f64>) -> Array2<f64>) -> Coefficients {
    let points = Array2::from_shape_fn((n_features + 1, n_features), |(row, column)| {
        f64::from(u8::from(row == column + 1))
    });
    let outputs = outputs(&points);
    let intercepts = outputs.row(0).to_vec();
    let slopes = outputs.columns().into_iter().zip(&intercepts);
    let weights = slopes
        .flat_map(|(column, intercept)| {
            column
                .iter()
                .skip(1)
                .map(|z| z - intercept)
                .collect::<Vec<_>>()
        })
        .collect();
    Coefficients {
        intercepts,
        weights,
    }
}

#[test]
fn logistic_coefficients_are_those_of_scikit_learn() {
    let all = expected();
    let (x, wide) = (matrix(&all.x), matrix(&all.wide));
    let cases = [
        (&x, &all.two, 2, 1.0, &all.logistic_two),
        (&x, &all.two, 2, 0.01, &all.logistic_weak),
        (&x, &all.three, 3, 1.0, &all.logistic_three),
        (&wide, &all.wide_two, 2, 0.5, &all.logistic_wide),
    ];
    for (features, classes, n_classes, ridge, expected) in cases {
        let model = LogisticModel::fit(features, classes, n_classes, ridge).unwrap();
        let found = coefficients(features.ncols(), |points| model.outputs(points.view()));
        assert_close(&found.weights, &expected.weights, 1e-6);
        assert_close(&found.intercepts, &expected.intercepts, 1e-6);
    }
}

#[test]
fn naive_bayes_probabilities_are_those_of_scikit_learn() {
    let all = expected();
    let model = NaiveBayesModel::fit(&matrix(&all.x), &all.three, 3, 1e-9);
    let logs = model.outputs(matrix(&all.x).view());
    for (logs, expected) in logs.rows().into_iter().zip(&all.bayes) {
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
        let sum: f64 = shares.iter().sum();
        let shares: Vec<f64> = shares.iter().map(|share| share / sum).collect();
        assert_close(&shares, expected, 1e-9);
    }
}

#[test]
fn elastic_net_coefficients_are_those_of_scikit_learn() {
    let all = expected();
    let model = LinearModel::fit(&matrix(&all.x), &all.values, 0.05, 0.5).unwrap();
    let found = coefficients(5, |points| model.outputs(points.view()));
    assert_close(&found.weights, &all.net.weights, 1e-4);
    assert_close(&found.intercepts, &all.net.intercepts, 1e-4);
}

#[test]
fn svm_decisions_are_those_of_scikit_learn() {
    let all = expected();
    let x = matrix(&all.x);
    let groups: Vec<u32> = (0..90).collect();
    let unit = crate::svm::median_squared_distance(&x);
    // `gamma` is the inverse of our width.
    let widths = [
        (0.7, None, &all.svm.linear),
        (2.0, Some(10.0 / unit), &all.svm.gaussian),
    ];
    for (cost, width, expected) in widths {
        let setting = SvmSetting { cost, width };
        let fitted = SvmModel::fit_classes(&x, (&all.two, 2), &groups, setting, 0);
        let (model, note) = fitted.unwrap();
        assert_eq!(note, None);
        let found: Vec<f64> = model.outputs(x.view()).into_iter().collect();
        assert_close(&found, expected, 3e-3);
    }
    let (mean, deviation) = crate::scale::mean_and_deviation(&all.values);
    let setting = (
        SvmSetting {
            cost: 2.0,
            width: Some(10.0 / unit),
        },
        0.1,
    );
    let (model, _) = SvmModel::fit_values(&x, &all.values, &groups, setting, 0).unwrap();
    let found = model.outputs(x.view());
    let found: Vec<f64> = found
        .iter()
        .map(|value| (value - mean) / deviation)
        .collect();
    assert_close(&found, &all.svr, 3e-3);
}
