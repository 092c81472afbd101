//! `cntflow catalog`.

use std::collections::BTreeMap;

use cntflow_catalog::{Catalog, CatalogEntry, Label, LabelColumn, SkippedFile};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan_within;
use cntflow_storage::Limits;
use serde_json::{Value, json};

use crate::args::CatalogArguments;
use crate::exit::ExitStatus;
use crate::limit_setting::reason;
use crate::printer;

/// Lists what would be measured, and what of the sources would not and why.
pub(crate) fn catalog(arguments: &CatalogArguments) -> anyhow::Result<ExitStatus> {
    let options = arguments.columns.clone().into();
    let limits = arguments.limits.limits();
    let (catalog, passed_over) = scan_within(&arguments.source, &options, &limits)?;
    let opened = arguments.digest.then(|| Opened::all(&catalog, &limits));
    let listing = Listing {
        columns: catalog.label_columns(),
        kinds: kinds(&catalog),
        catalog,
        passed_over,
        opened,
    };
    if arguments.json {
        printer::json(&listing.document());
    } else {
        printer::result(&listing.text());
    }
    Ok(ExitStatus::Done)
}

/// What there is to say about some sources.
struct Listing {
    catalog: Catalog,
    passed_over: Vec<SkippedFile>,
    columns: Vec<LabelColumn>,
    /// Number of checkpoints by what they are by the ending of their files.
    kinds: BTreeMap<String, usize>,
    opened: Option<Opened>,
}

/// What opening all checkpoints has told.
#[derive(Default)]
struct Opened {
    /// Number of checkpoints by format.
    formats: BTreeMap<&'static str, usize>,
    /// Checkpoints of the same content, those of a digest that more than one has.
    duplicates: Vec<(String, Vec<String>)>,
    /// Checkpoints that cannot be opened, and why.
    failed: Vec<(String, String)>,
}

impl Opened {
    fn all(catalog: &Catalog, limits: &Limits) -> Self {
        let mut opened = Self::default();
        let mut digests: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let there = catalog.entries().iter();
        for entry in there.filter(|entry| entry.absent.is_none()) {
            match OpenCheckpoint::open_at(&entry.location, limits) {
                Ok(checkpoint) => {
                    *opened.formats.entry(checkpoint.format()).or_default() += 1;
                    let same = digests.entry(checkpoint.digest()).or_default();
                    same.push(entry.checkpoint.clone());
                }
                Err(error) => opened
                    .failed
                    .push((entry.checkpoint.clone(), reason(&error))),
            }
        }
        let several = digests.into_iter().filter(|(_, same)| same.len() > 1);
        opened.duplicates = several.collect();
        opened
    }
}

/// Counts the checkpoints by the ending of their files.
fn kinds(catalog: &Catalog) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for entry in catalog.entries() {
        let name = entry.location.file_name();
        let kind = match (&entry.absent, entry.location.row, name.rsplit_once('.')) {
            (Some(_), _, _) => "without weights".to_owned(),
            (None, Some(_), _) => format!("row of {name}"),
            (None, None, Some((_, ending))) => format!(".{ending}"),
            (None, None, None) => name.to_owned(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn n_runs(catalog: &Catalog) -> usize {
    let runs: std::collections::BTreeSet<&str> = catalog
        .entries()
        .iter()
        .map(|entry| entry.run.as_str())
        .collect();
    runs.len()
}

fn counted<K: ToString>(counts: &BTreeMap<K, usize>) -> String {
    let counts = counts
        .iter()
        .map(|(kind, n)| format!("{n} {}", kind.to_string()));
    counts.collect::<Vec<_>>().join(", ")
}

impl Listing {
    fn text(&self) -> String {
        let header = ["checkpoint", "run", "step"].into_iter().map(str::to_owned);
        let header = header.chain(self.columns.iter().map(|column| column.name.clone()));
        let rows = self.catalog.entries().iter().map(|entry| self.row(entry));
        let mut text = printer::table(header, rows);
        text.push_str(&format!(
            "\n\n{} checkpoints of {} runs",
            self.catalog.entries().len(),
            n_runs(&self.catalog)
        ));
        if !self.kinds.is_empty() {
            text.push_str(&format!(" ({})", counted(&self.kinds)));
        }
        if !self.passed_over.is_empty() {
            text.push_str(&format!("; {} files passed over:", self.passed_over.len()));
        }
        for file in &self.passed_over {
            text.push_str(&format!("\n  {}: {}", file.path.display(), file.reason));
        }
        let absent = self.catalog.entries().iter();
        for (entry, absence) in absent.filter_map(|entry| Some((entry, entry.absent.as_ref()?))) {
            text.push_str(&format!("\n  {}: {absence}", entry.checkpoint));
        }
        if let Some(opened) = &self.opened {
            text.push_str(&opened.text());
        }
        text
    }

    fn row(&self, entry: &CatalogEntry) -> Vec<String> {
        let own = [
            entry.checkpoint.clone(),
            entry.run.to_string(),
            entry.step.to_string(),
        ];
        let labels = self.columns.iter().map(|column| {
            let label = entry.labels.get(&column.name);
            label.map_or(String::new(), Label::to_string)
        });
        own.into_iter().chain(labels).collect()
    }

    fn document(&self) -> Value {
        let entries = self.catalog.entries();
        let passed_over = self.passed_over.iter();
        let passed_over = passed_over.map(|file| json!({"path": file.path, "reason": file.reason}));
        let mut document = json!({
            "checkpoints": entries.iter().map(|entry| entry_document(entry)).collect::<Vec<_>>(),
            "runs": n_runs(&self.catalog),
            "kinds": self.kinds,
            "labels": self.columns,
            "passed_over": passed_over.collect::<Vec<_>>(),
        });
        if let Some(opened) = &self.opened {
            document["formats"] = json!(opened.formats);
            document["duplicates"] = opened
                .duplicates
                .iter()
                .map(|(digest, same)| json!({"digest": digest, "checkpoints": same}))
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

impl Opened {
    fn text(&self) -> String {
        let mut text = format!("\nformats: {}", counted(&self.formats));
        for (digest, same) in &self.duplicates {
            text.push_str(&format!("\nthe same ({digest}): {}", same.join(", ")));
        }
        for (_, reason) in &self.failed {
            text.push_str(&format!("\ncannot be opened: {reason}"));
        }
        text
    }
}

fn entry_document(entry: &CatalogEntry) -> Value {
    let label = |label: &Label| match label {
        Label::Flag(value) => json!(value),
        Label::Integer(value) => json!(value),
        Label::Real(value) => json!(value),
        Label::Text(value) => json!(value),
    };
    let labels: serde_json::Map<String, Value> = entry
        .labels
        .iter()
        .map(|(name, value)| (name.to_owned(), label(value)))
        .collect();
    let location = &entry.location;
    json!({
        "checkpoint": entry.checkpoint,
        "path": location.path,
        "member": location.member,
        "row": location.row,
        "run": entry.run,
        "step": entry.step,
        "labels": labels,
        "absent": entry.absent.as_ref().map(ToString::to_string),
    })
}
