//! Runs experiments: what is left of their fits on all workers, then their results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cntflow_dataflow::{Cluster, Executor, Finished, Peers, Stop, TaskQueue, assign, run};
use cntflow_experiments::evaluation::{Experiment, FitRow, FitTask, Inputs};
use cntflow_experiments::frames::{fits_from_frame, fits_to_frame};
use cntflow_experiments::saved::TrainedModel;
use cntflow_experiments::spec::{ExperimentSpec, Twin};
use cntflow_storage::FullMessage;
use cntflow_tables::{BatchLimits, Table, TableStore, TablesError};
use polars::prelude::{DataFrame, LazyFrame};
use rayon::ThreadPoolBuilder;

use super::fit_progress::FitProgress;
use super::fit_work::FitWork;
use super::identity::experiment_identity;
use super::result::ExperimentResult;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::options::{ClusterProcess, WorkerOptions};

/// Key of a part's metadata: what the results of an experiment depend on.
const IDENTITY_KEY: &str = "cntflow.experiment";

/// Key of the metadata of `verdicts`: names of the saved models, separated by spaces.
const MODELS_KEY: &str = "cntflow.models";

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

/// How long a process waits for the others between two stages: process 0 may be merging tables or
/// writing results.
const MEETING_TIMEOUT: Duration = Duration::from_secs(600);

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
        // Before the other processes of a cluster write any.
        if self.process() == 0 {
            let tables = self.folder.tables();
            for spec in specs.iter().flat_map(|spec| self.expand(spec)).flatten() {
                tables.experiment(&spec.name).remove_temporary_files()?;
            }
        }
        // Process 0 may still be merging the parts of tables that the others are about to read.
        if let Some(cluster) = &self.workers.cluster {
            let sections = serde_json::to_string(&(specs, self.labels))?;
            let digest = blake3::hash(sections.as_bytes()).to_hex()[..32].to_owned();
            connect(
                cluster,
                &[
                    ("the stage", "experiments".to_owned()),
                    ("the experiments", digest),
                ],
            )?;
        }
        let mut names = BTreeSet::new();
        for spec in specs.iter().flat_map(|spec| self.expand(spec)) {
            let spec = spec.and_then(|spec| with_own_name(spec, &mut names));
            match spec.and_then(|spec| self.run(&spec)) {
                Ok(ExperimentEnd::Finished(result)) => experiments.results.push(*result),
                Ok(ExperimentEnd::Helped) => {}
                Ok(ExperimentEnd::Stopped) => {
                    experiments.is_stopped = true;
                    break;
                }
                Err(error) => experiments.errors.push(error),
            }
        }
        Ok(experiments)
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
        self.run_named(spec)
            .with_context(|| format!("experiment '{}'", spec.name))
    }

    fn run_named(&self, spec: &ExperimentSpec) -> anyhow::Result<ExperimentEnd> {
        let networks = self.tables.scan(Table::Networks)?;
        let experiment = Arc::new(Experiment::prepare(&self.inputs(spec)?, spec)?);
        let identity = experiment_identity(&experiment, networks)?;
        let own = self.folder.tables().experiment(&spec.name);
        if self.is_finished(&own, &experiment, &identity) {
            return self.result(&experiment, &own, true);
        }
        let stage = Stage {
            run: self,
            experiment: &experiment,
            tables: &own,
            identity: &identity,
        };
        if stage.run("cross-validation", experiment.fold_tasks())? == Finished::Stopped {
            return Ok(ExperimentEnd::Stopped);
        }
        let choices = experiment.choose(&read_fits(&own, &identity)?);
        if stage.run("refit", experiment.refit_tasks(&choices))? == Finished::Stopped {
            return Ok(ExperimentEnd::Stopped);
        }
        let curve = experiment.curve_tasks(&choices);
        if !curve.is_empty() && stage.run("learning curve", curve)? == Finished::Stopped {
            return Ok(ExperimentEnd::Stopped);
        }
        if self.process() != 0 {
            return Ok(ExperimentEnd::Helped);
        }
        let fits = read_fits(&own, &identity)?;
        self.write_results(&experiment, &own, &identity, &fits)?;
        self.result(&experiment, &own, false)
    }

    /// Whether all tables and models of the experiment are there, have this identity and all
    /// columns of this version. What is damaged, gone or older is made again.
    fn is_finished(&self, tables: &TableStore, experiment: &Experiment, identity: &str) -> bool {
        let name = &experiment.spec.name;
        let is_own = |found: Result<Option<String>, TablesError>| matches!(found, Ok(Some(found)) if found == identity);
        let has_tables = Table::OF_EXPERIMENT
            .into_iter()
            .filter(|table| has_table(experiment, *table))
            .all(|table| {
                is_own(tables.part_metadata(table, IDENTITY_KEY)) && has_columns(tables, table)
            });
        let models = tables.part_metadata(Table::Verdicts, MODELS_KEY);
        has_tables
            && is_own(tables.features_metadata(IDENTITY_KEY))
            && matches!(models, Ok(Some(stems)) if self.folder.has_models(name, &stems))
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

    fn process(&self) -> usize {
        self.workers
            .cluster
            .as_ref()
            .map_or(0, |cluster| cluster.index)
    }

    fn result(
        &self,
        experiment: &Experiment,
        tables: &TableStore,
        was_finished: bool,
    ) -> anyhow::Result<ExperimentEnd> {
        if self.process() != 0 {
            return Ok(ExperimentEnd::Helped);
        }
        let name = &experiment.spec.name;
        let result = ExperimentResult::read(name, experiment.describe(), tables, was_finished)?;
        Ok(ExperimentEnd::Finished(Box::new(result)))
    }

    /// Writes all tables and classifiers, the verdicts last: they say that the experiment is
    /// finished.
    fn write_results(
        &self,
        experiment: &Experiment,
        tables: &TableStore,
        identity: &str,
        fits: &[FitRow],
    ) -> anyhow::Result<()> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(self.workers.n_threads)
            .build()
            .context("cannot start the threads that judge the fits")?;
        let evaluation = threads.install(|| experiment.evaluate(fits));
        let metadata = self.metadata(identity);
        for part in tables.part_names(Table::Verdicts)? {
            tables.remove_part(Table::Verdicts, &part)?;
        }
        tables.write_features(&experiment.feature_frame()?, &metadata)?;
        let frames = [
            (Table::Folds, experiment.fold_frame()?),
            (Table::Scores, experiment.score_frame(&evaluation)?),
            (
                Table::Predictions,
                experiment.prediction_frame(fits, &evaluation)?,
            ),
            (
                Table::Importance,
                experiment.importance_frame(fits, &evaluation)?,
            ),
            (Table::Controls, experiment.control_frame(&evaluation)?),
        ];
        for (table, frame) in frames {
            tables.write_whole(table, &frame, &metadata)?;
        }
        let of_design = [
            (Table::Confusion, experiment.confusion_frame(&evaluation)?),
            (Table::Transfer, experiment.transfer_frame(&evaluation)?),
            (Table::Stopping, experiment.stopping_frame(&evaluation)?),
            (
                Table::LearningCurve,
                experiment.learning_curve_frame(&evaluation)?,
            ),
        ];
        for (table, frame) in of_design {
            write_or_remove(tables, table, frame, &metadata)?;
        }
        // One part in the order of the tasks: the same bytes whoever ran which fit.
        let earlier = tables.part_names(Table::Fits)?;
        let whole = format!("{identity}-all");
        tables.write_part(
            Table::Fits,
            &whole,
            &fits_to_frame(experiment, fits)?,
            &metadata,
        )?;
        for part in earlier.iter().filter(|part| **part != whole) {
            tables.remove_part(Table::Fits, part)?;
        }
        let models = threads.install(|| experiment.trained_models(&evaluation))?;
        for model in &models {
            self.folder.save_model(&experiment.spec.name, model)?;
        }
        // Another version of the experiment may have had more feature sets.
        let stems = models.iter().map(TrainedModel::file_stem).collect();
        self.folder
            .remove_other_models(&experiment.spec.name, &stems)?;
        let stems: Vec<String> = models.iter().map(TrainedModel::file_stem).collect();
        let mut metadata = metadata;
        metadata.push((MODELS_KEY.to_owned(), stems.join(" ")));
        tables.write_whole(
            Table::Verdicts,
            &experiment.verdict_frame(&evaluation)?,
            &metadata,
        )?;
        Ok(())
    }

    fn metadata(&self, identity: &str) -> Vec<(String, String)> {
        let mut metadata = self.record.metadata();
        metadata.push((IDENTITY_KEY.to_owned(), identity.to_owned()));
        metadata
    }
}

