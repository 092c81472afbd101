//! How well the models predict, compared with scikit-learn.

use cntflow_models::{ModelKind, Predictions, Targets};
use ndarray::{ArrayView1, ArrayView2, s};

use crate::data::{Uniform, fit_default};

type Rule = fn(ArrayView1<'_, f64>, f64) -> f64;

fn smooth(row: ArrayView1<'_, f64>, noise: f64) -> f64 {
    f64::from(row[0] + row[1] - row[2] + 0.5 * noise > 0.75)
}

fn product(row: ArrayView1<'_, f64>, noise: f64) -> f64 {
    f64::from((row[0] - 0.5) * (row[1] - 0.5) + 0.1 * (noise - 0.5) > 0.0)
}

fn ring(row: ArrayView1<'_, f64>, noise: f64) -> f64 {
    let square = (row[0] - 0.5).powi(2) + (row[1] - 0.5).powi(2);
    f64::from(square + 0.1 * (noise - 0.5) > 0.12)
}

fn friedman(row: ArrayView1<'_, f64>, noise: f64) -> f64 {
    let x = row[0] * row[1];
    40.0 * x * (1.0 - x)
        + 20.0 * (row[2] - 0.5).powi(2)
        + 10.0 * row[3]
        + 5.0 * row[4]
        + 3.0 * (noise - 0.5)
}

/// Fits the default setting to the first 600 of 1,600 rows. Returns predictions and targets of the
/// others.
fn predict_problem(kind: ModelKind, rule: Rule, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let rows = Uniform(seed).matrix(1_600, 13);
    let features: ArrayView2<'_, f64> = rows.slice(s![.., ..12]);
    let targets: Vec<f64> = rows
        .rows()
        .into_iter()
        .map(|row| rule(row, row[12]))
        .collect();
    let (training, test) = targets.split_at(600);
    let classes: Vec<u32> = training.iter().map(|target| *target as u32).collect();
    let targets = if kind.is_classifier() {
        Targets::Classes {
            of_row: &classes,
            n_classes: 2,
        }
    } else {
        Targets::Values(training)
    };
    let model = fit_default(kind, features.slice(s![..600, ..]), targets);
    match model.predict(features.slice(s![600.., ..])) {
        Predictions::Scores(list) | Predictions::Values(list) => (list, test.to_vec()),
        Predictions::ClassScores(_) => panic!("there are two classes"),
    }
}

fn auc(scores: &[f64], classes: &[f64]) -> f64 {
    let of_class = |class: f64| {
        scores
            .iter()
            .zip(classes)
            .filter(move |(_, other)| **other == class)
            .map(|(score, _)| *score)
    };
    let wins: f64 = of_class(1.0)
        .flat_map(|high| of_class(0.0).map(move |low| (high, low)))
        .map(|(high, low)| f64::from(u8::from(high > low)) + 0.5 * f64::from(u8::from(high == low)))
        .sum();
    wins / (of_class(1.0).count() * of_class(0.0).count()) as f64
}

fn r2(predicted: &[f64], targets: &[f64]) -> f64 {
    let mean = targets.iter().sum::<f64>() / targets.len() as f64;
    let errors: f64 = predicted
        .iter()
        .zip(targets)
        .map(|(p, t)| (p - t).powi(2))
        .sum();
    1.0 - errors
        / targets
            .iter()
            .map(|target| (target - mean).powi(2))
            .sum::<f64>()
}

fn expected() -> serde_json::Value {
    serde_json::from_str(include_str!("../scikit_learn/expected.json")).unwrap()
}

#[test]
fn the_forest_is_as_good_as_that_of_scikit_learn() {
    let expected = expected();
    for (seed, rule) in [smooth as Rule, product, ring].into_iter().enumerate() {
        let (scores, classes) = predict_problem(ModelKind::RandomForest, rule, seed as u64);
        let (ours, theirs) = (
            auc(&scores, &classes),
            expected["forest_aucs"][seed].as_f64().unwrap(),
        );
        assert!(
            (ours - theirs).abs() < 0.02,
            "problem {seed}: {ours} {theirs}"
        );
    }
}

#[test]
fn the_regression_forest_is_as_good_as_that_of_scikit_learn() {
    let (values, targets) = predict_problem(ModelKind::RegressionForest, friedman, 3);
    let (ours, theirs) = (
        r2(&values, &targets),
        expected()["forest_r2"].as_f64().unwrap(),
    );
    assert!(ours > theirs - 0.02, "{ours} {theirs}");
}

#[test]
fn other_regressions_learn_the_same_function() {
    for (kind, least) in [
        (ModelKind::ElasticNet, 0.5),
        (ModelKind::SupportVectorRegression, 0.7),
    ] {
        let (values, targets) = predict_problem(kind, friedman, 3);
        let found = r2(&values, &targets);
        assert!(found > least, "{}: {found}", kind.name());
    }
}

#[test]
fn forests_find_the_xor_of_two_valued_features() {
    // Two columns matter only together; ten do not matter. All have two values.
    let features = Uniform(5)
        .matrix(400, 12)
        .mapv(|value| f64::from(u8::from(value > 0.5)));
    let xor: Vec<f64> = features
        .rows()
        .into_iter()
        .map(|row| f64::from(u8::from(row[3] != row[8])))
        .collect();
    let classes: Vec<u32> = xor.iter().map(|class| *class as u32).collect();
    let training = features.slice(s![..300, ..]);
    let targets = Targets::Classes {
        of_row: &classes[..300],
        n_classes: 2,
    };
    let model = fit_default(ModelKind::RandomForest, training, targets);
    let Predictions::Scores(scores) = model.predict(features.slice(s![300.., ..])) else {
        panic!("there are two classes");
    };
    assert!(auc(&scores, &xor[300..]) > 0.97);
    let mut importance = model.importance();
    importance.sort_by(|a, b| b.1.total_cmp(&a.1));
    assert!([3, 8].contains(&importance[0].0) && [3, 8].contains(&importance[1].0));
    let model = fit_default(
        ModelKind::RegressionForest,
        training,
        Targets::Values(&xor[..300]),
    );
    let Predictions::Values(values) = model.predict(features.slice(s![300.., ..])) else {
        panic!("targets are values");
    };
    assert!(r2(&values, &xor[300..]) > 0.5);
}
