//! Model Zoos: a tree that Ray Tune wrote, a folder for each run.
//!
//! `params.json` (or `config.json`) has the hyperparameters, `result.json` one JSON object a line
//! with the results of an epoch, and `checkpoint_<e>/checkpoints` the weights. A line belongs to a
//! checkpoint by its `training_iteration`, never by its line number.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_catalog::{Absence, CatalogEntry, Label, json_labels, unreserved_name};
use cntflow_storage::{FullMessage, Location};

use super::folders::split_path;
use super::{Folders, json_object};
use crate::scan::ScanState;

const WEIGHTS: &str = "checkpoints";
const RESULTS: &str = "result.json";
const PARAMETERS: [&str; 2] = ["params.json", "config.json"];
/// Files that are read of each run.
pub(super) const FILES: [&str; 3] = [PARAMETERS[0], PARAMETERS[1], RESULTS];
/// The key of a line's epoch.
const ITERATION: &str = "training_iteration";
/// How many iterations a message shows.
const MAX_SHOWN: usize = 8;

/// Files beside the checkpoints that are skipped, and what they are.
const BESIDE_RUN: [(&str, &str); 3] = [
    ("params.pkl", "hyperparameters, read from params.json"),
    ("progress.csv", "results, read from result.json"),
    ("error.pkl", "an error of Ray Tune, no checkpoint"),
];

/// The results of one epoch, by name.
type Results = BTreeMap<String, Label>;

/// Takes every run with its checkpoints.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    let mut runs: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
    for path in folders.paths(|_, folder| folder.get(WEIGHTS).is_some()) {
        let (run, name) = split_path(&path);
        if let Some(epoch) = epoch(&name) {
            runs.entry(run).or_default().insert(epoch, path);
        }
    }
    // Also runs that ended before their first checkpoint. Only `params.json` counts here: a
    // `config.json` may be of another layout.
    let is_run = |folder: &super::FolderFiles| {
        folder.get(RESULTS).is_some() && folder.get(PARAMETERS[0]).is_some()
    };
    for path in folders.paths(|_, folder| is_run(folder)) {
        runs.entry(path).or_default();
    }
    let zoos: BTreeSet<String> = runs.keys().map(|run| split_path(run).0).collect();
    for (run, checkpoints) in runs {
        take_run(&run, &checkpoints, folders, state);
    }
    for zoo in zoos {
        if let Some(file) = folders.take(&zoo, "dataset.pt") {
            state.report(&file, "the data set of a zoo, no checkpoint");
        }
    }
}

/// `checkpoint_<e>`, also with zeros before the number.
fn epoch(folder: &str) -> Option<i64> {
    let number = folder.strip_prefix("checkpoint_")?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok())?
}

fn take_run(
    path: &str,
    checkpoints: &BTreeMap<i64, String>,
    folders: &mut Folders,
    state: &mut ScanState,
) {
    let (_, run) = split_path(path);
    let parameters = PARAMETERS.iter().find_map(|name| folders.take(path, name));
    let parameters = parameters.and_then(|file| json_object(&file, state));
    let parameters: Results = parameters.map(|object| labels(&object)).unwrap_or_default();
    let results_file = folders.take(path, RESULTS);
    let results = match &results_file {
        Some(file) => results_by_epoch(file, state),
        None => BTreeMap::new(),
    };
    for (name, what) in BESIDE_RUN {
        if let Some(file) = folders.take(path, name) {
            state.report(&file, what);
        }
    }
    for (&epoch, folder) in checkpoints {
        let Some(file) = folders.take(folder, WEIGHTS) else {
            continue;
        };
        // Checkpoint 0 is saved before training, so it has no line.
        if results_file.is_some() && !results.contains_key(&epoch) && epoch > 0 {
            let reason = format!(
                "{RESULTS} has no line with {ITERATION} {epoch}, so this checkpoint has no results"
            );
            state.report(&file, reason);
        }
        let entry = state.add_file(&file);
        entry.run = run.as_str().into();
        entry.step = epoch;
        entry.labels.extend(parameters.clone());
        entry
            .labels
            .extend(results.get(&epoch).cloned().unwrap_or_default());
    }
    add_missing(path, &run, checkpoints, &results, &parameters, state);
}

/// Accounts for the epochs with results but without a checkpoint. The first at which training
/// diverged becomes an entry without weights; the others are reported as skipped.
fn add_missing(
    path: &str,
    run: &str,
    checkpoints: &BTreeMap<i64, String>,
    results: &BTreeMap<i64, Results>,
    parameters: &Results,
    state: &mut ScanState,
) {
    let without = results
        .iter()
        .filter(|(epoch, _)| !checkpoints.contains_key(epoch));
    let mut missing: Vec<i64> = Vec::new();
    let mut diverged = false;
    for (&epoch, line) in without {
        match not_finite(line).filter(|_| !diverged) {
            None => missing.push(epoch),
            Some(name) => {
                diverged = true;
                let reason = format!("{name} is {} at {ITERATION} {epoch}", line[name]);
                let mut labels = parameters.clone();
                labels.extend(line.clone());
                state.entries.push(CatalogEntry {
                    checkpoint: format!("{path}/checkpoint_{epoch}"),
                    location: Location::default(),
                    run: run.into(),
                    step: epoch,
                    architecture: None,
                    labels: labels.into(),
                    parent: None,
                    absent: Some(Absence::Diverged(reason)),
                });
            }
        }
    }
    if !missing.is_empty() {
        let shown = missing.iter().take(MAX_SHOWN).map(i64::to_string);
        let shown: Vec<String> = shown.collect();
        let more = if missing.len() > MAX_SHOWN {
            ", ..."
        } else {
            ""
        };
        let reason = format!(
            "{} of {} lines of {RESULTS} have no checkpoint: {ITERATION} {}{more}",
            missing.len(),
            results.len(),
            shown.join(", ")
        );
        state.report(path, reason);
    } else if checkpoints.is_empty() && !diverged {
        state.report(path, "a run without checkpoints");
    }
}

/// The name of the first loss or accuracy that is NaN or infinite.
fn not_finite(line: &Results) -> Option<&str> {
    let is_wrong = |label: &Label| matches!(label, Label::Real(value) if !value.is_finite());
    let (name, _) = line
        .iter()
        .find(|(name, label)| (name.contains("loss") || name.contains("acc")) && is_wrong(label))?;
    Some(name)
}

/// The results of each epoch; a line of the file that cannot be read is reported.
fn results_by_epoch(file: &Location, state: &mut ScanState) -> BTreeMap<i64, Results> {
    let content = match file.content(&state.limits) {
        Ok(content) => content,
        Err(error) => {
            state.report(file, error.full_message());
            return BTreeMap::new();
        }
    };
    let mut results = BTreeMap::new();
    for (index, text) in content.split(|&byte| byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match json_labels::parse_object(text).map(|object| labels(&object)) {
            Ok(mut line) => match line.remove(ITERATION) {
                Some(Label::Integer(iteration)) => {
                    results.insert(iteration, line);
                }
                _ => state.report(file, format!("line {}: it has no {ITERATION}", index + 1)),
            },
            Err(error) => {
                let reason = format!("line {}: {}", index + 1, error.full_message());
                state.report(file, reason);
            }
        }
    }
    results
}

/// The scalars of an object as labels. Nested values are left out: Ray Tune repeats the
/// hyperparameters in every line.
fn labels(object: &serde_json::Map<String, serde_json::Value>) -> Results {
    let scalars = object
        .iter()
        .filter_map(|(name, value)| Some((unreserved_name(name), json_labels::label_of(value)?)));
    scalars.collect()
}
