//! `cntflow predict`.

use anyhow::Context;
use cntflow_catalog::CatalogOptions;
use cntflow_discriminate::TrainedClassifier;
use cntflow_tables::Table;

use crate::args::{PredictArguments, thread_count};
use crate::exit::ExitStatus;
use crate::output::frames;
use crate::printer;
use crate::run::options::{RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::study::measure_plan::MeasurePlan;
use crate::study::plan::Plan;

/// Measures checkpoints like the training data of the classifier, and classifies each as low or
/// high.
pub(crate) fn predict(arguments: PredictArguments) -> anyhow::Result<ExitStatus> {
    let classifier = TrainedClassifier::load(&arguments.model)?;
    let measured_with = classifier.measured_with().to_owned();
    let measure = MeasurePlan::from_measured_with(&measured_with)
        .with_context(|| arguments.model.display().to_string())?;
    let plan = Plan {
        name: "predict".to_owned(),
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
        until: RunUntil::Measured,
        workers: WorkerOptions::local(thread_count(arguments.workers)),
        progress: arguments.output.progress(),
    };
    let outcome = run_plan(&plan, &options)?;
    if !outcome.is_complete {
        return Ok(outcome.status());
    }
    print_classifier(&classifier);
    let tables = outcome.folder.tables();
    let predictions = classifier.predict(
        tables.scan(Table::Networks)?,
        tables.scan(Table::Layers)?,
        &measured_with,
    )?;
    if arguments.output.json {
        printer::json(&frames::to_json(&predictions)?);
    } else {
        printer::result(&frames::to_text(&predictions)?);
    }
    Ok(outcome.status())
}

fn print_classifier(classifier: &TrainedClassifier) {
    let auc = classifier.held_out_auc();
    printer::note(&format!(
        "{} on {}, {}; AUC on held-out runs {:.3} [{:.3}, {:.3}]",
        classifier.kind().name(),
        classifier.features().name(),
        classifier.meaning(),
        auc.value,
        auc.low,
        auc.high
    ));
}
