//! What is known of a network once it is measured.

use cntflow_metrics::NetworkMetrics;
use cntflow_metrics::population::LayerSample;
use cntflow_network::{Twin, TwinError};

/// A measured network.
pub(crate) struct Measured {
    /// Its metrics.
    pub(crate) metrics: NetworkMetrics,
    /// Its samples for populations, by layer and metric; empty if none are wanted.
    pub(crate) samples: Vec<LayerSample>,
    /// Which weights are NaN or infinite, if any.
    pub(crate) not_finite: Option<String>,
    /// Which metrics were omitted, and why.
    pub(crate) omitted: Option<String>,
}

/// A measured twin.
pub(crate) struct MeasuredTwin {
    /// Which one.
    pub(crate) twin: Twin,
    /// Its metrics, or why the network has no such twin.
    pub(crate) measured: Result<Measured, TwinError>,
    /// Time of making and measuring it.
    pub(crate) seconds: f64,
}
