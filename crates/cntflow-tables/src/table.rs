//! The tables by name.

/// Version of the tables' schemas, in every part's metadata as `cntflow.schema`. Version 1 had
/// `coverage.shape` as text. Up to version 2 `populations` named no checkpoints, and `densities`
/// and `divergences` had no numbers of runs. Up to version 3 these three had no values of labels,
/// and the latter two nothing of random halves. Up to version 4 `networks` had no `parent`, and
/// nothing was said of graphs that are known in parts.
pub const SCHEMA_VERSION: &str = "5";

/// Versions that are read and continued: columns of older ones are converted. A part of another
/// version is refused.
pub(crate) const READABLE_VERSIONS: [&str; 5] = ["1", "2", "3", "4", SCHEMA_VERSION];

/// Columns that batched tables of older versions lack. They are null there.
pub(crate) const ADDED_COLUMNS: [(Table, &str); 5] = [
    (Table::Networks, "parent"),
    (Table::Networks, "graph"),
    (Table::Networks, "placed_parameters"),
    (Table::Layers, "open_in"),
    (Table::Layers, "open_out"),
];

/// Oldest schema version whose folders a run may continue. The identity of a study is computed from
/// this version and not from [`SCHEMA_VERSION`], so that raising the schema version does not turn
/// an existing folder into another study.
pub const OLDEST_SCHEMA_VERSION: &str = READABLE_VERSIONS[0];

/// Key under which the metadata of a part holds the schema version.
pub(crate) const VERSION_KEY: &str = "cntflow.schema";

/// Key under which the metadata of a part holds the name of the table.
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
    /// One row per checkpoint, layer of links and rank: the strongest links.
    Links,
    /// One row per checkpoint and tensor.
    Coverage,
    /// One row per network, or per bin of networks, and layer and metric: a sample's summary, from
    /// which the next two tables are made. Internal.
    Populations,
    /// One row per population, layer, metric and point. Always one part, which is replaced as a
    /// whole: it has no batches.
    Densities,
    /// One row per pair of populations, layer and metric. Always one part, which is replaced as a
    /// whole: it has no batches.
    Divergences,
    /// One row per fit of an experiment: what a stopped run goes on from.
    Fits,
    /// One row per candidate and stratum of an experiment.
    Scores,
    /// One row per candidate and held-out network of an experiment.
    Predictions,
    /// One row per network and repeat of an experiment.
    Folds,
    /// One row per candidate and feature column of an experiment.
    Importance,
    /// One row per control and feature choice of an experiment.
    Controls,
    /// One row per candidate, stratum, actual and predicted class of an experiment with classes.
    Confusion,
    /// One row per population and feature set of an experiment with a transfer.
    Transfer,
    /// One row per feature set and threshold of an experiment that says what becomes of a run.
    Stopping,
    /// One row per candidate and number of training groups of an experiment with a learning curve.
    LearningCurve,
    /// One row per comparison of an experiment.
    Verdicts,
}

impl Table {
    /// The tables of a study.
    pub const ALL: [Self; 8] = [
        Self::Networks,
        Self::Layers,
        Self::Neurons,
        Self::Links,
        Self::Coverage,
        Self::Populations,
        Self::Densities,
        Self::Divergences,
    ];

    /// The tables of an experiment, each a single part but `fits`. Those of [`Table::OF_DESIGN`]
    /// may be absent. `verdicts` is written last: its presence says that the experiment is done.
    pub const OF_EXPERIMENT: [Self; 11] = [
        Self::Fits,
        Self::Scores,
        Self::Predictions,
        Self::Folds,
        Self::Importance,
        Self::Controls,
        Self::Confusion,
        Self::Transfer,
        Self::Stopping,
        Self::LearningCurve,
        Self::Verdicts,
    ];

    /// The tables that experiments of some targets and designs alone have.
    pub const OF_DESIGN: [Self; 4] = [
        Self::Confusion,
        Self::Transfer,
        Self::Stopping,
        Self::LearningCurve,
    ];

    /// The tables that come in batches, the committing one last.
    pub const BATCHED: [Self; 6] = [
        Self::Layers,
        Self::Neurons,
        Self::Links,
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
        matches!(self, Self::Neurons | Self::Links | Self::Populations)
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = Self::ALL.into_iter().chain(Self::OF_EXPERIMENT);
        all.into_iter().find(|table| table.name() == name)
    }

    /// Name of the table and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Layers => "layers",
            Self::Neurons => "neurons",
            Self::Links => "links",
            Self::Coverage => "coverage",
            Self::Populations => "populations",
            Self::Densities => "densities",
            Self::Divergences => "divergences",
            Self::Fits => "fits",
            Self::Scores => "scores",
            Self::Predictions => "predictions",
            Self::Folds => "folds",
            Self::Importance => "importance",
            Self::Controls => "controls",
            Self::Confusion => "confusion",
            Self::Transfer => "transfer",
            Self::Stopping => "stopping",
            Self::LearningCurve => "learning_curve",
            Self::Verdicts => "verdicts",
        }
    }
}

/// The metadata of a part: its table, the schema version, and the caller's pairs.
pub(crate) fn part_metadata(name: &str, metadata: &[(String, String)]) -> Vec<(String, String)> {
    let own = [(TABLE_KEY, name), (VERSION_KEY, SCHEMA_VERSION)];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.into_iter().chain(metadata.iter().cloned()).collect()
}
