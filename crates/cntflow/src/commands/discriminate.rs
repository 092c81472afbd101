//! `cntflow discriminate`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_storage::store::Folder;

use crate::args::DiscriminateArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::ExperimentRun;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::output::experiment;
use crate::printer;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::options::WorkerOptions;
use crate::study::plan::Plan;
use crate::study::scale::Scale;

/// The experiments of a study, with the aliases of their labels.
struct Specs {
    scale: Scale,
    labels: BTreeMap<String, String>,
    experiments: Vec<ExperimentSpec>,
}

/// Runs the experiments of a study on its tables.
///
/// A study file gives its current experiments, an output folder those it was last run with.
pub(crate) fn discriminate(arguments: DiscriminateArguments) -> anyhow::Result<ExitStatus> {
    let (path, specs) = folder_and_specs(&arguments)?;
    let record = StudyRecord::read(&path)?.with_context(|| {
        format!(
            "{}: no output of cntflow here; measure first",
            path.display()
        )
    })?;
    let specs = specs.unwrap_or_else(|| Specs {
        scale: record.scale,
        labels: record.label_aliases.clone(),
        experiments: record.experiments.clone(),
    });
    if specs.scale != record.scale {
        let message = format!(
            "{}: this folder holds the output of scale {}, and the study is read at scale {}",
            path.display(),
            record.scale,
            specs.scale
        );
        return Err(UsageError(message).into());
    }
    if specs.experiments.is_empty() {
        let message = format!(
            "{}: the study has no [[experiment]]",
            arguments.study.display()
        );
        return Err(UsageError(message).into());
    }
    let stop = stop_on_interrupt()?;
    let workers = WorkerOptions::from(arguments.workers);
    // Process 0 of a cluster locks the folder for all of them.
    let folder = match &workers.cluster {
        Some(cluster) if cluster.index > 0 => StudyFolder::read_only(&path),
        _ => StudyFolder::evaluate(&path)?,
    };
    let run = ExperimentRun {
        folder: &folder,
        record: &record,
        labels: &specs.labels,
        workers: &workers,
        progress: arguments.output.progress(),
        stop: &stop,
    };
    let experiments = run.run_all(&specs.experiments)?;
    if arguments.output.json {
        let results: Vec<_> = experiments.results.iter().map(experiment::json).collect();
        printer::json(&results.into());
    } else {
        let texts: Vec<String> = experiments.results.iter().map(experiment::text).collect();
        printer::result(&texts.join("\n\n"));
    }
    let status = if experiments.is_stopped {
        ExitStatus::Failed
    } else {
        ExitStatus::Done
    };
    experiments.first_error()?;
    Ok(status)
}

/// The output folder, and the experiments of the study file if there is one.
fn folder_and_specs(arguments: &DiscriminateArguments) -> anyhow::Result<(PathBuf, Option<Specs>)> {
    let is_folder = arguments.study.is_dir() || Folder::at(&arguments.study).is_remote();
    if is_folder && arguments.out.is_some() {
        return Err(UsageError("--out needs a study file, not a folder".to_owned()).into());
    }
    if is_folder && arguments.scale.named().is_some() {
        return Err(UsageError("--scale needs a study file, not a folder".to_owned()).into());
    }
    if is_folder {
        return Ok((arguments.study.clone(), None));
    }
    let plan = Plan::read_at(&arguments.study, arguments.scale.named())?;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| plan.default_folder());
    let specs = Specs {
        scale: plan.scale.unwrap_or_default(),
        labels: plan.labels,
        experiments: plan.experiments,
    };
    Ok((out, Some(specs)))
}
