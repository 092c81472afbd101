//! `cntflow predict`.

use anyhow::Context;
use cntflow_catalog::CatalogOptions;
use cntflow_discriminate::TrainedClassifier;
use cntflow_tables::Table;

use crate::args::{PredictArguments, WorkerArguments};
use crate::exit::ExitStatus;
use crate::pipeline::{Extent, Setting, carry_out};
use crate::study::{MeasurePlan, Plan};
use crate::{output, printer};

/// Measures checkpoints as the classifier's training tables were, and says which are low and which high.
pub(crate) fn predict(arguments: PredictArguments) -> anyhow::Result<ExitStatus> {
    let classifier = TrainedClassifier::load(&arguments.model)?;
    let measured_with = classifier.measured_with().to_owned();
    let measured_as = MeasurePlan::as_measured_with(&measured_with)
        .with_context(|| arguments.model.display().to_string())?;
    let measure = MeasurePlan {
        limits: arguments.limits.limits(),
        ..measured_as
    };
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        name: "predict".to_owned(),
        runs: Vec::new(),
        sources: arguments.source,
        catalog: CatalogOptions::default(),
        measure,
        discriminate: None,
    };
    let setting = Setting {
        out: folder.path().to_owned(),
        fresh: false,
        retry_failed: false,
        extent: Extent::Measure,
        workers: WorkerArguments {
            workers: arguments.workers,
            ..WorkerArguments::default()
        },
        talk: arguments.talk,
    };
    let carried = carry_out(&plan, &setting)?;
    if !carried.complete || !carried.leads {
        return Ok(carried.status());
    }
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
    let tables = carried.folder.tables();
    let frame = classifier.predict(
        tables.scan(Table::Networks)?,
        tables.scan(Table::Layers)?,
        &measured_with,
    )?;
    if arguments.talk.json {
        printer::json(&output::json(&frame)?);
    } else {
        printer::result(&output::text(&frame)?);
    }
    Ok(carried.status())
}
