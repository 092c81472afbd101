//! What `cntflow catalog` prints: the checkpoints of some sources, and the files that are not
//! checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_catalog::{Catalog, CatalogEntry, Label, LabelColumn, MetadataMismatch, SkippedFile};
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::Limits;
use serde_json::{Map, Value, json};

use crate::error_text::checkpoint_reason;
use crate::printer;

/// The checkpoints of some sources.
pub(crate) struct CatalogListing {
    catalog: Catalog,
    labels: Vec<LabelColumn>,
    /// Whether any checkpoint has a parent.
    has_parents: bool,
    /// Number of checkpoints by the extension of their files.
    kinds: BTreeMap<String, usize>,
    skipped_files: Vec<SkippedFile>,
    metadata: Option<MetadataMismatch>,
    opened: Option<OpenedCheckpoints>,
}

/// What is known after every checkpoint was opened.
#[derive(Default)]
pub(crate) struct OpenedCheckpoints {
    /// Number of checkpoints by format.
    formats: BTreeMap<&'static str, usize>,
    /// Names of checkpoints with equal content, by digest.
    duplicates: Vec<(String, Vec<String>)>,
    /// Checkpoints that cannot be opened, and why.
    failed: Vec<(String, String)>,
}

impl OpenedCheckpoints {
    /// Opens every checkpoint, and computes its digest if asked to.
    pub(crate) fn open(catalog: &Catalog, limits: &Limits, with_digest: bool) -> Self {
        let mut opened = Self::default();
        let mut names_by_digest: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in catalog.entries() {
            if entry.absent.is_some() {
                continue;
            }
            let name = entry.checkpoint.clone();
            match OpenCheckpoint::open_at(&entry.location, limits) {
                Ok(checkpoint) => {
                    *opened.formats.entry(checkpoint.format()).or_default() += 1;
                    if with_digest {
                        let names = names_by_digest.entry(checkpoint.digest());
                        names.or_default().push(name);
                    }
                }
                Err(error) => opened.failed.push((name, checkpoint_reason(&error))),
            }
        }
        opened.duplicates = names_by_digest
            .into_iter()
            .filter(|(_, names)| names.len() > 1)
            .collect();
        opened
    }

    fn text(&self) -> String {
        let mut text = format!("\nformats: {}", counts_text(&self.formats));
        for (digest, names) in &self.duplicates {
            text.push_str(&format!("\nequal content ({digest}): {}", names.join(", ")));
        }
        for (_, reason) in &self.failed {
            text.push_str(&format!("\ncannot be opened: {reason}"));
        }
        text
    }
}

impl CatalogListing {
    /// A listing of scanned sources; `opened` adds what is known after opening the checkpoints.
    pub(crate) fn new(
        catalog: Catalog,
        skipped_files: Vec<SkippedFile>,
        metadata: Option<MetadataMismatch>,
        opened: Option<OpenedCheckpoints>,
    ) -> Self {
        Self {
            labels: catalog.label_columns(),
            has_parents: catalog.entries().any(|entry| entry.parent.is_some()),
            kinds: count_kinds(&catalog),
            catalog,
            skipped_files,
            metadata,
            opened,
        }
    }

    /// A table of the checkpoints, then counts, skipped files and checkpoints without weights.
    pub(crate) fn text(&self) -> String {
        let columns = ["checkpoint", "run", "step"].into_iter();
        let parent = self.has_parents.then_some("parent");
        let columns = columns.chain(parent);
        let labels = self.labels.iter().map(|label| label.name.as_str());
        let rows = self.catalog.entries().map(|entry| self.row(&entry));
        let mut text = printer::table(columns.chain(labels), rows);
        text.push_str(&format!(
            "\n\n{} checkpoints of {} runs",
            self.catalog.len(),
            count_runs(&self.catalog)
        ));
        if !self.kinds.is_empty() {
            text.push_str(&format!(" ({})", counts_text(&self.kinds)));
        }
        if !self.skipped_files.is_empty() {
            text.push_str(&format!("; {} files skipped:", self.skipped_files.len()));
        }
        for file in &self.skipped_files {
            text.push_str(&format!("\n  {}: {}", file.path.display(), file.reason));
        }
        if let Some(metadata) = &self.metadata {
            text.push_str(&metadata_text(metadata));
        }
        for entry in self.catalog.entries() {
            if let Some(absence) = &entry.absent {
                text.push_str(&format!("\n  {}: {absence}", entry.checkpoint));
            }
        }
        if let Some(opened) = &self.opened {
            text.push_str(&opened.text());
        }
        text
    }

