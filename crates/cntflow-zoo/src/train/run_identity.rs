//! What makes two runs the same: the form of a run that the identity of a study is made of.

use cntflow_network::Activation;
use serde::Serialize;

use crate::train::initialisation::{BiasInitialisation, Initialisation};
use crate::train::layer_type::LayerType;
use crate::train::optimiser::OptimiserKind;
use crate::train::run_spec::RunSpec;

/// A run as JSON for the identity of a study: all fields of its [`RunSpec`], in their order. Fields
/// that earlier versions did not have are left out where they have their defaults, so that studies
/// of those versions keep their identity.
#[derive(Debug, Serialize)]
pub struct RunIdentity<'a> {
    run: &'a str,
    group: &'a str,
    dataset: &'a str,
    layer_type: LayerType,
    architecture: &'a str,
    activation: Activation,
    initialisation: Initialisation,
    optimiser: OptimiserKind,
    momentum: f64,
    learning_rate: f64,
    batch_size: u32,
    epochs: u32,
    checkpoints: &'a [u32],
    training_fraction: f64,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias_initialisation: Option<BiasInitialisation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_noise: Option<f64>,
}

impl RunSpec {
    /// The run as the identity of a study sees it.
    pub fn identity(&self) -> RunIdentity<'_> {
        RunIdentity {
            run: &self.run,
            group: &self.group,
            dataset: &self.dataset,
            layer_type: self.layer_type,
            architecture: &self.architecture,
            activation: self.activation,
            initialisation: self.initialisation,
            optimiser: self.optimiser,
            momentum: self.momentum,
            learning_rate: self.learning_rate,
            batch_size: self.batch_size,
            epochs: self.epochs,
            checkpoints: &self.checkpoints,
            training_fraction: self.training_fraction,
            seed: self.seed,
            bias_initialisation: unless_default(self.bias_initialisation),
            l2: unless_default(self.l2),
            dropout: unless_default(self.dropout),
            label_noise: unless_default(self.label_noise),
        }
    }

    /// Whether `label` is of a key that earlier versions did not have, and this run has the key's
    /// default. Checkpoints leave such labels out: their bytes are those of earlier versions.
    pub(crate) fn has_default(&self, label: &str) -> bool {
        match label {
            "bias_initialisation" => unless_default(self.bias_initialisation).is_none(),
            "l2" => unless_default(self.l2).is_none(),
            "dropout" => unless_default(self.dropout).is_none(),
            "label_noise" => unless_default(self.label_noise).is_none(),
            _ => false,
        }
    }
}

fn unless_default<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}
