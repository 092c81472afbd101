//! Columns that would tell the label, or a run, move no score: no feature set reads them.

use cntflow_experiments::evaluation::Evaluation;
use cntflow_experiments::spec::ExperimentSpec;
use polars::prelude::{Column, DataFrame};

use super::flow::{run_all, spec};
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

/// Targets with a model each. `kind` has six values, which the metrics tell in part.
const TARGETS: [(&str, &str); 3] = [
    (
        "{ label = 'kind', classes = 'values' }",
        "logistic_regression",
    ),
    ("{ kind = 'regression' }", "elastic_net"),
    ("{ kind = 'ranking' }", "elastic_net"),
];

/// The tables with a label of six values that are sixths of the accuracies.
fn with_kinds(mut tables: Tables) -> Tables {
    let labels = numbers(&tables.networks, "test_accuracy");
    let mut sorted = labels.clone();
    sorted.sort_by(f64::total_cmp);
    let kind = |label: &f64| {
        let rank = sorted.partition_point(|other| other < label);
        format!("kind{}", 6 * rank / sorted.len())
    };
    let kinds: Vec<String> = labels.iter().map(kind).collect();
    let column = Column::new("kind".into(), kinds);
    tables.networks.with_column(column).unwrap();
    tables
}

fn spec_of(features: &str, target: &str, model: &str) -> ExperimentSpec {
    let keys = format!(
        "name = \"leaks\"\nfeatures = [{features}]\nmodels = [\"{model}\"]\n\
         target = {target}\npermutations = 9\n\
         protocol = {{ draws = 50, folds = 3, repeats = 1 }}"
    );
    toml::from_str(&keys).unwrap()
}

#[test]
fn leaks_move_no_score_of_six_classes_of_numbers_and_of_orders() {
    let tables = with_kinds(SyntheticPopulation::equal_signal(120, 3).tables());
    let leaky = with_leaks(&tables);
    for (target, model) in TARGETS {
        let spec = spec_of("'link_weights', 'tensor_7'", target, model);
        let plain = bits(&tables.evaluate(&spec));
        assert!(plain.len() >= 6, "{target}");
        assert_eq!(plain, bits(&leaky.evaluate(&spec)), "{target}");
    }
}

/// Counts tell the size and all else that they leak, and metrics of a null population do not.
#[test]
fn counts_tell_the_size() {
    let tables = with_leaks(&with_kinds(SyntheticPopulation::null(150, 3).tables()));
    let size = "{ label = 'n_parameters', kind = 'regression', transform = 'log' }";
    for (target, model, figure, above, below) in [
        (size, "elastic_net", "r2", 0.95, 0.3),
        (TARGETS[0].0, "random_forest", "auc_pairs", 0.9, 0.75),
    ] {
        let spec = spec_of("'link_weights', 'counts'", target, model);
        let scores = tables.evaluate(&spec).scores;
        let of = |index: usize| {
            let score = scores.iter().find(|score| score.candidate == index);
            score.unwrap().figures[figure].value
        };
        assert!(
            of(0) < below && of(1) > above,
            "{target}: {} {}",
            of(0),
            of(1)
        );
    }
}

#[test]
fn a_size_without_a_logarithm_is_left_out_and_counted() {
    let mut tables = with_leaks(&SyntheticPopulation::null(60, 3).tables());
    let sizes: Vec<u64> = (0..60).map(|row| row % 30).collect();
    let column = Column::new("n_parameters".into(), sizes);
    tables.networks.with_column(column).unwrap();
    let size = "{ label = 'n_parameters', kind = 'regression', transform = 'log' }";
    let experiment = tables.prepare(&spec_of("'link_weights'", size, "elastic_net"));
    assert_eq!(experiment.population.counts.without_label, 2);
}

#[test]
fn the_confusion_counts_every_test_network_of_six_classes_once() {
    let tables = with_kinds(SyntheticPopulation::equal_signal(120, 3).tables());
    let (target, model) = TARGETS[0];
    let experiment = tables.prepare(&spec_of("'link_weights'", target, model));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    let frame = experiment.confusion_frame(&evaluation).unwrap().unwrap();
    let strata = texts(&frame, "stratum");
    let counts: Vec<u64> = frame
        .column("n")
        .unwrap()
        .u64()
        .unwrap()
        .iter()
        .map(Option::unwrap)
        .collect();
    let whole = (0..frame.height()).filter(|row| strata[*row] == "all");
    let rows: Vec<usize> = whole.collect();
    assert_eq!(rows.len(), 36);
    let n: u64 = rows.iter().map(|row| counts[*row]).sum();
    assert_eq!(n as usize, experiment.splits.test.len());
    let (actual, predicted) = (texts(&frame, "actual"), texts(&frame, "predicted"));
    let right = rows.iter().filter(|row| actual[**row] == predicted[**row]);
    let right: u64 = right.map(|row| counts[*row]).sum();
    let accuracy = evaluation.scores[0].figures["accuracy"].value;
    assert!((right as f64 / n as f64 - accuracy).abs() < 1e-12);
    let (target, model) = TARGETS[1];
    let experiment = tables.prepare(&spec_of("'link_weights'", target, model));
    let evaluation = experiment.evaluate(&run_all(&experiment));
    assert!(experiment.confusion_frame(&evaluation).unwrap().is_none());
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
