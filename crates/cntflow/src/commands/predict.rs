//! `cntflow predict`.

use anyhow::Context;
use cntflow_catalog::CatalogOptions;
use cntflow_experiments::saved::{PredictionCounts, TrainedModel};
use cntflow_tables::Table;
use polars::prelude::DataFrame;

use super::model_file::load_model;
use crate::args::{Plots, PredictArguments, thread_count};
use crate::exit::ExitStatus;
use crate::output::plot::{PlotStyle, Terminal};
use crate::output::{frames, probability_bars};
use crate::printer;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::{ReuseOptions, RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::study::measure_plan::MeasurePlan;
use crate::study::plan::Plan;

/// Measures checkpoints like the training networks of the model, and predicts each of them.
pub(crate) fn predict(arguments: PredictArguments) -> anyhow::Result<ExitStatus> {
    let model = load_model(&arguments.model)?;
    let measured_with = model.measured_with().to_owned();
    let measure = MeasurePlan::from_measured_with(&measured_with)
        .with_context(|| arguments.model.display().to_string())?;
    let plan = Plan {
        name: "predict".to_owned(),
        claim: None,
        scale: None,
        written_population: None,
        runs: Vec::new(),
        sources: arguments.source,
        catalog: CatalogOptions::default(),
        measure: MeasurePlan {
            limits: arguments.limits.limits(),
            ..measure
        },
        labels: std::collections::BTreeMap::new(),
        experiments: Vec::new(),
    };
    let temporary = tempfile::tempdir()?;
    let options = RunOptions {
        out: temporary.path().to_owned(),
        fresh: false,
        retry_failed: false,
        reuse: ReuseOptions::default(),
        until: RunUntil::Measured,
        workers: WorkerOptions::local(thread_count(arguments.workers)),
        progress: arguments.output.progress(),
    };
    let stop = stop_on_interrupt()?;
    let outcome = run_plan(&plan, &options, &Membership::alone(), &stop)?;
    if !outcome.is_complete {
        return Ok(outcome.status());
    }
    print_model(&model);
    let tables = outcome.folder.tables();
    let predictions = model.predict(
        tables.scan(Table::Networks)?,
        tables.scan(Table::Layers)?,
        &measured_with,
        arguments.force,
    )?;
    if arguments.output.json {
        printer::json(&frames::to_json(&predictions)?);
    } else {
        printer::result(&frames::to_text(&predictions)?);
        print_bars(&predictions, arguments.plots)?;
    }
    print_counts(&PredictionCounts::of(&predictions)?, arguments.force);
    Ok(outcome.status())
}

/// A bar for the probability of each checkpoint that has one, if there are to be plots.
fn print_bars(predictions: &DataFrame, plots: Plots) -> anyhow::Result<()> {
    if let Some(style) = PlotStyle::of(plots, &Terminal::of_stdout()) {
        let names = predictions.column("checkpoint")?.str()?;
        let probabilities = predictions.column("probability")?.f64()?;
        let rows: Vec<(&str, f64)> = names
            .iter()
            .zip(probabilities.iter())
            .filter_map(|(name, probability)| Some((name?, probability?)))
            .collect();
        if !rows.is_empty() {
            printer::result(&format!("\n{}", probability_bars::text(&rows, style)));
        }
    }
    Ok(())
}

/// What the model is, and how well it does on held-out groups.
fn print_model(model: &TrainedModel) {
    let card = model.card();
    let mut text = format!(
        "{} on {}; {}",
        card.model,
        model.features(),
        model.meaning()
    );
    if let Some(figure) = card.figures.first() {
        text.push_str(&format!(
            "; {} on held-out groups {:.3}",
            figure.name,
            figure.value()
        ));
        if let Some([low, high]) = figure.interval() {
            text.push_str(&format!(" [{low:.3}, {high:.3}]"));
        }
    }
    printer::note(&text);
}

/// How many networks were predicted, and what became of the others.
fn print_counts(counts: &PredictionCounts, is_forced: bool) {
    printer::note(&counts.to_string());
    if counts.outside > 0 && !is_forced {
        printer::note("networks unlike the training networks are predicted with --force alone");
    }
}
