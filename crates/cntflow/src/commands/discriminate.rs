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
use crate::output::resume::resume_command;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::progress::trace;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::WorkerOptions;
use crate::study::evaluation_plan::EvaluationPlan;
use crate::study::scale::Scale;

/// The experiments of a study, with the aliases of their labels.
struct Specs {
    scale: Scale,
    labels: BTreeMap<String, String>,
    experiments: Vec<ExperimentSpec>,
}

/// A digest of experiments, by which the processes of a cluster see that they have the same.
fn specs_digest(specs: Option<&Specs>) -> anyhow::Result<String> {
    let Some(specs) = specs else {
        return Ok("those of the last run".to_owned());
    };
    let text = serde_json::to_string(&(&specs.experiments, &specs.labels))?;
    let digest = blake3::hash(text.as_bytes()).to_hex();
    Ok(format!("{} of scale {}", &digest[..16], specs.scale))
}

/// Runs the experiments of a study on its tables, or on those of another folder.
///
/// A study file gives its current experiments, an output folder those it was last run with.
pub(crate) fn discriminate(arguments: DiscriminateArguments) -> anyhow::Result<ExitStatus> {
    let (path, specs) = folder_and_specs(&arguments)?;
    let workers = WorkerOptions::from(arguments.workers);
    let progress = arguments.output.progress();
    let stop = stop_on_interrupt()?;
    let agreed = match &arguments.tables {
        Some(tables) => TablesRun::agreed(&arguments.study, tables)?,
        None => vec![
            ("the folder", path.display().to_string()),
            ("the experiments", specs_digest(specs.as_ref())?),
        ],
    };
    let membership = Membership::join(workers.cluster.as_ref(), &agreed, &stop)?;
    let _trace = trace::start(workers.trace.as_deref(), membership.process())?;
    membership.run(|| {
        let experiments = if let Some(tables) = &arguments.tables {
            let run = TablesRun {
                study: &arguments.study,
                tables,
                scale: arguments.scale.named(),
                out: arguments.out.as_deref(),
                fresh: false,
                workers: &workers,
                membership: &membership,
                progress,
                stop: &stop,
            };
            run.run()?.experiments
        } else {
            let run = FolderRun {
                path: &path,
                study: &arguments.study,
                workers: &workers,
                membership: &membership,
                progress,
                stop: &stop,
            };
            run.run(specs)?
        };
        if !membership.is_leader() {
            return membership.agree_on_status(ExitStatus::Done);
        }
        let status = membership.agree_on_status(experiments.status(&stop))?;
        if arguments.output.json {
            let results: Vec<_> = experiments.results.iter().map(experiment::json).collect();
            printer::json(&results.into());
        } else {
            let texts: Vec<String> = experiments.results.iter().map(experiment::text).collect();
            printer::result(&texts.join("\n\n"));
        }
        if experiments.is_stopped {
            printer::note(&format!("stopped; to go on: {}", resume_command()));
        }
        experiments.first_error()?;
        Ok(status)
    })
}

/// The experiments in the folder of their tables.
struct FolderRun<'a> {
    path: &'a Path,
    study: &'a Path,
    workers: &'a WorkerOptions,
    membership: &'a Membership,
    progress: ProgressMode,
    stop: &'a Stop,
}

impl FolderRun<'_> {
    fn run(&self, specs: Option<Specs>) -> anyhow::Result<Experiments> {
        let path = self.path;
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
        check_specs(path, self.study, &specs, &record)?;
        // Process 0 of a cluster locks the folder for all of them.
        let folder = if self.membership.is_leader() {
            StudyFolder::evaluate(path)?
        } else {
            StudyFolder::read_only(path)
        };
        let run = ExperimentRun {
            folder: &folder,
            tables: &folder.tables(),
            record: &record,
            labels: &specs.labels,
            workers: self.workers,
            membership: self.membership,
            progress: self.progress,
            stop: self.stop,
        };
        run.run_all(&specs.experiments)
    }
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
