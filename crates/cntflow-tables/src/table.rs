//! The tables by name.

/// Version of the tables' schemas, in every part's metadata as `cntflow.schema`. Version 1 had
/// `coverage.shape` as text. Up to version 2 `populations` named no checkpoints, and `densities`
/// and `divergences` had no numbers of runs.
pub const SCHEMA_VERSION: &str = "3";

/// Versions that are read and continued: columns of older ones are converted. A part of another
/// version is refused.
pub(crate) const READABLE_VERSIONS: [&str; 3] = ["1", "2", SCHEMA_VERSION];

/// Oldest version whose folders can be continued. A study's identity has it in place of
/// [`SCHEMA_VERSION`]: a folder of an older program stays the same study.
pub const OLDEST_SCHEMA_VERSION: &str = READABLE_VERSIONS[0];

/// Key of a part's metadata: its schema version.
pub(crate) const VERSION_KEY: &str = "cntflow.schema";

/// Key of a part's metadata: its table.
pub(crate) const TABLE_KEY: &str = "cntflow.table";

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row per checkpoint.
    Networks,
    /// One row per checkpoint, layer and metric.
    Layers,
    /// One row per checkpoint, layer and neuron.
    Neurons,
    /// One row per checkpoint and tensor.
    Coverage,
    /// One row per network, or per bin of networks, and layer and metric: a sample's summary, from
    /// which the next two tables are made. Internal.
    Populations,
    /// One row per population, layer, metric and point; a single part, without batches.
    Densities,
    /// One row per pair of populations, layer and metric; a single part, without batches.
    Divergences,
    /// One row per experiment, features, classifier and stratum; a single part, without batches.
    Discrimination,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 8] = [
        Self::Networks,
        Self::Layers,
        Self::Neurons,
        Self::Coverage,
        Self::Populations,
        Self::Densities,
        Self::Divergences,
        Self::Discrimination,
    ];

    /// The tables that come in batches, the committing one last.
    pub const BATCHED: [Self; 5] = [
        Self::Layers,
        Self::Neurons,
        Self::Coverage,
        Self::Populations,
        Self::Networks,
    ];

    /// Whether the table comes in batches.
    pub fn is_batched(self) -> bool {
        Self::BATCHED.contains(&self)
    }

    /// Whether a batch may lack the table, because nothing was to be written to it.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::Neurons | Self::Populations)
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Name of the table and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Layers => "layers",
            Self::Neurons => "neurons",
            Self::Coverage => "coverage",
            Self::Populations => "populations",
            Self::Densities => "densities",
            Self::Divergences => "divergences",
            Self::Discrimination => "discrimination",
        }
    }
}

/// The metadata of a part: its table, the schema version, and the caller's pairs.
pub(crate) fn with_table(table: Table, metadata: &[(String, String)]) -> Vec<(String, String)> {
    let own = [(TABLE_KEY, table.name()), (VERSION_KEY, SCHEMA_VERSION)];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.into_iter().chain(metadata.iter().cloned()).collect()
}