/// Whether a table has all columns of this version.
fn has_columns(tables: &TableStore, table: Table) -> bool {
    let Ok(mut frame) = tables.scan(table) else {
        return false;
    };
    let mut columns = table.columns().iter();
    let schema = frame.collect_schema();
    schema.is_ok_and(|schema| columns.all(|column| schema.contains(column.name)))
}

/// Whether an experiment has a table.
fn has_table(experiment: &Experiment, table: Table) -> bool {
    match table {
        Table::Confusion => experiment.spec.target.has_classes(),
        Table::Transfer => experiment.spec.transfer.is_some(),
        Table::Stopping => experiment.has_stopping_rule(),
        Table::LearningCurve => !experiment.spec.learning_curve.is_empty(),
        _ => true,
    }
}

/// Writes a table that the experiment has, or removes that of an earlier version of its section.
fn write_or_remove(
    tables: &TableStore,
    table: Table,
    frame: Option<DataFrame>,
    metadata: &[(String, String)],
) -> anyhow::Result<()> {
    if let Some(frame) = frame {
        tables.write_whole(table, &frame, metadata)?;
        return Ok(());
    }
    for part in tables.part_names(table)? {
        tables.remove_part(table, &part)?;
    }
    Ok(())
}

/// One stage of an experiment's fits. The next one depends on all of its results.
struct Stage<'a> {
    run: &'a ExperimentRun<'a>,
    experiment: &'a Arc<Experiment>,
    tables: &'a TableStore,
    identity: &'a str,
}

