//! The tables by name.

/// Version of the tables' schemas, kept in every part's metadata as `cntflow.schema`; a reader refuses what it does not know.
pub const SCHEMA_VERSION: &str = "1";

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row per checkpoint.
    Networks,
    /// One row per checkpoint, layer and metric.
    Layers,
    /// One row per checkpoint, layer and neuron.
    Neurons,
    /// One row per tensor found.
    Coverage,
    /// One row per population, layer and metric: a sample's summary, from which the next two tables are made. For no reader but ours.
    Populations,
    /// One row per population, layer, metric and point; written whole, without batches.
    Densities,
    /// One row per pair of populations, layer and metric; written whole, without batches.
    Divergences,
    /// One row per experiment, features, classifier and stratum; written whole, without batches.
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

    /// Whether a batch may lack the table: nobody asked for it, or there was nothing to say.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::Neurons | Self::Populations)
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

/// The metadata of a part: its table, the version of the schema, and what the caller adds.
pub(crate) fn with_table(table: Table, metadata: &[(String, String)]) -> Vec<(String, String)> {
    let own = [
        ("cntflow.table", table.name()),
        ("cntflow.schema", SCHEMA_VERSION),
    ];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.into_iter().chain(metadata.iter().cloned()).collect()
}
