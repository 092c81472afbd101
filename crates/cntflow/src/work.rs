//! The tasks of a study: training a run, measuring a checkpoint.

use std::sync::Arc;
use std::time::Instant;

use cntflow_checkpoint::{Absence, CatalogEntry, Label, LabelColumn, Location};
use cntflow_dataflow::{TaskContext, Work};
use cntflow_tables::{Batch, BatchLimits, Committed, Record, Status};
use cntflow_zoo::{KeptCheckpoint, RunSpec, RunStatus, TrainedRun, TrainingData, ZooError, train};
use serde::{Deserialize, Serialize};

use crate::folder::StudyFolder;
use crate::measure::{failed_record, measure_entry};
use crate::progress::Progress;
use crate::study::MeasurePlan;
use crate::study_batch::StudyBatch;

/// Something to do. There may be a million of them in a queue: each is but a pointer to what it is about.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Train a run and keep its checkpoints.
    Train(Arc<RunSpec>),
    /// Measure a checkpoint.
    Measure(Arc<CatalogEntry>),
}

/// What a task yields.
#[derive(Debug)]
pub(crate) enum Output {
    /// The checkpoints of a run, what to say of it, and when its training began: from then on its work can be lost.
    Trained(Vec<CatalogEntry>, Report, Instant),
    /// A checkpoint measured.
    Measured(Box<Record>),
    /// Nothing can be kept any more (a full disk): ends the run.
    Fatal(String),
}

/// What is told of a task done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Name of the run or of the checkpoint.
    pub(crate) name: String,
    /// Whether it was training.
    pub(crate) training: bool,
    /// How it ended.
    pub(crate) status: Status,
    /// Why it failed or was skipped.
    pub(crate) reason: Option<String>,
    /// Its share of the work: the planned cost of training; 1 for a checkpoint measured.
    pub(crate) cost: f64,
}

impl Task {
    /// Trains a run.
    pub(crate) fn train(spec: &RunSpec) -> Self {
        Self::Train(Arc::new(spec.clone()))
    }

    /// Measures a checkpoint of the catalog.
    pub(crate) fn measure(entry: &Arc<CatalogEntry>) -> Self {
        Self::Measure(Arc::clone(entry))
    }

    /// Its share of the work: multiply-adds of training, bytes of measuring. The two never stand in one queue but at a resumption,
    /// where training is the larger by far.
    pub(crate) fn cost(&self) -> f64 {
        match self {
            Self::Train(spec) => spec.cost(),
            Self::Measure(entry) => entry.location.size().map_or(1.0, |bytes| bytes as f64),
        }
    }

    /// What two processes must agree on.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Train(spec) => &spec.run,
            Self::Measure(entry) => &entry.checkpoint,
        }
    }
}

/// The work of a study in one process.
#[derive(Debug)]
pub(crate) struct StudyWork {
    pub(crate) folder: StudyFolder,
    pub(crate) measure: MeasurePlan,
    /// Images of the population's data sets, by name.
    pub(crate) data: Vec<(String, TrainingData)>,
    pub(crate) labels: Arc<[LabelColumn]>,
    pub(crate) metadata: Arc<[(String, String)]>,
    /// Whether trained checkpoints are measured at once.
    pub(crate) measure_trained: bool,
    /// Checkpoints that earlier runs have measured. A run that was killed between their commit and that of their training is trained
    /// again, to the same bytes; they are not measured again.
    pub(crate) committed: Committed,
    /// When batches are committed.
    pub(crate) limits: BatchLimits,
    /// Name of this run of the program, in the names of its parts.
    pub(crate) batch_name: String,
    pub(crate) progress: Progress,
}

impl Work for StudyWork {
    type Task = Task;
    type Output = Output;
    type Report = Report;
    type Collector = StudyBatch;

    fn run(&self, task: &Task, context: &TaskContext<'_, Task>) -> Option<Output> {
        match task {
            Task::Measure(entry) => Some(Output::Measured(Box::new(measure_entry(
                entry,
                &self.measure,
            )))),
            Task::Train(spec) => self.train(spec, context),
        }
    }

    fn panicked(&self, task: &Task, message: &str, context: &TaskContext<'_, Task>) -> Output {
        match task {
            Task::Measure(entry) => {
                Output::Measured(Box::new(failed_record(entry, message.to_owned())))
            }
            Task::Train(spec) => self.absent(
                spec,
                Absence::Failed(format!("training {message}")),
                context,
            ),
        }
    }

    fn collector(&self, worker: usize) -> StudyBatch {
        let name = format!("{}-w{worker:03}", self.batch_name);
        let tables = self.folder.tables();
        let batch = Batch::new(
            tables,
            self.limits,
            Arc::clone(&self.labels),
            Arc::clone(&self.metadata),
            name.clone(),
        );
        let root = self.folder.path().to_owned();
        StudyBatch::new(batch, name, root, self.limits.age)
    }

    fn reported(&self, report: Report) {
        self.progress.reported(&report);
    }
}

