//! Synthetic populations: tables `networks` and `layers` in which chosen metrics depend
//! on a network's quality.

use cntflow_discriminate::{DiscriminateSpec, Inputs, LAYER_STATISTICS, Outcome, discriminate};
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A recipe for the tables of a population.
#[derive(Clone, Copy)]
pub(crate) struct SyntheticPopulation {
    pub(crate) runs: usize,
    pub(crate) seed: u64,
    /// How strongly node strengths depend on a network's quality; 0 for not at all.
    pub(crate) signal: f64,
    /// Metrics in addition to `link_weights`, which never depends on quality, and `nodes_strength`.
    pub(crate) more_metrics: &'static [&'static str],
    /// The last checkpoint of every n-th run failed; 0 for none.
    pub(crate) failed_every: usize,
}

impl Default for SyntheticPopulation {
    fn default() -> Self {
        Self {
            runs: 120,
            seed: 1,
            signal: 2.0,
            more_metrics: &[],
            failed_every: 0,
        }
    }
}

const ACTIVATIONS: [&str; 3] = ["relu", "tanh", "sigmoid"];

/// The tables of a population.
pub(crate) struct Tables {
    pub(crate) networks: DataFrame,
    pub(crate) layers: DataFrame,
}

/// Rows of the table `layers`.
#[derive(Default)]
struct Lines {
    keys: Vec<(String, u32, &'static str, &'static str)>,
    values: Vec<[f64; LAYER_STATISTICS.len()]>,
}

impl SyntheticPopulation {
    pub(crate) fn tables(&self) -> Tables {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let (mut lines, mut labels) = (Lines::default(), Vec::new());
        for run in 0..self.runs {
            let quality: f64 = rng.random();
            let depth = 1 + run % 3;
            let learning_rate = 10_f64.powf(rng.random_range(-4.0..-1.0));
            for step in [0_i64, 5] {
                let checkpoint = format!("run{run:04}/{step}");
                let step_quality = if step == 0 { rng.random() } else { quality };
                self.push_layers(&mut lines, &checkpoint, depth, step_quality, &mut rng);
                let accuracy = if step == 0 { 0.1 } else { 0.1 + 0.9 * quality };
                labels.push((checkpoint, run, step, accuracy, learning_rate));
            }
        }
        Tables {
            networks: self.networks(&labels),
            layers: lines.frame(),
        }
    }

    fn push_layers(
        &self,
        lines: &mut Lines,
        checkpoint: &str,
        depth: usize,
        quality: f64,
        rng: &mut ChaCha8Rng,
    ) {
        for layer in 0..=depth + 1 {
            let role = match layer {
                0 => "input",
                layer if layer == depth + 1 => "output",
                _ => "hidden",
            };
            for &metric in ["link_weights", "nodes_strength"]
                .iter()
                .chain(self.more_metrics)
            {
                let offset = if metric == "link_weights" {
                    0.0
                } else {
                    self.signal * quality
                };
                lines
                    .keys
                    .push((checkpoint.to_owned(), layer as u32, role, metric));
                lines.values.push(std::array::from_fn(|_| {
                    offset + rng.random_range(-1.0..1.0)
                }));
            }
        }
    }

    fn networks(&self, labels: &[(String, usize, i64, f64, f64)]) -> DataFrame {
        let failed = |run: usize, step: i64| {
            self.failed_every > 0 && run.is_multiple_of(self.failed_every) && step > 0
        };
        let status = labels.iter().map(|label| {
            if failed(label.1, label.2) {
                "failed"
            } else {
                "ok"
            }
        });
        let kind = |run: usize| {
            if run.is_multiple_of(2) {
                "dense"
            } else {
                "convolutional"
            }
        };
        let columns = vec![
            Column::new(
                "checkpoint".into(),
                labels
                    .iter()
                    .map(|label| label.0.clone())
                    .collect::<Vec<_>>(),
            ),
            Column::new(
                "run".into(),
                labels
                    .iter()
                    .map(|label| format!("run{:04}", label.1))
                    .collect::<Vec<_>>(),
            ),
            Column::new(
                "step".into(),
                labels.iter().map(|label| label.2).collect::<Vec<_>>(),
            ),
            Column::new(
                "test_accuracy".into(),
                labels.iter().map(|label| label.3).collect::<Vec<_>>(),
            ),
            Column::new(
                "learning_rate".into(),
                labels.iter().map(|label| label.4).collect::<Vec<_>>(),
            ),
            Column::new(
                "layer_type".into(),
                labels.iter().map(|label| kind(label.1)).collect::<Vec<_>>(),
            ),
            Column::new(
                "activation".into(),
                labels
                    .iter()
                    .map(|label| ACTIVATIONS[label.1 % 3])
                    .collect::<Vec<_>>(),
            ),
            Column::new("status".into(), status.collect::<Vec<_>>()),
        ];
        DataFrame::new(labels.len(), columns).unwrap()
    }
}

impl Lines {
    fn frame(self) -> DataFrame {
        let n = self.keys.len();
        let mut columns = vec![
            Column::new(
                "checkpoint".into(),
                self.keys
                    .iter()
                    .map(|key| key.0.clone())
                    .collect::<Vec<_>>(),
            ),
            Column::new(
                "layer".into(),
                self.keys.iter().map(|key| key.1).collect::<Vec<_>>(),
            ),
            Column::new(
                "role".into(),
                self.keys.iter().map(|key| key.2).collect::<Vec<_>>(),
            ),
            Column::new(
                "metric".into(),
                self.keys.iter().map(|key| key.3).collect::<Vec<_>>(),
            ),
        ];
        for (index, name) in LAYER_STATISTICS.iter().enumerate() {
            let values: Vec<f64> = self.values.iter().map(|values| values[index]).collect();
            columns.push(Column::new((*name).into(), values));
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

    pub(crate) fn discriminate(&self, spec: &DiscriminateSpec) -> Outcome {
        let inputs = Inputs {
            experiment: "synthetic",
            networks: self.networks(),
            layers: self.layers(),
            measured_with: "defaults",
        };
        discriminate(&inputs, spec, &mut |_| ()).unwrap()
    }
}

/// A spec that is quick: few draws and permutations.
pub(crate) fn quick_spec() -> DiscriminateSpec {
    DiscriminateSpec {
        repeats: 2,
        draws: 400,
        permutations: 19,
        ..Default::default()
    }
}
