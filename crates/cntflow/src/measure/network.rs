//! The metrics of an opened checkpoint, with or without an architecture.

use std::time::Instant;

use cntflow_architecture::{ArchitectureError, ResolvedArchitecture, TensorUse, weight_tensors};
use cntflow_catalog::{CatalogEntry, Label};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::population::layer_samples;
use cntflow_metrics::{
    ConvGraph, Labels, MeasureOptions, MeasuredPart, Metric, MetricsError, NetworkMetrics,
    OneByOne, RunParts, WeightTensor, measure_in_parts, measure_part, measure_tensors,
    measure_with_labels_in_parts,
};
use cntflow_network::{Network, Twin, TwinError};
use serde::{Deserialize, Serialize};

use super::measured::Measured;
use super::parent::{Child, add_changes};
use crate::study::measure_plan::MeasurePlan;
use crate::study::probe::{Probe, ProbeInputs};
use cntflow_storage::FullMessage;

/// The label that names the data set that a network was trained on.
pub(crate) const DATASET_LABEL: &str = "dataset";

/// Fewest parameters of a network that idle workers help with.
const LEAST_SHARED: u64 = 4_000_000;

/// What of a checkpoint is not committed yet. It is part of a task, of which there may be a
/// million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missing {
    /// Whether the network itself is missing.
    pub(crate) real: bool,
    /// Bit k is set if the twin k of [`Twin::ALL`] is missing.
    twins: u8,
}

impl Missing {
    /// The network, or not, and some twins.
    pub(crate) fn new(real: bool, twins: &[Twin]) -> Self {
        let all = Twin::ALL.iter().enumerate();
        let missing = all.filter(|(_, twin)| twins.contains(twin));
        Self {
            real,
            twins: missing.map(|(k, _)| 1 << k).sum(),
        }
    }

    /// The twins that are missing.
    pub(crate) fn twins(self) -> impl Iterator<Item = Twin> {
        let all = Twin::ALL.into_iter().enumerate();
        all.filter(move |(k, _)| self.twins >> k & 1 == 1)
            .map(|(_, twin)| twin)
    }

    /// Whether nothing is missing.
    pub(crate) fn is_nothing(self) -> bool {
        !self.real && self.twins == 0
    }
}

/// A measured twin.
pub(crate) struct MeasuredTwin {
    /// Which one.
    pub(crate) twin: Twin,
    /// Its metrics, or why the network has no such twin.
    pub(crate) measured: Result<Measured, TwinError>,
    /// Time of making and measuring it.
    pub(crate) seconds: f64,
}

/// Reason in the record of a convolutional network whose image size is unknown.
const IMAGE_SIZE_UNKNOWN: &str = "the image size is unknown: measured as a graph of channels, \
                                  without data-dependent metrics";

/// Beginnings of the reasons why data-dependent metrics are missing.
const STOPPED: &str = "data-dependent metrics were computed only up to some layer: ";
const LEFT_OUT: &str = "data-dependent metrics left out: ";
const ONLY_WEIGHTS: &str = "only weights were measured, because the architecture is unknown: ";

/// For which layers of a measured network the probe has no results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeGap {
    /// For those behind some layer.
    InPart,
    /// For all.
    All,
}

impl ProbeGap {
    /// The gap that the reason of a network tells of, where there is a probe; `None` if it tells of
    /// something else.
    pub(crate) fn of_reason(reason: &str) -> Option<Self> {
        let all = [LEFT_OUT, ONLY_WEIGHTS, IMAGE_SIZE_UNKNOWN];
        if reason.starts_with(STOPPED) {
            Some(Self::InPart)
        } else if all.iter().any(|start| reason.starts_with(start)) {
            Some(Self::All)
        } else {
            None
        }
    }
}

/// What runs the parts of a large checkpoint.
#[derive(Clone, Copy)]
pub(crate) struct PartRunners<'a> {
    /// Those of its network.
    pub(crate) network: &'a dyn RunParts,
    /// Those of its twins. A twin is made in one process.
    pub(crate) twins: &'a dyn RunParts,
}

/// Runs all parts of a checkpoint on one thread.
pub(crate) const ONE_BY_ONE: PartRunners<'static> = PartRunners {
    network: &OneByOne,
    twins: &OneByOne,
};

/// Fills the architecture with the weights of the file and measures the network, with samples of
/// `sampled_metrics`.
///
/// # Errors
/// A tensor is missing, has another shape than the architecture, or holds no real weights.
pub(crate) fn measure_with_architecture(
    checkpoint: &OpenCheckpoint,
    resolved: ResolvedArchitecture,
    plan: &MeasurePlan,
    sampled_metrics: &[Metric],
    run: &dyn RunParts,
) -> Result<Measured, ArchitectureError> {
    let image_size_unknown = resolved.image_size_unknown;
    let network = resolved.network(checkpoint)?;
    let opened = OpenedNetwork {
        checkpoint,
        image_size_unknown,
        dataset: None,
    };
    Ok(opened.measure(&network, plan, sampled_metrics, run))
}