impl StudyWork {
    fn train(&self, spec: &RunSpec, context: &TaskContext<'_, Task>) -> Option<Output> {
        let began = Instant::now();
        // What a killed run left of this one, temporary files included; it is trained to the same bytes again.
        let left = self.folder.checkpoints().join(&spec.run);
        if left.exists()
            && let Err(error) = fs_err::remove_dir_all(left)
        {
            return Some(Output::Fatal(error.to_string()));
        }
        let Some((_, data)) = self.data.iter().find(|(name, _)| *name == spec.dataset) else {
            return Some(Output::Fatal(format!(
                "data set {} was not opened",
                spec.dataset
            )));
        };
        match train(spec, data, &self.folder.checkpoints(), &|| {
            context.is_stopping()
        }) {
            Ok(trained) => Some(self.trained(spec, trained, began, context)),
            Err(ZooError::Interrupted { .. }) => None,
            Err(ZooError::Io(error)) => Some(Output::Fatal(error.to_string())),
            Err(error) => Some(self.absent(spec, Absence::Failed(error.to_string()), context)),
        }
    }

    fn trained(
        &self,
        spec: &RunSpec,
        trained: TrainedRun,
        began: Instant,
        context: &TaskContext<'_, Task>,
    ) -> Output {
        let mut entries: Vec<CatalogEntry> = trained
            .checkpoints
            .iter()
            .map(|kept| entry(spec, kept))
            .collect();
        let mut report = report(spec, Status::Ok, None);
        if let RunStatus::Diverged(reason) = trained.status {
            report = self::report(spec, Status::Skipped, Some(reason.clone()));
            entries.push(absent_entry(spec, Absence::Diverged(reason)));
        }
        self.follow_up(&entries, context);
        Output::Trained(entries, report, began)
    }

    /// A run without weights: its row in the catalog says why.
    fn absent(&self, spec: &RunSpec, absence: Absence, context: &TaskContext<'_, Task>) -> Output {
        let report = report(spec, Status::Failed, Some(absence.to_string()));
        let entries = vec![absent_entry(spec, absence)];
        self.follow_up(&entries, context);
        Output::Trained(entries, report, Instant::now())
    }

    /// Has the checkpoints of a run measured next, those aside that an earlier run of the program has committed.
    fn follow_up(&self, entries: &[CatalogEntry], context: &TaskContext<'_, Task>) {
        if self.measure_trained {
            let new = entries
                .iter()
                .filter(|entry| !self.committed.contains_key(&entry.checkpoint));
            context.follow_up(new.cloned().map(|entry| Task::Measure(Arc::new(entry))));
        }
    }
}

fn report(spec: &RunSpec, status: Status, reason: Option<String>) -> Report {
    Report {
        name: spec.run.clone(),
        training: true,
        status,
        reason,
        cost: spec.cost(),
    }
}

fn entry(spec: &RunSpec, kept: &KeptCheckpoint) -> CatalogEntry {
    let mut entry = bare_entry(
        spec,
        &format!("step-{:05}", kept.step),
        i64::from(kept.step),
    );
    entry.location = kept.path.clone().into();
    // What there is none of, an autoencoder's accuracy, is no label, and so null in the tables.
    let there_are = figures(kept)
        .into_iter()
        .filter(|(_, value)| !value.is_nan());
    let labels = there_are.map(|(name, value)| (name.to_owned(), Label::Real(value)));
    entry.labels.extend(labels);
    entry
}

/// Names and values of what a checkpoint came to.
fn figures(kept: &KeptCheckpoint) -> [(&'static str, f64); 4] {
    [
        ("train_loss", kept.train.loss),
        ("train_accuracy", kept.train.accuracy),
        ("test_loss", kept.test.loss),
        ("test_accuracy", kept.test.accuracy),
    ]
}

fn absent_entry(spec: &RunSpec, absence: Absence) -> CatalogEntry {
    CatalogEntry {
        absent: Some(absence),
        ..bare_entry(spec, "end", i64::from(spec.epochs))
    }
}

fn bare_entry(spec: &RunSpec, place: &str, step: i64) -> CatalogEntry {
    CatalogEntry {
        checkpoint: format!("{}/{place}", spec.run),
        location: Location::default(),
        run: spec.run.as_str().into(),
        step,
        architecture: Some(spec.architecture.as_str().into()),
        labels: spec
            .labels()
            .into_iter()
            .map(|(name, label)| (name.to_owned(), label))
            .collect(),
        absent: None,
    }
}

/// An entry with every label that a trained checkpoint has, to plan the columns of the tables.
pub(crate) fn planned_entry(spec: &RunSpec) -> CatalogEntry {
    let some = cntflow_zoo::Evaluation {
        loss: 0.0,
        accuracy: 0.0,
    };
    entry(
        spec,
        &KeptCheckpoint {
            path: std::path::PathBuf::new(),
            step: 0,
            train: some,
            test: some,
        },
    )
}
