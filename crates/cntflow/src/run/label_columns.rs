//! The label columns of the tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cntflow_catalog::{Catalog, CollectedEntries, LabelColumn, LabelKind};

use super::trained_entries::template_entry;
use crate::study::plan::Plan;

/// A label has another type than in the tables, whose column cannot hold the new values.
#[derive(Debug, thiserror::Error)]
#[error(
    "label '{label}' has type {in_tables:?} in the tables in {}, and type {now:?} now; remove the old \
     output with --fresh, or choose another folder with --out", out.display()
)]
pub(crate) struct OtherLabelType {
    label: String,
    in_tables: LabelKind,
    now: LabelKind,
    out: PathBuf,
}

/// The label columns of every checkpoint that may get a row, merged with those that the tables have
/// already.
///
/// # Errors
/// A label has another type than in the tables of `out`, and the column there cannot hold
/// the new values.
pub(crate) fn label_columns(
    plan: &Plan,
    scanned: &Catalog,
    in_tables: &[LabelColumn],
    out: &Path,
) -> anyhow::Result<Vec<LabelColumn>> {
    let mut labels = if plan.runs.is_empty() {
        scanned.label_columns()
    } else {
        let scanned = scanned.entries().map(Arc::unwrap_or_clone);
        let all = scanned.chain(plan.runs.iter().map(template_entry));
        let all: CollectedEntries = all.collect();
        all.into_catalog()?.label_columns()
    };
    for column in in_tables {
        match labels.iter_mut().find(|label| label.name == column.name) {
            None => labels.push(column.clone()),
            // The type in the tables is kept if it can hold the new values: a column of reals holds
            // whole numbers.
            Some(label) if label.kind.joined(column.kind) == column.kind => {
                label.kind = column.kind;
            }
            Some(label) => {
                return Err(OtherLabelType {
                    label: label.name.clone(),
                    in_tables: column.kind,
                    now: label.kind,
                    out: out.to_owned(),
                }
                .into());
            }
        }
    }
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(labels)
}
