//! `[populations]`: which networks are one population, and which metrics are compared between them.

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_experiments::spec::DEFAULT_LABEL;
use cntflow_metrics::population::{
    AccuracyBins, DEFAULT_WIDTH, LayerSample, ValueSource, architecture_signature,
};
use cntflow_metrics::{Metric, NetworkMetrics};
use cntflow_tables::{Bin, NetworkSamples, SampleStorage};
use serde::{Deserialize, Serialize};

use crate::exit::UsageError;

/// Metrics that populations are compared by unless the study names others. The last two need a
/// probe.
const DEFAULT_METRICS: [Metric; 4] = [
    Metric::LinkWeights,
    Metric::NodesStrength,
    Metric::NeuronsStrength,
    Metric::NeuronsActivation,
];

/// Fewest runs of a bin that is compared, default is 5: fewer say more of themselves than of their
/// accuracy.
const DEFAULT_MIN_RUNS: u64 = 5;

/// Which checkpoints of a run belong to populations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ComparedCheckpoints {
    /// The one of the highest step. If it was not measured, no earlier one takes its place.
    #[default]
    Last,
    /// All.
    All,
}

/// `[populations]` of a study file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PopulationsSection {
    label: Option<String>,
    width: Option<f64>,
    metrics: Option<Vec<Metric>>,
    checkpoints: ComparedCheckpoints,
    min_runs: Option<u64>,
}

/// A population is all networks of one shape whose label is in one bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PopulationsSpec {
    /// Label column that is divided into bins.
    pub(crate) label: String,
    /// Width of a bin.
    pub(crate) width: f64,
    /// Metrics to compare.
    pub(crate) metrics: Vec<Metric>,
    /// Which checkpoints of a run belong to populations. Records of older versions lack the key:
    /// those versions took all.
    #[serde(default = "all_checkpoints")]
    pub(crate) checkpoints: ComparedCheckpoints,
    /// Fewest runs of a bin that is compared. Older versions compared every bin.
    #[serde(default = "any_number_of_runs")]
    pub(crate) min_runs: u64,
}

fn all_checkpoints() -> ComparedCheckpoints {
    ComparedCheckpoints::All
}

fn any_number_of_runs() -> u64 {
    1
}

impl PopulationsSpec {
    /// Checks the section against the metrics that are measured.
    ///
    /// # Errors
    /// The width is not positive, a bin may have no runs, or a metric is not measured.
    pub(super) fn from_section(
        section: PopulationsSection,
        measured: &[Metric],
        with_probe: bool,
    ) -> Result<Self, UsageError> {
        let width = section.width.unwrap_or(DEFAULT_WIDTH);
        if AccuracyBins::new(width).is_none() {
            return Err(UsageError(format!("width {width} is not positive")));
        }
        let min_runs = section.min_runs.unwrap_or(DEFAULT_MIN_RUNS);
        if min_runs == 0 {
            return Err(UsageError("min_runs is 0, at least 1 is needed".to_owned()));
        }
        let metrics = section
            .metrics
            .unwrap_or_else(|| Self::default_metrics(with_probe));
        if metrics.is_empty() {
            return Err(UsageError("metrics is empty".to_owned()));
        }
        for &metric in &metrics {
            if metric.needs_inputs() && !with_probe {
                return Err(UsageError(format!(
                    "metric {metric} needs a probe in [measure]"
                )));
            }
            if ValueSource::of(metric) == ValueSource::Row && !measured.contains(&metric) {
                return Err(UsageError(format!(
                    "metric {metric} is not measured: add it to [measure] metrics"
                )));
            }
        }
        Ok(Self {
            label: section.label.unwrap_or_else(|| DEFAULT_LABEL.to_owned()),
            width,
            metrics,
            checkpoints: section.checkpoints,
            min_runs,
        })
    }

    /// The same as an empty section.
    pub(crate) fn with_defaults(with_probe: bool) -> Self {
        Self {
            label: DEFAULT_LABEL.to_owned(),
            width: DEFAULT_WIDTH,
            metrics: Self::default_metrics(with_probe),
            checkpoints: ComparedCheckpoints::default(),
            min_runs: DEFAULT_MIN_RUNS,
        }
    }

    /// The part that decides what is stored while measuring, as JSON. `min_runs` is applied to what
    /// is stored, so that it may change between two runs of a study.
    ///
    /// # Errors
    /// It cannot be written as JSON (a bug).
    pub(super) fn identity(&self) -> serde_json::Result<String> {
        serde_json::to_string(&(&self.label, self.width, &self.metrics, self.checkpoints))
    }

    /// The metrics whose values are stored of a checkpoint, given whether it is the last of its
    /// run: none if it will not be compared.
    pub(crate) fn sampled_metrics(&self, is_last: bool) -> &[Metric] {
        if is_last || self.checkpoints == ComparedCheckpoints::All {
            &self.metrics
        } else {
            &[]
        }
    }

    fn default_metrics(with_probe: bool) -> Vec<Metric> {
        DEFAULT_METRICS
            .into_iter()
            .filter(|metric| with_probe || !metric.needs_inputs())
            .collect()
    }

    /// Makes sure that a numeric label of this name exists. Without it no network would be in any
    /// bin, and the tables would be empty without a warning.
    ///
    /// # Errors
    /// No numeric label has this name.
    pub(crate) fn require_label(&self, labels: &[LabelColumn]) -> Result<(), UsageError> {
        let numeric: Vec<&str> = labels
            .iter()
            .filter(|label| matches!(label.kind, LabelKind::Integer | LabelKind::Real))
            .map(|label| label.name.as_str())
            .collect();
        if numeric.contains(&self.label.as_str()) {
            return Ok(());
        }
        Err(UsageError(format!(
            "[populations] no numeric label '{}'; the numeric labels are {}",
            self.label,
            numeric.join(", ")
        )))
    }

    /// Assigns the samples of a measured network to its bin; `None` if it has no samples or no
    /// value of the label.
    pub(crate) fn samples(
        &self,
        entry: &CatalogEntry,
        metrics: &NetworkMetrics,
        samples: Vec<LayerSample>,
    ) -> Option<NetworkSamples> {
        if samples.is_empty() {
            return None;
        }
        let value = match entry.labels.get(&self.label)? {
            Label::Real(value) => *value,
            Label::Integer(value) => *value as f64,
            Label::Flag(_) | Label::Text(_) => return None,
        };
        let bins = AccuracyBins::new(self.width)?;
        let bin = bins.bin(value)?;
        let (low, high) = bins.bounds(bin);
        Some(NetworkSamples {
            bin: Bin { bin, low, high },
            architecture: architecture_signature(metrics),
            storage: match self.checkpoints {
                // A later run of the program may find a later checkpoint, and a summary cannot give
                // back what was added to it.
                ComparedCheckpoints::Last => SampleStorage::PerNetwork,
                ComparedCheckpoints::All => SampleStorage::PerBin,
            },
            samples,
        })
    }
}
