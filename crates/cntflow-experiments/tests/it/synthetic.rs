//! Synthetic populations: tables `networks` and `layers` in which node strengths depend on a
//! network's quality, and an experiment on them.

use std::collections::BTreeMap;

use cntflow_experiments::evaluation::{Evaluation, Experiment, FitRow, Inputs};
use cntflow_experiments::saved::TrainedModel;
use cntflow_experiments::spec::Twin;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The digest of the measure options of all tables here.
pub(crate) const OPTIONS: &str = "defaults";

const STATISTICS: [&str; 5] = ["mean", "std", "q25", "q50", "q75"];

/// Columns of the table that these networks have no numbers for.
const EMPTY_STATISTICS: [&str; 10] = [
    "skewness", "kurtosis", "min", "q01", "q05", "q95", "q99", "max", "l1", "l2",
];

const METRICS: [&str; 6] = [
    "link_weights",
    "kernel_weights",
    "nodes_strength",
    "strength_in",
    "strength_out",
    "strength_abs",
];

/// A recipe for the tables of a population.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    pub(crate) runs: usize,
    pub(crate) seed: u64,
    /// Every n-th network failed; 0 for none.
    pub(crate) failed_every: usize,
    pub(crate) has_digests: bool,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            runs: 90,
            seed: 3,
            failed_every: 0,
            has_digests: true,
        }
    }
}

/// The tables of a population.
pub(crate) struct Tables {
    pub(crate) networks: DataFrame,
    pub(crate) layers: DataFrame,
}

/// The rows of the table `layers`.
#[derive(Default)]
struct Lines {
    checkpoints: Vec<String>,
    layers: Vec<u32>,
    roles: Vec<&'static str>,
    metrics: Vec<&'static str>,
    values: Vec<[f64; STATISTICS.len()]>,
}

impl Population {
    pub(crate) fn tables(&self) -> Tables {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut lines = Lines::default();
        let mut qualities = Vec::new();
        for run in 0..self.runs {
            let quality: f64 = rng.random();
            qualities.push(quality);
            // A third of the networks has one hidden layer, and so no deviation over them.
            lines.push_network(&name(run), 1 + run % 3, quality, &mut rng);
        }
        Tables {
            networks: self.networks(&qualities),
            layers: lines.frame(),
        }
    }

    fn networks(&self, qualities: &[f64]) -> DataFrame {
        let runs = 0..self.runs;
        let has_failed =
            |run: usize| self.failed_every > 0 && run.is_multiple_of(self.failed_every);
        let status = |run| if has_failed(run) { "failed" } else { "ok" };
        let reason = |run| has_failed(run).then_some("broken file");
        // A third value in the middle, so that the target has three classes.
        let tercile = |quality: &f64| ["bad", "fair", "good"][(quality * 3.0) as usize];
        let digest = |run: usize| {
            self.has_digests
                .then(|| format!("digest {} {run}", self.seed))
        };
        let columns = vec![
            Column::new(
                "checkpoint".into(),
                runs.clone().map(name).collect::<Vec<_>>(),
            ),
            Column::new(
                "run".into(),
                runs.clone()
                    .map(|run| format!("run{run}"))
                    .collect::<Vec<_>>(),
            ),
            Column::new("step".into(), vec![5_i64; self.runs]),
            Column::new(
                "status".into(),
                runs.clone().map(status).collect::<Vec<_>>(),
            ),
            Column::new(
                "reason".into(),
                runs.clone().map(reason).collect::<Vec<_>>(),
            ),
            Column::new(
                "digest".into(),
                runs.clone().map(digest).collect::<Vec<_>>(),
            ),
            Column::new("test_accuracy".into(), qualities.to_vec()),
            Column::new(
                "tercile".into(),
                qualities.iter().map(tercile).collect::<Vec<_>>(),
            ),
            Column::new(
                "activation".into(),
                runs.map(|run| ["relu", "tanh"][run % 2])
                    .collect::<Vec<_>>(),
            ),
        ];
        DataFrame::new(self.runs, columns).unwrap()
    }
}

fn name(run: usize) -> String {
    format!("network{run:03}")
}

impl Lines {
    fn push_network(&mut self, checkpoint: &str, depth: usize, quality: f64, rng: &mut ChaCha8Rng) {
        // What the strengths share, so that they do not tell the quality exactly.
        let shift = 3.0 * quality + rng.random_range(-0.7..0.7);
        for layer in 0..=depth + 1 {
            let role = match layer {
                0 => "input",
                _ if layer == depth + 1 => "output",
                _ => "hidden",
            };
            for metric in METRICS {
                let offset = if metric.contains("strength") {
                    shift
                } else {
                    0.0
                };
                self.checkpoints.push(checkpoint.to_owned());
                self.layers.push(layer as u32);
                self.roles.push(role);
                self.metrics.push(metric);
                self.values.push(std::array::from_fn(|_| {
                    offset + rng.random_range(-1.0..1.0)
                }));
            }
        }
    }

