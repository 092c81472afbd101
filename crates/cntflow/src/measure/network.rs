//! The metrics of an opened checkpoint, with or without an architecture.

use std::time::Instant;

use cntflow_architecture::{
    ArchitectureError, ResolvedArchitecture, TensorUse, n_left_over, weight_tensors,
};
use cntflow_catalog::{CatalogEntry, Label};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::population::layer_samples;
use cntflow_metrics::{
    ConvGraph, KnownGraph, Labels, MeasureOptions, MeasuredPart, Metric, MetricsError,
    NetworkMetrics, OneByOne, RunParts, WeightTensor, measure_in_parts, measure_part,
    measure_tensors, measure_with_labels_in_parts,
};
use cntflow_network::{Network, Twin};
use serde::{Deserialize, Serialize};

use super::measured::{Measured, MeasuredTwin};
use super::parent::{Child, add_changes};
use super::piecewise;
use crate::study::measure_plan::MeasurePlan;
use crate::study::probe::{Probe, ProbeInputs};
use cntflow_storage::FullMessage;

/// The label that names the data set that a network was trained on.
pub(crate) const DATASET_LABEL: &str = "dataset";

/// Most bytes of weights that are converted to f32 at once, of a network that is known in parts.
const MOST_CONVERTED: u64 = 1 << 30;

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

/// Reason in the record of a convolutional network whose image size is unknown.
const IMAGE_SIZE_UNKNOWN: &str = "the image size is unknown: measured as a graph of channels, \
                                  without data-dependent metrics";

/// Beginnings of the reasons why data-dependent metrics are missing.
const STOPPED: &str = "data-dependent metrics were computed only up to some layer: ";
const LEFT_OUT: &str = "data-dependent metrics left out: ";
const ONLY_WEIGHTS: &str = "only weights were measured, because the architecture is unknown: ";
const IN_PARTS: &str = "known in parts, without data-dependent metrics: ";

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
        let all = [LEFT_OUT, ONLY_WEIGHTS, IN_PARTS, IMAGE_SIZE_UNKNOWN];
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
    let opened = OpenedNetwork {
        checkpoint,
        known: Known::of(&resolved, checkpoint),
        dataset: None,
    };
    opened.measure_pieces(
        resolved,
        |opened, network| opened.measure(network, plan, sampled_metrics, run),
        piecewise::append,
    )
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
    // Helpers would convert all weights of the network.
    let is_piecewise = is_measured_piecewise(&resolved, checkpoint);
    let run = if is_piecewise { ONE_BY_ONE } else { run };
    let opened = OpenedNetwork {
        checkpoint,
        known: Known::of(&resolved, checkpoint),
        dataset: match entry.labels.get(DATASET_LABEL) {
            Some(Label::Text(name)) => Some(name),
            _ => None,
        },
    };
    let measure = |opened: &OpenedNetwork<'_>, network: &Network<'_>| {
        let real = missing.real.then(|| {
            let mut measured = opened.measure(network, plan, sampled_metrics, run.network);
            if !is_piecewise {
                let options = options_of(plan, opened.known.image_size_unknown);
                add_changes(
                    entry,
                    &Child::Network(network, &options),
                    &mut measured,
                    plan,
                );
            }
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
        let twins: Vec<MeasuredTwin> = twins.collect();
        (real, twins)
    };
    let (mut real, twins) = opened.measure_pieces(resolved, measure, piecewise::append_all)?;
    if let Some(measured) = real.as_mut().filter(|_| is_piecewise) {
        add_changes(entry, &Child::Tensors(checkpoint), measured, plan);
    }
    Ok((real, twins))
}

/// Whether the parts of a network are measured one after the other: it is known in parts, and its
/// weights would take too much memory at once.
fn is_measured_piecewise(resolved: &ResolvedArchitecture, checkpoint: &OpenCheckpoint) -> bool {
    resolved.in_parts.is_some() && resolved.converted_bytes(checkpoint) > MOST_CONVERTED
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

/// How much is known of a network as a graph.
struct Known {
    image_size_unknown: bool,
    /// Why it is known in parts; `None` where it is whole.
    in_parts: Option<String>,
    /// Parameters of the file that have no place in the graph.
    n_left_over: u64,
}

impl Known {
    fn of(resolved: &ResolvedArchitecture, checkpoint: &OpenCheckpoint) -> Self {
        Self {
            image_size_unknown: resolved.image_size_unknown,
            in_parts: resolved.in_parts.clone(),
            n_left_over: match resolved.in_parts {
                Some(_) => n_left_over(resolved, checkpoint),
                None => 0,
            },
        }
    }

    /// Why there are no data-dependent metrics, whatever the probe; `None` if there may be.
    fn no_probe(&self) -> Option<String> {
        let in_parts = self.in_parts.as_ref().map(|why| format!("{IN_PARTS}{why}"));
        let size = self
            .image_size_unknown
            .then(|| IMAGE_SIZE_UNKNOWN.to_owned());
        in_parts.or(size)
    }
}

/// What is known of a network besides its weights. Its twins share it.
struct OpenedNetwork<'a> {
    checkpoint: &'a OpenCheckpoint,
    known: Known,
    /// The data set that it was trained on.
    dataset: Option<&'a str>,
}

impl OpenedNetwork<'_> {
    /// What `measure` gives of the network; of one that is too large to be in memory at once, what
    /// it gives of its parts, one appended to the other.
    fn measure_pieces<T>(
        mut self,
        resolved: ResolvedArchitecture,
        measure: impl Fn(&Self, &Network<'_>) -> T,
        append: impl Fn(T, T) -> T,
    ) -> Result<T, ArchitectureError> {
        if !is_measured_piecewise(&resolved, self.checkpoint) {
            return Ok(measure(&self, &resolved.network(self.checkpoint)?));
        }
        let mut pieces = resolved.split();
        let first = pieces.remove(0);
        let mut all = measure(&self, &first.network(self.checkpoint)?);
        // They are counted once.
        self.known.n_left_over = 0;
        for piece in pieces {
            let next = measure(&self, &piece.network(self.checkpoint)?);
            all = append(all, next);
        }
        Ok(all)
    }

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
        let options = options_of(plan, self.known.image_size_unknown);
        let no_probe = self.known.no_probe();
        let (mut metrics, omitted) = match no_probe {
            Some(reason) => (measure_in_parts(network, &options, run), Some(reason)),
            None => self.measure_with_probe(network, plan, run),
        };
        if self.known.in_parts.is_some() {
            metrics.graph = KnownGraph::Parts;
            metrics.n_parameters += self.known.n_left_over;
        }
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