/// Measures a network, with samples of `sampled_metrics`, and those of its twins that are missing.
/// The file is read once. Only the network itself is compared with its parent.
///
/// # Errors
/// As [`measure_with_architecture`]; then there are no twins either.
pub(crate) fn measure_with_twins(
    checkpoint: &OpenCheckpoint,
    resolved: ResolvedArchitecture,
    entry: &CatalogEntry,
    missing: Missing,
    plan: &MeasurePlan,
    sampled_metrics: &[Metric],
    run: PartRunners<'_>,
) -> Result<(Option<Measured>, Vec<MeasuredTwin>), ArchitectureError> {
    let image_size_unknown = resolved.image_size_unknown;
    let network = resolved.network(checkpoint)?;
    let opened = OpenedNetwork {
        checkpoint,
        image_size_unknown,
        dataset: match entry.labels.get(DATASET_LABEL) {
            Some(Label::Text(name)) => Some(name),
            _ => None,
        },
    };
    let real = missing.real.then(|| {
        let mut measured = opened.measure(&network, plan, sampled_metrics, run.network);
        let options = options_of(plan, image_size_unknown);
        let child = Child::Network(&network, &options);
        add_changes(entry, &child, &mut measured, plan);
        measured
    });
    let twins = missing.twins().map(|twin| {
        let started = Instant::now();
        // A twin belongs to no population.
        let measured = network
            .twin(twin, &entry.checkpoint)
            .map(|network| opened.measure(&network, plan, &[], run.twins));
        MeasuredTwin {
            twin,
            measured,
            seconds: started.elapsed().as_secs_f64(),
        }
    });
    let twins = twins.collect();
    Ok((real, twins))
}

/// Measures a part of what [`measure_with_twins`] measures of the network itself.
///
/// # Errors
/// As [`measure_with_twins`].
pub(crate) fn measure_part_with_architecture(
    checkpoint: &OpenCheckpoint,
    resolved: ResolvedArchitecture,
    plan: &MeasurePlan,
    part: usize,
) -> Result<Option<MeasuredPart>, ArchitectureError> {
    let image_size_unknown = resolved.image_size_unknown;
    let network = resolved.network(checkpoint)?;
    let options = options_of(plan, image_size_unknown);
    Ok(measure_part(&network, &options, part))
}

/// How a network is measured. Without an image size there are channels, but no neurons per image
/// position.
fn options_of(plan: &MeasurePlan, image_size_unknown: bool) -> MeasureOptions {
    let mut options = plan.options.clone();
    if image_size_unknown {
        options.conv_graph = ConvGraph::Channel;
    }
    options
}

/// What is known of a network besides its weights. Its twins share it.
struct OpenedNetwork<'a> {
    checkpoint: &'a OpenCheckpoint,
    image_size_unknown: bool,
    /// The data set that it was trained on.
    dataset: Option<&'a str>,
}

