//! `cntflow run` and `cntflow train`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cntflow_dataflow::Stop;

use super::report::write_report;
use crate::analysis::population_tables::PopulationTables;
use crate::args::{OutputArguments, RunArguments, TrainArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::{ExperimentRun, Experiments};
use crate::experiments::tables_run::TablesRun;
use crate::output::run_summary::{ExperimentsSummary, RunSummary};
use crate::printer;
use crate::progress::trace;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::{ReuseOptions, RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::run::session::agreed;
use crate::study::plan::Plan;

/// Runs a study, or its experiments on the tables of another folder.
pub(crate) fn run(arguments: RunArguments) -> anyhow::Result<ExitStatus> {
    match arguments.tables {
        None => {
            let reuse = arguments.reuse.into();
            let workers = arguments.task.limit(arguments.study.workers.clone());
            let until = RunUntil::Measured;
            run_study(arguments.study, &arguments.source, reuse, workers, until)
        }
        Some(tables) => run_on_tables(arguments.study, &tables),
    }
}

/// Runs a study up to and including the stage `until`; after measuring come populations and
/// experiments. `sources`, if there are any, take the place of those of the study.
pub(crate) fn run_study(
    arguments: TrainArguments,
    sources: &[String],
    reuse: ReuseOptions,
    workers: WorkerOptions,
    until: RunUntil,
) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let plan = Plan::read_at(&arguments.study, arguments.scale.named(), sources)?;
    if until == RunUntil::Trained && plan.runs.is_empty() {
        let study = arguments.study.display();
        return Err(UsageError(format!("{study}: no [population] to train")).into());
    }
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| plan.default_folder()),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        reuse,
        until,
        workers,
        progress: arguments.output.progress(),
    };
    let stop = stop_on_interrupt()?;
    let cluster = options.workers.cluster.as_ref();
    let membership = Membership::join(cluster, &agreed(&plan, &options)?, &stop)?;
    let _trace = trace::start(options.workers.trace.as_deref(), membership.process())?;
    let run = StudyRun {
        plan: &plan,
        options: &options,
        membership: &membership,
        stop: &stop,
        output: arguments.output,
        started,
    };
    membership.run(|| run.run())
}

/// One run of a study in this process, after the cluster is connected.
struct StudyRun<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    membership: &'a Membership,
    stop: &'a Stop,
    output: OutputArguments,
    started: Instant,
}

impl StudyRun<'_> {
    fn run(&self) -> anyhow::Result<ExitStatus> {
        let (plan, options) = (self.plan, self.options);
        let mut outcome = run_plan(plan, options, self.membership, self.stop)?;
        let (folder, record) = (&outcome.folder, &outcome.record);
        // Process 0 alone knows whether all is done.
        let is_measured = outcome.is_complete && options.until == RunUntil::Measured;
        let is_measured = self
            .membership
            .told_by_leader("the end of measuring", &is_measured.to_string())?
            == "true";
        let experiments = if is_measured {
            let run = ExperimentRun {
                folder,
                tables: &folder.tables(),
                record,
                labels: &plan.labels,
                workers: &options.workers,
                membership: self.membership,
                progress: options.progress,
                stop: self.stop,
            };
            run.run_all(&plan.experiments)?
        } else {
            Experiments::default()
        };
        if !self.membership.is_leader() {
            return self.membership.agree_on_status(ExitStatus::Done);
        }
        let populations = match &plan.measure.populations {
            Some(spec) if is_measured => {
                let tables = PopulationTables {
                    folder,
                    record,
                    spec,
                    n_threads: options.workers.n_threads,
                };
                Some(tables.write()?)
            }
            _ => None,
        };
        outcome.is_complete &= !experiments.is_stopped;
        let report = if outcome.is_complete && is_measured {
            written_report(folder.path())
        } else {
            None
        };
        let summary = RunSummary {
            claim: plan.claim.as_deref(),
            outcome: &outcome,
            populations: populations.as_ref(),
            experiments: &experiments,
            report: report.as_deref(),
            seconds: self.started.elapsed().as_secs_f64(),
        };
        // First: whoever reads the result may take their time.
        let status = self.membership.agree_on_status(summary.status())?;
        if self.output.json {
            printer::json(&summary.json());
        } else {
            printer::result(&summary.text());
        }
        // The tables are valid without an experiment that failed, so its error comes after the
        // summary.
        experiments.first_error()?;
        Ok(status)
    }
}

/// The report of a folder. Its tables are complete without it, so a note says why it is missing.
fn written_report(folder: &Path) -> Option<PathBuf> {
    match write_report(folder) {
        Ok(path) => Some(path),
        Err(error) => {
            printer::note(&format!("no report was written: {error:#}"));
            None
        }
    }
}

/// Runs the experiments of a study on the tables of another folder.
fn run_on_tables(arguments: TrainArguments, tables: &Path) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let workers = WorkerOptions::from(arguments.workers);
    let stop = stop_on_interrupt()?;
    let agreed = TablesRun::agreed(&arguments.study, tables)?;
    let membership = Membership::join(workers.cluster.as_ref(), &agreed, &stop)?;
    let _trace = trace::start(workers.trace.as_deref(), membership.process())?;
    let run = TablesRun {
        study: &arguments.study,
        tables,
        scale: arguments.scale.named(),
        out: arguments.folder.out.as_deref(),
        fresh: arguments.folder.fresh,
        workers: &workers,
        membership: &membership,
        progress: arguments.output.progress(),
        stop: &stop,
    };
    membership.run(|| {
        let outcome = run.run()?;
        if !membership.is_leader() {
            return membership.agree_on_status(ExitStatus::Done);
        }
        let summary = ExperimentsSummary {
            claim: outcome.plan.claim.as_deref(),
            tables,
            folder: &outcome.out,
            experiments: &outcome.experiments,
            stop: &stop,
            seconds: started.elapsed().as_secs_f64(),
        };
        let status = membership.agree_on_status(summary.status())?;
        if arguments.output.json {
            printer::json(&summary.json());
        } else {
            printer::result(&summary.text());
        }
        outcome.experiments.first_error()?;
        Ok(status)
    })
}
