//! Why a measurement cannot start.

use cntflow_network::NetworkError;

/// Why a measurement cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// The metric does not exist.
    #[error("unknown metric {name}; there are {}", known.join(", "))]
    UnknownMetric {
        /// The given name.
        name: String,
        /// The names of all metrics.
        known: Vec<&'static str>,
    },
    /// There is not one label for each input.
    #[error("{n_labels} labels for {n_inputs} inputs")]
    Labels {
        /// Number of inputs.
        n_inputs: usize,
        /// Number of labels.
        n_labels: usize,
    },
    /// The inputs do not fit the network.
    #[error(transparent)]
    Inputs(#[from] NetworkError),
}