impl OpenedNetwork<'_> {
    fn measure(
        &self,
        network: &Network<'_>,
        plan: &MeasurePlan,
        sampled: &[Metric],
        run: &dyn RunParts,
    ) -> Measured {
        // Below this size, helpers would cost more than they save.
        let is_large = network.n_parameters() >= LEAST_SHARED;
        let run = if is_large { run } else { &OneByOne };
        let options = options_of(plan, self.image_size_unknown);
        let (metrics, omitted) = if self.image_size_unknown {
            let metrics = measure_in_parts(network, &options, run);
            (metrics, Some(IMAGE_SIZE_UNKNOWN.to_owned()))
        } else {
            self.measure_with_probe(network, plan, run)
        };
        let not_finite = (metrics.n_nan + metrics.n_infinite > 0)
            .then(|| first_not_finite_tensor(self.checkpoint, network));
        let samples = layer_samples(network, &metrics, &options, sampled, plan.sample_scale());
        Measured {
            metrics,
            samples,
            not_finite,
            omitted,
        }
    }

    /// Metrics over the inputs of the probe if there is one and it fits the network; otherwise
    /// those of the weights, with the reason.
    fn measure_with_probe(
        &self,
        network: &Network<'_>,
        plan: &MeasurePlan,
        run: &dyn RunParts,
    ) -> (NetworkMetrics, Option<String>) {
        let Some(probe) = &plan.probe else {
            return (measure_in_parts(network, &plan.options, run), None);
        };
        let measured = self.probe_inputs(network, probe).and_then(|inputs| {
            let labels = Labels {
                classes: inputs.images.labels(),
                n_classes: inputs.images.n_classes(),
            };
            let pixels = &inputs.pixels;
            let measured =
                measure_with_labels_in_parts(network, pixels, labels, &plan.options, run);
            Ok(measured?)
        });
        match measured {
            Ok(metrics) => {
                let stopped = metrics.stopped.as_ref();
                let stopped = stopped.map(|stop| format!("{STOPPED}{stop}"));
                (metrics, stopped)
            }
            Err(problem) => {
                let problem = problem.full_message();
                let reason = format!("{LEFT_OUT}{problem}");
                (measure_in_parts(network, &plan.options, run), Some(reason))
            }
        }
    }

    /// The inputs that the network is measured over.
    fn probe_inputs<'p>(
        &self,
        network: &Network<'_>,
        probe: &'p Probe,
    ) -> Result<&'p ProbeInputs, ProbeProblem> {
        let inputs = probe
            .inputs(self.dataset)
            .ok_or_else(|| match self.dataset {
                Some(dataset) => ProbeProblem::OtherDataset {
                    probe: probe.spec.to_string(),
                    dataset: dataset.to_owned(),
                },
                None => ProbeProblem::NoDataset {
                    probe: probe.spec.to_string(),
                },
            })?;
        let n_network_inputs = network.neurons()[0].shape.n_values();
        let n_probe_inputs = inputs.images.image_size();
        if n_network_inputs == n_probe_inputs {
            Ok(inputs)
        } else {
            Err(ProbeProblem::InputSize {
                probe: probe.spec.to_string(),
                n_network_inputs,
                n_probe_inputs,
            })
        }
    }
}

/// Why a network has no data-dependent metrics.
#[derive(Debug, thiserror::Error)]
enum ProbeProblem {
    #[error("the probe {probe} has no data set {dataset}")]
    OtherDataset { probe: String, dataset: String },
    #[error("the probe {probe} needs the label 'dataset'")]
    NoDataset { probe: String },
    #[error("the network takes {n_network_inputs} inputs, the probe {probe} has {n_probe_inputs}")]
    InputSize {
        probe: String,
        n_network_inputs: usize,
        n_probe_inputs: usize,
    },
    #[error(transparent)]
    Measure(#[from] MetricsError),
}

/// Measures the weights alone. `error` says why there is no architecture.
///
/// # Errors Returns `error` itself unless it is [`ArchitectureError::NoArchitecture`], or if the
/// file has no weights. A tensor cannot be read.
pub(crate) fn measure_without_architecture(
    checkpoint: &OpenCheckpoint,
    error: ArchitectureError,
    plan: &MeasurePlan,
) -> Result<Measured, ArchitectureError> {
    let ArchitectureError::NoArchitecture { source, .. } = &error else {
        return Err(error);
    };
    // Tensors are read one at a time, so these two are set while `measure_tensors` consumes them.
    let mut read_error = None;
    let mut not_finite = None;
    let tensors = weight_tensors(checkpoint).map_while(|(tensor, tensor_use)| {
        let values = checkpoint
            .values(&tensor.name)
            .map_err(|error| read_error = Some(error))
            .ok()?;
        if not_finite.is_none() {
            not_finite = describe_not_finite(checkpoint, &tensor.name, &values);
        }
        Some(WeightTensor {
            name: &tensor.name,
            values,
            is_bias: tensor_use == TensorUse::Bias,
        })
    });
    let metrics = measure_tensors(tensors, &plan.options);
    match read_error {
        Some(read_error) => Err(read_error.into()),
        None if metrics.n_parameters == 0 => Err(error),
        None => Ok(Measured {
            metrics,
            samples: Vec::new(),
            not_finite,
            omitted: Some(format!("{ONLY_WEIGHTS}{}", source.full_message())),
        }),
    }
}

/// Describes the first tensor of the network with NaN or infinite weights.
fn first_not_finite_tensor(checkpoint: &OpenCheckpoint, network: &Network<'_>) -> String {
    network
        .parameters()
        .find_map(|(spec, values)| describe_not_finite(checkpoint, &spec.name, values))
        .unwrap_or_default()
}

/// How many of a tensor's values are NaN or infinite; `None` if all are finite.
fn describe_not_finite(
    checkpoint: &OpenCheckpoint,
    tensor: &str,
    values: &[f32],
) -> Option<String> {
    let n_bad = values.iter().filter(|value| !value.is_finite()).count();
    (n_bad > 0).then(|| {
        format!(
            "{}: tensor {tensor}: {n_bad} of {} values are NaN or infinite",
            checkpoint.path().display(),
            values.len()
        )
    })
}
