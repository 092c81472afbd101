//! The section `[population]` of a study file: what a population of networks is drawn from.

use cntflow_network::Activation;
use serde::Deserialize;

use crate::population::architecture_spec::ArchitectureSpec;
use crate::population::choices::{Choices, Numbers};
use crate::train::{BiasInitialisation, Distribution, FanMode, OptimiserKind};

/// Images per batch of a group that gives none.
const DEFAULT_BATCH_SIZE: f64 = 32.0;

/// Momentum of a group that gives none.
const DEFAULT_MOMENTUM: f64 = 0.0;

/// Share of the training images used by a group that gives none.
const DEFAULT_TRAINING_FRACTION: f64 = 1.0;

/// A population of networks: the data sets they learn, and groups with ranges of their own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    /// Names or folders of data sets: each run learns one of them.
    pub dataset: Choices<String>,
    /// Seed of everything that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// Epochs after which a checkpoint is kept; 0 keeps the untrained network. The checkpoint after
    /// the last epoch is always kept.
    #[serde(default)]
    pub checkpoints: Vec<u32>,
    /// The groups.
    #[serde(rename = "group")]
    pub groups: Vec<GroupSpec>,
}

/// One group of a population.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Its name; the names of its runs begin with it.
    pub name: String,
    /// How runs are drawn.
    #[serde(default)]
    pub draw: DrawMode,
    /// Random: number of runs. Grid: how often each combination is run, each time with another seed
    /// (default 1).
    pub runs: Option<u32>,
    /// Names or folders of the data sets of this group. Default: the population's.
    pub dataset: Option<Choices<String>>,
    /// Hidden layers.
    pub architecture: Choices<ArchitectureSpec>,
    /// Activation of the hidden layers; a classifier's output layer has softmax, that of an
    /// autoencoder has sigmoid.
    pub activation: Choices<Activation>,
    /// Initialisation of the weights.
    pub initialisation: Choices<InitialisationSpec>,
    /// Optimiser.
    pub optimiser: Choices<OptimiserKind>,
    /// Momentum, for SGD only. Default: 0.
    #[serde(default = "default_momentum")]
    pub momentum: Numbers,
    /// Learning rate.
    pub learning_rate: Numbers,
    /// Images per batch. Default: 32.
    #[serde(default = "default_batch_size")]
    pub batch_size: Numbers,
    /// Passes over the training images.
    pub epochs: Numbers,
    /// Share of the data set's training images used. Default: 1.
    #[serde(default = "default_training_fraction")]
    pub training_fraction: Numbers,
    /// Epochs after which this group keeps a checkpoint. Default: the population's.
    pub checkpoints: Option<Vec<u32>>,
    /// How biases start. Default: at zero.
    #[serde(default = "default_bias_initialisation")]
    pub bias_initialisation: Choices<BiasInitialisation>,
    /// Penalty of squared kernel weights. Default: 0.
    #[serde(default = "zero")]
    pub l2: Numbers,
    /// Share of the results of hidden layers that training sets to zero; not in autoencoders.
    /// Default: 0.
    #[serde(default = "zero")]
    pub dropout: Numbers,
    /// Share of the training images used that have a wrong class; not for autoencoders. Default: 0.
    #[serde(default = "zero")]
    pub label_noise: Numbers,
}

/// How the runs of a group are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawMode {
    /// Every value of every run at random.
    #[default]
    Random,
    /// Every combination of the lists.
    Grid,
}

/// An initialisation of weights, for example `{ kind = "normal", scale = 0.05 }` or
/// `{ kind = "variance_scaling", mode = "fan_in", scale = { min = 0.5, max = 2 } }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialisationSpec {
    /// How weights are drawn.
    pub kind: InitialisationName,
    /// The scale of the weights. What it means depends on `kind`.
    pub scale: Numbers,
    /// Variance scaling only: what the fan counts. Default: fan-in.
    pub mode: Option<Choices<FanMode>>,
    /// Variance scaling only: the shape of the distribution. Default: normal.
    pub distribution: Option<Choices<Distribution>>,
}

/// The values of the key `kind` of an initialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialisationName {
    /// Normal.
    Normal,
    /// Uniform.
    Uniform,
    /// Normal, cut at two standard deviations.
    TruncatedNormal,
    /// Variance scaling.
    VarianceScaling,
    /// Semi-orthogonal.
    Orthogonal,
}

fn default_bias_initialisation() -> Choices<BiasInitialisation> {
    Choices::one(BiasInitialisation::default())
}

fn zero() -> Numbers {
    Numbers::one(0.0)
}

fn default_momentum() -> Numbers {
    Numbers::one(DEFAULT_MOMENTUM)
}

fn default_batch_size() -> Numbers {
    Numbers::one(DEFAULT_BATCH_SIZE)
}

fn default_training_fraction() -> Numbers {
    Numbers::one(DEFAULT_TRAINING_FRACTION)
}
