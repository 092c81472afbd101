//! Nothing that is fitted looks at the test groups, and no model recognises a run that it has seen.

use cntflow_experiments::evaluation::{Experiment, FitRow, FitTask};
use polars::prelude::Column;

use super::flow::{run_all, spec};
use super::simulated::{SyntheticPopulation, Tables};

/// What a fit is: task, setting, number of features, then the bits of the validation figure, the
/// predictions and the importance. Its figure on the test set is left out, for its truth is what
/// the tests change.
type Fit = (FitTask, u32, u32, u64, Vec<u64>, Vec<(u32, u64)>);

/// `all_rows_are_predicted`: whether the rows that a refit predicts do not depend on their labels.
fn without_test_figure(row: &FitRow, all_rows_are_predicted: bool) -> Fit {
    let is_refit = matches!(row.task, FitTask::Refit { .. });
    let predictions = row.predictions.iter().map(|score| score.to_bits());
    let importance = row.importance.iter();
    (
        row.task,
        row.setting,
        row.n_features,
        row.validation_figure.to_bits(),
        if is_refit && !all_rows_are_predicted {
            Vec::new()
        } else {
            predictions.collect()
        },
        importance
            .map(|(column, value)| (*column, value.to_bits()))
            .collect(),
    )
}

fn with_labels(tables: &Tables, labels: Vec<f64>) -> Tables {
    let mut networks = tables.networks.clone();
    networks
        .with_column(Column::new("test_accuracy".into(), labels))
        .unwrap();
    Tables {
        networks,
        layers: tables.layers.clone(),
    }
}

/// The labels of the tables, with those of the test networks replaced by a high one.
fn with_high_test_labels(tables: &Tables, experiment: &Experiment) -> Tables {
    let column = tables
        .networks
        .column("test_accuracy")
        .unwrap()
        .f64()
        .unwrap();
    let mut labels: Vec<f64> = column.iter().map(Option::unwrap).collect();
    // Rows of the population are in the order of the tables here. Two stay low, so that both
    // classes are in the test set.
    for &row in &experiment.splits.test[2..] {
        labels[row] = 50.0 + row as f64;
    }
    with_labels(tables, labels)
}

/// Each run is a stratum of its own, so that the splits do not depend on the labels. If thresholds,
/// ranks or classes were learned from all rows, they would move and every fit with them.
#[test]
fn labels_of_test_groups_change_no_fit() {
    let tables = SyntheticPopulation::equal_signal(60, 11).tables();
    for target in [
        "{ rule = \"median\" }",
        "{ rule = { quantiles = [0.3, 0.7] } }",
        "{ classes = \"quantiles\", n = 3 }",
        "{ kind = \"ranking\" }",
    ] {
        let mut spec = spec(&format!(
            "target = {target}\nstrata = [\"run\"]\npermutations = 0"
        ));
        if target.contains("ranking") {
            spec.models = Vec::new();
        }
        spec.protocol.folds = 3;
        spec.protocol.repeats = 1;
        let before = tables.prepare(&spec);
        let after = with_high_test_labels(&tables, &before).prepare(&spec);
        assert_eq!(before.splits, after.splits);
        // Rows between low and high are not predicted.
        let all_rows_are_predicted = !target.contains("rule = { quantiles");
        let fits = |experiment: &Experiment| -> Vec<Fit> {
            let rows = run_all(experiment);
            let fit = |row| without_test_figure(row, all_rows_are_predicted);
            rows.iter().map(fit).collect()
        };
        assert_eq!(fits(&before), fits(&after), "{target}");
    }
}

/// All checkpoints of a run look alike and have one label. A split by checkpoint lets the model
/// recognise the run; a split by run leaves nothing to learn.
#[test]
fn a_label_that_depends_on_the_run_alone_is_at_chance() {
    let mean_auc = |group: &str| {
        let n = 6;
        let aucs = (0..n).map(|seed| {
            let population = SyntheticPopulation {
                checkpoints_per_run: 4,
                is_run_recognisable: true,
                ..SyntheticPopulation::null(60, 700 + seed)
            };
            let mut spec = spec(&format!(
                "checkpoints = \"all\"\ngroup = [\"{group}\"]\npermutations = 0\n\
                 protocol = {{ folds = 2, repeats = 1, draws = 20, seed = {seed} }}"
            ));
            spec.models = vec![toml_model("random_forest")];
            let evaluation = population.tables().evaluate(&spec);
            evaluation.scores[0].figures["auc"].value
        });
        aucs.sum::<f64>() / n as f64
    };
    let (by_run, by_checkpoint) = (mean_auc("run"), mean_auc("checkpoint"));
    // One AUC has a standard error of about 0.14, the mean of six 0.06.
    assert!((by_run - 0.5).abs() < 0.18, "{by_run}");
    assert!(by_checkpoint > 0.95, "{by_checkpoint}");
}

fn toml_model(name: &str) -> cntflow_models::ModelKind {
    cntflow_models::ModelKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .unwrap()
}
