//! Learning curves.

use cntflow_experiments::evaluation::FitRow;
use cntflow_experiments::frames::{fits_from_frame, fits_to_frame};
use polars::prelude::DataFrame;

use super::flow::{run_all, spec};
use super::simulated::{SyntheticPopulation, Tables};
use super::synthetic::{numbers, texts};

const CURVE: &str = "learning_curve = [100, 20, 50]\npermutations = 0";

/// Runs of one network each, with a weak signal.
fn population(n_runs: usize) -> Tables {
    let recipe = SyntheticPopulation {
        signal: 0.5,
        ..SyntheticPopulation::null(n_runs, 8)
    };
    recipe.tables()
}

fn counts(frame: &DataFrame, name: &str) -> Vec<u64> {
    let column = frame.column(name).unwrap().u64().unwrap();
    column.iter().flatten().collect()
}

#[test]
fn more_groups_help_and_the_last_point_is_the_refit() {
    let experiment = population(200).prepare(&spec(CURVE));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    let frame = experiment
        .learning_curve_frame(&evaluation)
        .unwrap()
        .unwrap();
    let features = texts(&frame, "features");
    let (sizes, n_draws) = (counts(&frame, "n_groups"), counts(&frame, "n_draws"));
    let (value, low, high) = (
        numbers(&frame, "value"),
        numbers(&frame, "lowest"),
        numbers(&frame, "highest"),
    );
    for (rows, name) in [(0..4, "tensor_7"), (4..8, "link_weights")] {
        assert!(
            rows.clone()
                .all(|row| features[row].as_deref() == Some(name))
        );
        let of_rows: Vec<_> = rows.clone().map(|row| (sizes[row], n_draws[row])).collect();
        assert_eq!(of_rows, [(20, 3), (50, 3), (100, 3), (140, 1)]);
        for row in rows.clone() {
            assert!(low[row] <= value[row] && value[row] <= high[row]);
        }
        let score = evaluation.scores.iter().find(|score| {
            experiment.candidates[score.candidate]
                .choice
                .features
                .to_string()
                == name
                && score.stratum == "all"
        });
        let last = value[rows.end - 1];
        assert_eq!(last, Some(score.unwrap().figures["auc"].value));
    }
    // 20 groups are too few for so many columns.
    assert!(value[0].unwrap() < value[3].unwrap(), "{value:?}");
}

#[test]
fn fits_of_a_curve_are_read_back_as_they_were_written() {
    let experiment = population(60).prepare(&spec("learning_curve = [10, 20]"));
    let fits = run_all(&experiment);
    let read = fits_from_frame(&fits_to_frame(&experiment, &fits).unwrap()).unwrap();
    let tasks = |rows: &[FitRow]| {
        let mut tasks: Vec<_> = rows.iter().map(|row| (row.task, row.setting)).collect();
        tasks.sort_unstable();
        tasks
    };
    assert_eq!(tasks(&read), tasks(&fits));
}

#[test]
fn fits_of_versions_without_curves_are_read() {
    let experiment = population(60).prepare(&spec("permutations = 0"));
    let fits = run_all(&experiment);
    let mut frame = fits_to_frame(&experiment, &fits).unwrap();
    frame.drop_in_place("n_groups").unwrap();
    let read = fits_from_frame(&frame).unwrap();
    assert_eq!(read.len(), fits.len());
    let before = fits_from_frame(&fits_to_frame(&experiment, &fits).unwrap()).unwrap();
    let tasks = |rows: &[FitRow]| rows.iter().map(|row| row.task).collect::<Vec<_>>();
    assert_eq!(tasks(&read), tasks(&before));
}

#[test]
fn points_of_more_groups_than_there_are_have_a_reason_and_no_figure() {
    let experiment = population(60).prepare(&spec("learning_curve = [20, 42, 50]"));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    let frame = experiment
        .learning_curve_frame(&evaluation)
        .unwrap()
        .unwrap();
    let points = counts(&frame, "n_groups");
    assert_eq!(points, [20, 42, 50, 20, 42, 50]);
    let (value, reason) = (numbers(&frame, "value"), texts(&frame, "reason"));
    assert!(value[1].is_some() && value[2].is_none());
    let reasons = [None, None, Some("there are 42 training groups".to_owned())];
    assert_eq!(reason[..3], reasons);
}

#[test]
fn networks_between_low_and_high_are_in_no_group_of_a_curve() {
    let keys =
        "learning_curve = [20]\ntarget = { rule = { quantiles = [0.25, 0.75] } }\npermutations = 0";
    let experiment = population(200).prepare(&spec(keys));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    let frame = experiment
        .learning_curve_frame(&evaluation)
        .unwrap()
        .unwrap();
    let n_training = experiment.splits.training.len() as u64;
    let n_all = counts(&frame, "n_groups")[1];
    assert!(n_all < n_training * 6 / 10, "{n_all} of {n_training}");
}

#[test]
fn too_few_groups_and_repeated_points_are_refused() {
    for (sizes, problem) in [("[9]", "at least 10, found 9"), ("[20, 20]", "named twice")] {
        let spec = spec(&format!("learning_curve = {sizes}"));
        let refused = spec.check().unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
}
