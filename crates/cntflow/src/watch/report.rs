//! What is printed while a study is watched: one JSON document per line.

use std::time::Instant;

use cntflow_catalog::MetadataMismatch;
use cntflow_experiments::saved::TrainedModel;
use cntflow_tables::{Table, TableStore};
use polars::prelude::{NamedFrom, Series, col, lit};
use serde_json::{Value, json};

use super::facts::FactPlan;
use super::live_study::LiveStudy;
use super::update::Update;
use crate::analysis::population_tables::ComparisonCounts;
use crate::experiments::run_experiments::Experiments;
use crate::output::{experiment, frames, run_summary};
use crate::printer;

/// Prints the lines of one watched study.
pub(super) struct Report {
    started: Instant,
    n_updates: usize,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            n_updates: 0,
        }
    }

    /// What an update has done, and what has followed from it.
    pub(super) fn update(
        &mut self,
        study: &LiveStudy<'_>,
        update: &Update,
        metadata: Option<&MetadataMismatch>,
        predictions: Option<&Value>,
        seconds: f64,
    ) {
        self.n_updates += 1;
        let totals = study.totals();
        let failed: Vec<Value> = update
            .failed
            .iter()
            .map(|(checkpoint, reason)| json!({ "checkpoint": checkpoint, "reason": reason }))
            .collect();
        self.line(json!({
            "event": "update",
            "update": self.n_updates,
            "new": update.new.len(),
            "changed": update.changed.len(),
            "relabelled": update.relabelled.len(),
            "deleted": update.deleted.len(),
            "reused": update.n_reused,
            "measured": update.measured.len(),
            "failed": failed,
            "metadata": run_summary::metadata_json(metadata),
            "checkpoints": FactPlan::status_counts(totals),
            "bins": study.facts().moved_bins(&update.before, totals),
            "thresholds": study.facts().thresholds(totals),
            "means": FactPlan::means(totals),
            "predictions": predictions,
            "seconds_of_update": seconds,
        }));
    }

    /// What populations and experiments say now.
    pub(super) fn results(
        &self,
        populations: Option<&ComparisonCounts>,
        experiments: &Experiments,
        seconds: f64,
    ) {
        self.line(json!({
            "event": "results",
            "populations": populations.map(run_summary::populations_json),
            "experiments": experiments.results.iter().map(experiment::json).collect::<Vec<_>>(),
            "failed_experiments": experiments.error_texts(),
            "seconds_of_results": seconds,
        }));
    }

    /// Why the sources could not be looked at. What was known before stays.
    pub(super) fn problem(&self, message: &str) {
        self.line(json!({ "event": "problem", "message": message }));
    }

    fn line(&self, mut document: Value) {
        document["seconds"] = self.started.elapsed().as_secs_f64().into();
        printer::result(&document.to_string());
    }
}

/// What a model says of checkpoints.
///
/// # Errors
/// The tables cannot be read, or lack what the model needs.
pub(super) fn predictions(
    model: &TrainedModel,
    tables: &TableStore,
    measured_with: &str,
    checkpoints: &[String],
) -> anyhow::Result<Value> {
    let names = Series::new("checkpoint".into(), checkpoints);
    let is_asked = || col("checkpoint").is_in(lit(names.clone()).implode(false), false);
    let predictions = model.predict(
        tables.scan(Table::Networks)?.filter(is_asked()),
        tables.scan(Table::Layers)?.filter(is_asked()),
        measured_with,
        false,
    )?;
    frames::to_json(&predictions)
}
