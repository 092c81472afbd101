//! Outcomes of discriminations on synthetic populations.

use std::collections::BTreeSet;

use cntflow_discriminate::{
    ClassifierKind, DiscriminateError, DiscriminateSpec, FeatureSet, Finding, Inputs, Outcome,
    OutcomeRow, Rule, WHOLE_POPULATION, discriminate,
};
use polars::prelude::{DataFrame, IntoLazy};

use crate::synthetic::{SyntheticPopulation, quick_spec};

fn row(outcome: &Outcome, features: FeatureSet, classifier: ClassifierKind) -> &OutcomeRow {
    let is_wanted = |row: &&OutcomeRow| {
        row.stratum == WHOLE_POPULATION
            && row.features == features
            && row.classifier == Some(classifier)
    };
    outcome.rules[0].rows.iter().find(is_wanted).unwrap()
}

#[test]
fn strengths_that_depend_on_quality_beat_link_weights_that_do_not() {
    let outcome = SyntheticPopulation::default()
        .tables()
        .discriminate(&quick_spec());
    let rule = &outcome.rules[0];
    for baseline in [
        FeatureSet::LinkWeights,
        FeatureSet::Majority,
        FeatureSet::Hyperparameters,
    ] {
        let verdict = rule
            .verdicts
            .iter()
            .find(|verdict| verdict.baseline == baseline)
            .unwrap();
        assert_eq!(verdict.finding, Finding::Beats, "{}", verdict.sentence());
        assert!(verdict.sentence().contains(" beats "));
    }
    for kind in ClassifierKind::ALL {
        assert!(row(&outcome, FeatureSet::Cnt, kind).auc.value > 0.85);
        let link_weights = row(&outcome, FeatureSet::LinkWeights, kind).auc;
        assert!(
            link_weights.low < 0.5 && link_weights.high > 0.5,
            "{link_weights:?}"
        );
    }
    assert_eq!(rule.control.as_ref().unwrap().p_value, 0.05);
    assert_eq!(rule.rows[0].features, FeatureSet::Majority);
    assert_eq!(rule.rows[0].auc.value, 0.5);
}

/// One interval in twenty misses 0.5 on pure noise, so several populations are judged together.
#[test]
fn features_without_signal_do_not_beat_the_baselines() {
    let noise = |seed| {
        SyntheticPopulation {
            signal: 0.0,
            seed,
            ..Default::default()
        }
        .tables()
        .discriminate(&quick_spec())
    };
    let outcomes: Vec<Outcome> = [3, 8, 21].into_iter().map(noise).collect();
    let mut n_containing = 0;
    for outcome in &outcomes {
        for kind in ClassifierKind::ALL {
            let auc = row(outcome, FeatureSet::Cnt, kind).auc;
            n_containing += usize::from(auc.low < 0.5 && auc.high > 0.5);
        }
    }
    assert!(
        n_containing >= 7,
        "{n_containing} of 9 intervals contain 0.5"
    );
    let surprising = |outcome: &&Outcome| outcome.rules[0].control.as_ref().unwrap().p_value <= 0.1;
    assert!(outcomes.iter().filter(surprising).count() <= 1);
    let verdicts = outcomes
        .iter()
        .flat_map(|outcome| &outcome.rules[0].verdicts);
    let (beats, others): (Vec<_>, Vec<_>) =
        verdicts.partition(|verdict| verdict.finding == Finding::Beats);
    assert!(
        beats.len() * 4 <= others.len(),
        "{} beat, {} do not",
        beats.len(),
        others.len()
    );
    assert!(
        others
            .iter()
            .any(|verdict| verdict.sentence().contains(" does not beat "))
    );
}

