//! Normalisations of an architecture.

use serde::{Deserialize, Serialize};

use super::yes;
use crate::Activation;

/// Batch normalisation as it is at inference: `gamma (x - mean) / sqrt(variance + epsilon) + beta`,
/// channel by channel.
///
/// Its tensors are `<name>.running_mean`, `<name>.running_var` and, if affine, `<name>.weight`
/// (gamma) and `<name>.bias` (beta).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Added to the variance.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Whether it has gamma and beta.
    #[serde(default = "yes")]
    pub affine: bool,
    /// Activation; linear by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// Layer normalisation: `gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance
/// over all values of an input, or of one step of a sequence.
///
/// Its tensors, if affine, are `<name>.weight` (gamma) and `<name>.bias` (beta), of the input's
/// shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Added to the variance.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Whether it has gamma and beta.
    #[serde(default = "yes")]
    pub affine: bool,
    /// Whether it has beta, if affine.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; linear by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// Group normalisation: layer normalisation over groups of channels; gamma and beta one per
/// channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of groups of channels.
    pub groups: usize,
    /// Added to the variance.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Whether it has gamma and beta.
    #[serde(default = "yes")]
    pub affine: bool,
    /// Activation; linear by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// PyTorch's default.
pub(super) fn epsilon() -> f64 {
    1e-5
}
