//! Which columns of a file or table become labels, and under which names.
//!
//! A catalog has columns of its own ([`RESERVED`]), so that a label must not have their names. What
//! a reserved name means in another table depends on who wrote that table: this is the one place
//! that says it.

/// Columns of a catalog that are fields of an entry, never labels.
const RESERVED: [&str; 8] = [
    "checkpoint",
    "path",
    "member",
    "row",
    "run",
    "step",
    "architecture",
    "absent",
];

/// Columns by which a table of metadata says which checkpoint or run a row is about; the first that
/// a row has is used.
pub(crate) const KEYS: [&str; 6] = ["path", "checkpoint", "file", "filename", "name", "run"];

/// Metadata that `cntflow` writes into a checkpoint beside labels: the format's name, and fields of
/// the entry.
const CHECKPOINT_FIELDS: [&str; 5] = ["format", "checkpoint", "run", "step", "architecture"];

/// Who wrote a table or a file whose columns may become labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// A catalog file: its reserved columns are the fields of the entry.
    Catalog,
    /// The metadata of a checkpoint file, which may be one of ours.
    Checkpoint,
    /// A table of metadata that is joined to a catalog: its key columns and `step` say which
    /// checkpoint a row is about.
    Metadata,
    /// Somebody else's table or configuration: a reserved name means something else there.
    Foreign,
}

impl ColumnSource {
    /// The name of the label that a column becomes; `None` if it becomes no label.
    ///
    /// A column of a foreign table, or one of a table of metadata that is no key, is called
    /// `label_<name>` if its name is reserved.
    pub fn label_name(self, column: &str) -> Option<String> {
        let is_reserved = RESERVED.contains(&column);
        let own = || column.to_owned();
        match self {
            Self::Catalog => (!is_reserved).then(own),
            Self::Checkpoint => (!CHECKPOINT_FIELDS.contains(&column)).then(own),
            Self::Metadata if is_key(column) => (!is_reserved).then(own),
            Self::Metadata | Self::Foreign => Some(label_name(column)),
        }
    }
}

/// Whether a column of a table of metadata says which checkpoint a row is about.
pub(crate) fn is_key(column: &str) -> bool {
    column == "step" || KEYS.contains(&column)
}

/// The name of the label that a column of somebody else's table becomes: its own, or `label_<name>`
/// if that is reserved.
pub fn label_name(column: &str) -> String {
    if RESERVED.contains(&column) {
        format!("label_{column}")
    } else {
        column.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_depend_on_who_wrote_the_table() {
        use ColumnSource::{Catalog, Checkpoint, Foreign, Metadata};
        let check = |column: &str, expected: [Option<&str>; 4]| {
            let names =
                [Catalog, Checkpoint, Metadata, Foreign].map(|source| source.label_name(column));
            assert_eq!(names.each_ref().map(Option::as_deref), expected, "{column}");
        };
        check("accuracy", [Some("accuracy"); 4]);
        check("run", [None, None, None, Some("label_run")]);
        check(
            "member",
            [
                None,
                Some("member"),
                Some("label_member"),
                Some("label_member"),
            ],
        );
        check(
            "format",
            [Some("format"), None, Some("format"), Some("format")],
        );
        check("name", [Some("name"); 4]);
    }
}