#[test]
fn no_run_is_on_both_sides_and_each_fold_learns_its_thresholds() {
    let spec = DiscriminateSpec {
        rule: vec![Rule::Median, Rule::Quantiles([0.25, 0.75])],
        ..quick_spec()
    };
    let outcome = SyntheticPopulation::default().tables().discriminate(&spec);
    for rule in &outcome.rules {
        assert_eq!(rule.folds.len(), spec.folds * spec.repeats);
        for fold in &rule.folds {
            assert!(fold.training_groups + fold.test_groups <= 120);
            assert_eq!(
                (fold.training_groups, fold.test_groups),
                (fold.training_rows, fold.test_rows)
            );
        }
        let lows: BTreeSet<u64> = rule
            .folds
            .iter()
            .map(|fold| fold.thresholds.low.to_bits())
            .collect();
        assert!(lows.len() > 1, "each fold learns its own threshold");
        assert_eq!(rule.n_low + rule.n_high + rule.n_middle, 120);
    }
    assert_eq!(outcome.rules[0].n_middle, 0);
    assert_eq!((outcome.rules[1].n_low, outcome.rules[1].n_high), (30, 30));
}

#[test]
fn the_outcome_does_not_depend_on_the_order_of_the_tables() {
    let tables = SyntheticPopulation::default().tables();
    let reversed = |frame: &DataFrame| frame.clone().lazy().reverse();
    let spec = quick_spec();
    let first = tables.discriminate(&spec);
    let inputs = Inputs {
        experiment: "synthetic",
        networks: reversed(&tables.networks),
        layers: reversed(&tables.layers),
        measured_with: "defaults",
    };
    let second = discriminate(&inputs, &spec, &mut |_| ()).unwrap();
    assert!(
        first
            .frame()
            .unwrap()
            .equals_missing(&second.frame().unwrap())
    );
    assert_eq!(first.rules[0].classifier, second.rules[0].classifier);
    let other_seed = tables.discriminate(&DiscriminateSpec { seed: 9, ..spec });
    assert!(
        !first
            .frame()
            .unwrap()
            .equals_missing(&other_seed.frame().unwrap())
    );
}

#[test]
fn failed_networks_and_earlier_checkpoints_are_counted() {
    let tables = SyntheticPopulation {
        failed_every: 10,
        ..Default::default()
    }
    .tables();
    let spec = DiscriminateSpec {
        features: vec![FeatureSet::Majority],
        permutations: 0,
        ..quick_spec()
    };
    let outcome = tables.discriminate(&spec);
    let counts = outcome.counts;
    assert_eq!(
        (
            counts.networks,
            counts.groups,
            counts.failed,
            counts.earlier
        ),
        (240, 120, 12, 120)
    );
    assert_eq!((counts.usable, counts.usable_groups), (108, 108));
    let frame = outcome.frame().unwrap();
    assert_eq!(
        frame.column("left_failed").unwrap().u64().unwrap().get(0),
        Some(12)
    );
    assert_eq!(
        frame.column("n_networks").unwrap().u64().unwrap().get(0),
        Some(108)
    );
}

#[test]
fn strata_have_rows_and_one_is_marked_as_the_worst() {
    let outcome = SyntheticPopulation::default()
        .tables()
        .discriminate(&quick_spec());
    let rows = &outcome.rules[0].rows;
    let strata: BTreeSet<&str> = rows.iter().map(|row| row.stratum.as_str()).collect();
    assert!(
        strata.contains("layer_type=dense") && strata.contains("activation=tanh"),
        "{strata:?}"
    );
    let forest = |row: &&OutcomeRow| {
        row.features == FeatureSet::Cnt && row.classifier == Some(ClassifierKind::RandomForest)
    };
    let worst: Vec<_> = rows
        .iter()
        .filter(forest)
        .filter(|row| row.is_worst_stratum)
        .collect();
    assert_eq!(worst.len(), 1);
    assert!(
        rows.iter()
            .filter(forest)
            .all(|row| row.stratum == WHOLE_POPULATION || row.auc.value >= worst[0].auc.value)
    );
    let dense = rows
        .iter()
        .filter(forest)
        .find(|row| row.stratum == "layer_type=dense")
        .unwrap();
    assert_eq!((dense.n_networks, dense.n_groups), (60, 60));
}

