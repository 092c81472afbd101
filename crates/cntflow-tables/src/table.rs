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
    /// One row per experiment, features, classifier and stratum; written whole, without batches.
    Discrimination,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 5] = [
        Self::Networks,
        Self::Layers,
        Self::Neurons,
        Self::Coverage,
        Self::Discrimination,
    ];

    /// The tables that come in batches, the committing one last.
    pub const BATCHED: [Self; 4] = [Self::Layers, Self::Neurons, Self::Coverage, Self::Networks];

    /// Name of the table and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Layers => "layers",
            Self::Neurons => "neurons",
            Self::Coverage => "coverage",
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
