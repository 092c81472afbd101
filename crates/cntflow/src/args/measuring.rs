//! How checkpoints are measured: options of `measure` and `watch`.

use clap::{Args, ValueEnum};

use super::{ColumnArguments, LimitArguments};
use crate::study::measure_plan::{DigestKind, NeuronRows};

#[derive(Clone, Debug, Args)]
pub(crate) struct MeasureSettings {
    /// Metrics to compute, separated by commas [default: all but all_weights]
    #[arg(long, value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Inputs for the data-dependent metrics: `DATASET[:train|test[:number]]`
    #[arg(long)]
    pub(crate) probe: Option<String>,
    /// Which neurons get a row in the table 'neurons'
    #[arg(long, value_enum, default_value_t = NeuronsArgument::None)]
    pub(crate) neurons: NeuronsArgument,
    /// Twins to measure beside every network, separated by commas: shuffle, neurons, gaussian, sign
    ///
    /// A twin is the same network with other weights. Its tables are in OUT/tables/twins/TWIN, in
    /// SQL networks_TWIN and layers_TWIN.
    #[arg(long, value_delimiter = ',')]
    pub(crate) twin: Vec<String>,
    /// Digest of each checkpoint in the table 'networks'; 'none' saves the time of hashing every
    /// file
    #[arg(long, value_enum, default_value_t = DigestArgument::Blake3)]
    pub(crate) digest: DigestArgument,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    #[command(flatten)]
    pub(crate) columns: ColumnArguments,
}

impl MeasureSettings {
    /// Whether the user has chosen nothing.
    pub(crate) fn are_default(&self) -> bool {
        let Self {
            metrics,
            probe,
            neurons,
            twin,
            digest,
            limits,
            columns,
        } = self;
        metrics.is_empty()
            && probe.is_none()
            && *neurons == NeuronsArgument::None
            && twin.is_empty()
            && *digest == DigestArgument::Blake3
            && limits.are_default()
            && columns.are_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DigestArgument {
    /// BLAKE3 of the whole file
    Blake3,
    /// No digest: the column is null
    None,
}

impl From<DigestArgument> for DigestKind {
    fn from(argument: DigestArgument) -> Self {
        match argument {
            DigestArgument::Blake3 => Self::Blake3,
            DigestArgument::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NeuronsArgument {
    /// No neurons: the table is not written
    None,
    /// Every neuron
    Full,
}

impl From<NeuronsArgument> for NeuronRows {
    fn from(argument: NeuronsArgument) -> Self {
        match argument {
            NeuronsArgument::None => Self::None,
            NeuronsArgument::Full => Self::Full,
        }
    }
}
