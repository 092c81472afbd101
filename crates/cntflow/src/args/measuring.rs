//! How checkpoints are measured: options of `measure` and `watch`.

use clap::{Args, ValueEnum};

use super::{ColumnArguments, LimitArguments};
use crate::study::measure_plan::{Against, DigestKind, MOST_STRONGEST_LINKS, NeuronRows};

#[derive(Clone, Debug, Args)]
pub(crate) struct MeasureSettings {
    /// Metrics to compute, separated by commas [default: all but all_weights, and
    /// those of --against]
    #[arg(long, value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Compare each checkpoint with this one: metrics weights_change, relative_change and
    /// strength_change in the table 'layers'
    ///
    /// The parent is the checkpoint that one was made from: the column `parent` of a catalog or of
    /// --metadata, or what a folder of Hugging Face names. A parent that cannot be opened is said
    /// in the row of the checkpoint.
    #[arg(long, value_enum)]
    pub(crate) against: Option<AgainstArgument>,
    /// Inputs for the data-dependent metrics: `DATASET[:train|test[:number]]`
    #[arg(long)]
    pub(crate) probe: Option<String>,
    /// Which neurons get a row in the table 'neurons'
    #[arg(long, value_enum, default_value_t = NeuronsArgument::None)]
    pub(crate) neurons: NeuronsArgument,
    /// How many of the strongest links of each layer get a row in the table 'links', 1024 at most
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=i64::from(MOST_STRONGEST_LINKS)))]
    pub(crate) strongest_links: u16,
    /// Twins to measure beside every network, separated by commas: shuffle, neurons, gaussian, sign
    ///
    /// A twin is the same network with other weights. Its tables are in OUT/tables/twins/TWIN, in
    /// SQL networks_TWIN, layers_TWIN and links_TWIN.
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
            against,
            probe,
            neurons,
            strongest_links,
            twin,
            digest,
            limits,
            columns,
        } = self;
        metrics.is_empty()
            && against.is_none()
            && probe.is_none()
            && *neurons == NeuronsArgument::None
            && *strongest_links == 0
            && twin.is_empty()
            && *digest == DigestArgument::Blake3
            && limits.are_default()
            && columns.are_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgainstArgument {
    /// The checkpoint that it was made from
    Parent,
}

impl From<AgainstArgument> for Against {
    fn from(argument: AgainstArgument) -> Self {
        match argument {
            AgainstArgument::Parent => Self::Parent,
        }
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
