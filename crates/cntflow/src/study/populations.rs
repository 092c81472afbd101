//! `[populations]`: which networks are one population, and which metrics are compared between them.

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_experiments::spec::DEFAULT_LABEL;
use cntflow_metrics::population::{
    AccuracyBins, DEFAULT_WIDTH, LayerSample, SampleScale, architecture_signature, pooled_by_role,
};
use cntflow_metrics::{Metric, NetworkMetrics};
use cntflow_tables::{Bin, NetworkSamples, SampleStorage};
use serde::{Deserialize, Serialize};

use super::population_choices::{ComparedCheckpoints, ComparedShapes, PopulationsBy};
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
pub(super) const DEFAULT_MIN_RUNS: u64 = 5;

/// The column `architecture` where networks of all shapes are compared.
const ANY_SHAPE: &str = "any";

/// A population is all networks whose label is in one bin, or has one value; by default only those
/// of one shape.
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
    /// How the label makes populations; `None` until the type of the label is known, see
    /// [`PopulationsSpec::resolved`]. Older versions had bins only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<PopulationsBy>,
    /// Which networks are compared with each other.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) shapes: ComparedShapes,
    /// Whether the values of a layer are divided by their standard deviation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) normalise: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn all_checkpoints() -> ComparedCheckpoints {
    ComparedCheckpoints::All
}

fn any_number_of_runs() -> u64 {
    1
}

impl PopulationsSpec {
    /// The same as an empty section.
    pub(crate) fn with_defaults(with_probe: bool) -> Self {
        Self {
            label: DEFAULT_LABEL.to_owned(),
            width: DEFAULT_WIDTH,
            metrics: Self::default_metrics(with_probe),
            checkpoints: ComparedCheckpoints::default(),
            min_runs: DEFAULT_MIN_RUNS,
            by: None,
            shapes: ComparedShapes::default(),
            normalise: false,
        }
    }

    /// The part that decides what is stored while measuring, as JSON. `min_runs` is applied to what
    /// is stored, so that it may change between two runs of a study.
    ///
    /// # Errors
    /// It cannot be written as JSON (a bug).
    pub(super) fn identity(&self) -> serde_json::Result<String> {
        let mut identity =
            serde_json::to_string(&(&self.label, self.width, &self.metrics, self.checkpoints))?;
        // Keys that earlier versions did not have: studies without them keep their identity.
        let newer = (self.by, self.shapes, self.normalise);
        if newer != (None, ComparedShapes::Equal, false) {
            identity.push_str(&serde_json::to_string(&newer)?);
        }
        Ok(identity)
    }

    /// Whether the values that are stored of a network for these populations are those of the other
    /// ones as well, network by network. Bins may differ.
    pub(crate) fn has_same_values(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.metrics.clone(), spec.shapes, spec.normalise);
        let is_per_network = |spec: &Self| spec.checkpoints == ComparedCheckpoints::Last;
        of(self) == of(other) && is_per_network(self) && is_per_network(other)
    }

    /// What the values of a layer are divided by.
    pub(crate) fn scale(&self) -> SampleScale {
        if self.normalise {
            SampleScale::LayerStd
        } else {
            SampleScale::AsMeasured
        }
    }

    /// Whether each value of the label is a population.
    pub(crate) fn is_by_value(&self) -> bool {
        self.by == Some(PopulationsBy::Value)
    }

    /// The same with `by` set: unless the study says, numbers make bins, and each text or flag is a
    /// population.
    pub(crate) fn resolved(&self, labels: &[LabelColumn]) -> Self {
        let kind = labels.iter().find(|label| label.name == self.label);
        let by = match kind.map(|label| label.kind) {
            Some(LabelKind::Text | LabelKind::Flag) => PopulationsBy::Value,
            Some(LabelKind::Integer | LabelKind::Real) | None => PopulationsBy::Bins,
        };
        Self {
            by: Some(self.by.unwrap_or(by)),
            ..self.clone()
        }
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

    pub(super) fn default_metrics(with_probe: bool) -> Vec<Metric> {
        DEFAULT_METRICS
            .into_iter()
            .filter(|metric| with_probe || !metric.needs_inputs())
            .collect()
    }

    /// Makes sure that the label exists and fits `by`. Without it no network would be in any
    /// population, and the tables would be empty without a warning.
    ///
    /// # Errors
    /// No label has this name, or texts are to make bins.
    pub(crate) fn require_label(&self, labels: &[LabelColumn]) -> Result<(), UsageError> {
        let Some(label) = labels.iter().find(|label| label.name == self.label) else {
            let names: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
            return Err(UsageError(format!(
                "[populations] no label '{}'; the labels are {}",
                self.label,
                names.join(", ")
            )));
        };
        let is_number = matches!(label.kind, LabelKind::Integer | LabelKind::Real);
        let asks_for_bins = self.by == Some(PopulationsBy::Bins) || self.width != DEFAULT_WIDTH;
        if !is_number && asks_for_bins {
            return Err(UsageError(format!(
                "[populations] label '{}' has texts or flags, which make no bins: leave out width, \
                 and by = \"bins\"",
                self.label
            )));
        }
        Ok(())
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
        let (architecture, samples) = match self.shapes {
            ComparedShapes::Equal => (architecture_signature(metrics), samples),
            ComparedShapes::Any => (ANY_SHAPE.to_owned(), pooled_by_role(samples)),
        };
        Some(NetworkSamples {
            bin: self.bin(entry.labels.get(&self.label)?)?,
            architecture,
            storage: match self.checkpoints {
                // A later run of the program may find a later checkpoint, and a summary cannot give
                // back what was added to it.
                ComparedCheckpoints::Last => SampleStorage::PerNetwork,
                ComparedCheckpoints::All => SampleStorage::PerBin,
            },
            samples,
        })
    }

    /// The bin of a value of the label; `None` if it is in none.
    pub(crate) fn bin(&self, label: &Label) -> Option<Bin> {
        if matches!(label, Label::Real(value) if !value.is_finite()) {
            return None;
        }
        if self.is_by_value() {
            // The index is given when populations are compared: it depends on all values.
            return Some(Bin {
                bin: 0,
                low: f64::NAN,
                high: f64::NAN,
                value: Some(label.to_string()),
            });
        }
        let value = match label {
            Label::Real(value) => *value,
            Label::Integer(value) => *value as f64,
            Label::Flag(_) | Label::Text(_) => return None,
        };
        let bins = AccuracyBins::new(self.width)?;
        let bin = bins.bin(value)?;
        let (low, high) = bins.bounds(bin);
        Some(Bin {
            bin,
            low,
            high,
            value: None,
        })
    }
}
