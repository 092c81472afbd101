//! Runs experiments: what is left of their fits on all workers, then their results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, bail};
use cntflow_dataflow::{Finished, Stop};
use cntflow_experiments::evaluation::{Experiment, Inputs};
use cntflow_experiments::spec::{ExperimentSpec, Twin};
use cntflow_storage::FullMessage;
use cntflow_tables::{Table, TableStore, TablesError};
use polars::prelude::LazyFrame;

use super::identity::experiment_identity;
use super::result::ExperimentResult;
use super::result_tables::{IDENTITY_KEY, ResultTables};
use super::stage::Stage;
use crate::exit::ExitStatus;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::membership::Membership;
use crate::run::options::WorkerOptions;

/// What process 0 tells the others of an experiment that is finished or cannot be run.
const NOTHING_TO_DO: &str = "nothing to do";

/// Makes sure that no experiment writes into the folder of another one. Names of values may become
/// equal, because characters that no folder's name has are replaced.
fn with_own_name(
    spec: ExperimentSpec,
    names: &mut BTreeSet<String>,
) -> anyhow::Result<ExperimentSpec> {
    if names.insert(spec.name.clone()) {
        Ok(spec)
    } else {
        bail!(
            "experiment '{}': another experiment has this name; it was not run",
            spec.name
        )
    }
}

/// Where and how experiments are run.
pub(crate) struct ExperimentRun<'a> {
    /// The folder of the results.
    pub(crate) folder: &'a StudyFolder,
    /// The tables that the experiments read: those of the folder, or of another one.
    pub(crate) tables: &'a TableStore,
    /// The record of the tables.
    pub(crate) record: &'a StudyRecord,
    /// Aliases of label columns.
    pub(crate) labels: &'a BTreeMap<String, String>,
    /// Threads, commits and cluster.
    pub(crate) workers: &'a WorkerOptions,
    /// The other processes.
    pub(crate) membership: &'a Membership,
    /// How to show progress.
    pub(crate) progress: ProgressMode,
    /// Set when the user interrupts the run.
    pub(crate) stop: &'a Stop,
}

/// How the experiments of a study ended in this process.
#[derive(Debug, Default)]
pub(crate) struct Experiments {
    /// Those that are finished.
    pub(crate) results: Vec<ExperimentResult>,
    /// Why others failed.
    pub(crate) errors: Vec<anyhow::Error>,
    /// Whether the user stopped one.
    pub(crate) is_stopped: bool,
}

impl Experiments {
    /// Why experiments failed, each with its causes.
    pub(crate) fn error_texts(&self) -> Vec<String> {
        self.errors
            .iter()
            .map(|error| (**error).full_message())
            .collect()
    }

    /// The exit status of a command that ran nothing but these.
    pub(crate) fn status(&self, stop: &Stop) -> ExitStatus {
        if self.is_stopped {
            ExitStatus::of_stop(stop)
        } else if self.errors.is_empty() {
            ExitStatus::Done
        } else {
            ExitStatus::Failed
        }
    }

    /// The first error, after all others are printed.
    pub(crate) fn first_error(self) -> anyhow::Result<()> {
        let mut errors = self.errors.into_iter();
        let Some(first) = errors.next() else {
            return Ok(());
        };
        for error in errors {
            printer::error(&error);
        }
        Err(first)
    }
}

/// How an experiment ended in this process.
enum ExperimentEnd {
    /// Its results are in the tables.
    Finished(Box<ExperimentResult>),
    /// The user stopped it; finished fits are committed.
    Stopped,
    /// This process helped; process 0 has the results.
    Helped,
    /// It failed where it keeps no other process waiting.
    Failed(anyhow::Error),
}

