//! Versions: digests of what the rows of a checkpoint depend on.

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_dataflow::Version;

/// The version of a checkpoint: of what is known of it, and of its content.
pub(super) fn version_of(description: u128, content: &str) -> Version {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&description.to_le_bytes());
    hasher.update(content.as_bytes());
    leading(hasher.finalize())
}

fn leading(hash: blake3::Hash) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}

/// A digest of what the table `networks` says of a checkpoint beside its content: run, step, parent
/// and labels. The texts of an entry and of the row that it became are the same.
#[derive(Debug)]
pub(super) struct Description(blake3::Hasher);

impl Description {
    /// Begins with run and step; the parent and labels follow in the order of the columns.
    pub(super) fn new(run: &str, step: i64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(run.as_bytes());
        hasher.update(&[0]);
        hasher.update(&step.to_le_bytes());
        Self(hasher)
    }

    /// Adds the parent, if there is one; labels follow.
    pub(super) fn parent(&mut self, parent: Option<&str>) {
        if let Some(parent) = parent {
            self.label("parent", parent);
        }
    }

    /// Adds a label that is not null.
    pub(super) fn label(&mut self, column: &str, text: &str) {
        for part in [column, text] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }

    /// The digest.
    pub(super) fn digest(&self) -> u128 {
        leading(self.0.finalize())
    }

    /// That of an entry, as its row will be with these label columns.
    pub(super) fn of_entry(entry: &CatalogEntry, columns: &[LabelColumn]) -> u128 {
        let mut description = Self::new(&entry.run, entry.step);
        description.parent(entry.parent.as_ref().map(|parent| parent.name.as_str()));
        for column in columns {
            if let Some(label) = entry.labels.get(&column.name)
                && let Some(text) = text_in(label, column.kind)
            {
                description.label(&column.name, &text);
            }
        }
        description.digest()
    }
}

/// The text of a label as a column of that kind holds it; `None` for a null.
fn text_in(label: &Label, kind: LabelKind) -> Option<String> {
    match (kind, label) {
        (LabelKind::Real, Label::Integer(value)) => Some((*value as f64).to_string()),
        (LabelKind::Flag, Label::Flag(_))
        | (LabelKind::Integer, Label::Integer(_))
        | (LabelKind::Real, Label::Real(_))
        | (LabelKind::Text, _) => Some(label.to_string()),
        _ => None,
    }
}
