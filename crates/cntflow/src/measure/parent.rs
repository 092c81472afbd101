//! The parent of a checkpoint: what training has changed since.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};

use cntflow_architecture::{
    ArchitectureError, TensorUse, bare_names, resolve_architecture, weight_tensors,
};
use cntflow_catalog::{CatalogEntry, Parent};
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_metrics::{ChangeRows, MeasureOptions, change_rows, tensor_change_rows};
use cntflow_network::Network;
use cntflow_sources::weights_in_folder;
use cntflow_storage::{Limits, Location, Stamp};

use super::attempts::try_again;
use super::measured::Measured;
use crate::error_text::checkpoint_reason;
use crate::study::measure_plan::MeasurePlan;

/// Beginning of what is said of a checkpoint that is not compared with its parent.
pub(crate) const NOT_COMPARED: &str = "not compared with its parent";

/// Most names of layers in a reason.
const MOST_NAMED: usize = 5;

/// A checkpoint that is compared with its parent.
pub(super) enum Child<'c> {
    /// One with a graph, and how it is measured.
    Network(&'c Network<'c>, &'c MeasureOptions),
    /// One without a graph.
    Tensors(&'c OpenCheckpoint),
}

/// Adds the rows of the metrics against the parent, if the checkpoint has one and they are asked
/// for. What cannot be compared is a part of the reason, never a failure.
pub(super) fn add_changes(
    entry: &CatalogEntry,
    child: &Child<'_>,
    measured: &mut Measured,
    plan: &MeasurePlan,
) {
    let Some(parent) = entry.parent.as_deref().filter(|_| plan.is_against_parent()) else {
        return;
    };
    let compared = try_again(|| compare(entry, parent, child, measured, plan));
    let problem = match compared {
        Ok(changes) => {
            let problem = unmatched_text(&changes);
            measured.metrics.layers.extend(changes.rows);
            // Stable: rows of a layer stay in their order, those of its changes come last.
            measured.metrics.layers.sort_by_key(|row| row.layer);
            problem
        }
        Err(error) => Some(checkpoint_reason(&error)),
    };
    if let Some(problem) = problem {
        let note = format!("{NOT_COMPARED} {}: {problem}", parent.name);
        measured.omitted = Some(match measured.omitted.take() {
            Some(omitted) => format!("{omitted}; {note}"),
            None => note,
        });
    }
}

/// Where the weights of a parent are: in a folder of Hugging Face those that it has.
fn weights_of(parent: &Parent) -> Location {
    let location = &parent.location;
    let is_on_disk = location.url().is_none() && location.member.is_none();
    let in_folder = is_on_disk.then(|| weights_in_folder(&location.path));
    in_folder.flatten().unwrap_or_else(|| location.clone())
}

/// What changes when the file of a parent is written to; `None` for an object, and for a file that
/// is not there.
pub(crate) fn stamp_of(parent: &Parent) -> Option<Stamp> {
    Stamp::of_file(&weights_of(parent)).ok()
}

fn open(parent: &Parent, limits: &Limits) -> Result<OpenCheckpoint, CheckpointError> {
    let location = weights_of(parent);
    let metadata = match location.url() {
        Some(_) => None,
        None => Some(fs_err::metadata(&*location.path)?),
    };
    // Reading a pipe could wait for ever.
    if metadata.is_some_and(|metadata| !metadata.is_file()) {
        let message = format!("{location}: not a file with weights");
        return Err(Error::new(ErrorKind::InvalidInput, message).into());
    }
    OpenCheckpoint::open_at(&location, limits)
}

fn compare(
    entry: &CatalogEntry,
    parent: &Parent,
    child: &Child<'_>,
    measured: &Measured,
    plan: &MeasurePlan,
) -> Result<ChangeRows, ArchitectureError> {
    let checkpoint = open(parent, &plan.limits)?;
    let changes = match child {
        Child::Network(network, options) => {
            let before = network_of(&checkpoint, entry, parent)?;
            change_rows(network, &measured.metrics.neurons, &before, options)
        }
        Child::Tensors(child) => compare_tensors(child, &checkpoint, &plan.options)?,
    };
    checkpoint.check_unchanged()?;
    Ok(changes)
}

/// The network of a parent. Where the catalog has no architecture for it, it may have that of the
/// checkpoint.
fn network_of<'p>(
    checkpoint: &'p OpenCheckpoint,
    entry: &CatalogEntry,
    parent: &Parent,
) -> Result<Network<'p>, ArchitectureError> {
    let given = parent.architecture.as_ref().or(entry.architecture.as_ref());
    let network = |text: Option<&str>| {
        let (resolved, _) = resolve_architecture(checkpoint, text);
        resolved?.network(checkpoint)
    };
    match given.map(|text| network(Some(text))) {
        Some(Ok(network)) => Ok(network),
        _ => network(None),
    }
}

/// Compares the kernels of two checkpoints by name, one after the other.
fn compare_tensors(
    child: &OpenCheckpoint,
    parent: &OpenCheckpoint,
    options: &MeasureOptions,
) -> Result<ChangeRows, ArchitectureError> {
    let names = bare_names(parent.tensors()).into_iter();
    let in_parent: HashMap<String, usize> = names.zip(0..).collect();
    let names = child.tensors().iter().zip(bare_names(child.tensors()));
    let bare: HashMap<&str, String> = names.map(|(t, name)| (t.name.as_str(), name)).collect();
    let mut changes = ChangeRows::default();
    let kernels = weight_tensors(child).enumerate();
    for (layer, (tensor, _)) in kernels.filter(|(_, (_, used))| *used == TensorUse::Kernel) {
        let same = bare.get(tensor.name.as_str());
        let same = same.and_then(|name| parent.tensors().get(*in_parent.get(name)?));
        let same = same.filter(|before| before.shape == tensor.shape && before.element.is_real());
        let Some(before) = same else {
            changes.unmatched.push(tensor.name.clone());
            continue;
        };
        changes.n_matched += 1;
        let (a, b) = (parent.values(&before.name)?, child.values(&tensor.name)?);
        let pair = [(layer, tensor.name.as_str(), [&*a, &*b])];
        changes.rows.extend(tensor_change_rows(pair, options));
    }
    Ok(changes)
}

/// Which layers are not compared, if any.
fn unmatched_text(changes: &ChangeRows) -> Option<String> {
    let n_left = changes.unmatched.len();
    if n_left == 0 {
        return None;
    }
    let named: Vec<&str> = changes.unmatched.iter().map(String::as_str).collect();
    let more = if n_left > MOST_NAMED { ", ..." } else { "" };
    Some(format!(
        "{n_left} of {} layers with a kernel, which it does not have in the same shape: {}{more}",
        n_left + changes.n_matched,
        named[..n_left.min(MOST_NAMED)].join(", ")
    ))
}
