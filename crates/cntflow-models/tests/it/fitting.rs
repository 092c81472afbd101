//! What holds for every kind of model.

use cntflow_models::{ModelKind, Predictions, SVM_MAX_ROWS, Targets, TrainingRows, fit};
use ndarray::{Array2, s};

use crate::data::{Rows, Uniform, all_settings, bits, fit_default};

#[test]
fn every_setting_learns_an_obvious_target_with_missing_values() {
    let (training, test) = (Rows::new(300, 1), Rows::new(300, 2));
    for setting in all_settings() {
        let name = format!("{} {setting}", setting.kind().name());
        for is_three in [false, true] {
            let model = fit(&setting, &training.training(setting.kind(), is_three), 5).unwrap();
            assert_eq!(model.note(), None);
            match model.predict_classes(test.features.view()) {
                Some(classes) => {
                    let right = if is_three { &test.three } else { &test.two };
                    let n_right = classes.iter().zip(right).filter(|(a, b)| a == b).count();
                    let least = if is_three { 180 } else { 240 };
                    assert!(n_right >= least, "{name}: {n_right} of 300");
                }
                None => {
                    let Predictions::Values(values) = model.predict(test.features.view()) else {
                        panic!("{name} predicts no values");
                    };
                    let errors = values.iter().zip(&test.values).map(|(a, b)| (a - b).abs());
                    let mean = errors.sum::<f64>() / 300.0;
                    // The targets' mean distance from their mean is 0.51.
                    assert!(mean < 0.3, "{name}: {mean}");
                }
            }
        }
    }
}

#[test]
fn the_same_rows_and_seed_give_the_same_bits() {
    let rows = Rows::new(120, 3);
    for setting in all_settings() {
        for is_three in [false, true] {
            let fit_once =
                |seed| fit(&setting, &rows.training(setting.kind(), is_three), seed).unwrap();
            let (first, second) = (fit_once(5), fit_once(5));
            assert_eq!(first, second);
            let [a, b] = [first, second].map(|model| bits(&model.predict(rows.features.view())));
            assert_eq!(a, b);
        }
    }
}

#[test]
fn only_the_best_columns_are_used() {
    let rows = Rows::new(200, 4);
    for kind in ModelKind::ALL {
        for is_three in [false, true] {
            let mut setting = kind.settings()[0];
            setting.n_features = Some(2);
            let model = fit(&setting, &rows.training(kind, is_three), 5).unwrap();
            assert_eq!(model.used_columns(), [0, 1]);
            let importance = model.importance();
            assert!(
                importance.is_empty() || importance[1].1 > importance[0].1,
                "{importance:?}"
            );
        }
    }
}

#[test]
fn a_class_of_one_row_and_a_class_without_rows_are_no_failure() {
    let mut rows = Rows::new(60, 6);
    rows.two[7] = 3;
    for kind in ModelKind::ALL
        .into_iter()
        .filter(|kind| kind.is_classifier())
    {
        let targets = Targets::Classes {
            of_row: &rows.two,
            n_classes: 4,
        };
        let model = fit_default(kind, rows.features.view(), targets);
        let Predictions::ClassScores(scores) = model.predict(rows.features.view()) else {
            panic!("there are four classes");
        };
        assert_eq!(scores.dim(), (60, 4));
        assert!(!scores.iter().any(|score| score.is_nan()));
        // Class 2 has no row, so nothing is below it.
        assert!(
            scores
                .rows()
                .into_iter()
                .all(|row| row.iter().all(|score| *score >= row[2]))
        );
    }
}

#[test]
fn two_of_three_classes_are_predicted_as_two() {
    let rows = Rows::new(100, 7);
    for kind in ModelKind::ALL
        .into_iter()
        .filter(|kind| kind.is_classifier())
    {
        let predict = |n_classes| {
            let targets = Targets::Classes {
                of_row: &rows.two,
                n_classes,
            };
            let model = fit_default(kind, rows.features.view(), targets);
            model.predict_classes(rows.features.view()).unwrap()
        };
        assert_eq!(predict(2), predict(3), "{}", kind.name());
    }
}

#[test]
fn a_column_of_huge_values_changes_little() {
    let rows = Rows::new(200, 8);
    let mut features = Array2::zeros((200, 8));
    features.slice_mut(s![.., ..6]).assign(&rows.features);
    let mut uniform = Uniform(1);
    for row in 0..200 {
        features[(row, 6)] = 1e300 * (uniform.next() - 0.5);
        features[(row, 7)] = if row == 11 {
            f64::MAX / 4.0
        } else {
            uniform.next()
        };
    }
    for kind in ModelKind::ALL {
        let targets = rows.training(kind, false).targets;
        let model = fit_default(kind, features.view(), targets);
        assert_eq!(model.used_columns(), [0, 1, 2, 3, 4, 5, 6, 7]);
        match model.predict(features.view()) {
            Predictions::Values(values) => assert!(values.iter().all(|value| value.abs() < 10.0)),
            scores => {
                let classes = scores.classes(model.boundary()).unwrap();
                let n_right = classes
                    .iter()
                    .zip(&rows.two)
                    .filter(|(a, b)| a == b)
                    .count();
                assert!(n_right >= 160, "{}: {n_right} of 200", kind.name());
            }
        }
    }
}

#[test]
fn rows_beyond_the_limit_of_svms_are_noted() {
    let rows = Rows::new(SVM_MAX_ROWS + 400, 9);
    let training = rows.training(ModelKind::LinearSvm, false);
    let model = fit(&ModelKind::LinearSvm.settings()[0], &training, 1).unwrap();
    assert_eq!(
        model.note().unwrap(),
        "fitted on 2000 of 2400 training rows"
    );
}

#[test]
fn groups_are_drawn_as_a_whole() {
    // All rows of class 1 are one group: a tree that did not draw it has no row of class 1.
    let rows = Rows::new(60, 10);
    let groups: Vec<u32> = rows
        .two
        .iter()
        .zip(0..)
        .map(|(class, row)| row * (1 - class))
        .collect();
    let targets = Targets::Classes {
        of_row: &rows.two,
        n_classes: 2,
    };
    let training = TrainingRows {
        features: rows.features.view(),
        targets,
        groups: &groups,
    };
    let model = fit(&ModelKind::RandomForest.settings()[0], &training, 1).unwrap();
    let Predictions::Scores(scores) = model.predict(rows.features.view()) else {
        panic!("there are two classes");
    };
    // A group is drawn with probability 1 - 1/e; no row of class 1 can score higher.
    assert!(scores.iter().all(|score| *score < 0.85), "{scores:?}");
}
