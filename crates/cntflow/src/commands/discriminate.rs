//! `cntflow discriminate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cntflow_dataflow::Stop;
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_storage::store::Folder;

use crate::args::DiscriminateArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::{ExperimentRun, Experiments};
use crate::experiments::tables_run::TablesRun;
use crate::folder::record::{Contents, StudyRecord};
use crate::folder::study_folder::StudyFolder;
use crate::output::experiment;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::options::WorkerOptions;
use crate::study::evaluation_plan::EvaluationPlan;
use crate::study::scale::Scale;

/// The experiments of a study, with the aliases of their labels.
struct Specs {
    scale: Scale,
    labels: BTreeMap<String, String>,
    experiments: Vec<ExperimentSpec>,
}

/// Runs the experiments of a study on its tables, or on those of another folder.
///
/// A study file gives its current experiments, an output folder those it was last run with.
pub(crate) fn discriminate(arguments: DiscriminateArguments) -> anyhow::Result<ExitStatus> {
    let (path, specs) = folder_and_specs(&arguments)?;
    let workers = WorkerOptions::from(arguments.workers);
    let progress = arguments.output.progress();
    let stop = stop_on_interrupt()?;
    let experiments = if let Some(tables) = &arguments.tables {
        let run = TablesRun {
            study: &arguments.study,
            tables,
            scale: arguments.scale.named(),
            out: arguments.out.as_deref(),
            fresh: false,
            workers: &workers,
            progress,
            stop: &stop,
        };
        run.run()?.experiments
    } else {
        run_in_folder(&path, &arguments.study, specs, (&workers, progress), &stop)?
    };
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

/// Runs the experiments in the folder of their tables.
fn run_in_folder(
    path: &Path,
    study: &Path,
    specs: Option<Specs>,
    (workers, progress): (&WorkerOptions, ProgressMode),
    stop: &Stop,
) -> anyhow::Result<Experiments> {
    let record = StudyRecord::read(path)?.with_context(|| {
        format!(
            "{}: no output of cntflow here; measure first",
            path.display()
        )
    })?;
    if record.contents != Contents::Study {
        bail!(
            "{}: this folder holds {}; give the study file, --tables and --out",
            path.display(),
            record.contents
        );
    }
    let specs = specs.unwrap_or_else(|| Specs {
        scale: record.scale,
        labels: record.label_aliases.clone(),
        experiments: record.experiments.clone(),
    });
    check_specs(path, study, &specs, &record)?;
    // Process 0 of a cluster locks the folder for all of them.
    let folder = match &workers.cluster {
        Some(cluster) if cluster.index > 0 => StudyFolder::read_only(path),
        _ => StudyFolder::evaluate(path)?,
    };
    let run = ExperimentRun {
        folder: &folder,
        tables: &folder.tables(),
        record: &record,
        labels: &specs.labels,
        workers,
        progress,
        stop,
    };
    run.run_all(&specs.experiments)
}

/// Makes sure that there are experiments, of the scale of the folder.
fn check_specs(
    path: &Path,
    study: &Path,
    specs: &Specs,
    record: &StudyRecord,
) -> Result<(), UsageError> {
    if specs.scale != record.scale {
        return Err(UsageError(format!(
            "{}: this folder holds the output of scale {}, and the study is read at scale {}",
            path.display(),
            record.scale,
            specs.scale
        )));
    }
    if specs.experiments.is_empty() {
        return Err(UsageError(format!(
            "{}: the study has no [[experiment]]",
            study.display()
        )));
    }
    Ok(())
}

/// The output folder, and the experiments of the study file if there is one.
fn folder_and_specs(arguments: &DiscriminateArguments) -> anyhow::Result<(PathBuf, Option<Specs>)> {
    let is_folder = arguments.study.is_dir() || Folder::at(&arguments.study).is_remote();
    let options = [
        ("--out", arguments.out.is_some()),
        ("--tables", arguments.tables.is_some()),
        ("--scale", arguments.scale.named().is_some()),
    ];
    if is_folder && let Some((option, _)) = options.into_iter().find(|(_, is_given)| *is_given) {
        return Err(UsageError(format!("{option} needs a study file, not a folder")).into());
    }
    if is_folder {
        return Ok((arguments.study.clone(), None));
    }
    if arguments.tables.is_some() {
        // The scale of the study is that of the tables.
        return Ok((PathBuf::new(), None));
    }
    let plan = EvaluationPlan::read_at(&arguments.study, arguments.scale.named())?;
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
