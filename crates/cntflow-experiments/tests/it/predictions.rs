//! What a saved model says of other networks: outside, seen in training, refused.

use std::collections::BTreeMap;

use cntflow_experiments::ExperimentError;
use cntflow_experiments::saved::{PredictionCounts, SavedModelError};
use polars::prelude::{DataFrame, IntoLazy, LazyFrame, col, lit, when};

use crate::synthetic::{OPTIONS, Population, flags, low_high_model, numbers, texts};

fn others() -> Population {
    Population {
        seed: 77,
        failed_every: 9,
        ..Population::default()
    }
}

/// The row of a checkpoint.
fn row(frame: &DataFrame, checkpoint: &str) -> usize {
    let names = texts(frame, "checkpoint");
    names
        .iter()
        .position(|name| name.as_deref() == Some(checkpoint))
        .unwrap()
}

/// The table with the strengths of one network multiplied.
fn scaled(layers: LazyFrame, checkpoint: &str, factor: f64) -> LazyFrame {
    let is_network = col("checkpoint").eq(lit(checkpoint.to_owned()));
    let value = |name: &str| {
        when(is_network.clone())
            .then(col(name) * lit(factor))
            .otherwise(col(name))
            .alias(name)
    };
    layers.with_columns(["mean", "std", "q25", "q50", "q75"].map(value))
}

#[test]
fn other_networks_are_predicted_and_those_that_failed_are_not() {
    let (model, others) = (low_high_model(), others().tables());
    let frame = others.predict(&model, false);
    assert_eq!(frame.height(), 90);
    let counts = PredictionCounts::of(&frame).unwrap();
    assert_eq!(
        (counts.networks, counts.not_measured, counts.refused),
        (90, 10, 0)
    );
    assert_eq!(counts.seen_in_training, 0);
    assert!(
        counts.outside <= 6 && counts.predicted == 80 - counts.outside,
        "{counts}"
    );
    let reasons = texts(&frame, "reason");
    assert_eq!(
        reasons[row(&frame, "network009")].as_deref(),
        Some("broken file")
    );
    let predicted = texts(&frame, "prediction");
    let actual = numbers(&others.networks, "test_accuracy");
    let is_right = |(predicted, actual): (&Option<String>, &Option<f64>)| {
        Some((predicted.as_deref()? == "high") == (actual.unwrap() > 0.5))
    };
    let right: Vec<bool> = predicted.iter().zip(&actual).filter_map(is_right).collect();
    let n_right = right.iter().filter(|is_right| **is_right).count();
    assert!(
        n_right * 10 > right.len() * 8,
        "{n_right} of {}",
        right.len()
    );
    let meaning = texts(&frame, "meaning")[0].clone().unwrap();
    assert!(
        meaning.starts_with("low: test_accuracy at or below 0."),
        "{meaning}"
    );
    let (scores, probabilities) = (numbers(&frame, "score"), numbers(&frame, "probability"));
    assert!(
        scores
            .iter()
            .zip(&probabilities)
            .all(|(a, b)| a.is_some() == b.is_some())
    );
}

#[test]
fn a_network_outside_of_the_training_range_is_predicted_with_force_alone() {
    let (model, others) = (low_high_model(), others().tables());
    let layers = || scaled(others.layers(), "network005", 1_000.0);
    let predict = |force| {
        model
            .predict(others.networks(), layers(), OPTIONS, force)
            .unwrap()
    };
    let frame = predict(false);
    let far = row(&frame, "network005");
    assert_eq!(flags(&frame, "is_outside")[far], Some(true));
    assert_eq!(texts(&frame, "prediction")[far], None);
    assert_eq!(
        (
            numbers(&frame, "score")[far],
            numbers(&frame, "probability")[far]
        ),
        (None, None)
    );
    assert!(numbers(&frame, "distance")[far].unwrap() > 100.0);
    let n_outside = frame
        .column("n_outside")
        .unwrap()
        .u32()
        .unwrap()
        .get(far)
        .unwrap();
    assert!(
        n_outside as usize > model.columns().len() / 2,
        "{n_outside}"
    );
    let reason = texts(&frame, "reason")[far].clone().unwrap();
    let first = &model.columns()[0];
    assert!(
        reason.starts_with("unlike the training networks: distance "),
        "{reason}"
    );
    assert!(
        reason.contains(&format!("; {first} = ")) && reason.contains(", not in "),
        "{reason}"
    );
    assert_eq!(reason.matches(", not in ").count(), 3);

    let forced = predict(true);
    assert!(texts(&forced, "prediction")[far].is_some());
    assert_eq!(texts(&forced, "reason")[far], Some(reason));
    assert_eq!(flags(&forced, "is_outside"), flags(&frame, "is_outside"));
    let counts = PredictionCounts::of(&frame).unwrap();
    assert!(
        counts.to_string().contains("unlike the training networks"),
        "{counts}"
    );
    // The others do not change.
    let other = row(&frame, "network006");
    assert_eq!(flags(&frame, "is_outside")[other], Some(false));
    assert_eq!(
        numbers(&forced, "score")[other],
        numbers(&frame, "score")[other]
    );
}

