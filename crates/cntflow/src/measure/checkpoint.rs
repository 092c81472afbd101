//! One checkpoint becomes one record, and one for each twin. Any failure becomes the status and
//! reason of a record.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use cntflow_architecture::{ArchitectureError, Coverage, resolve_architecture};
use cntflow_catalog::{Absence, CatalogEntry};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::MeasuredPart;
use cntflow_network::{Twin, TwinError};
use cntflow_storage::FullMessage;
use cntflow_tables::{CoverageRow, Record, Status};

use super::attempts::try_again;
use super::measured::{Measured, MeasuredTwin};
use super::network::{
    Missing, PartRunners, measure_part_with_architecture, measure_with_twins,
    measure_without_architecture,
};
use super::parent::{Child, add_changes};
use crate::error_text::checkpoint_reason;
use crate::progress::trace;
use crate::study::measure_plan::{DigestKind, MeasurePlan, NeuronRows};

/// The records of a checkpoint: of its network and of its twins, those that were missing.
#[derive(Debug)]
pub(crate) struct CheckpointRecords {
    /// That of the network.
    pub(crate) real: Option<Record>,
    /// Those of the twins.
    pub(crate) twins: Vec<(Twin, Record)>,
}

/// Measures what is missing of the checkpoint of a catalog entry. A checkpoint that cannot be read
/// fails with its twins. `is_last` says whether the catalog has no later one of its run. `run` runs
/// the parts of a large one.
pub(crate) fn measure_entry(
    entry: &CatalogEntry,
    is_last: bool,
    missing: Missing,
    plan: &MeasurePlan,
    run: PartRunners<'_>,
) -> CheckpointRecords {
    let started = Instant::now();
    let mut record = empty_record(entry);
    let mut twins = Vec::new();
    match &entry.absent {
        Some(absence) => {
            record.status = match absence {
                Absence::Diverged(_) => Status::Skipped,
                Absence::Failed(_) => Status::Failed,
            };
            record.reason = Some(absence.to_string());
        }
        None => match try_again(|| read_and_measure(&mut record, missing, is_last, plan, run)) {
            Ok((measured, measured_twins)) => {
                let twin_records = measured_twins.into_iter();
                twins.extend(twin_records.map(|twin| twin_record(&record, twin, plan)));
                if let Some(measured) = measured {
                    fill_record(&mut record, measured, plan);
                }
            }
            Err(error) => {
                record.status = Status::Failed;
                record.reason = Some(checkpoint_reason(&error));
            }
        },
    }
    let of_twins: f64 = twins.iter().map(|(_, record)| record.seconds).sum();
    record.seconds = started.elapsed().as_secs_f64() - of_twins;
    if record.status != Status::Ok && twins.is_empty() {
        let like_real = |twin: Twin| (twin, unmeasured_twin(&record, record.reason.clone()));
        twins.extend(missing.twins().map(like_real));
    }
    CheckpointRecords {
        real: missing.real.then_some(record),
        twins,
    }
}

/// The records of a checkpoint whose measurement panicked.
pub(crate) fn failed_records(
    entry: &CatalogEntry,
    missing: Missing,
    reason: &str,
) -> CheckpointRecords {
    let failed = || Record {
        status: Status::Failed,
        reason: Some(reason.to_owned()),
        ..empty_record(entry)
    };
    CheckpointRecords {
        real: missing.real.then(failed),
        twins: missing.twins().map(|twin| (twin, failed())).collect(),
    }
}

/// The record of a twin; `record` is that of the network, with what was read of the file.
fn twin_record(record: &Record, twin: MeasuredTwin, plan: &MeasurePlan) -> (Twin, Record) {
    let mut of_twin = unmeasured_twin(record, None);
    match twin.measured {
        Ok(measured) => {
            fill_record(&mut of_twin, measured, plan);
            // Rows of neurons and populations are of the networks themselves.
            of_twin.samples = None;
            if let Some(metrics) = &mut of_twin.metrics {
                metrics.neurons = Vec::new();
            }
        }
        Err(error) => {
            of_twin.status = Status::Failed;
            of_twin.reason = Some(format!("no twin {}: {}", twin.twin, error.full_message()));
        }
    }
    of_twin.seconds = twin.seconds;
    (twin.twin, of_twin)
}

/// The record of a twin before it was measured, with the status of the network's.
fn unmeasured_twin(record: &Record, reason: Option<String>) -> Record {
    Record {
        status: record.status,
        reason,
        digest: record.digest.clone(),
        bytes: record.bytes,
        ..empty_record(&record.entry)
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
    missing: Missing,
    is_last: bool,
    plan: &MeasurePlan,
    run: PartRunners<'_>,
) -> Result<(Option<Measured>, Vec<MeasuredTwin>), ArchitectureError> {
    let reading = trace::span("read", &record.entry.checkpoint);
    let checkpoint = OpenCheckpoint::open_at(&record.entry.location, &plan.limits)?;
    record.digest = (plan.digest == DigestKind::Blake3).then(|| checkpoint.digest());
    record.bytes = Some(checkpoint.bytes());
    let (resolved, coverage) =
        resolve_architecture(&checkpoint, record.entry.architecture.as_deref());
    record.coverage = coverage.into_iter().map(coverage_row).collect();
    drop(reading);
    let _measuring = trace::span("measure", &record.entry.checkpoint);
    let measure = || match resolved {
        Ok(resolved) => {
            let sampled = plan.sampled_metrics(is_last);
            measure_with_twins(
                &checkpoint,
                resolved,
                &record.entry,
                missing,
                plan,
                sampled,
                run,
            )
        }
        Err(error) => measure_without_architecture(&checkpoint, error, plan).map(|mut measured| {
            if missing.real {
                let child = Child::Tensors(&checkpoint);
                add_changes(&record.entry, &child, &mut measured, plan);
            }
            let twins = missing.twins().map(|twin| MeasuredTwin {
                twin,
                measured: Err(TwinError::NoArchitecture),
                seconds: 0.0,
            });
            (missing.real.then_some(measured), twins.collect())
        }),
    };
    let measured = catch_unwind(AssertUnwindSafe(measure));
    // Before any other error or panic, which may follow from it.
    if let Err(error) = checkpoint.check_unchanged() {
        (record.digest, record.bytes) = (None, None);
        return Err(error.into());
    }
    measured.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Measures a part of the network of a checkpoint which another process measures. Whether both have
/// read the same file is for the caller to find out.
///
/// # Errors
/// The file cannot be read, or has no such network.
pub(crate) fn measure_part_of_entry(
    entry: &CatalogEntry,
    plan: &MeasurePlan,
    part: usize,
) -> Result<Option<MeasuredPart>, ArchitectureError> {
    let checkpoint = OpenCheckpoint::open_at(&entry.location, &plan.limits)?;
    let (resolved, _) = resolve_architecture(&checkpoint, entry.architecture.as_deref());
    measure_part_with_architecture(&checkpoint, resolved?, plan, part)
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
