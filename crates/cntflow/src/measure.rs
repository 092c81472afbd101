//! One checkpoint: from its file to a record for the tables. Nothing that is wrong with it goes further than its own record.

use std::time::Instant;

use cntflow_architecture::{
    ArchitectureError, Coverage, ResolvedArchitecture, TensorUse, resolve_architecture,
    weight_tensors,
};
use cntflow_catalog::{Absence, CatalogEntry};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::population::{LayerSample, layer_samples};
use cntflow_metrics::{
    ConvGraph, MeasureOptions, NetworkMetrics, WeightTensor, measure, measure_tensors,
    measure_with_inputs,
};
use cntflow_network::Network;
use cntflow_storage::FullMessage;
use cntflow_tables::{CoverageRow, Record, Status};

use crate::args::{Digest, Neurons};
use crate::limit_setting::reason;
use crate::study::MeasurePlan;

/// Measures the checkpoint of a catalog entry. What fails becomes the record's status and reason.
pub(crate) fn measure_entry(entry: &CatalogEntry, plan: &MeasurePlan) -> Record {
    let started = Instant::now();
    let mut record = bare_record(entry);
    match &entry.absent {
        Some(absence @ Absence::Diverged(_)) => {
            (record.status, record.reason) = (Status::Skipped, Some(absence.to_string()))
        }
        Some(absence @ Absence::Failed(_)) => {
            (record.status, record.reason) = (Status::Failed, Some(absence.to_string()))
        }
        None => fill(&mut record, plan),
    }
    record.seconds = started.elapsed().as_secs_f64();
    record
}

/// The record of a checkpoint on which the program itself failed.
pub(crate) fn failed_record(entry: &CatalogEntry, reason: String) -> Record {
    Record {
        status: Status::Failed,
        reason: Some(reason),
        ..bare_record(entry)
    }
}

