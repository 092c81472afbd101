//! What takes long: the time of a discrimination of the quickstart's size, and how often intervals hold the truth.
//!
//! Run by `cargo test --release -- --ignored --nocapture`.

use std::time::Instant;

use cntflow_discriminate::{ClassifierKind, DiscriminateSpec, FeatureSet, Rule};

use crate::zoo::Zoo;

const METRICS: &[&str] = &[
    "kernel_weights",
    "biases",
    "strength_in",
    "strength_out",
    "neurons_activation",
];

#[test]
#[ignore = "takes half a minute"]
#[expect(clippy::print_stderr, reason = "the figures are what this is for")]
fn quickstart_sized() {
    let tables = Zoo {
        runs: 400,
        signal: 0.5,
        more_metrics: METRICS,
        ..Default::default()
    }
    .tables();
    let full = DiscriminateSpec {
        rule: vec![Rule::Median, Rule::Quantiles([0.25, 0.75])],
        ..Default::default()
    };
    let all = ClassifierKind::ALL.map(|kind| vec![kind]);
    for (name, classifiers, permutations) in [
        ("logistic regression", &all[0], 0),
        ("random forest", &all[1], 0),
        ("svm", &all[2], 0),
        ("logistic regression and 100 permutations", &all[0], 100),
    ] {
        let start = Instant::now();
        let spec = DiscriminateSpec {
            classifiers: classifiers.clone(),
            permutations,
            ..full.clone()
        };
        let outcome = tables.discriminate(&spec);
        let cnt = outcome.rules[0]
            .rows
            .iter()
            .find(|row| row.features == FeatureSet::Cnt)
            .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{name}: {seconds:.1} s, {} features, AUC {:?}",
            cnt.n_features, cnt.auc
        );
    }
}

/// Of populations without any signal, few have an interval that lies beside 0.5 (three of forty, for each classifier).
#[test]
#[ignore = "takes half a minute"]
#[expect(clippy::print_stderr, reason = "the figures are what this is for")]
fn intervals_of_noise_hold_one_half() {
    for kind in ClassifierKind::ALL {
        let spec = DiscriminateSpec {
            classifiers: vec![kind],
            features: vec![FeatureSet::Cnt],
            permutations: 0,
            draws: 500,
            ..Default::default()
        };
        let populations = 40;
        let outcomes = (0..populations).map(|seed| {
            Zoo {
                signal: 0.0,
                seed: 1_000 + seed,
                ..Default::default()
            }
            .tables()
            .discriminate(&spec)
        });
        let aucs: Vec<_> = outcomes
            .map(|outcome| outcome.rules[0].rows[0].auc)
            .collect();
        let held = aucs
            .iter()
            .filter(|auc| auc.low <= 0.5 && auc.high >= 0.5)
            .count();
        let mean = aucs.iter().map(|auc| auc.value).sum::<f64>() / populations as f64;
        eprintln!(
            "{}: mean AUC {mean:.3}, {held} of {populations} intervals hold 0.5",
            kind.name()
        );
        assert!(held * 10 >= populations as usize * 8 && (mean - 0.5).abs() < 0.03);
    }
}
