//! Synthetic populations: tables `networks` and `layers` with two families of metrics, whose
//! relation to the label is known.

use cntflow_experiments::features::CNT_STATISTICS;
use polars::prelude::{Column, DataFrame};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Statistics of the table `layers`.
const STATISTICS: [&str; 15] = [
    "mean", "std", "skewness", "kurtosis", "q01", "q05", "q25", "q50", "q75", "q95", "q99", "min",
    "max", "l1", "l2",
];

/// Statistics that a row of `link_weights` has. The others are null and make no column.
const LINK_STATISTICS: [&str; 7] = ["mean", "std", "q05", "q25", "q50", "q75", "q95"];

/// Statistics that a row of `kernel_weights` has: those of `tensor_7`.
const KERNEL_STATISTICS: [&str; 7] = ["min", "q25", "q50", "q75", "max", "std", "mean"];

/// A recipe for the tables of a population. Every statistic of both families is the network's
/// quality times `signal`, plus noise of its own.
#[derive(Clone, Copy)]
pub(crate) struct SyntheticPopulation {
    pub(crate) runs: usize,
    pub(crate) checkpoints_per_run: usize,
    pub(crate) seed: u64,
    /// How strongly both families depend on the quality, in standard deviations of the noise.
    pub(crate) signal: f64,
    /// How much the label of the second stratum exceeds that of the first.
    pub(crate) stratum_effect: f64,
    /// Whether the statistics of the second stratum are shifted as well.
    pub(crate) stratum_shows: bool,
    /// Whether the noise is that of the run, nearly equal at each of its checkpoints.
    pub(crate) is_run_recognisable: bool,
}

impl SyntheticPopulation {
    /// Runs with one checkpoint each, whose label is unrelated to every metric.
    pub(crate) fn null(runs: usize, seed: u64) -> Self {
        Self {
            runs,
            checkpoints_per_run: 1,
            seed,
            signal: 0.0,
            stratum_effect: 0.0,
            stratum_shows: false,
            is_run_recognisable: false,
        }
    }

    /// As [`Self::null`], but both families carry the signal equally well: an AUC of about 0.8.
    pub(crate) fn equal_signal(runs: usize, seed: u64) -> Self {
        Self {
            signal: 0.37,
            ..Self::null(runs, seed)
        }
    }
}

/// The tables of a population, and what a test adds to them.
pub(crate) struct Tables {
    pub(crate) networks: DataFrame,
    pub(crate) layers: DataFrame,
}

/// One checkpoint.
struct Network {
    run: usize,
    step: usize,
    quality: f64,
    stratum: usize,
    links: [f64; 7],
    kernels: [f64; 7],
}

impl SyntheticPopulation {
    pub(crate) fn tables(&self) -> Tables {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let networks: Vec<Network> = (0..self.runs)
            .flat_map(|run| self.run(run, &mut rng))
            .collect();
        Tables {
            networks: networks_frame(&networks, self.stratum_effect),
            layers: layers_frame(&networks),
        }
    }

