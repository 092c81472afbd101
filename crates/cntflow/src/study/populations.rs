//! `[populations]`: which networks are one population, and which metrics are compared between them.

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_experiments::spec::DEFAULT_LABEL;
use cntflow_metrics::population::{
    AccuracyBins, DEFAULT_WIDTH, LayerSample, ValueSource, architecture_signature,
};
use cntflow_metrics::{Metric, NetworkMetrics};
use cntflow_tables::{Bin, NetworkSamples};
use serde::{Deserialize, Serialize};

use crate::exit::UsageError;

/// Metrics that populations are compared by unless the study names others. The last needs a probe.
const DEFAULT_METRICS: [Metric; 4] = [
    Metric::LinkWeights,
    Metric::NodesStrength,
    Metric::NeuronsStrength,
    Metric::NeuronsActivation,
];

/// `[populations]` of a study file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PopulationsSection {
    label: Option<String>,
    width: Option<f64>,
    metrics: Option<Vec<Metric>>,
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
}

impl PopulationsSpec {
    /// Checks the section against the metrics that are measured.
    ///
    /// # Errors
    /// The width is not positive, or a metric is not measured.
    pub(super) fn from_section(
        section: PopulationsSection,
        measured: &[Metric],
        with_probe: bool,
    ) -> Result<Self, UsageError> {
        let width = section.width.unwrap_or(DEFAULT_WIDTH);
        if AccuracyBins::new(width).is_none() {
            return Err(UsageError(format!("width {width} is not positive")));
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
        })
    }

    /// The same as an empty section.
    pub(crate) fn with_defaults(with_probe: bool) -> Self {
        Self {
            label: DEFAULT_LABEL.to_owned(),
            width: DEFAULT_WIDTH,
            metrics: Self::default_metrics(with_probe),
        }
    }

    fn default_metrics(with_probe: bool) -> Vec<Metric> {
        DEFAULT_METRICS
            .into_iter()
            .filter(|metric| with_probe || !metric.needs_inputs())
            .collect()
    }

    /// Makes sure that some checkpoint can have the label; otherwise the tables would be empty
    /// without a warning.
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

    /// Assigns the samples of a measured network to its bin; `None` if it has no value of the
    /// label.
    pub(crate) fn samples(
        &self,
        entry: &CatalogEntry,
        metrics: &NetworkMetrics,
        samples: Vec<LayerSample>,
    ) -> Option<NetworkSamples> {
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
            samples,
        })
    }
}
