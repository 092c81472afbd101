//! Designs: matched classes, test sets of a column, transfer, and choices of layers.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_experiments::ExperimentError;
use cntflow_experiments::evaluation::{Experiment, TransferRow};
use cntflow_experiments::spec::ExperimentSpec;
use polars::prelude::{Column, IntoLazy};

use super::flow::{run_all, spec};
use super::simulated::{SyntheticPopulation, Tables};
use super::synthetic;

/// Kinds by `layer_type`, matched.
const MATCHED: &str = "target = { label = 'layer_type', classes = 'values' }\nstrata = []\n";

/// Two thirds of the networks are convolutional, and these have higher accuracies.
fn unequal_kinds() -> Tables {
    let recipe = SyntheticPopulation {
        stratum_effect: 1.0,
        ..SyntheticPopulation::equal_signal(300, 4)
    };
    let mut tables = recipe.tables();
    let kinds: Vec<&str> = (0..300)
        .map(|run| {
            if run % 2 == 1 || run % 6 == 0 {
                "convolutional"
            } else {
                "dense"
            }
        })
        .collect();
    let column = Column::new("layer_type".into(), kinds);
    tables.networks.with_column(column).unwrap();
    tables
}

/// Networks of each kind and bin of accuracy.
fn counts(experiment: &Experiment, tables: &Tables, width: f64) -> BTreeMap<(i64, String), usize> {
    let names = synthetic::texts(&tables.networks, "checkpoint");
    let kinds = synthetic::texts(&tables.networks, "layer_type");
    let labels = synthetic::numbers(&tables.networks, "test_accuracy");
    let mut counts = BTreeMap::new();
    for checkpoint in &experiment.population.checkpoints {
        let is_it = |name: &Option<String>| name.as_ref() == Some(checkpoint);
        let row = names.iter().position(is_it).unwrap();
        let bin = (labels[row].unwrap() / width).floor() as i64;
        *counts
            .entry((bin, kinds[row].clone().unwrap()))
            .or_default() += 1;
    }
    counts
}

#[test]
fn every_class_has_the_same_number_of_networks_in_each_bin() {
    let tables = unequal_kinds();
    let plain = tables.prepare(&spec(MATCHED));
    let keys = format!("{MATCHED}match = [{{ label = 'test_accuracy', width = 0.5 }}]");
    let experiment = tables.prepare(&spec(&keys));
    let counts = counts(&experiment, &tables, 0.5);
    assert!(counts.len() > 6);
    for ((bin, kind), n) in &counts {
        let other = if kind == "dense" {
            "convolutional"
        } else {
            "dense"
        };
        assert_eq!(counts.get(&(*bin, other.to_owned())), Some(n), "{bin}");
    }
    let left_out = &experiment.population.counts;
    assert_eq!(left_out.used + left_out.matched, plain.population.n_rows());
    assert!(left_out.to_string().contains("matched"), "{left_out}");
    let matched = experiment.describe().matched.unwrap();
    assert_eq!(matched.n_networks, experiment.population.n_rows());
    assert_eq!(matched.n_kept_cells, counts.len() / 2);
    let means: Vec<f64> = matched
        .classes
        .iter()
        .map(|class| class.means[0].1.unwrap())
        .collect();
    assert!((means[0] - means[1]).abs() < 0.1, "{means:?}");
}

#[test]
fn the_choice_of_a_bin_does_not_depend_on_the_features() {
    let keys = format!("{MATCHED}match = [{{ label = 'test_accuracy', width = 0.5 }}]");
    let tables = unequal_kinds();
    let before = tables.prepare(&spec(&keys)).population.checkpoints;
    let others = SyntheticPopulation::null(300, 99).tables();
    let changed = Tables {
        networks: tables.networks.clone(),
        layers: others.layers,
    };
    assert_eq!(before, changed.prepare(&spec(&keys)).population.checkpoints);
    let other_seed = format!("{keys}\nprotocol = {{ seed = 1 }}");
    let other = tables.prepare(&spec(&other_seed)).population.checkpoints;
    assert_ne!(before, other);
}

#[test]
fn a_match_that_cannot_be_made_is_refused() {
    let tables = unequal_kinds();
    let message = |keys: &str| tables.try_prepare(&spec(keys)).unwrap_err().to_string();
    let missing = message(&format!(
        "{MATCHED}match = [{{ label = 'test_accuracies' }}]"
    ));
    assert!(
        missing.contains("`test_accuracies`") && missing.contains("similar names: test_accuracy"),
        "{missing}"
    );
    let text = message(&format!(
        "{MATCHED}match = [{{ label = 'run', width = 1 }}]"
    ));
    assert!(text.contains("`run`") && text.contains("numbers"), "{text}");
    let median = message("match = [{ label = 'step' }]");
    assert!(median.contains("match: needs classes"), "{median}");
    let itself = message(&format!("{MATCHED}match = [{{ label = 'layer_type' }}]"));
    assert!(
        itself.contains("`layer_type` is the label to be predicted"),
        "{itself}"
    );
    // Each run is a cell of its own, so that no class has a partner.
    let nothing = tables
        .try_prepare(&spec(&format!("{MATCHED}match = [{{ label = 'run' }}]")))
        .unwrap_err();
    let counts = match nothing {
        ExperimentError::NothingLeft { counts } => counts,
        other => panic!("{other}"),
    };
    assert_eq!(counts.matched, 300);
}