/// A record of which nothing but the entry is known yet.
fn bare_record(entry: &CatalogEntry) -> Record {
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

fn fill(record: &mut Record, plan: &MeasurePlan) {
    let opened = OpenCheckpoint::open_at(&record.entry.location, &plan.limits);
    let outcome = opened
        .map_err(ArchitectureError::from)
        .and_then(|checkpoint| {
            record.digest = (plan.digest == Digest::Blake3).then(|| checkpoint.digest());
            record.bytes = Some(checkpoint.bytes());
            let (understood, coverage) =
                resolve_architecture(&checkpoint, record.entry.architecture.as_deref());
            record.coverage = coverage.into_iter().map(coverage_row).collect();
            match understood {
                Ok(understood) => measure_understood(&checkpoint, understood, plan),
                Err(error) => measure_weights(&checkpoint, error, plan),
            }
        });
    match outcome {
        Ok(mut measured) => {
            let graph = measured.metrics.n_layers > 0;
            if let (Some(populations), None, true) =
                (&plan.populations, &measured.not_finite, graph)
            {
                record.samples =
                    populations.samples(&record.entry, &measured.metrics, measured.samples);
            }
            if plan.neurons == Neurons::None {
                measured.metrics.neurons = Vec::new();
            }
            if let Some(unusable) = measured.not_finite {
                record.status = Status::Failed;
                record.reason = Some(unusable);
            } else {
                record.reason = measured.left_out;
            }
            record.metrics = Some(measured.metrics);
        }
        Err(error) => (record.status, record.reason) = (Status::Failed, Some(reason(&error))),
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

/// A network measured, with what there is to say about it.
pub(crate) struct Measured {
    /// Its metrics.
    pub(crate) metrics: NetworkMetrics,
    /// What it gives to populations, by layer and metric; nothing where nobody asked.
    pub(crate) samples: Vec<LayerSample>,
    /// Which weights are NaN or infinite, if any.
    pub(crate) not_finite: Option<String>,
    /// Which metrics were left out, and why.
    pub(crate) left_out: Option<String>,
}

/// Fills the architecture with the file's weights and measures the network.
///
/// # Errors
/// A tensor is missing, has another shape than the architecture says, or holds no real weights.
pub(crate) fn measure_understood(
    checkpoint: &OpenCheckpoint,
    understood: ResolvedArchitecture,
    plan: &MeasurePlan,
) -> Result<Measured, ArchitectureError> {
    let options = graph_options(&understood, plan);
    let sizes_assumed = understood.sizes_assumed;
    let network = understood.network(checkpoint)?;
    let (metrics, left_out) = match sizes_assumed {
        true => (measure(&network, &options), Some(SIZES_ASSUMED.to_owned())),
        false => measure_network(&network, plan),
    };
    let not_finite =
        (metrics.n_nan + metrics.n_infinite > 0).then(|| name_not_finite(checkpoint, &network));
    let wanted = plan.populations.as_ref().map(|p| p.metrics.as_slice());
    let samples = layer_samples(&network, &metrics, &options, wanted.unwrap_or_default());
    Ok(Measured {
        metrics,
        samples,
        not_finite,
        left_out,
    })
}

/// What a record says where the size of images is not told.
const SIZES_ASSUMED: &str = "the size of images is not told: measured as a graph of channels, without data-dependent metrics";

/// The options of the plan; the graph is that of channels where the size of images is not told.
fn graph_options(understood: &ResolvedArchitecture, plan: &MeasurePlan) -> MeasureOptions {
    let mut options = plan.options.clone();
    if understood.sizes_assumed {
        options.conv_graph = ConvGraph::Channel;
    }
    options
}

/// Measures the weights alone, where `error` says that no architecture can be told.
///
/// # Errors
/// `error` itself where it says something else, or there are no weights; a tensor cannot be read.
pub(crate) fn measure_weights(
    checkpoint: &OpenCheckpoint,
    error: ArchitectureError,
    plan: &MeasurePlan,
) -> Result<Measured, ArchitectureError> {
    let ArchitectureError::NoArchitecture { source, .. } = &error else {
        return Err(error);
    };
    let mut unreadable = None;
    let mut not_finite = None;
    let tensors = weight_tensors(checkpoint).map_while(|(tensor, own)| {
        let values = checkpoint.values(&tensor.name);
        let values = values.map_err(|error| unreadable = Some(error)).ok()?;
        let bad = values.iter().filter(|value| !value.is_finite()).count();
        if bad > 0 && not_finite.is_none() {
            not_finite = Some(name_bad(checkpoint, &tensor.name, bad, values.len()));
        }
        Some(WeightTensor {
            name: &tensor.name,
            values,
            is_bias: own == TensorUse::Bias,
        })
    });
    let metrics = measure_tensors(tensors, &plan.options);
    match unreadable {
        Some(unreadable) => Err(unreadable.into()),
        None if metrics.n_parameters == 0 => Err(error),
        None => Ok(Measured {
            metrics,
            samples: Vec::new(),
            not_finite,
            left_out: Some(format!(
                "weights alone: the architecture cannot be told: {}",
                source.full_message()
            )),
        }),
    }
}

fn measure_network(network: &Network<'_>, plan: &MeasurePlan) -> (NetworkMetrics, Option<String>) {
    let Some(probe) = &plan.probe else {
        return (measure(network, &plan.options), None);
    };
    let [n_in, n_probe] = [
        network.neurons()[0].shape.n_values(),
        probe.inputs.image_size(),
    ];
    if n_in != n_probe {
        let reason = format!(
            "data-dependent metrics left out: the network takes {n_in} inputs, the probe {} has {n_probe}",
            probe.spec
        );
        return (measure(network, &plan.options), Some(reason));
    }
    match measure_with_inputs(network, probe.inputs.images(), &plan.options) {
        Ok(metrics) => {
            let stopped = metrics
                .stopped
                .as_ref()
                .map(|stop| format!("data-dependent metrics end early: {stop}"));
            (metrics, stopped)
        }
        Err(error) => (
            measure(network, &plan.options),
            Some(format!("data-dependent metrics left out: {error}")),
        ),
    }
}

/// Names the first tensor that holds NaN or infinite weights, with both numbers.
fn name_not_finite(checkpoint: &OpenCheckpoint, network: &Network<'_>) -> String {
    let found = network.parameters().find_map(|(spec, values)| {
        let bad = values.iter().filter(|value| !value.is_finite()).count();
        (bad > 0).then(|| name_bad(checkpoint, &spec.name, bad, values.len()))
    });
    found.unwrap_or_default()
}

fn name_bad(checkpoint: &OpenCheckpoint, tensor: &str, bad: usize, n: usize) -> String {
    let path = checkpoint.path().display();
    format!("{path}: tensor {tensor}: {bad} of {n} values are NaN or infinite")
}

/// Coverage of a checkpoint as rows for the eye.
pub(crate) fn coverage_rows(coverage: &[Coverage]) -> Vec<Vec<String>> {
    let row = |row: &Coverage| {
        let (shape, used) = (
            format!("{:?}", row.tensor.shape),
            row.used_as.clone().unwrap_or_else(|| "-".to_owned()),
        );
        vec![
            row.tensor.name.clone(),
            shape,
            row.tensor.element.to_string(),
            used,
            row.reason.clone().unwrap_or_default(),
        ]
    };
    coverage.iter().map(row).collect()
}
