//! Which columns of a file or table become labels, and under which names.
//!
//! A catalog has columns of its own ([`RESERVED`]), and no label may have one of these names.
//! Whether a column of that name in another table is a field of the entry or a label depends on who
//! wrote the table. This module decides it.

/// Columns of a catalog that are fields of an entry, never labels.
const RESERVED: [&str; 9] = [
    "checkpoint",
    "path",
    "member",
    "row",
    "run",
    "step",
    "architecture",
    PARENT,
    "absent",
];

/// The column that names the checkpoint that another one was made from.
pub(crate) const PARENT: &str = "parent";

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
}

impl ColumnSource {
    /// The name of the label that a column becomes; `None` if it becomes no label.
    ///
    /// In a table of metadata a reserved name becomes `label_<name>` unless the column is a key or
    /// `parent`. A key column with a reserved name becomes no label; other keys, such as `name`,
    /// do.
    pub fn label_name(self, column: &str) -> Option<String> {
        let is_reserved = RESERVED.contains(&column);
        let own = || column.to_owned();
        match self {
            Self::Catalog => (!is_reserved).then(own),
            Self::Checkpoint => (!CHECKPOINT_FIELDS.contains(&column)).then(own),
            Self::Metadata if column == PARENT => None,
            Self::Metadata if is_key(column) => (!is_reserved).then(own),
            Self::Metadata => Some(unreserved_name(column)),
        }
    }
}

/// Whether a column of a table of metadata says which checkpoint a row is about.
pub(crate) fn is_key(column: &str) -> bool {
    column == "step" || KEYS.contains(&column)
}

/// The name of the label that a column of somebody else's table or configuration becomes, where a
/// reserved name means something else: its own, or `label_<name>` if that is reserved.
pub fn unreserved_name(column: &str) -> String {
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
        use ColumnSource::{Catalog, Checkpoint, Metadata};
        let check = |column: &str, expected: [Option<&str>; 3], foreign: &str| {
            let names = [Catalog, Checkpoint, Metadata].map(|source| source.label_name(column));
            assert_eq!(names.each_ref().map(Option::as_deref), expected, "{column}");
            assert_eq!(unreserved_name(column), foreign);
        };
        check("accuracy", [Some("accuracy"); 3], "accuracy");
        check("run", [None, None, None], "label_run");
        check(
            "member",
            [None, Some("member"), Some("label_member")],
            "label_member",
        );
        check("format", [Some("format"), None, Some("format")], "format");
        check("name", [Some("name"); 3], "name");
        check("parent", [None, Some("parent"), None], "label_parent");
    }
}
