//! What a report is made of.

use std::fmt;

use cntflow_tables::SqlTables;

/// Something that is known of the study beside its tables: a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The name of a network or of one of its twins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkName {
    /// Name of the checkpoint.
    pub checkpoint: String,
    /// Which twin; `None` for the network itself.
    pub twin: Option<String>,
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.twin {
            Some(twin) => write!(f, "{twin}:{}", self.checkpoint),
            None => f.write_str(&self.checkpoint),
        }
    }
}

/// What a report is made of.
#[derive(Debug)]
pub struct Report<'a> {
    /// Name of the study.
    pub name: &'a str,
    /// What it is, and what wrote it.
    pub facts: &'a [Fact],
    /// How its networks were measured.
    pub options: &'a [Fact],
    /// The label by which networks are good or bad, such as `test_accuracy`, if there is one.
    pub label: Option<&'a str>,
    /// All labels of its networks.
    pub labels: &'a [String],
    /// The networks that are drawn as graphs; the best and the worst if none are named.
    pub graphs: &'a [NetworkName],
    /// Its tables.
    pub tables: &'a SqlTables,
}