#[test]
fn training_networks_are_marked_and_held_out_ones_are_not() {
    let tables = Population::default().tables();
    let keys = "features = ['strengths']\nmodels = ['naive_bayes']";
    let evaluated = tables.evaluate(keys);
    let (model, experiment) = (evaluated.model("strengths"), &evaluated.experiment);
    let seen = |networks: LazyFrame| {
        let frame = model
            .predict(networks, tables.layers(), OPTIONS, false)
            .unwrap();
        (flags(&frame, "seen_in_training"), frame)
    };
    let (of_network, frame) = seen(tables.networks());
    let names = texts(&frame, "checkpoint");
    for (rows, is_seen) in [
        (&experiment.splits.training, true),
        (&experiment.splits.test, false),
    ] {
        for &index in rows {
            let name = &experiment.population.checkpoints[index];
            let at = names
                .iter()
                .position(|other| other.as_ref() == Some(name))
                .unwrap();
            assert_eq!(of_network[at], Some(is_seen), "{name}");
        }
    }
    let counts = PredictionCounts::of(&frame).unwrap();
    assert_eq!(counts.seen_in_training, model.card().training.networks);
    assert_eq!(counts.outside, frame_outside(&frame));
    // No training network is outside of the range of all of them.
    let is_outside = flags(&frame, "is_outside");
    let both = of_network.iter().zip(&is_outside);
    assert!(
        both.clone()
            .all(|(seen, outside)| !(*seen == Some(true) && *outside == Some(true)))
    );
    // Of networks without digests nothing is known, whatever their names.
    let without = tables.networks().drop(polars::prelude::cols(["digest"]));
    assert!(seen(without).0.iter().all(Option::is_none));
}

fn frame_outside(frame: &DataFrame) -> usize {
    flags(frame, "is_outside")
        .iter()
        .filter(|flag| **flag == Some(true))
        .count()
}

#[test]
fn networks_without_digests_are_known_by_their_names() {
    let tables = Population {
        has_digests: false,
        ..Population::default()
    }
    .tables();
    let model = tables.evaluate("features = ['strengths']\nmodels = ['naive_bayes']");
    let model = model.model("strengths");
    let counts = PredictionCounts::of(&tables.predict(&model, false)).unwrap();
    assert_eq!(counts.seen_in_training, model.card().training.networks);
}