    fn row(&self, entry: &CatalogEntry) -> Vec<String> {
        let mut cells = vec![
            entry.checkpoint.clone(),
            entry.run.to_string(),
            entry.step.to_string(),
        ];
        if self.has_parents {
            let parent = entry.parent.as_ref();
            cells.push(parent.map_or(String::new(), |parent| parent.name.to_string()));
        }
        cells.extend(self.labels.iter().map(|column| {
            let label = entry.labels.get(&column.name);
            label.map_or(String::new(), Label::to_string)
        }));
        cells
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let entries = self.catalog.entries();
        let skipped_files = self.skipped_files.iter();
        let skipped_files =
            skipped_files.map(|file| json!({"path": file.path, "reason": file.reason}));
        let mut document = json!({
            "checkpoints": entries.map(|entry| entry_json(&entry)).collect::<Vec<_>>(),
            "runs": count_runs(&self.catalog),
            "kinds": self.kinds,
            "labels": self.labels,
            "passed_over": skipped_files.collect::<Vec<_>>(),
        });
        document["metadata"] = match &self.metadata {
            Some(metadata) => json!({
                "file": metadata.path,
                "rows_without_checkpoint": metadata.rows,
                "checkpoints_without_row": metadata.entries_without_row,
            }),
            None => Value::Null,
        };
        if let Some(opened) = &self.opened {
            document["formats"] = json!(opened.formats);
            document["duplicates"] = opened
                .duplicates
                .iter()
                .map(|(digest, names)| json!({"digest": digest, "checkpoints": names}))
                .collect();
            document["failed"] = opened
                .failed
                .iter()
                .map(|(checkpoint, reason)| json!({"checkpoint": checkpoint, "reason": reason}))
                .collect();
        }
        document
    }
}

/// The rows of a table of labels that match no checkpoint, and the checkpoints without a row.
fn metadata_text(metadata: &MetadataMismatch) -> String {
    let path = metadata.path.display();
    let mut text = match metadata.rows.len() {
        0 => String::new(),
        1 => format!("\n1 row of {path} matches no checkpoint:"),
        n => format!("\n{n} rows of {path} match no checkpoint:"),
    };
    for row in &metadata.rows {
        text.push_str(&format!("\n  {row}"));
    }
    if let Some(without) = &metadata.entries_without_row {
        text.push_str(&format!("\n{path} has {without}"));
    }
    text
}

fn count_kinds(catalog: &Catalog) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for entry in catalog.entries() {
        let name = entry.location.file_name();
        let kind = if entry.absent.is_some() {
            "without weights".to_owned()
        } else if entry.location.row.is_some() {
            format!("row of {name}")
        } else {
            match name.rsplit_once('.') {
                Some((_, extension)) => format!(".{extension}"),
                None => name.to_owned(),
            }
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn count_runs(catalog: &Catalog) -> usize {
    let runs = catalog.entries().map(|entry| entry.run.clone());
    runs.collect::<BTreeSet<_>>().len()
}

/// `3 .npy, 12 .pt`
fn counts_text<K: std::fmt::Display>(counts: &BTreeMap<K, usize>) -> String {
    let counts = counts.iter().map(|(kind, n)| format!("{n} {kind}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn entry_json(entry: &CatalogEntry) -> Value {
    let labels: Map<String, Value> = entry
        .labels
        .iter()
        .map(|(name, label)| (name.to_owned(), label_json(label)))
        .collect();
    let location = &entry.location;
    json!({
        "checkpoint": entry.checkpoint,
        "path": location.path,
        "member": location.member,
        "row": location.row,
        "run": entry.run,
        "step": entry.step,
        "parent": entry.parent.as_ref().map(|parent| parent.name.as_str()),
        "labels": labels,
        "absent": entry.absent.as_ref().map(ToString::to_string),
    })
}

fn label_json(label: &Label) -> Value {
    match label {
        Label::Flag(value) => json!(value),
        Label::Integer(value) => json!(value),
        Label::Real(value) => json!(value),
        Label::Text(value) => json!(value),
    }
}
