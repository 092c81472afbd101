//! What can be wrong with a measurement before it starts.

use cntflow_network::NetworkError;

/// Why nothing was measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// A metric is asked for that does not exist.
    #[error("unknown metric {name}; there are {}", crate::Metric::names().join(", "))]
    UnknownMetric {
        /// The name as it was given.
        name: String,
    },
    /// The inputs do not fit the network.
    #[error(transparent)]
    Inputs(#[from] NetworkError),
}
