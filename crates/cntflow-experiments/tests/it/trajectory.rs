//! Labels of a run's last checkpoint, and rules that stop runs early.

use polars::prelude::{Column, DataFrame};

use super::flow::{run_all, spec};
use super::simulated::{SyntheticPopulation, Tables};
use super::synthetic::{numbers, texts};

/// Features of the first of three checkpoints, the label of the last.
const FROM_FIRST: &str = "checkpoints = { step = 0 }\ntarget = { at = 'last' }\n\
                          permutations = 0\nprotocol = { draws = 50 }";

const EPOCHS: f64 = 20.0;

/// Runs whose accuracy is 0 until their last checkpoint.
fn runs() -> Tables {
    let recipe = SyntheticPopulation {
        checkpoints_per_run: 3,
        is_run_recognisable: true,
        signal: 0.5,
        ..SyntheticPopulation::null(120, 8)
    };
    let mut tables = recipe.tables();
    let labels = numbers(&tables.networks, "test_accuracy");
    let of_last = |(row, label): (usize, &Option<f64>)| {
        if row % 3 == 2 { *label } else { Some(0.0) }
    };
    let labels: Vec<Option<f64>> = labels.iter().enumerate().map(of_last).collect();
    set(
        &mut tables.networks,
        Column::new("test_accuracy".into(), labels),
    );
    let epochs = vec![EPOCHS; 360];
    set(&mut tables.networks, Column::new("epochs".into(), epochs));
    tables
}

fn set(frame: &mut DataFrame, column: Column) {
    frame.with_column(column).unwrap();
}

#[test]
fn an_early_checkpoint_has_the_label_of_the_last_one() {
    let tables = runs();
    let experiment = tables.prepare(&spec(FROM_FIRST));
    assert_eq!(experiment.population.n_rows(), 120);
    assert!(experiment.population.steps.iter().all(|step| *step == 0.0));
    assert_eq!(experiment.population.epochs, [EPOCHS; 120]);
    let constant = FROM_FIRST
        .replace(", at = 'last'", "")
        .replace("at = 'last'", "");
    let error = tables.try_prepare(&spec(&constant)).unwrap_err();
    assert!(error.to_string().contains("high"), "{error}");
    let evaluation = tables.evaluate(&spec(FROM_FIRST));
    assert!(evaluation.scores[0].figures["auc"].value > 0.75);
}

#[test]
fn a_run_whose_last_checkpoint_failed_has_no_label_and_is_counted() {
    let mut tables = runs();
    let status: Vec<&str> = (0..360)
        .map(|row| if row == 5 || row == 7 { "failed" } else { "ok" })
        .collect();
    set(&mut tables.networks, Column::new("status".into(), status));
    // Row 5 is the last of run 1; row 7 is in the middle of run 2, and its last one counts.
    let counts = tables.prepare(&spec(FROM_FIRST)).population.counts;
    assert_eq!(
        (counts.used, counts.last_failed, counts.failed),
        (119, 1, 2)
    );
    assert!(
        counts
            .to_string()
            .contains("1 last checkpoint of their run failed"),
        "{counts}"
    );
}

#[test]
fn the_stopping_rule_counts_epochs_and_high_performers_of_stopped_test_runs() {
    let experiment = runs().prepare(&spec(FROM_FIRST));
    let fits = run_all(&experiment);
    let evaluation = experiment.evaluate(&fits);
    let frame = experiment.stopping_frame(&evaluation).unwrap().unwrap();
    let predictions = experiment.prediction_frame(&fits, &evaluation).unwrap();
    let (sets, features) = (texts(&predictions, "set"), texts(&predictions, "features"));
    let (classes, high) = (
        texts(&predictions, "class"),
        numbers(&predictions, "probability"),
    );
    let thresholds = numbers(&frame, "threshold");
    let of_features = texts(&frame, "features");
    let (saved, lost) = (
        numbers(&frame, "epochs_saved"),
        numbers(&frame, "high_lost"),
    );
    let mut n_checked = 0;
    for row in 0..frame.height() {
        let is_of_row = |other: &usize| {
            sets[*other].as_deref() == Some("test") && features[*other] == of_features[row]
        };
        let test: Vec<usize> = (0..predictions.height()).filter(is_of_row).collect();
        let is_high = |other: &&usize| classes[**other].as_deref() == Some("high");
        let stopped: Vec<usize> = test
            .iter()
            .copied()
            .filter(|other| 1.0 - high[*other].unwrap() > thresholds[row].unwrap())
            .collect();
        // The checkpoint of step 0 leaves all epochs to be saved.
        let expected = stopped.len() as f64 / test.len() as f64;
        assert!((saved[row].unwrap() - expected).abs() < 1e-12);
        let (n, all) = (
            stopped.iter().filter(is_high).count(),
            test.iter().filter(is_high).count(),
        );
        assert!((lost[row].unwrap() - n as f64 / all as f64).abs() < 1e-12);
        n_checked += stopped.len();
    }
    assert!(n_checked > 30, "{n_checked}");
    let (low, high) = (
        numbers(&frame, "epochs_saved_low")[0].unwrap(),
        numbers(&frame, "epochs_saved_high")[0].unwrap(),
    );
    assert!(low < saved[0].unwrap() && saved[0].unwrap() < high);
}

#[test]
fn without_epochs_the_share_saved_is_not_known() {
    let mut tables = runs();
    tables.networks.drop_in_place("epochs").unwrap();
    let experiment = tables.prepare(&spec(FROM_FIRST));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    let frame = experiment.stopping_frame(&evaluation).unwrap().unwrap();
    assert!(numbers(&frame, "epochs_saved").iter().all(Option::is_none));
    assert!(numbers(&frame, "high_lost").iter().all(Option::is_some));
    let other = tables.prepare(&spec("checkpoints = { step = 2 }\npermutations = 0"));
    let evaluation = other.evaluate(&run_all(&other));
    assert!(other.stopping_frame(&evaluation).unwrap().is_none());
}
