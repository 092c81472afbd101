//! Model Zoos: a tree that Ray Tune wrote, a folder for each run.
//!
//! `params.json` (or `config.json`) gives the hyperparameters, `result.json` a JSON object a line with what an epoch came to,
//! `checkpoint_<e>/checkpoints` the weights. A line belongs to a checkpoint by its `training_iteration`, never by its number.

use cntflow_storage::FullMessage;
use std::collections::{BTreeMap, BTreeSet};

use super::folders::parent;
use super::{Folders, object_of};
use crate::scan::Found;
use cntflow_catalog::label_name;
use cntflow_catalog::{Absence, CatalogEntry};
use cntflow_catalog::{Label, json_labels};
use cntflow_storage::Location;

const WEIGHTS: &str = "checkpoints";
const RESULTS: &str = "result.json";
const PARAMETERS: [&str; 2] = ["params.json", "config.json"];
/// What is read of a run.
pub(super) const FILES: [&str; 3] = [PARAMETERS[0], PARAMETERS[1], RESULTS];
/// What a line of the results belongs to.
const ITERATION: &str = "training_iteration";
/// Iterations shown where many are meant.
const SHOWN: usize = 8;

/// Files that Ray Tune and the zoos keep beside the checkpoints, and what they are.
const BESIDE_RUN: [(&str, &str); 3] = [
    ("params.pkl", "hyperparameters, read from params.json"),
    ("progress.csv", "results, read from result.json"),
    ("error.pkl", "an error of Ray Tune, no checkpoint"),
];

/// What one epoch came to.
type Line = BTreeMap<String, Label>;

/// Takes every run with its checkpoints.
pub(super) fn take(folders: &mut Folders, found: &mut Found) {
    let mut runs: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
    for path in folders.paths(|_, folder| folder.get(WEIGHTS).is_some()) {
        let (run, name) = parent(&path);
        if let Some(epoch) = epoch(&name) {
            runs.entry(run).or_default().insert(epoch, path);
        }
    }
    // Runs that ended before their first checkpoint.
    let is_run = |folder: &super::Folder| {
        folder.get(RESULTS).is_some() && folder.get(PARAMETERS[0]).is_some()
    };
    for path in folders.paths(|_, folder| is_run(folder)) {
        runs.entry(path).or_default();
    }
    let zoos: BTreeSet<String> = runs.keys().map(|run| parent(run).0).collect();
    for (run, checkpoints) in runs {
        take_run(&run, &checkpoints, folders, found);
    }
    for zoo in zoos {
        if let Some(file) = folders.take(&zoo, "dataset.pt") {
            found.pass_over(&file, "the data set of a zoo, no checkpoint");
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
    found: &mut Found,
) {
    let (_, run) = parent(path);
    let parameters = PARAMETERS.iter().find_map(|name| folders.take(path, name));
    let parameters = parameters.and_then(|file| object_of(&file, found));
    let parameters: Line = parameters.map(|object| labels(&object)).unwrap_or_default();
    let results = folders.take(path, RESULTS);
    let lines = match &results {
        Some(file) => lines(file, found),
        None => BTreeMap::new(),
    };
    for (name, what) in BESIDE_RUN {
        if let Some(file) = folders.take(path, name) {
            found.pass_over(&file, what);
        }
    }
    for (&epoch, folder) in checkpoints {
        let Some(file) = folders.take(folder, WEIGHTS) else {
            continue;
        };
        if results.is_some() && !lines.contains_key(&epoch) && epoch > 0 {
            let reason = format!("{RESULTS} has no line of {ITERATION} {epoch}: no results of it");
            found.pass_over(&file, reason);
        }
        let entry = found.add_plain(&file);
        entry.run = run.as_str().into();
        entry.step = epoch;
        entry.labels.extend(parameters.clone());
        entry
            .labels
            .extend(lines.get(&epoch).cloned().unwrap_or_default());
    }
    tell_absent(path, &run, checkpoints, &lines, &parameters, found);
}

/// Iterations of the results without a checkpoint: the first at which training diverged is an entry without weights, of the others
/// there is nothing to measure.
fn tell_absent(
    path: &str,
    run: &str,
    checkpoints: &BTreeMap<i64, String>,
    lines: &BTreeMap<i64, Line>,
    parameters: &Line,
    found: &mut Found,
) {
    let without = lines
        .iter()
        .filter(|(epoch, _)| !checkpoints.contains_key(epoch));
    let mut holes: Vec<i64> = Vec::new();
    let mut diverged = false;
    for (&epoch, line) in without {
        match not_finite(line).filter(|_| !diverged) {
            None => holes.push(epoch),
            Some(name) => {
                diverged = true;
                let reason = format!("{name} is {} at {ITERATION} {epoch}", line[name]);
                let mut labels = parameters.clone();
                labels.extend(line.clone());
                found.entries.push(CatalogEntry {
                    checkpoint: format!("{path}/checkpoint_{epoch}"),
                    location: Location::default(),
                    run: run.into(),
                    step: epoch,
                    architecture: None,
                    labels: labels.into(),
                    absent: Some(Absence::Diverged(reason)),
                });
            }
        }
    }
    if !holes.is_empty() {
        let shown = holes.iter().take(SHOWN).map(i64::to_string);
        let shown: Vec<String> = shown.collect();
        let more = if holes.len() > SHOWN { ", ..." } else { "" };
        let reason = format!(
            "{} of {} lines of {RESULTS} have no checkpoint: {ITERATION} {}{more}",
            holes.len(),
            lines.len(),
            shown.join(", ")
        );
        found.pass_over(path, reason);
    } else if checkpoints.is_empty() && !diverged {
        found.pass_over(path, "a run without checkpoints");
    }
}

/// The first loss or accuracy that is none.
fn not_finite(line: &Line) -> Option<&str> {
    let wrong = |label: &Label| matches!(label, Label::Real(value) if !value.is_finite());
    let found = line
        .iter()
        .find(|(name, label)| (name.contains("loss") || name.contains("acc")) && wrong(label));
    found.map(|(name, _)| name.as_str())
}

/// The lines of the results by iteration; a line that cannot be read is told.
fn lines(file: &Location, found: &mut Found) -> BTreeMap<i64, Line> {
    let content = match file.content(&found.limits) {
        Ok(content) => content,
        Err(error) => {
            found.pass_over(file, error.full_message());
            return BTreeMap::new();
        }
    };
    let mut lines = BTreeMap::new();
    for (at, text) in content.split(|&byte| byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match json_labels::object(text).map(|object| labels(&object)) {
            Ok(mut line) => match line.remove(ITERATION) {
                Some(Label::Integer(iteration)) => {
                    lines.insert(iteration, line);
                }
                _ => found.pass_over(file, format!("line {}: it has no {ITERATION}", at + 1)),
            },
            Err(reason) => found.pass_over(file, format!("line {}: {reason}", at + 1)),
        }
    }
    lines
}

/// The scalars of an object; what is nested (Ray Tune repeats the hyperparameters in every line) is no label.
fn labels(object: &serde_json::Map<String, serde_json::Value>) -> Line {
    let scalars = object
        .iter()
        .filter_map(|(name, value)| Some((label_name(name), json_labels::label(value)?)));
    scalars.collect()
}