impl ExperimentRun<'_> {
    /// Runs all experiments, one after the other. One that fails leaves the others alone. In a
    /// cluster every process calls this.
    ///
    /// # Errors
    /// The processes of a cluster cannot meet.
    pub(crate) fn run_all(&self, specs: &[ExperimentSpec]) -> anyhow::Result<Experiments> {
        let mut experiments = Experiments::default();
        if specs.is_empty() {
            return Ok(experiments);
        }
        self.membership.require_shared(self.folder.path())?;
        let specs: Vec<anyhow::Result<ExperimentSpec>> =
            specs.iter().flat_map(|spec| self.expand(spec)).collect();
        if self.membership.is_leader() {
            // Before the other processes of a cluster write any.
            let tables = self.folder.tables();
            for spec in specs.iter().flatten() {
                tables.experiment(&spec.name).remove_temporary_files()?;
            }
        }
        self.agree_on_names(&specs)?;
        let mut names = BTreeSet::new();
        for spec in specs {
            // Alike in all processes, which do not meet for it.
            let spec = match spec.and_then(|spec| with_own_name(spec, &mut names)) {
                Ok(spec) => spec,
                Err(error) => {
                    experiments.errors.push(error);
                    continue;
                }
            };
            match self.run(&spec) {
                Ok(ExperimentEnd::Finished(result)) => experiments.results.push(*result),
                Ok(ExperimentEnd::Failed(error)) => experiments.errors.push(error),
                Ok(ExperimentEnd::Helped) => {}
                Ok(ExperimentEnd::Stopped) => {
                    experiments.is_stopped = true;
                    break;
                }
                // The other processes are elsewhere now.
                Err(error) if self.membership.has_others() => return Err(error),
                Err(error) => experiments.errors.push(error),
            }
        }
        Ok(experiments)
    }

    /// Makes sure that all processes are about to run the same experiments: they come from the
    /// tables that each of them reads.
    fn agree_on_names(&self, specs: &[anyhow::Result<ExperimentSpec>]) -> anyhow::Result<()> {
        let names = specs.iter().map(|spec| match spec {
            Ok(spec) => spec.name.as_str(),
            Err(_) => "an experiment that cannot be run",
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let told = self
            .membership
            .told_by_leader("the names of the experiments", &names)?;
        if told != names {
            bail!(
                "process 0 has found the experiments {told} in the tables, and this process {names}; \
                 all processes must read the same tables"
            );
        }
        Ok(())
    }

    /// The experiments that a section stands for, or why they are not known.
    fn expand(&self, spec: &ExperimentSpec) -> Vec<anyhow::Result<ExperimentSpec>> {
        let expanded = || -> anyhow::Result<Vec<ExperimentSpec>> {
            let networks = self.tables.scan(Table::Networks)?;
            let specs = spec.expand(networks, self.labels)?;
            if specs.is_empty() {
                bail!("no network has a value of the column that the experiment is made for");
            }
            Ok(specs)
        };
        match expanded().with_context(|| format!("experiment '{}'", spec.name)) {
            Ok(specs) => specs.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    }

    /// Runs one experiment, or what is left of it.
    ///
    /// # Errors
    /// The experiment cannot be prepared; a table cannot be read or written; a worker or another
    /// process failed.
    fn run(&self, spec: &ExperimentSpec) -> anyhow::Result<ExperimentEnd> {
        let context = || format!("experiment '{}'", spec.name);
        match self.run_named(spec).with_context(context)? {
            ExperimentEnd::Failed(error) => Ok(ExperimentEnd::Failed(error.context(context()))),
            end => Ok(end),
        }
    }

    fn run_named(&self, spec: &ExperimentSpec) -> anyhow::Result<ExperimentEnd> {
        if self.membership.is_leader() {
            self.lead(spec)
        } else {
            self.help(spec)
        }
    }

    fn lead(&self, spec: &ExperimentSpec) -> anyhow::Result<ExperimentEnd> {
        let prepared = self.prepare(spec);
        let own = self.folder.tables().experiment(&spec.name);
        let was_finished = prepared.as_ref().is_ok_and(|(experiment, identity)| {
            let metadata = self.metadata(identity);
            self.results(experiment, &own, identity, &metadata)
                .are_finished()
        });
        let told = match &prepared {
            Ok((_, identity)) if !was_finished => identity,
            Ok(_) | Err(_) => NOTHING_TO_DO,
        };
        self.membership.told_by_leader(&spec.name, told)?;
        let (experiment, identity) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Ok(ExperimentEnd::Failed(error)),
        };
        if was_finished {
            return self.result(&experiment, &own, true);
        }
        let stage = self.stage(&experiment, &own, &identity);
        let Some(fits) = stage.run("cross-validation", experiment.fold_tasks())? else {
            return Ok(ExperimentEnd::Stopped);
        };
        let choices = experiment.choose(&fits);
        let Some(mut fits) = stage.run("refit", experiment.refit_tasks(&choices))? else {
            return Ok(ExperimentEnd::Stopped);
        };
        if has_curve(&experiment) {
            let curve = experiment.curve_tasks(&choices);
            match stage.run("learning curve", curve)? {
                Some(all) => fits = all,
                None => return Ok(ExperimentEnd::Stopped),
            }
        }
        // The other processes are not needed any more.
        let metadata = self.metadata(&identity);
        let results = self.results(&experiment, &own, &identity, &metadata);
        match results.write(&fits, self.workers.n_threads) {
            Ok(()) => self.result(&experiment, &own, false),
            Err(error) => Ok(ExperimentEnd::Failed(error)),
        }
    }

    /// Runs tasks of an experiment that process 0 leads.
    fn help(&self, spec: &ExperimentSpec) -> anyhow::Result<ExperimentEnd> {
        let told = self.membership.told_by_leader(&spec.name, "")?;
        if told == NOTHING_TO_DO {
            return Ok(ExperimentEnd::Helped);
        }
        let (experiment, identity) = self.prepare(spec)?;
        if identity != told {
            bail!(
                "process 0 has prepared another experiment from the tables ({told}) than this \
                 process ({identity}); all processes must read the same tables"
            );
        }
        let own = self.folder.tables().experiment(&spec.name);
        let stage = self.stage(&experiment, &own, &identity);
        let stages = ["cross-validation", "refit", "learning curve"];
        let n_stages = if has_curve(&experiment) { 3 } else { 2 };
        for name in &stages[..n_stages] {
            if stage.help(name)? == Finished::Stopped {
                return Ok(ExperimentEnd::Stopped);
            }
        }
        Ok(ExperimentEnd::Helped)
    }

    fn prepare(&self, spec: &ExperimentSpec) -> anyhow::Result<(Arc<Experiment>, String)> {
        let networks = self.tables.scan(Table::Networks)?;
        let experiment = Arc::new(Experiment::prepare(&self.inputs(spec)?, spec)?);
        let identity = experiment_identity(&experiment, networks)?;
        Ok((experiment, identity))
    }

    fn stage<'a>(
        &'a self,
        experiment: &'a Arc<Experiment>,
        tables: &'a TableStore,
        identity: &'a str,
    ) -> Stage<'a> {
        Stage {
            experiment,
            folder: self.folder.guard(),
            tables,
            identity,
            metadata: self.metadata(identity).into(),
            workers: self.workers,
            membership: self.membership,
            progress: self.progress,
            stop: self.stop,
        }
    }

    fn results<'a>(
        &'a self,
        experiment: &'a Experiment,
        tables: &'a TableStore,
        identity: &'a str,
        metadata: &'a [(String, String)],
    ) -> ResultTables<'a> {
        ResultTables {
            folder: self.folder,
            tables,
            experiment,
            identity,
            metadata,
        }
    }

    fn inputs(&self, spec: &ExperimentSpec) -> anyhow::Result<Inputs<'_>> {
        let tables = self.tables;
        let mut twins: BTreeMap<Twin, LazyFrame> = BTreeMap::new();
        for &twin in spec
            .controls
            .iter()
            .filter(|twin| **twin != Twin::Untrained)
        {
            match tables.twin(twin.name()).scan(Table::Layers) {
                Ok(layers) => {
                    twins.insert(twin, layers);
                }
                Err(TablesError::Empty { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Inputs {
            networks: tables.scan(Table::Networks)?,
            layers: tables.scan(Table::Layers)?,
            twins,
            labels: self.labels,
            measured_with: &self.record.measured_with,
            has_probe: self.record.has_probe(),
        })
    }

    fn result(
        &self,
        experiment: &Experiment,
        tables: &TableStore,
        was_finished: bool,
    ) -> anyhow::Result<ExperimentEnd> {
        let name = &experiment.spec.name;
        let result = ExperimentResult::read(name, experiment.describe(), tables, was_finished)?;
        Ok(ExperimentEnd::Finished(Box::new(result)))
    }

    fn metadata(&self, identity: &str) -> Vec<(String, String)> {
        let mut metadata = self.record.metadata();
        metadata.push((IDENTITY_KEY.to_owned(), identity.to_owned()));
        metadata
    }
}

/// Whether an experiment has a stage for learning curves.
fn has_curve(experiment: &Experiment) -> bool {
    !experiment.spec.learning_curve.is_empty()
}
