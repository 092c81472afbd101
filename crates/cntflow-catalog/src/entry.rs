//! One checkpoint of a catalog.

use arcstr::ArcStr;
use cntflow_storage::Location;
use serde::{Deserialize, Serialize};

use crate::Labels;

/// One checkpoint: plain data that is sent between processes as the descriptor of a measuring task.
/// A catalog may hold a million of them in memory, so entries share the texts that they have in
/// common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Unique name within its catalog: `<run>/step-00004` for trained ones, the path as found for
    /// scanned ones.
    pub checkpoint: String,
    /// Where its file is.
    pub location: Location,
    /// The training run it belongs to; checkpoints of a run are one group in every evaluation.
    pub run: ArcStr,
    /// Its position in the run, in epochs or steps.
    pub step: i64,
    /// The architecture as JSON, if the catalog has it.
    pub architecture: Option<ArcStr>,
    /// Everything else that is known, by column name.
    pub labels: Labels,
    /// Why there are no weights to measure, e.g. a run that diverged.
    pub absent: Option<Absence>,
}

/// Why a checkpoint of the catalog has no weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absence {
    /// Training ended in NaN or infinity: an outcome, not an error.
    Diverged(String),
    /// Training failed.
    Failed(String),
}

impl Absence {
    /// Parses the text that [`Absence`] displays as; any other text counts as diverged.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix("failed: ") {
            Some(reason) => Self::Failed(reason.to_owned()),
            None => Self::Diverged(text.strip_prefix("diverged: ").unwrap_or(text).to_owned()),
        }
    }
}

impl std::fmt::Display for Absence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Diverged(reason) => write!(f, "diverged: {reason}"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
        }
    }
}