    fn frame(self) -> DataFrame {
        let n = self.layers.len();
        let names: Vec<String> = self
            .layers
            .iter()
            .map(|layer| format!("layer{layer}"))
            .collect();
        let mut columns = vec![
            Column::new("checkpoint".into(), self.checkpoints),
            Column::new("layer".into(), self.layers),
            Column::new("name".into(), names),
            Column::new("kind".into(), vec!["dense"; n]),
            Column::new("role".into(), self.roles),
            Column::new("metric".into(), self.metrics),
            Column::new("count".into(), vec![12_u64; n]),
        ];
        for (index, statistic) in STATISTICS.into_iter().enumerate() {
            let values: Vec<f64> = self.values.iter().map(|values| values[index]).collect();
            columns.push(Column::new(statistic.into(), values));
        }
        for statistic in EMPTY_STATISTICS {
            columns.push(Column::new(statistic.into(), vec![None::<f64>; n]));
        }
        DataFrame::new(n, columns).unwrap()
    }
}

impl Tables {
    pub(crate) fn networks(&self) -> LazyFrame {
        self.networks.clone().lazy()
    }

    pub(crate) fn layers(&self) -> LazyFrame {
        self.layers.clone().lazy()
    }

    /// An experiment with these keys, and everything that it found. The shuffled twins are the
    /// networks themselves.
    pub(crate) fn evaluate(&self, keys: &str) -> Evaluated {
        self.evaluate_with(keys, &BTreeMap::new())
    }

    /// The same with aliases of labels.
    pub(crate) fn evaluate_with(&self, keys: &str, labels: &BTreeMap<String, String>) -> Evaluated {
        let text = format!(
            "name = 'synthetic'\npermutations = 0\n{keys}\n\
             [protocol]\nfolds = 3\nrepeats = 1\ndraws = 100\n"
        );
        let inputs = Inputs {
            networks: self.networks(),
            layers: self.layers(),
            twins: BTreeMap::from([(Twin::Shuffle, self.layers())]),
            labels,
            measured_with: OPTIONS,
            has_probe: false,
        };
        let experiment = Experiment::prepare(&inputs, &toml::from_str(&text).unwrap()).unwrap();
        let run = |tasks: Vec<_>| -> Vec<FitRow> {
            tasks.iter().flat_map(|task| experiment.run(task)).collect()
        };
        let mut fits = run(experiment.fold_tasks());
        fits.extend(run(experiment.refit_tasks(&experiment.choose(&fits))));
        let evaluation = experiment.evaluate(&fits);
        Evaluated {
            experiment,
            fits,
            evaluation,
        }
    }

    /// Predicts these networks.
    pub(crate) fn predict(&self, model: &TrainedModel, force: bool) -> DataFrame {
        model
            .predict(self.networks(), self.layers(), OPTIONS, force)
            .unwrap()
    }
}

/// An experiment and what it found.
pub(crate) struct Evaluated {
    pub(crate) experiment: Experiment,
    pub(crate) fits: Vec<FitRow>,
    pub(crate) evaluation: Evaluation,
}

impl Evaluated {
    pub(crate) fn models(&self) -> Vec<TrainedModel> {
        self.experiment.trained_models(&self.evaluation).unwrap()
    }

    /// The model of features as a study writes them.
    pub(crate) fn model(&self, features: &str) -> TrainedModel {
        let is_of = |model: &TrainedModel| model.features().to_string() == features;
        self.models().into_iter().find(is_of).unwrap()
    }
}

/// The model of node strengths for low and high test accuracy.
pub(crate) fn low_high_model() -> TrainedModel {
    let keys = "features = ['strengths']\nmodels = ['logistic_regression']";
    Population::default()
        .tables()
        .evaluate(keys)
        .model("strengths")
}

/// Numbers of a column; null becomes `None`.
pub(crate) fn numbers(frame: &DataFrame, name: &str) -> Vec<Option<f64>> {
    frame.column(name).unwrap().f64().unwrap().iter().collect()
}

/// Texts of a column.
pub(crate) fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    let column = frame.column(name).unwrap().str().unwrap();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

/// Flags of a column.
pub(crate) fn flags(frame: &DataFrame, name: &str) -> Vec<Option<bool>> {
    frame.column(name).unwrap().bool().unwrap().iter().collect()
}
