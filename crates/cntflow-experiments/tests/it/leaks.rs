//! Columns that would tell the label, or a run, move no score: no feature set reads them.

use cntflow_experiments::evaluation::Evaluation;
use polars::prelude::{Column, DataFrame};

use super::flow::spec;
use super::simulated::{SyntheticPopulation, Tables};

/// The bits of every figure of every score, and of every verdict.
fn bits(evaluation: &Evaluation) -> Vec<(String, [u64; 3])> {
    let scores = evaluation.scores.iter().flat_map(|row| {
        row.figures.iter().map(move |(name, figure)| {
            let key = format!("{} {} {name}", row.candidate, row.stratum);
            (
                key,
                [figure.value, figure.low, figure.high].map(f64::to_bits),
            )
        })
    });
    let verdicts = evaluation.verdicts.iter().filter_map(|verdict| {
        let comparison = verdict.comparison?;
        let key = format!("{} > {}", verdict.a, verdict.b);
        Some((
            key,
            [comparison.difference, comparison.low, comparison.p].map(f64::to_bits),
        ))
    });
    scores.chain(verdicts).collect()
}

fn numbers(frame: &DataFrame, name: &str) -> Vec<f64> {
    let column = frame.column(name).unwrap().f64().unwrap();
    column.iter().map(Option::unwrap).collect()
}

fn texts(frame: &DataFrame, name: &str) -> Vec<String> {
    let column = frame.column(name).unwrap().str().unwrap();
    column.iter().map(|text| text.unwrap().to_owned()).collect()
}

/// Tables in which counts, names, an unused statistic's nulls and label columns tell the label.
fn with_leaks(tables: &Tables) -> Tables {
    let labels = numbers(&tables.networks, "test_accuracy");
    let mut networks = tables.networks.clone();
    let counts: Vec<u64> = labels
        .iter()
        .map(|label| (1_000.0 * (label + 9.0)) as u64)
        .collect();
    let is_high: Vec<Option<f64>> = labels
        .iter()
        .map(|label| (*label > 0.0).then_some(1.0))
        .collect();
    for name in ["n_parameters", "n_neurons", "n_links", "n_layers"] {
        networks
            .with_column(Column::new(name.into(), counts.clone()))
            .unwrap();
    }
    for name in ["group_id", "leaked_label", "train_accuracy"] {
        networks
            .with_column(Column::new(name.into(), labels.clone()))
            .unwrap();
    }
    networks
        .with_column(Column::new("null_pattern".into(), is_high.clone()))
        .unwrap();

    let mut layers = tables.layers.clone();
    // Two rows per network, in the networks' order.
    let twice = |value: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..2 * labels.len()).map(|row| value(row / 2)).collect()
    };
    let checkpoints = texts(&tables.networks, "checkpoint");
    let hash = |text: &str| {
        text.bytes()
            .fold(7_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte))
    };
    let names = twice(&|row| format!("fc{}_{}", hash(&checkpoints[row]), labels[row]));
    let of_layers: Vec<u64> = (0..2 * labels.len()).map(|row| counts[row / 2]).collect();
    let nulls: Vec<Option<f64>> = (0..2 * labels.len()).map(|row| is_high[row / 2]).collect();
    layers
        .with_column(Column::new("name".into(), names))
        .unwrap();
    for name in ["count", "zeros", "nan", "infinite"] {
        layers
            .with_column(Column::new(name.into(), of_layers.clone()))
            .unwrap();
    }
    layers
        .with_column(Column::new("entropy".into(), nulls))
        .unwrap();
    Tables { networks, layers }
}

#[test]
fn leaks_in_the_tables_move_no_score_of_metrics() {
    for representation in ["position", "role", "role_normalised"] {
        let keys = format!(
            "representation = \"{representation}\"\npermutations = 9\nprotocol = {{ draws = 50 }}"
        );
        let tables = SyntheticPopulation::equal_signal(60, 3).tables();
        let plain = bits(&tables.evaluate(&spec(&keys)));
        let mut leaky = with_leaks(&tables);
        // This representation divides by powers of the count of links, which is no leak there.
        if representation == "role_normalised" {
            let counts = tables.layers.column("count").unwrap().clone();
            leaky.layers.with_column(counts).unwrap();
        }
        let leaked = bits(&leaky.evaluate(&spec(&keys)));
        assert!(plain.len() > 8);
        assert_eq!(plain, leaked, "{representation}");
    }
}

/// The same leaks in the columns of `hyperparameters` are seen, so that the test above has teeth.
#[test]
fn a_leaked_hyperparameter_is_seen() {
    let tables = with_leaks(&SyntheticPopulation::null(60, 3).tables());
    let mut spec = spec("hyperparameters = [\"leaked_label\"]\nprotocol = { draws = 20 }");
    spec.features.push("hyperparameters".parse().unwrap());
    let evaluation = tables.evaluate(&spec);
    let auc = |index: usize| evaluation.scores[index].figures["auc"].value;
    let (metrics, leaked) = (
        auc(0),
        evaluation.scores.last().unwrap().figures["auc"].value,
    );
    assert!(metrics < 0.85 && leaked > 0.99, "{metrics}, {leaked}");
}
