//! What a report is made of.

use cntflow_tables::SqlTables;

/// Something that is known of the study beside its tables: a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
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
    /// Its tables.
    pub tables: &'a SqlTables,
}
