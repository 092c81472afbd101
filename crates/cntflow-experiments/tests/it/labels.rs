//! Labels that a study renames or computes.

use std::collections::BTreeMap;

use cntflow_experiments::population::Population;
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_experiments::target::RawTarget;
use polars::prelude::{IntoLazy, LazyFrame, df};

/// Three networks, and an experiment that ranks them by the label `gap`.
fn networks() -> LazyFrame {
    let networks = df!(
        "checkpoint" => ["a", "b", "c"],
        "run" => ["a", "b", "c"],
        "step" => [1_i64, 1, 1],
        "status" => ["ok", "ok", "ok"],
        "digest" => ["1", "2", "3"],
        "train_accuracy" => [0.75, 1.0, 0.5],
        "test_accuracy" => [0.5, 0.5, 0.25],
    );
    networks.unwrap().lazy()
}

fn read(expression: &str) -> Result<Population, String> {
    let text = "name = 'gap'\ntarget = { label = 'gap', kind = 'ranking' }";
    let spec: ExperimentSpec = toml::from_str(text).unwrap();
    let labels = BTreeMap::from([("gap".to_owned(), expression.to_owned())]);
    Population::read(networks(), &spec, &labels).map_err(|error| error.to_string())
}

#[test]
fn a_label_is_computed_by_an_expression() {
    let population = read("train_accuracy - test_accuracy").unwrap();
    let numbers = |target| match target {
        RawTarget::Numbers(numbers) => numbers,
        RawTarget::Texts(texts) => panic!("{texts:?}"),
    };
    assert_eq!(numbers(population.target), [0.25, 0.5, 0.25]);
    let renamed = read("test_accuracy").unwrap();
    assert_eq!(numbers(renamed.target), [0.5, 0.5, 0.25]);
}

#[test]
fn a_label_that_cannot_be_read_is_named() {
    let message = read("tset_accuracy").unwrap_err();
    assert!(message.contains("no column `tset_accuracy`"), "{message}");
    assert!(message.contains("test_accuracy"), "{message}");
    for wrong in [
        "train_accuracy - tset_accuracy",
        "train_accuracy -",
        "1 +* 2",
    ] {
        let message = read(wrong).unwrap_err();
        assert!(message.starts_with("[labels] gap: "), "{message}");
        assert!(message.contains(wrong), "{message}");
    }
}

#[test]
fn a_label_takes_the_place_of_no_other_column() {
    let spec: ExperimentSpec = toml::from_str("name = 'gap'").unwrap();
    for column in ["step", "status", "run", "checkpoint"] {
        let labels = BTreeMap::from([(column.to_owned(), "test_accuracy".to_owned())]);
        let message = Population::read(networks(), &spec, &labels).unwrap_err();
        let message = message.to_string();
        assert!(
            message.starts_with(&format!("[labels] {column}: ")),
            "{message}"
        );
    }
}
