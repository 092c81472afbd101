//! Models of every kind of target predict what the experiment predicted, after they were saved too.

use std::collections::BTreeMap;

use cntflow_experiments::saved::TrainedModel;
use polars::prelude::DataFrame;

use crate::synthetic::{Evaluated, OPTIONS, Population, numbers, texts};

/// Targets with the kinds of model that are tried on them.
const TARGETS: [(&str, &str); 5] = [
    ("{}", "['logistic_regression', 'naive_bayes']"),
    ("{}", "['random_forest']"),
    (
        "{ label = 'tercile', classes = 'values' }",
        "['logistic_regression']",
    ),
    (
        "{ kind = 'regression', transform = 'logit' }",
        "['elastic_net']",
    ),
    ("{ kind = 'ranking' }", "['elastic_net']"),
];

fn evaluate(target: &str, models: &str) -> Evaluated {
    let keys = format!(
        "features = ['majority', 'link_weights + strengths']\ntarget = {target}\nmodels = {models}"
    );
    Population::default().tables().evaluate(&keys)
}

/// Score, probability and class by checkpoint.
type ByName = BTreeMap<String, (Option<f64>, Option<f64>, Option<String>)>;

fn held_out_predictions(evaluated: &Evaluated, model: &TrainedModel) -> ByName {
    let frame = evaluated
        .experiment
        .prediction_frame(&evaluated.fits, &evaluated.evaluation)
        .unwrap();
    let (names, sets) = (texts(&frame, "checkpoint"), texts(&frame, "set"));
    let kinds = texts(&frame, "model");
    let (scores, probabilities) = (numbers(&frame, "score"), numbers(&frame, "probability"));
    let classes = texts(&frame, "predicted_class");
    let is_of_model = |row: &usize| {
        sets[*row].as_deref() == Some("test") && kinds[*row].as_ref() == Some(&model.card().model)
    };
    (0..frame.height())
        .filter(is_of_model)
        .map(|row| {
            let score = scores[row].filter(|score| !score.is_nan());
            let probability = probabilities[row].filter(|p| !p.is_nan());
            (
                names[row].clone().unwrap(),
                (score, probability, classes[row].clone()),
            )
        })
        .collect()
}

/// The same of a saved model's frame. The classes of numbers are none; the scores of many classes
/// are not compared, as the table has a list of them.
fn predictions(frame: &DataFrame, n_classes: usize) -> ByName {
    let names = texts(frame, "checkpoint");
    let (scores, probabilities) = (numbers(frame, "score"), numbers(frame, "probability"));
    let classes = match n_classes {
        0 => vec![None; frame.height()],
        _ => texts(frame, "prediction"),
    };
    (0..frame.height())
        .map(|row| {
            let score = scores[row].filter(|_| n_classes < 3);
            (
                names[row].clone().unwrap(),
                (score, probabilities[row], classes[row].clone()),
            )
        })
        .collect()
}

#[test]
fn a_model_is_read_back_bit_for_bit_and_predicts_held_out_networks_as_the_experiment_did() {
    let tables = Population::default().tables();
    let folder = tempfile::tempdir().unwrap();
    for (index, (target, models)) in TARGETS.into_iter().enumerate() {
        let evaluated = evaluate(target, models);
        let [model] = &evaluated.models()[..] else {
            panic!("{target}: one measured choice has one model");
        };
        let path = folder
            .path()
            .join(format!("{index}/{}.json", model.file_stem()));
        model.save(&path).unwrap();
        let loaded = TrainedModel::load(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(loaded.to_json().unwrap(), text, "{target}");
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(
            files.count(),
            2,
            "the model and its card, no temporary file"
        );
        // Every network is predicted, so that none of the test set is left out.
        let frame = tables.predict(&loaded, true);
        assert!(
            frame.equals_missing(&tables.predict(model, true)),
            "{target}"
        );
        let found = predictions(&frame, model.class_names().len());
        let expected = held_out_predictions(&evaluated, model);
        assert_eq!(expected.len(), model.card().held_out.networks, "{target}");
        assert!(expected.len() > 20, "{target}");
        for (name, expected) in &expected {
            assert_eq!(&found[name], expected, "{target}: {name}");
        }
    }
}

#[test]
fn the_meaning_says_what_is_predicted() {
    let meaning = |target, models| evaluate(target, models).models().remove(0).meaning();
    let classes = meaning(TARGETS[2].0, TARGETS[2].1);
    assert_eq!(classes, "tercile, one of: bad, fair, good");
    assert_eq!(meaning(TARGETS[3].0, TARGETS[3].1), "test_accuracy");
    let ranking = meaning(TARGETS[4].0, TARGETS[4].1);
    assert!(
        ranking.starts_with("rank by test_accuracy among the training networks: 0 is the lowest")
    );
    let quarters = meaning("{ classes = 'quantiles', n = 3 }", "['naive_bayes']");
    assert!(
        quarters.starts_with("q1: test_accuracy at or below 0."),
        "{quarters}"
    );
    assert!(quarters.ends_with("; q3: above"), "{quarters}");
}

#[test]
fn predicted_numbers_are_on_the_scale_of_the_label() {
    let model = evaluate(TARGETS[3].0, TARGETS[3].1).models().remove(0);
    let others = Population {
        seed: 7,
        ..Population::default()
    }
    .tables();
    let frame = model
        .predict(others.networks(), others.layers(), OPTIONS, true)
        .unwrap();
    let predicted = numbers(&frame, "prediction");
    let actual = numbers(&others.networks, "test_accuracy");
    let pairs = predicted.iter().zip(&actual);
    let errors = pairs.map(|(a, b)| (a.unwrap() - b.unwrap()).abs());
    let mean = errors.sum::<f64>() / predicted.len() as f64;
    assert!(mean < 0.15, "mean absolute error {mean}");
    assert!(numbers(&frame, "probability").iter().all(Option::is_none));
}
