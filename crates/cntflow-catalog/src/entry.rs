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
    /// The checkpoint that it was made from, if that is known.
    pub parent: Option<Box<Parent>>,
    /// Why there are no weights to measure, e.g. a run that diverged.
    pub absent: Option<Absence>,
}

/// The checkpoint that another one was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// Its name in the catalog, or what the file that names it says.
    pub name: ArcStr,
    /// Where it is: that of the checkpoint of this name in the catalog, or a file beside the one
    /// that names it. Nobody has looked whether it is there.
    pub location: Location,
    /// Its architecture as JSON, if the catalog has it.
    pub architecture: Option<ArcStr>,
}

impl Parent {
    /// The parent that a file at `beside` names: a path relative to the folder of that file, an
    /// absolute one, or a URL.
    pub fn named(name: &str, beside: &Location) -> Self {
        let shown = Location::from_shown(name);
        let whole = match (shown.url(), shown.path.to_str()) {
            (None, Some(path)) => beside.sibling(path).normalised(),
            _ => shown.whole(),
        };
        Self {
            name: name.into(),
            location: Location {
                member: shown.member.or(whole.member),
                row: shown.row,
                path: whole.path,
            },
            architecture: None,
        }
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_parent_is_beside_the_file_that_names_it() {
        let check = |beside: &str, name: &str, expected: &str| {
            let parent = Parent::named(name, &Location::from_shown(beside));
            assert_eq!(parent.location.to_string(), expected);
            assert_eq!(parent.name, name);
        };
        check("zoo/catalog.csv", "base.pt", "zoo/base.pt");
        check("hub/tuned/config.json", "../base", "hub/base");
        check("zoo/catalog.csv", "/abs/base.pt", "/abs/base.pt");
        check("zoo/catalog.csv", "s3://b//base.pt", "s3://b//base.pt");
        check(
            "zoo/catalog.csv",
            "a.tar: base.pt row 3",
            "zoo/a.tar: base.pt row 3",
        );
        check("zoo.tar: x/config.json", "../base.pt", "zoo.tar: base.pt");
        let object = Parent::named("base.pt", &Path::new("s3://b/zoo/catalog.csv").into());
        assert_eq!(object.location.url(), Some("s3://b/zoo/base.pt"));
    }
}