    fn run(&self, run: usize, rng: &mut ChaCha8Rng) -> Vec<Network> {
        let quality = normal(rng);
        let stratum = run % 2;
        let shift = if self.stratum_shows {
            2.0 * stratum as f64
        } else {
            0.0
        };
        let own_noise: [[f64; 7]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| normal(rng)));
        (0..self.checkpoints_per_run)
            .map(|step| {
                let mut family = |own_noise: &[f64; 7]| {
                    own_noise.map(|own| {
                        let noise = if self.is_run_recognisable {
                            own + 0.05 * normal(rng)
                        } else if step == 0 {
                            own
                        } else {
                            normal(rng)
                        };
                        self.signal * quality + shift + noise
                    })
                };
                Network {
                    run,
                    step,
                    quality,
                    stratum,
                    links: family(&own_noise[0]),
                    kernels: family(&own_noise[1]),
                }
            })
            .collect()
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

fn checkpoint(network: &Network) -> String {
    format!("run{:04}/{}", network.run, network.step)
}

fn networks_frame(networks: &[Network], stratum_effect: f64) -> DataFrame {
    let texts = |name: &str, text: fn(&Network) -> String| {
        Column::new(name.into(), networks.iter().map(text).collect::<Vec<_>>())
    };
    let label = |network: &Network| network.quality + stratum_effect * network.stratum as f64;
    let steps: Vec<i64> = networks.iter().map(|network| network.step as i64).collect();
    let labels: Vec<f64> = networks.iter().map(label).collect();
    let columns = vec![
        texts("checkpoint", checkpoint),
        texts("run", |network| format!("run{:04}", network.run)),
        Column::new("step".into(), steps),
        texts("status", |_| "ok".to_owned()),
        Column::new("test_accuracy".into(), labels),
        texts("layer_type", |network| {
            if network.stratum == 0 {
                "dense"
            } else {
                "convolutional"
            }
            .to_owned()
        }),
    ];
    DataFrame::new(networks.len(), columns).unwrap()
}

/// Columns of the table `layers` that are the same in all rows.
fn constant_columns(n: usize) -> [Column; 3] {
    [
        Column::new("name".into(), vec!["fc"; n]),
        Column::new("kind".into(), vec!["dense"; n]),
        Column::new("count".into(), vec![70_u64; n]),
    ]
}

/// Two rows per network, both of its output layer.
fn layers_frame(networks: &[Network]) -> DataFrame {
    type Family = (&'static str, [&'static str; 7], fn(&Network) -> &[f64; 7]);
    let families: [Family; 2] = [
        ("link_weights", LINK_STATISTICS, |network| &network.links),
        ("kernel_weights", KERNEL_STATISTICS, |network| {
            &network.kernels
        }),
    ];
    let n = 2 * networks.len();
    let rows: Vec<(&Network, &Family)> = networks
        .iter()
        .flat_map(|network| families.iter().map(move |family| (network, family)))
        .collect();
    let mut columns = vec![
        Column::new(
            "checkpoint".into(),
            rows.iter()
                .map(|(network, _)| checkpoint(network))
                .collect::<Vec<_>>(),
        ),
        Column::new("layer".into(), vec![1_u32; n]),
        Column::new("role".into(), vec!["output"; n]),
        Column::new(
            "metric".into(),
            rows.iter().map(|(_, family)| family.0).collect::<Vec<_>>(),
        ),
    ];
    columns.extend(constant_columns(n));
    for statistic in STATISTICS {
        let value = |(network, family): &(&Network, &Family)| {
            let index = family.1.iter().position(|name| *name == statistic)?;
            Some(family.2(network)[index])
        };
        let values: Vec<Option<f64>> = rows.iter().map(value).collect();
        columns.push(Column::new(statistic.into(), values));
    }
    DataFrame::new(n, columns).unwrap()
}

/// Tables of `link_weights` alone with about so many columns in the representation `position`. A
/// tenth of them carry a little of the signal.
#[allow(dead_code, reason = "the example that times evaluations uses it")]
pub(crate) fn wide_tables(runs: usize, n_columns: usize) -> Tables {
    let n_layers = n_columns.div_ceil(CNT_STATISTICS.len());
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let qualities: Vec<f64> = (0..runs).map(|_| normal(&mut rng)).collect();
    let network = |(run, quality): (usize, &f64)| Network {
        run,
        step: 0,
        quality: *quality,
        stratum: run % 2,
        links: [0.0; 7],
        kernels: [0.0; 7],
    };
    let networks: Vec<Network> = qualities.iter().enumerate().map(network).collect();
    let n = runs * n_layers;
    let names: Vec<String> = networks.iter().map(checkpoint).collect();
    let of_run = |row: usize| row / n_layers;
    let checkpoints: Vec<&str> = (0..n).map(|row| names[of_run(row)].as_str()).collect();
    let roles = (0..n).map(|row| {
        if row % n_layers == n_layers - 1 {
            "output"
        } else {
            "hidden"
        }
    });
    let mut columns = vec![
        Column::new("checkpoint".into(), checkpoints),
        Column::new(
            "layer".into(),
            (0..n)
                .map(|row| (row % n_layers + 1) as u32)
                .collect::<Vec<_>>(),
        ),
        Column::new("role".into(), roles.collect::<Vec<_>>()),
        Column::new("metric".into(), vec!["link_weights"; n]),
    ];
    columns.extend(constant_columns(n));
    for statistic in STATISTICS {
        let is_column = CNT_STATISTICS.contains(&statistic);
        let mut value = |row: usize| {
            let signal = if (row % n_layers).is_multiple_of(10) {
                0.2 * qualities[of_run(row)]
            } else {
                0.0
            };
            is_column.then(|| signal + normal(&mut rng))
        };
        let values: Vec<Option<f64>> = (0..n).map(&mut value).collect();
        columns.push(Column::new(statistic.into(), values));
    }
    Tables {
        networks: networks_frame(&networks, 0.0),
        layers: DataFrame::new(n, columns).unwrap(),
    }
}
