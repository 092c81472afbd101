//! What a tensor is by its name and shape alone.

use cntflow_formats::TensorEntry;

use super::modules::is_weight;

/// What a tensor is by its name and shape alone, where no architecture is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorUse {
    /// Weights of links.
    Kernel,
    /// Biases: tensors with a name such as `bias` or `beta`, and vectors whose name is not one that
    /// norms give their scale (`weight`, `gamma`, ...).
    Bias,
}

impl TensorUse {
    /// What the tensor is; `None` for running means and variances, counters and everything else
    /// that is no weight.
    pub fn of(tensor: &TensorEntry) -> Option<Self> {
        let last = tensor.name.rsplit(['.', '/']).next().unwrap_or_default();
        let last = last.strip_suffix(":0").unwrap_or(last);
        let statistics = ["running_", "moving_"];
        if !is_weight(tensor) || statistics.iter().any(|word| last.starts_with(word)) {
            return None;
        }
        let is_scale = ["weight", "gamma", "scale", "g"].contains(&last);
        let is_vector = tensor.shape.len() < 2;
        if last.contains("bias") || last == "beta" || (is_vector && !is_scale) {
            Some(Self::Bias)
        } else {
            Some(Self::Kernel)
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Bias => "bias",
        }
    }
}
