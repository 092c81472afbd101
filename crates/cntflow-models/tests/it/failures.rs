//! What cannot be fitted, and why.

use cntflow_models::{FitFailure, Hyperparameters, ModelKind, Setting, Targets, TrainingRows, fit};
use ndarray::Array2;

use crate::data::Rows;

fn failure(kind: ModelKind, rows: &TrainingRows<'_>) -> FitFailure {
    fit(&kind.settings()[0], rows, 1).unwrap_err()
}

#[test]
fn targets_that_do_not_vary_are_refused() {
    let rows = Rows::new(20, 1);
    for kind in ModelKind::ALL {
        let (targets, expected) = if kind.is_classifier() {
            (
                Targets::Classes {
                    of_row: &[1; 20],
                    n_classes: 2,
                },
                FitFailure::OneClass,
            )
        } else {
            (Targets::Values(&[1.5; 20]), FitFailure::OneValue)
        };
        let training = TrainingRows {
            targets,
            ..rows.training(kind, false)
        };
        assert_eq!(failure(kind, &training), expected);
    }
}

#[test]
fn features_that_do_not_vary_are_refused() {
    let rows = Rows::new(20, 1);
    let constant = Array2::from_shape_fn((20, 3), |(_, column)| [1.0, f64::NAN, 1e300][column]);
    let empty = Array2::zeros((20, 0));
    for kind in ModelKind::ALL {
        for features in [constant.view(), empty.view()] {
            let training = TrainingRows {
                features,
                ..rows.training(kind, false)
            };
            assert_eq!(failure(kind, &training), FitFailure::NoVaryingFeature);
        }
    }
}

#[test]
fn malformed_rows_are_refused() {
    let rows = Rows::new(20, 1);
    let kind = ModelKind::NaiveBayes;
    let good = rows.training(kind, false);
    let groups = TrainingRows {
        groups: &[1, 2],
        ..good
    };
    let expected = FitFailure::LengthsDiffer {
        features: 20,
        targets: 20,
        groups: 2,
    };
    assert_eq!(failure(kind, &groups), expected);
    let targets = Targets::Classes {
        of_row: &rows.three,
        n_classes: 2,
    };
    let expected = FitFailure::ClassOutOfRange {
        class: 2,
        n_classes: 2,
    };
    assert_eq!(failure(kind, &TrainingRows { targets, ..good }), expected);
    let values = rows.training(ModelKind::ElasticNet, false);
    assert_eq!(
        failure(kind, &values),
        FitFailure::WrongTargets {
            model: "naive_bayes"
        }
    );
    let targets = Targets::Values(&[f64::NAN; 20]);
    let not_finite = TrainingRows { targets, ..good };
    assert_eq!(
        failure(ModelKind::ElasticNet, &not_finite),
        FitFailure::TargetNotFinite
    );
    let none = Array2::zeros((0, 3));
    let targets = Targets::Classes {
        of_row: &[],
        n_classes: 2,
    };
    let none = TrainingRows {
        features: none.view(),
        targets,
        groups: &[],
    };
    assert_eq!(failure(kind, &none), FitFailure::NoRows);
}

#[test]
fn hyperparameters_out_of_range_are_refused() {
    let rows = Rows::new(20, 1);
    let hyperparameters = Hyperparameters::ElasticNet {
        penalty: 0.1,
        l1_ratio: 0.0,
    };
    let setting = Setting {
        hyperparameters,
        n_features: None,
    };
    let failure = fit(&setting, &rows.training(ModelKind::ElasticNet, false), 1).unwrap_err();
    assert_eq!(
        failure,
        FitFailure::Hyperparameter {
            name: "l1_ratio",
            value: 0.0
        }
    );
}