impl Stage<'_> {
    /// Runs those tasks that are not committed yet.
    fn run(&self, name: &'static str, tasks: Vec<FitTask>) -> anyhow::Result<Finished> {
        let done: BTreeSet<FitTask> = read_fits(self.tables, self.identity)?
            .into_iter()
            .map(|row| row.task)
            .collect();
        let left: Vec<FitTask> = tasks
            .into_iter()
            .filter(|task| !done.contains(task))
            .collect();
        let workers = self.run.workers;
        // A cluster meets in every stage, also for nothing: no process may go on before the others
        // have committed.
        if left.is_empty() && workers.cluster.is_none() {
            return Ok(Finished::All);
        }
        let cost = left.iter().map(|task| self.experiment.cost(task)).sum();
        let n_left = left.len();
        let spec_name = &self.experiment.spec.name;
        let mut executor = Executor::threads(workers.n_threads);
        executor.agreed = vec![("the fits left", format!("{spec_name} {name} {n_left}"))];
        let (process, n_processes) = match &workers.cluster {
            None => (0, 1),
            Some(cluster) => {
                let fingerprint = [
                    ("the experiment", self.identity.to_owned()),
                    ("the stage", name.to_owned()),
                ];
                let peers = connect(cluster, &fingerprint)?;
                let ends = (peers.process(), peers.processes());
                executor.peers = Some(peers);
                ends
            }
        };
        let share = assign(
            left,
            |task| self.experiment.cost(task) as u64,
            process,
            n_processes,
        );
        let batch = new_batch_name(process);
        let work = Arc::new(FitWork {
            experiment: Arc::clone(self.experiment),
            tables: self.tables.clone(),
            batch_name: format!("{}-{batch}", self.identity),
            metadata: self.run.metadata(self.identity).into(),
            max_age: workers.commit_every.unwrap_or(BatchLimits::default().age),
            progress: FitProgress::start(
                self.run.progress,
                &format!("experiment {spec_name}, {name}"),
                n_left,
                cost,
            ),
        });
        let queue: TaskQueue<FitTask> = share.into_iter().collect();
        let finished = run(executor, queue, Arc::clone(&work), self.run.stop);
        work.progress.finish();
        Ok(finished?)
    }
}

/// Connects the processes of a cluster for one stage.
fn connect(
    process: &ClusterProcess,
    fingerprint: &[(&'static str, String)],
) -> anyhow::Result<Peers> {
    let mut cluster = Cluster::from_hosts_file(&process.hosts, process.index)?;
    cluster.connect_timeout = MEETING_TIMEOUT;
    Ok(cluster.connect(fingerprint)?)
}

/// The committed fits of an experiment with this identity.
fn read_fits(tables: &TableStore, identity: &str) -> anyhow::Result<Vec<FitRow>> {
    let parts = tables.part_names(Table::Fits)?;
    let own: Vec<&String> = parts
        .iter()
        .filter(|part| part.starts_with(identity))
        .collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let read = |parts: &[&String]| -> anyhow::Result<Vec<FitRow>> {
        let frame = tables.scan_parts(Table::Fits, parts)?.collect()?;
        Ok(fits_from_frame(&frame)?)
    };
    let mut rows = match read(&own) {
        Ok(rows) => rows,
        // Fits of damaged parts are made again; the parts go once the results are written. Another
        // process may be reading them now.
        Err(_) => {
            let mut rows = Vec::new();
            for &part in &own {
                match read(&[part]) {
                    Ok(readable) => rows.extend(readable),
                    Err(error) => printer::note(&format!("fits are made again: {error:#}")),
                }
            }
            rows.sort_by_key(|row| (row.task, row.setting));
            rows
        }
    };
    // A run that was killed between writing the whole part and removing the others left both.
    rows.dedup_by_key(|row| (row.task, row.setting));
    Ok(rows)
}