#[test]
fn all_checkpoints_of_a_run_are_on_one_side() {
    let spec = DiscriminateSpec {
        checkpoints: cntflow_discriminate::CheckpointSelection::All,
        features: vec![
            FeatureSet::Majority,
            FeatureSet::Step,
            FeatureSet::Strengths,
        ],
        classifiers: vec![ClassifierKind::RandomForest],
        permutations: 0,
        rule: vec![Rule::Absolute([0.3, 0.7])],
        ..quick_spec()
    };
    let outcome = SyntheticPopulation::default().tables().discriminate(&spec);
    assert_eq!(outcome.counts.usable, 240);
    for fold in &outcome.rules[0].folds {
        assert_eq!(fold.training_groups + fold.test_groups, 120);
    }
    assert_eq!(
        row(&outcome, FeatureSet::Step, ClassifierKind::RandomForest).n_features,
        1
    );
}

#[test]
fn metrics_that_were_not_measured_are_failed_rows() {
    let outcome = SyntheticPopulation::default()
        .tables()
        .discriminate(&quick_spec());
    let missing = row(&outcome, FeatureSet::DataDependent, ClassifierKind::Svm);
    assert!(
        missing
            .failure
            .as_deref()
            .unwrap()
            .contains("no feature varies")
    );
    let frame = outcome.frame().unwrap();
    let failed = frame
        .column("status")
        .unwrap()
        .str()
        .unwrap()
        .iter()
        .filter(|status| *status == Some("failed"));
    assert_eq!(
        failed.count(),
        6,
        "wiring and data_dependent, three classifiers each"
    );
}

#[test]
fn fewer_runs_than_folds_and_unknown_labels_are_errors() {
    let tables = SyntheticPopulation {
        runs: 4,
        ..Default::default()
    }
    .tables();
    let inputs = Inputs {
        experiment: "few",
        networks: tables.networks(),
        layers: tables.layers(),
        measured_with: "",
    };
    let error = discriminate(&inputs, &quick_spec(), &mut |_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            DiscriminateError::TooFewGroups {
                n_groups: 4,
                n_folds: 5,
                ..
            }
        ),
        "{error}"
    );
    let spec = DiscriminateSpec {
        accuracy: "accuracy".to_owned(),
        ..quick_spec()
    };
    let error = discriminate(&inputs, &spec, &mut |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table `networks` has no column `accuracy`"
    );
}

#[test]
fn a_population_of_a_single_accuracy_gives_failed_rows_and_no_classifier() {
    let mut tables = SyntheticPopulation::default().tables();
    let n = tables.networks.height();
    let chance = polars::prelude::Column::new("test_accuracy".into(), vec![0.1; n]);
    tables.networks.with_column(chance).unwrap();
    let outcome = tables.discriminate(&quick_spec());
    let rule = &outcome.rules[0];
    assert_eq!((rule.n_low, rule.n_high), (120, 0));
    assert!(
        rule.rows
            .iter()
            .all(|row| row.features == FeatureSet::Majority || row.failure.is_some())
    );
    assert!(rule.classifier.is_none() && rule.control.is_none() && rule.verdicts.is_empty());
}

#[test]
fn progress_counts_every_fold() {
    let tables = SyntheticPopulation {
        runs: 30,
        ..Default::default()
    }
    .tables();
    let inputs = Inputs {
        experiment: "few",
        networks: tables.networks(),
        layers: tables.layers(),
        measured_with: "",
    };
    let mut reports = Vec::new();
    let spec = DiscriminateSpec {
        permutations: 2,
        ..quick_spec()
    };
    discriminate(&inputs, &spec, &mut |progress| {
        reports.push((progress.done, progress.total))
    })
    .unwrap();
    assert_eq!(reports.len(), 5 * (2 + 3));
    assert_eq!(reports.last(), Some(&(25, 25)));
}