#[test]
fn low_and_high_by_fixed_thresholds_can_be_matched() {
    let keys = "target = { rule = { absolute = [0.0, 0.0] } }\nstrata = []\n\
                match = [{ label = 'layer_type' }]";
    let experiment = unequal_kinds().prepare(&spec(keys));
    let matched = experiment.describe().matched.unwrap();
    assert_eq!((matched.n_cells, matched.n_kept_cells), (2, 2));
    assert_eq!(matched.classes[0].n_networks, matched.classes[1].n_networks);
    assert_eq!(
        matched.classes[0].means,
        [("layer_type".to_owned(), None)],
        "texts have no mean"
    );
}

fn expanded(tables: &Tables, keys: &str) -> Vec<ExperimentSpec> {
    let networks = tables.networks.clone().lazy();
    spec(keys).expand(networks, &BTreeMap::new()).unwrap()
}

fn kind_of(experiment: &Experiment, row: usize) -> String {
    // Runs with an odd number are convolutional.
    let run = experiment.population.runs[row].as_ref().unwrap();
    let number: usize = run.trim_start_matches("run").parse().unwrap();
    ["dense", "convolutional"][number % 2].to_owned()
}

#[test]
fn each_value_of_a_column_in_turn_is_the_test_set() {
    let tables = SyntheticPopulation::equal_signal(80, 3).tables();
    let specs = expanded(&tables, "protocol = { test = { column = 'layer_type' } }");
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["simulated@convolutional", "simulated@dense"]);
    for (spec, value) in specs.iter().zip(["convolutional", "dense"]) {
        let experiment = tables.prepare(spec);
        assert_eq!(experiment.splits.test.len(), 40);
        assert_eq!(experiment.splits.training.len(), 40);
        for &row in &experiment.splits.test {
            assert_eq!(kind_of(&experiment, row), value);
        }
    }
    let itself = spec("protocol = { test = { column = 'layer_type' } }");
    let error = tables.try_prepare(&itself).unwrap_err().to_string();
    assert!(
        error.contains("one experiment for each value of `layer_type`"),
        "{error}"
    );
    assert_eq!(expanded(&tables, "").len(), 1);
}

fn of_population<'a>(rows: &'a [TransferRow], tested_on: &str) -> Vec<&'a TransferRow> {
    rows.iter()
        .filter(|row| row.tested_on == tested_on)
        .collect()
}

#[test]
fn models_of_one_value_are_judged_on_its_own_test_set_and_on_the_other_values() {
    // Accuracies of the two kinds do not overlap: low and high are relative to the kind.
    let recipe = SyntheticPopulation {
        stratum_effect: 50.0,
        ..SyntheticPopulation::equal_signal(240, 3)
    };
    let tables = recipe.tables();
    let specs = expanded(
        &tables,
        "transfer = { column = 'layer_type' }\npermutations = 0\nprotocol = { draws = 50 }",
    );
    assert_eq!(specs[1].name, "simulated@dense");
    let experiment = tables.prepare(&specs[1]);
    let splits = &experiment.splits;
    assert_eq!((splits.training.len(), splits.test.len()), (84, 36));
    assert_eq!(splits.away.len(), 120);
    for &row in splits.training.iter().chain(&splits.test) {
        assert_eq!(kind_of(&experiment, row), "dense");
    }
    let fits = run_all(&experiment);
    let evaluation = experiment.evaluate(&fits);
    let own = of_population(&evaluation.transfer, "dense");
    let other = of_population(&evaluation.transfer, "convolutional");
    assert_eq!((own.len(), other.len()), (2, 2));
    for (own, other) in own.iter().zip(&other) {
        assert_eq!(own.candidate, other.candidate);
        assert_eq!((own.n_train, own.n_test), (84, 36));
        assert_eq!((other.n_train, other.n_test), (84, 120));
        let score = &evaluation
            .scores
            .iter()
            .find(|score| score.candidate == own.candidate && score.stratum == "all");
        assert_eq!(own.value, score.unwrap().figures["auc"].value);
        assert!((0.7..0.9).contains(&other.value), "{}", other.value);
        let interval = other.estimate.unwrap();
        assert!(interval.low < other.value && other.value < interval.high);
        let is_baseline = experiment.candidates[other.candidate]
            .choice
            .features
            .is_baseline();
        assert_eq!(other.difference.is_none(), is_baseline);
    }
    let frame = experiment.transfer_frame(&evaluation).unwrap().unwrap();
    assert_eq!(frame.height(), 4);
    // The tables of the own test set know nothing of the other kind.
    let predictions = experiment.prediction_frame(&fits, &evaluation).unwrap();
    let tested: BTreeSet<String> = synthetic::texts(&predictions, "checkpoint")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(tested.len(), 120);
}

