//! `cntflow run` and `cntflow train`.

use std::time::Instant;

use crate::args::RunArguments;
use crate::enter::study_record;
use crate::exit::{ExitStatus, UsageError};
use crate::pipeline::{Extent, Setting, carry_out, n_workers};
use crate::populations::make_tables;
use crate::results::discriminate_folder;
use crate::study::Plan;
use crate::{printer, summary};

/// Carries out a study file as far as `extent`, and discriminates where the study asks for it.
pub(crate) fn run(arguments: RunArguments, extent: Extent) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let plan = Plan::read(&arguments.study)?;
    if extent == Extent::Train && plan.runs.is_empty() {
        return Err(UsageError(format!(
            "{}: no [population] to train",
            arguments.study.display()
        ))
        .into());
    }
    let out = arguments
        .folder
        .out
        .unwrap_or_else(|| plan.default_folder());
    let talk = arguments.talk;
    let threads = n_workers(&arguments.workers);
    let setting = Setting {
        out,
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        extent,
        workers: arguments.workers,
        talk,
    };
    let mut carried = carry_out(&plan, &setting)?;
    if !carried.leads {
        return Ok(carried.status());
    }
    let is_measured = carried.complete && extent == Extent::Measure;
    if let Some(populations) = plan.measure.populations.as_ref().filter(|_| is_measured) {
        let record = study_record(&plan, Vec::new())?;
        let made = make_tables(&carried.folder, &record, populations, threads)?;
        carried.populations = Some(made);
    }
    let spec = plan.discriminate.as_ref().filter(|_| is_measured);
    let discriminated = spec.map(|spec| {
        let record = study_record(&plan, Vec::new())?;
        discriminate_folder(&carried.folder, &record, spec, talk)
    });
    carried.seconds = started.elapsed().as_secs_f64();
    // What was trained and measured is told first: that no classifier came of it takes nothing away from the tables.
    let found = discriminated
        .as_ref()
        .and_then(|outcome| outcome.as_ref().ok());
    if talk.json {
        printer::json(&summary::json(&carried, found));
    } else {
        printer::result(&summary::text(&carried, found));
    }
    discriminated.transpose()?;
    Ok(carried.status())
}
