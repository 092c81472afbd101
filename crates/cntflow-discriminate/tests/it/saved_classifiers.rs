//! Saved classifiers: reading them back, what they predict, what they refuse.

use cntflow_discriminate::{
    ClassifierKind, DiscriminateError, DiscriminateSpec, FeatureSet, TrainedClassifier,
};
use polars::prelude::{IntoLazy, col, lit};

use crate::synthetic::{SyntheticPopulation, quick_spec};

fn trained(kind: ClassifierKind) -> TrainedClassifier {
    let spec = DiscriminateSpec {
        classifiers: vec![kind],
        features: vec![FeatureSet::Cnt],
        repeats: 1,
        permutations: 0,
        ..quick_spec()
    };
    SyntheticPopulation::default()
        .tables()
        .discriminate(&spec)
        .rules
        .remove(0)
        .classifier
        .unwrap()
}

#[test]
fn a_saved_classifier_is_read_back_equal_and_predicts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let others = SyntheticPopulation {
        seed: 77,
        failed_every: 7,
        ..Default::default()
    }
    .tables();
    for kind in ClassifierKind::ALL {
        let classifier = trained(kind);
        let path = folder.path().join(format!("{}.json", kind.name()));
        classifier.save(&path).unwrap();
        let loaded = TrainedClassifier::load(&path).unwrap();
        assert_eq!(loaded, classifier);
        let first = classifier
            .predict(others.networks(), others.layers(), "defaults")
            .unwrap();
        let second = loaded
            .predict(others.networks(), others.layers(), "defaults")
            .unwrap();
        assert!(first.equals_missing(&second));
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        3,
        "no temporary file is left"
    );
}

#[test]
fn another_population_is_predicted_and_its_failed_networks_have_no_score() {
    let others = SyntheticPopulation {
        seed: 77,
        failed_every: 7,
        ..Default::default()
    }
    .tables();
    let classifier = trained(ClassifierKind::LogisticRegression);
    let frame = classifier
        .predict(others.networks(), others.layers(), "defaults")
        .unwrap();
    assert_eq!(frame.height(), 240);
    let scores = frame.column("score").unwrap().f64().unwrap();
    assert_eq!(scores.null_count(), 120 / 7 + 1);
    let predictions = frame.column("prediction").unwrap().str().unwrap();
    let checkpoints = frame.column("checkpoint").unwrap().str().unwrap();
    let last = checkpoints
        .iter()
        .zip(predictions.iter())
        .filter(|(name, _)| name.unwrap().ends_with("/5"));
    let sorted = others
        .networks
        .clone()
        .lazy()
        .sort(["checkpoint"], Default::default());
    let labels = sorted.filter(col("step").eq(lit(5))).collect().unwrap();
    let accuracies = labels
        .column("test_accuracy")
        .unwrap()
        .f64()
        .unwrap()
        .iter();
    let threshold = classifier.thresholds().low;
    let outcomes = last
        .zip(accuracies)
        .filter_map(|((_, predicted), accuracy)| {
            Some((predicted? == "high") == (accuracy.unwrap() > threshold))
        });
    let (right, all) = outcomes.fold((0, 0), |(right, all), is_right| {
        (right + usize::from(is_right), all + 1)
    });
    assert!(right * 10 > all * 8, "{right} of {all}");
    assert!(
        frame
            .column("meaning")
            .unwrap()
            .str()
            .unwrap()
            .get(0)
            .unwrap()
            .starts_with("low: test_accuracy at or")
    );
}

#[test]
fn tables_measured_with_other_options_or_without_the_features_are_refused() {
    let classifier = trained(ClassifierKind::LogisticRegression);
    let others = SyntheticPopulation::default().tables();
    let error = classifier
        .predict(others.networks(), others.layers(), "other options")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the classifier was trained on metrics measured with `defaults`, these were measured with `other options`"
    );
    let fewer = others
        .layers()
        .filter(col("metric").neq(lit("nodes_strength")));
    let error = classifier
        .predict(others.networks(), fewer, "defaults")
        .unwrap_err();
    let DiscriminateError::MissingFeatures {
        expected,
        found,
        first_missing,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((*expected, *found, first_missing.len()), (88, 44, 5));
    let message = error.to_string();
    assert!(
        message.contains("needs 88 features, the tables have 44"),
        "{message}"
    );
    assert!(
        message.contains("nodes_strength.hidden_mean.kurtosis"),
        "{message}"
    );
}

#[test]
fn damaged_files_are_refused_by_an_error_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("classifier.json");
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = TrainedClassifier::load(&path).unwrap_err();
        assert!(error.to_string().contains("classifier.json"), "{error}");
        error
    };
    assert!(matches!(
        refused("{ not json"),
        DiscriminateError::Format { .. }
    ));
    assert!(matches!(
        refused("{\"version\": 99}"),
        DiscriminateError::Version { found: 99, .. }
    ));
    trained(ClassifierKind::LogisticRegression)
        .save(&path)
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let broken = text.replacen("\"parameters\":\"", "\"parameters\":\"1 ", 1);
    assert!(matches!(
        refused(&broken),
        DiscriminateError::Damaged { .. }
    ));
    assert!(matches!(
        refused(&text[..text.len() / 2]),
        DiscriminateError::Format { .. }
    ));
    let missing = TrainedClassifier::load(&folder.path().join("missing.json")).unwrap_err();
    assert!(matches!(missing, DiscriminateError::Read { .. }));
}
