//! What measurements depend on beside content, options and labels, and what the files looked like:
//! kept beside the tables, so that nobody needs to hash or measure again what has not changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use cntflow_catalog::{CatalogEntry, Label};
use cntflow_dataflow::{Key, key_of};
use cntflow_storage::Stamp;
use cntflow_tables::{KnownFile, TableStore, TablesError};

use crate::measure::network::DATASET_LABEL;
use crate::measure::parent::stamp_of;
use crate::study::last_checkpoints::last_of_runs;
use crate::study::measure_plan::MeasurePlan;

/// What the measurement of a checkpoint depends on that neither its file nor the options have: the
/// architecture of a catalog, the data set where the probe is each network's own, and the file of
/// the parent where checkpoints are compared with theirs.
pub(crate) fn other_inputs(entry: &CatalogEntry, measure: &MeasurePlan) -> String {
    let mut inputs = match &entry.architecture {
        Some(text) => blake3::hash(text.as_bytes()).to_hex()[..32].to_owned(),
        None => String::new(),
    };
    let has_own_probe = measure
        .probe
        .as_ref()
        .is_some_and(|probe| probe.spec.is_own());
    if has_own_probe && let Some(Label::Text(dataset)) = entry.labels.get(DATASET_LABEL) {
        inputs.push_str(&format!(" {dataset}"));
    }
    if let Some(parent) = entry.parent.as_deref()
        && measure.is_against_parent()
    {
        let stamp = stamp_of(parent).map_or_else(String::new, |stamp| stamp.text);
        let architecture = parent.architecture.as_deref().unwrap_or_default();
        let architecture = blake3::hash(architecture.as_bytes()).to_hex();
        let (name, architecture) = (&parent.name, &architecture[..32]);
        inputs.push_str(&format!(" parent {name} {stamp} {architecture}"));
    }
    inputs
}

/// Number of files that look otherwise than when they were measured.
pub(super) fn count_changed(
    known: &[KnownFile],
    entries: impl Iterator<Item = Arc<CatalogEntry>>,
) -> usize {
    let known = known.iter();
    let stamps: HashMap<Key, &str> = known
        .map(|file| (key_of(&file.checkpoint), file.stamp.as_str()))
        .collect();
    let has_changed = |entry: &Arc<CatalogEntry>| {
        let Some(known) = stamps.get(&key_of(&entry.checkpoint)) else {
            return false;
        };
        Stamp::of_file(&entry.location).is_ok_and(|stamp| stamp.text != *known)
    };
    entries.filter(has_changed).count()
}

/// Writes down what the files of the measured checkpoints look like, beside those that are known.
/// Left out are those that were changed since `since`: they may have been measured before or after
/// that. Objects are left out as well. The entries come sorted by name.
///
/// # Errors
/// The list cannot be written.
pub(super) fn remember_files(
    tables: &TableStore,
    mut known: Vec<KnownFile>,
    measured: &HashSet<Key>,
    entries: impl Iterator<Item = Arc<CatalogEntry>> + Clone,
    measure: &MeasurePlan,
    since: impl Fn(&CatalogEntry) -> SystemTime,
) -> Result<(), TablesError> {
    known.retain(|file| !measured.contains(&key_of(&file.checkpoint)));
    let is_last = last_of_runs(entries.clone());
    let new = entries
        .zip(is_last)
        .filter(|(entry, _)| measured.contains(&key_of(&entry.checkpoint)))
        .filter(|(entry, _)| entry.absent.is_none())
        .filter_map(|(entry, is_last)| {
            let stamp = Stamp::of_file(&entry.location).ok()?;
            let parent = entry
                .parent
                .as_deref()
                .filter(|_| measure.is_against_parent());
            let parent_changed = parent.and_then(stamp_of).and_then(|stamp| stamp.changed);
            let changed = stamp
                .changed?
                .max(parent_changed.unwrap_or(SystemTime::UNIX_EPOCH));
            (changed < since(&entry)).then(|| KnownFile {
                checkpoint: entry.checkpoint.clone(),
                stamp: stamp.text,
                description: other_inputs(&entry, measure),
                for_populations: measure.population_bin(&entry, is_last).is_some(),
            })
        });
    tables.write_known_files(known.into_iter().chain(new))
}
