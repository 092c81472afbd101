//! Slow checks: the time of a discrimination of the quickstart's size, and how often intervals
//! contain the true value.
//!
//! They are run by `cargo test --release -- --ignored --nocapture`.

use std::time::Instant;

use cntflow_discriminate::{ClassifierKind, DiscriminateSpec, FeatureSet, Rule};

use crate::synthetic::SyntheticPopulation;

const METRICS: &[&str] = &[
    "kernel_weights",
    "biases",
    "strength_in",
    "strength_out",
    "neurons_activation",
];

#[test]
#[ignore = "takes half a minute"]
#[expect(clippy::print_stderr, reason = "printing figures is its purpose")]
fn a_discrimination_of_the_quickstarts_size_prints_its_time() {
    let tables = SyntheticPopulation {
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

/// In populations without any signal, few intervals miss 0.5 (three of forty, for each classifier).
#[test]
#[ignore = "takes half a minute"]
#[expect(clippy::print_stderr, reason = "printing figures is its purpose")]
fn intervals_contain_one_half_if_there_is_no_signal() {
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
            SyntheticPopulation {
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
        let n_containing = aucs
            .iter()
            .filter(|auc| auc.low <= 0.5 && auc.high >= 0.5)
            .count();
        let mean = aucs.iter().map(|auc| auc.value).sum::<f64>() / populations as f64;
        eprintln!(
            "{}: mean AUC {mean:.3}, {n_containing} of {populations} intervals contain 0.5",
            kind.name()
        );
        assert!(n_containing * 10 >= populations as usize * 8 && (mean - 0.5).abs() < 0.03);
    }
}
