//! One checkpoint becomes one record. Any failure becomes the status and reason of that record.

use std::time::Instant;

use cntflow_architecture::{ArchitectureError, Coverage, resolve_architecture};
use cntflow_catalog::{Absence, CatalogEntry};
use cntflow_formats::OpenCheckpoint;
use cntflow_tables::{CoverageRow, Record, Status};

use super::network::{Measured, measure_with_architecture, measure_without_architecture};
use crate::error_text::checkpoint_reason;
use crate::study::measure_plan::{DigestKind, MeasurePlan, NeuronRows};

/// Measures the checkpoint of a catalog entry. `is_last` says whether the catalog has no later one
/// of its run.
pub(crate) fn measure_entry(entry: &CatalogEntry, is_last: bool, plan: &MeasurePlan) -> Record {
    let started = Instant::now();
    let mut record = empty_record(entry);
    match &entry.absent {
        Some(absence) => {
            record.status = match absence {
                Absence::Diverged(_) => Status::Skipped,
                Absence::Failed(_) => Status::Failed,
            };
            record.reason = Some(absence.to_string());
        }
        None => match read_and_measure(&mut record, is_last, plan) {
            Ok(measured) => fill_record(&mut record, measured, plan),
            Err(error) => {
                record.status = Status::Failed;
                record.reason = Some(checkpoint_reason(&error));
            }
        },
    }
    record.seconds = started.elapsed().as_secs_f64();
    record
}

/// The record of a checkpoint whose measurement panicked.
pub(crate) fn failed_record(entry: &CatalogEntry, reason: String) -> Record {
    Record {
        status: Status::Failed,
        reason: Some(reason),
        ..empty_record(entry)
    }
}

/// A record before anything was measured.
fn empty_record(entry: &CatalogEntry) -> Record {
    Record {
        entry: entry.clone(),
        status: Status::Ok,
        reason: None,
        digest: None,
        bytes: None,
        metrics: None,
        coverage: Vec::new(),
        samples: None,
        seconds: 0.0,
    }
}

/// Reads the file and measures its network. The record keeps what was read before a failure.
fn read_and_measure(
    record: &mut Record,
    is_last: bool,
    plan: &MeasurePlan,
) -> Result<Measured, ArchitectureError> {
    let checkpoint = OpenCheckpoint::open_at(&record.entry.location, &plan.limits)?;
    record.digest = (plan.digest == DigestKind::Blake3).then(|| checkpoint.digest());
    record.bytes = Some(checkpoint.bytes());
    let (resolved, coverage) =
        resolve_architecture(&checkpoint, record.entry.architecture.as_deref());
    record.coverage = coverage.into_iter().map(coverage_row).collect();
    match resolved {
        Ok(resolved) => {
            let sampled_metrics = plan.sampled_metrics(is_last);
            measure_with_architecture(&checkpoint, resolved, plan, sampled_metrics)
        }
        Err(error) => measure_without_architecture(&checkpoint, error, plan),
    }
}

/// The row of the table `coverage` for one tensor.
fn coverage_row(coverage: Coverage) -> CoverageRow {
    CoverageRow {
        tensor: coverage.tensor.name,
        shape: coverage.tensor.shape,
        dtype: coverage.tensor.element.as_str(),
        used_as: coverage.used_as,
        reason: coverage.reason,
    }
}

fn fill_record(record: &mut Record, measured: Measured, plan: &MeasurePlan) {
    let Measured {
        mut metrics,
        samples,
        not_finite,
        omitted,
    } = measured;
    // Weights that are NaN or infinite, and weights without a graph, would distort a population.
    if let Some(populations) = &plan.populations
        && not_finite.is_none()
        && metrics.n_layers > 0
    {
        record.samples = populations.samples(&record.entry, &metrics, samples);
    }
    if plan.neurons == NeuronRows::None {
        metrics.neurons = Vec::new();
    }
    if not_finite.is_some() {
        record.status = Status::Failed;
    }
    record.reason = not_finite.or(omitted);
    record.metrics = Some(metrics);
}