#[test]
fn the_test_set_of_a_transfer_between_conditions_is_the_other_population() {
    let tables = SyntheticPopulation::equal_signal(160, 3).tables();
    let keys = "transfer = { train = \"layer_type = 'dense'\", \
                test = \"layer_type = 'convolutional' AND test_accuracy > -1\" }\n\
                permutations = 0\nprotocol = { draws = 50 }";
    let experiment = tables.prepare(&spec(keys));
    assert_eq!(experiment.splits.training.len(), 80);
    let n_test = experiment.splits.test.len();
    assert!((50..80).contains(&n_test), "{n_test}");
    assert_eq!(experiment.population.counts.on_no_side, 80 - n_test);
    let evaluation = tables.evaluate(&spec(keys));
    assert_eq!(evaluation.transfer.len(), 2);
    assert_eq!(evaluation.transfer[0].n_test, n_test);
    assert_eq!(evaluation.scores[0].n_networks, n_test);
    // Half of the other population is low there, by its own median.
    let prevalence = evaluation.scores[0].prevalence;
    assert!((prevalence - 0.5).abs() < 0.02, "{prevalence}");
}

#[test]
fn a_group_on_both_sides_of_a_transfer_is_left_out() {
    let recipe = SyntheticPopulation {
        checkpoints_per_run: 2,
        ..SyntheticPopulation::equal_signal(40, 3)
    };
    let keys = "checkpoints = 'all'\ntransfer = { train = 'step = 0', test = 'step = 1' }";
    match recipe.tables().try_prepare(&spec(keys)).unwrap_err() {
        ExperimentError::NothingLeft { counts } => assert_eq!(counts.on_no_side, 80),
        other => panic!("{other}"),
    }
    let both = "transfer = { column = 'layer_type', from = 'dense' }\n\
                protocol = { test = { column = 'layer_type', value = 'dense' } }";
    let error = recipe.tables().try_prepare(&spec(both)).unwrap_err();
    assert!(error.to_string().contains("exclude each other"), "{error}");
}

#[test]
fn features_are_read_from_the_chosen_layers_alone_and_by_saved_models_too() {
    let tables = synthetic::Population::default().tables();
    let keys = |layers: &str| {
        format!("features = ['strengths']\nmodels = ['logistic_regression']\nlayers = '{layers}'")
    };
    for (layers, has_input, has_output) in [
        ("all", true, true),
        ("without_input", false, true),
        ("hidden", false, false),
        ("inner", false, false),
    ] {
        let evaluated = tables.evaluate(&keys(layers));
        let frame = evaluated.experiment.feature_frame().unwrap();
        let names = frame.get_column_names();
        let has = |role: &str| names.iter().any(|name| name.contains(role));
        assert_eq!(
            (has(".input."), has(".output.")),
            (has_input, has_output),
            "{layers}"
        );
        assert!(has("hidden_mean"), "{layers}");
        let saved = evaluated.model("strengths");
        let predicted = tables.predict(&saved, true);
        let (names, scores) = (
            synthetic::texts(&predicted, "checkpoint"),
            synthetic::numbers(&predicted, "score"),
        );
        let held_out = evaluated
            .experiment
            .prediction_frame(&evaluated.fits, &evaluated.evaluation)
            .unwrap();
        let sets = synthetic::texts(&held_out, "set");
        let twins = synthetic::texts(&held_out, "twin");
        let (rows, expected) = (
            synthetic::texts(&held_out, "checkpoint"),
            synthetic::numbers(&held_out, "score"),
        );
        for row in 0..held_out.height() {
            if sets[row].as_deref() == Some("test") && twins[row].is_none() {
                let found = names.iter().position(|name| *name == rows[row]).unwrap();
                assert_eq!(scores[found], expected[row], "{layers}");
            }
        }
    }
}

#[test]
fn a_section_without_the_new_keys_is_written_as_before() {
    let written = serde_json::to_string(&spec("")).unwrap();
    for key in ["match", "transfer", "layers", "\"test\"", "\"at\""] {
        assert!(!written.contains(key), "{key}: {written}");
    }
    let keys = "match = [{ label = 'step' }]\nlayers = 'hidden'\n\
                target = { label = 'x', classes = 'values', at = 'last' }\n\
                transfer = { column = 'y' }";
    let section = spec(keys);
    let written = serde_json::to_string(&section).unwrap();
    assert_eq!(
        serde_json::from_str::<ExperimentSpec>(&written).unwrap(),
        section
    );
}
