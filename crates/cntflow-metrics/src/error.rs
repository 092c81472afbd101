//! Why a measurement cannot start.

use cntflow_network::NetworkError;

/// Why a measurement cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// The metric does not exist.
    #[error("unknown metric {name}; the metrics are {}", known.join(", "))]
    UnknownMetric {
        /// The given name.
        name: String,
        /// The names of all metrics.
        known: Vec<&'static str>,
    },
    /// The inputs do not fit the network.
    #[error(transparent)]
    Inputs(#[from] NetworkError),
}