#[test]
fn a_network_that_lacks_features_is_refused_and_the_others_are_not() {
    let (model, others) = (low_high_model(), others().tables());
    let is_gone = col("metric").eq(lit("strength_abs"));
    let of_one = col("checkpoint").eq(lit("network005"));
    let layers = others.layers().filter(is_gone.clone().and(of_one).not());
    let frame = model
        .predict(others.networks(), layers, OPTIONS, true)
        .unwrap();
    let refused = row(&frame, "network005");
    assert_eq!(texts(&frame, "prediction")[refused], None);
    assert_eq!(flags(&frame, "is_outside")[refused], None);
    let reason = texts(&frame, "reason")[refused].clone().unwrap();
    assert!(reason.contains("features that the training networks have, such as strength_abs."));
    assert_eq!(PredictionCounts::of(&frame).unwrap().refused, 1);

    // A network with one hidden layer lacks the deviation over them, and so do training networks.
    let single = row(&frame, "network003");
    let deviations = model
        .columns()
        .iter()
        .filter(|name| name.contains(".hidden_std."));
    let n_missing = frame.column("n_missing").unwrap().u32().unwrap();
    assert_eq!(
        n_missing.get(single),
        Some(deviations.clone().count() as u32)
    );
    assert!(texts(&frame, "prediction")[single].is_some());

    let without = others.layers().filter(is_gone.not());
    let error = model
        .predict(others.networks(), without, OPTIONS, true)
        .unwrap_err();
    let ExperimentError::SavedModel(SavedModelError::MissingFeatures {
        expected,
        found,
        first_missing,
    }) = &error
    else {
        panic!("{error}");
    };
    let n_common = model.columns().len() - deviations.count();
    assert_eq!(*expected, n_common, "{error}");
    assert!(found < expected && first_missing.len() == 3, "{error}");
}

#[test]
fn metrics_measured_with_other_options_are_refused() {
    let (model, others) = (low_high_model(), others().tables());
    let error = model.predict(others.networks(), others.layers(), "other options", true);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the model was trained on metrics measured with `defaults`, these were measured with \
         `other options`"
    );
}

#[test]
fn a_text_that_no_given_network_has_is_zero_and_not_missing() {
    let tables = Population::default().tables();
    let keys = "features = ['hyperparameters + strengths']\nmodels = ['logistic_regression']\n\
                hyperparameters = ['activation']";
    let model = tables.evaluate(keys).model("strengths + hyperparameters");
    let all = tables.predict(&model, true);
    let tanh = tables.networks().filter(col("activation").eq(lit("tanh")));
    let some = model
        .predict(tanh.clone(), tables.layers(), OPTIONS, true)
        .unwrap();
    let (all_scores, some_scores) = (numbers(&all, "score"), numbers(&some, "score"));
    for (index, name) in texts(&some, "checkpoint").iter().enumerate() {
        assert_eq!(
            some_scores[index],
            all_scores[row(&all, name.as_ref().unwrap())]
        );
    }
    // Without the label, its columns are missing.
    let without = tables
        .networks()
        .drop(polars::prelude::cols(["activation"]));
    let frame = model.predict(without, tables.layers(), OPTIONS, true);
    assert!(frame.is_ok() || frame.unwrap_err().to_string().contains("activation="));
}

#[test]
fn a_saved_model_knows_the_aliases_of_its_study() {
    let tables = Population::default().tables();
    let keys = "features = ['hyperparameters + strengths']\nmodels = ['ada_boost']\n\
                hyperparameters = ['nonlinearity']";
    let labels = BTreeMap::from([("nonlinearity".to_owned(), "activation".to_owned())]);
    let evaluated = tables.evaluate_with(keys, &labels);
    let model = evaluated.model("strengths + hyperparameters");
    assert!(
        model
            .columns()
            .iter()
            .any(|name| name.contains("nonlinearity"))
    );
    let n_missing = |frame: &DataFrame| frame.column("n_missing").unwrap().u32().unwrap().get(0);
    let with = tables.predict(&model, true);
    let without = tables
        .networks()
        .drop(polars::prelude::cols(["activation"]));
    let without = model
        .predict(without, tables.layers(), OPTIONS, true)
        .unwrap();
    assert!(n_missing(&with) < n_missing(&without));
}

#[test]
fn an_empty_table_has_no_predictions() {
    let (model, others) = (low_high_model(), others().tables());
    let none = others.networks().filter(lit(false));
    let frame = model
        .predict(none, others.layers(), OPTIONS, false)
        .unwrap();
    assert_eq!(frame.height(), 0);
    let only_failed = others
        .networks
        .clone()
        .lazy()
        .filter(col("status").neq(lit("ok")));
    let frame = model
        .predict(only_failed, others.layers(), OPTIONS, false)
        .unwrap();
    assert_eq!(PredictionCounts::of(&frame).unwrap().not_measured, 10);
}
