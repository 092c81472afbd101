//! Finding checkpoints: a file, a folder, a glob or a catalog file becomes catalog entries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::catalog::{Catalog, CatalogEntry};
use crate::catalog_file::read_catalog;
use crate::open::{looks_like_safetensors, peek_metadata};
use crate::{CheckpointError, Label};

/// Metadata keys that have a place of their own in a [`CatalogEntry`] and are no labels.
const OWN_PLACE: [&str; 5] = ["format", "checkpoint", "run", "step", "architecture"];

/// A file of a folder that is no checkpoint, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why it is not in the catalog.
    pub reason: String,
}

/// Finds the checkpoints of all `sources`. A file that is named is always an entry, readable or not; of a folder or a glob those are
/// that hold a known format by their content, or claim one by their name.
///
/// # Errors
/// A source names nothing, a folder or catalog cannot be read, or two checkpoints claim one name.
pub fn scan(sources: &[String]) -> Result<(Catalog, Vec<PassedOver>), CheckpointError> {
    let mut entries = Vec::new();
    let mut passed_over = Vec::new();
    for source in sources {
        scan_source(source, &mut entries, &mut passed_over)?;
    }
    Ok((Catalog::new(entries)?, passed_over))
}

fn scan_source(
    source: &str,
    entries: &mut Vec<CatalogEntry>,
    passed_over: &mut Vec<PassedOver>,
) -> Result<(), CheckpointError> {
    let path = Path::new(source);
    if path.is_dir() {
        return scan_files(files_below(path)?, entries, passed_over);
    }
    if path.is_file() {
        if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            entries.extend(read_catalog(path)?);
        } else {
            entries.push(found(path));
        }
        return Ok(());
    }
    let matches = glob::glob(source).map_err(|error| CheckpointError::Catalog {
        path: path.to_owned(),
        reason: format!("not a file, a folder or a glob: {error}"),
    })?;
    let files: Vec<PathBuf> = matches
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .collect();
    if files.is_empty() {
        return Err(CheckpointError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    scan_files(files, entries, passed_over)
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn scan_files(
    files: Vec<PathBuf>,
    entries: &mut Vec<CatalogEntry>,
    passed_over: &mut Vec<PassedOver>,
) -> Result<(), CheckpointError> {
    for path in files {
        let claims = path
            .extension()
            .is_some_and(|extension| extension == "safetensors");
        match looks_like_safetensors(&path) {
            Ok(false) if !claims => {
                passed_over.push(PassedOver {
                    path,
                    reason: "not a known checkpoint format".to_owned(),
                });
            }
            Err(error) if !claims => passed_over.push(PassedOver {
                path,
                reason: error.to_string(),
            }),
            _ => entries.push(found(&path)),
        }
    }
    Ok(())
}

/// The entry of a file, with the labels that its own metadata gives. A file that cannot be read is an entry all the same: measuring it
/// gives the row that says why.
fn found(path: &Path) -> CatalogEntry {
    let metadata = peek_metadata(path).unwrap_or_default();
    let name = path.to_string_lossy().into_owned();
    let labels: BTreeMap<String, Label> = metadata
        .iter()
        .filter(|(key, _)| !OWN_PLACE.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), typed(value)))
        .collect();
    CatalogEntry {
        run: metadata.get("run").cloned().unwrap_or_else(|| name.clone()),
        step: metadata
            .get("step")
            .and_then(|step| step.parse().ok())
            .unwrap_or(0),
        architecture: None,
        labels,
        absent: None,
        path: path.to_owned(),
        checkpoint: name,
    }
}

/// The label that a text stands for: a flag, a whole number, a real number, or the text.
pub(crate) fn typed(text: &str) -> Label {
    if let Ok(flag) = text.parse() {
        return Label::Flag(flag);
    }
    if let Ok(whole) = text.parse() {
        return Label::Integer(whole);
    }
    text.parse()
        .map_or_else(|_| Label::Text(text.to_owned()), Label::Real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_label_they_stand_for() {
        let check = |text: &str, label: Label| assert_eq!(typed(text), label, "{text}");
        check("true", Label::Flag(true));
        check("-3", Label::Integer(-3));
        check("0.5", Label::Real(0.5));
        check("1e-3", Label::Real(0.001));
        check("relu", Label::Text("relu".into()));
        check("", Label::Text(String::new()));
    }

    #[test]
    fn a_source_that_names_nothing_is_an_error() {
        let text = scan(&["no/such/*.safetensors".to_owned()])
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "no/such/*.safetensors: no such file or folder, and no file matches it"
        );
    }
}
