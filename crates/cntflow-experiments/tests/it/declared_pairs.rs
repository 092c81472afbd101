//! Declared comparisons: a wrong one is an error, never left out of its family.

use cntflow_experiments::spec::ExperimentSpec;

use super::flow::spec;
use super::simulated::SyntheticPopulation;

#[test]
fn a_comparison_that_cannot_be_read_is_an_error_of_the_study_file() {
    let text = "name = 'e'\nprimary = ['cnt > cnt@shufle']";
    let error = toml::from_str::<ExperimentSpec>(text).unwrap_err();
    assert!(error.to_string().contains("cnt@shufle"), "{error}");
}

#[test]
fn a_comparison_of_features_that_are_not_evaluated_is_refused_by_name() {
    let mut spec = spec("");
    spec.primary = Some(vec!["link_weights > norms".parse().unwrap()]);
    let tables = SyntheticPopulation::null(60, 1).tables();
    let error = tables.try_prepare(&spec).unwrap_err().to_string();
    assert!(
        error.contains("primary") && error.contains("`norms`"),
        "{error}"
    );
}

#[test]
fn an_experiment_without_predictions_has_tables_of_the_declared_types() {
    let mut spec = spec("");
    spec.features = vec!["majority".parse().unwrap()];
    spec.primary = None;
    let experiment = SyntheticPopulation::null(60, 1).tables().prepare(&spec);
    let evaluation = experiment.evaluate(&[]);
    let frame = experiment.prediction_frame(&[], &evaluation).unwrap();
    assert_eq!(frame.height(), 0);
    let lists = frame.column("class_scores").unwrap().dtype().to_string();
    assert_eq!(lists, "list[f64]");
    assert_eq!(experiment.score_frame(&evaluation).unwrap().height(), 1);
}
