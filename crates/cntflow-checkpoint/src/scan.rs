//! Finding checkpoints: a file, a folder, a glob or a catalog file becomes catalog entries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::catalog::{Catalog, CatalogEntry};
use crate::catalog_file::read_catalog;
use crate::format::{self, peek_metadata};
use crate::{CheckpointError, Content, Label, Limits};

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
        let files = files_below(path, passed_over);
        scan_files(files, entries, passed_over);
    } else if path.is_file() {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => entries.extend(read_catalog(path)?),
            Some("csv" | "jsonl") => {
                let reason = "catalogs are read as Parquet only".to_owned();
                return Err(CheckpointError::Catalog {
                    path: path.to_owned(),
                    reason,
                });
            }
            _ => entries.push(found(path)),
        }
    } else {
        let files = files_of_glob(source, passed_over)?;
        scan_files(files, entries, passed_over);
    }
    Ok(())
}

/// The files that a glob matches, and those below the folders that it matches.
fn files_of_glob(
    source: &str,
    passed_over: &mut Vec<PassedOver>,
) -> Result<Vec<PathBuf>, CheckpointError> {
    let matches = glob::glob(source).map_err(|error| CheckpointError::Catalog {
        path: PathBuf::from(source),
        reason: format!("not a file, a folder or a glob: {error}"),
    })?;
    let mut files = Vec::new();
    let mut matched = false;
    for path in matches.filter_map(Result::ok) {
        matched = true;
        if path.is_dir() {
            files.extend(files_below(&path, passed_over));
        } else {
            files.push(path);
        }
    }
    if !matched {
        return Err(CheckpointError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    Ok(files)
}

/// All files below a folder but hidden ones (temporary files of a writer among them). What cannot be followed is passed over.
fn files_below(folder: &Path, passed_over: &mut Vec<PassedOver>) -> Vec<PathBuf> {
    let hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let walk = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|entry| !hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                passed_over.push(PassedOver {
                    path,
                    reason: error.to_string(),
                });
            }
        }
    }
    files
}

fn scan_files(
    files: Vec<PathBuf>,
    entries: &mut Vec<CatalogEntry>,
    passed_over: &mut Vec<PassedOver>,
) {
    for path in files {
        let claims = path
            .extension()
            .is_some_and(|extension| extension == "safetensors");
        match Content::map(&path).map(|content| format::is_known(&content)) {
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
}

/// The entry of a file, with the labels that its own metadata gives. A file that cannot be read is an entry all the same: measuring it
/// gives the row that says why.
fn found(path: &Path) -> CatalogEntry {
    let file = fs_err::File::open(path).ok();
    let metadata = file.and_then(|file| peek_metadata(file, &Limits::default()));
    let metadata = metadata.unwrap_or_default();
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
