//! `[populations]` of a study file, before it is checked.

use cntflow_experiments::spec::DEFAULT_LABEL;
use cntflow_metrics::Metric;
use cntflow_metrics::population::{AccuracyBins, DEFAULT_WIDTH, ValueSource};
use serde::Deserialize;

use super::population_choices::{ComparedCheckpoints, ComparedShapes, PopulationsBy};
use super::populations::{DEFAULT_MIN_RUNS, PopulationsSpec};
use crate::exit::UsageError;

/// `[populations]` of a study file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PopulationsSection {
    label: Option<String>,
    by: Option<PopulationsBy>,
    width: Option<f64>,
    metrics: Option<Vec<Metric>>,
    checkpoints: ComparedCheckpoints,
    min_runs: Option<u64>,
    shapes: ComparedShapes,
    normalise: bool,
}

impl PopulationsSection {
    /// Checks the section against the metrics that are measured.
    ///
    /// # Errors
    /// The width is not positive, a bin may have no runs, or a metric is not measured.
    pub(super) fn into_spec(
        self,
        measured: &[Metric],
        with_probe: bool,
    ) -> Result<PopulationsSpec, UsageError> {
        let width = self.width.unwrap_or(DEFAULT_WIDTH);
        if AccuracyBins::new(width).is_none() {
            return Err(UsageError(format!("width {width} is not positive")));
        }
        let min_runs = self.min_runs.unwrap_or(DEFAULT_MIN_RUNS);
        if min_runs == 0 {
            return Err(UsageError("min_runs is 0, at least 1 is needed".to_owned()));
        }
        let metrics = self
            .metrics
            .unwrap_or_else(|| PopulationsSpec::default_metrics(with_probe));
        if metrics.is_empty() {
            return Err(UsageError("metrics is empty".to_owned()));
        }
        for &metric in &metrics {
            if metric.needs_parent() {
                return Err(UsageError(format!(
                    "metric {metric} compares a checkpoint with its parent, and has no values that \
                     populations could share"
                )));
            }
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
            if self.normalise && ValueSource::of(metric) == ValueSource::Row {
                return Err(UsageError(format!(
                    "metric {metric} has one value per layer, which normalise = true cannot \
                     divide by the layer's standard deviation"
                )));
            }
        }
        if self.by == Some(PopulationsBy::Value)
            && let Some(width) = self.width
        {
            return Err(UsageError(format!(
                "width {width} is of bins, and by = \"value\" makes none"
            )));
        }
        Ok(PopulationsSpec {
            label: self.label.unwrap_or_else(|| DEFAULT_LABEL.to_owned()),
            width,
            metrics,
            checkpoints: self.checkpoints,
            min_runs,
            by: self.by,
            shapes: self.shapes,
            normalise: self.normalise,
        })
    }
}
