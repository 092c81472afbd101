//! `cntflow catalog`.

use cntflow_checkpoint::{Catalog, CatalogEntry, Label, PassedOver, scan};
use serde_json::{Value, json};

use crate::args::CatalogArguments;
use crate::exit::ExitStatus;
use crate::printer;

/// Lists what would be measured, and which files of the sources would not.
pub(crate) fn catalog(arguments: &CatalogArguments) -> anyhow::Result<ExitStatus> {
    let (catalog, passed_over) = scan(&arguments.source)?;
    if arguments.json {
        printer::json(&document(&catalog, &passed_over));
    } else {
        printer::result(&text(&catalog, &passed_over));
    }
    Ok(ExitStatus::Done)
}

fn text(catalog: &Catalog, passed_over: &[PassedOver]) -> String {
    let columns = catalog.label_columns();
    let header = ["checkpoint", "run", "step"].into_iter().map(str::to_owned);
    let header = header.chain(columns.iter().map(|column| column.name.clone()));
    let row = |entry: &CatalogEntry| {
        let mut cells = vec![
            entry.checkpoint.clone(),
            entry.run.clone(),
            entry.step.to_string(),
        ];
        cells.extend(columns.iter().map(|column| {
            entry
                .labels
                .get(&column.name)
                .map_or(String::new(), Label::to_string)
        }));
        cells
    };
    let mut text = printer::table(header, catalog.entries().iter().map(row));
    text.push_str(&format!("\n\n{} checkpoints", catalog.entries().len()));
    if !passed_over.is_empty() {
        text.push_str(&format!("; {} files passed over:", passed_over.len()));
    }
    for file in passed_over {
        text.push_str(&format!("\n  {}: {}", file.path.display(), file.reason));
    }
    text
}

fn document(catalog: &Catalog, passed_over: &[PassedOver]) -> Value {
    let label = |label: &Label| match label {
        Label::Flag(value) => json!(value),
        Label::Integer(value) => json!(value),
        Label::Real(value) => json!(value),
        Label::Text(value) => json!(value),
    };
    let entry = |entry: &CatalogEntry| {
        let labels: serde_json::Map<String, Value> = entry
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), label(value)))
            .collect();
        json!({"checkpoint": entry.checkpoint, "path": entry.path, "run": entry.run, "step": entry.step, "labels": labels})
    };
    json!({
        "checkpoints": catalog.entries().iter().map(entry).collect::<Vec<_>>(),
        "passed_over": passed_over.iter().map(|file| json!({"path": file.path, "reason": file.reason})).collect::<Vec<_>>(),
    })
}
