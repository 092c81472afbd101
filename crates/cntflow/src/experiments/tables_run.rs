//! Runs the experiments of a study on the tables of another folder, which is only read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cntflow_dataflow::Stop;
use cntflow_experiments::spec::{CheckpointSelection, ExperimentSpec};
use cntflow_network::Twin;
use cntflow_tables::{Table, TableStore};

use super::check::check_experiments;
use super::run_experiments::{ExperimentRun, Experiments};
use crate::exit::UsageError;
use crate::export::export_tables::{CHECKPOINTS_KEY, LAST_CHECKPOINTS, REPRESENTATIONS_KEY};
use crate::folder::record::{Contents, StudyRecord};
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::membership::Membership;
use crate::run::options::WorkerOptions;
use crate::run::supervised::tell_claimed;
use crate::study::evaluation_plan::EvaluationPlan;
use crate::study::plan::Plan;
use crate::study::scale::Scale;

/// What is evaluated, and how.
pub(crate) struct TablesRun<'a> {
    /// The study file.
    pub(crate) study: &'a Path,
    /// An export or an output folder, or its URL.
    pub(crate) tables: &'a Path,
    /// The scale that the user has named. It must be that of the tables.
    pub(crate) scale: Option<Scale>,
    /// Folder of the results; `runs/STUDY` if there is none.
    pub(crate) out: Option<&'a Path>,
    /// Whether to remove earlier results first.
    pub(crate) fresh: bool,
    /// Threads, commits and cluster.
    pub(crate) workers: &'a WorkerOptions,
    /// The other processes.
    pub(crate) membership: &'a Membership,
    /// How to show progress.
    pub(crate) progress: ProgressMode,
    /// Set when the user interrupts the run.
    pub(crate) stop: &'a Stop,
}

/// How it ended.
pub(crate) struct TablesOutcome {
    /// The study, at the scale of the tables.
    pub(crate) plan: EvaluationPlan,
    /// Folder of the results.
    pub(crate) out: PathBuf,
    /// The experiments.
    pub(crate) experiments: Experiments,
}

impl TablesRun<'_> {
    /// What every process of a cluster must have in common, see [`Membership::join`].
    ///
    /// # Errors
    /// The study file cannot be read.
    pub(crate) fn agreed(
        study: &Path,
        tables: &Path,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let digest = blake3::hash(&fs_err::read(study)?).to_hex();
        Ok(vec![
            ("the study", digest[..16].to_owned()),
            ("the tables", tables.display().to_string()),
        ])
    }

    /// Runs all experiments. Their results have the bytes that they would have beside the tables.
    ///
    /// # Errors
    /// The folder has no tables, or lacks what an experiment names; the results' folder holds
    /// something else, or is that of the tables; it cannot be written to; another process uses it.
    pub(crate) fn run(&self) -> anyhow::Result<TablesOutcome> {
        let source = self.source_record()?;
        let plan = self.plan(&source)?;
        let tables = TableStore::new(self.tables);
        let twins = measured_twins(&tables)?;
        check_experiments(&plan.experiments, &plan.labels, &source, |twin| {
            twins.contains(twin)
        })?;
        check_exported(&plan.experiments, &tables)?;
        let out = match self.out {
            Some(out) => out.to_owned(),
            None => Path::new("runs").join(&plan.name),
        };
        self.check_out(&out)?;
        let record = StudyRecord {
            label_aliases: plan.labels.clone(),
            experiments: plan.experiments.clone(),
            contents: Contents::Experiments {
                tables: self.tables.to_owned(),
            },
            ..source
        };
        let folder = self.folder(&out, &record)?;
        let run = ExperimentRun {
            folder: &folder,
            tables: &tables,
            record: &record,
            labels: &plan.labels,
            workers: self.workers,
            membership: self.membership,
            progress: self.progress,
            stop: self.stop,
        };
        let experiments = run.run_all(&plan.experiments)?;
        Ok(TablesOutcome {
            plan,
            out,
            experiments,
        })
    }

    /// The record of the tables.
    fn source_record(&self) -> anyhow::Result<StudyRecord> {
        let folder = self.tables.display();
        let record = StudyRecord::read(self.tables)?
            .with_context(|| format!("{folder}: no output of cntflow here"))?;
        if let Contents::Experiments { tables } = &record.contents {
            let message = format!(
                "{folder}: no tables of networks here, but experiments on those in {}",
                tables.display()
            );
            return Err(UsageError(message).into());
        }
        Ok(record)
    }

    /// The study at the scale of the tables.
    fn plan(&self, source: &StudyRecord) -> anyhow::Result<EvaluationPlan> {
        let tables = self.tables.display();
        if let Some(scale) = self.scale.filter(|scale| *scale != source.scale) {
            let message = format!(
                "--scale {scale}: the tables in {tables} are of scale {}",
                source.scale
            );
            return Err(UsageError(message).into());
        }
        let plan = EvaluationPlan::read(self.study, source.scale)?;
        if plan.experiments.is_empty() {
            let message = format!("{}: the study has no [[experiment]]", self.study.display());
            return Err(UsageError(message).into());
        }
        // Unless the study itself says whose tables it uses.
        if plan.tables_of == plan.name || plan.tables_of != source.name {
            self.note_other_study(source)?;
        }
        if plan.has_populations {
            printer::note(
                "[populations] needs the values of each network, which --tables does not read: no \
                 densities and divergences",
            );
        }
        Ok(plan)
    }

    /// Says so if the study would make other tables, or if that cannot be told because a data set
    /// is not there.
    fn note_other_study(&self, source: &StudyRecord) -> anyhow::Result<()> {
        let (study, tables) = (self.study.display(), self.tables.display());
        match Plan::read(self.study, source.scale, &[]) {
            Ok(plan) if plan.identity()? == source.identity => {}
            Ok(_) => printer::note(&format!(
                "{study}: trains or measures something else than the study '{}', whose tables are \
                 in {tables}; the experiments are run on these",
                source.name
            )),
            Err(error) => printer::note(&format!(
                "whether the tables in {tables} are of this study is not known: {error}"
            )),
        }
        Ok(())
    }

    /// The results must not be written into the tables, not even with `fresh`.
    fn check_out(&self, out: &Path) -> Result<(), UsageError> {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if whole(out) == whole(self.tables) {
            return Err(UsageError(format!(
                "{}: the tables and the results are in one folder; --tables is only read: choose \
                 another --out",
                out.display()
            )));
        }
        Ok(())
    }

    /// Takes the folder of the results. Process 0 of a cluster takes it for all of them.
    fn folder(&self, out: &Path, record: &StudyRecord) -> anyhow::Result<StudyFolder> {
        if !self.membership.is_leader() {
            return Ok(StudyFolder::read_only(out));
        }
        let earlier = StudyRecord::read(out)?;
        let folder = StudyFolder::claim(out, record, earlier.as_ref(), self.fresh)?;
        tell_claimed()?;
        Ok(folder)
    }
}

/// Makes sure that an export has the statistics and the checkpoints that the experiments read. What
/// it lacks would count as missing values.
///
/// # Errors
/// It was made for other representations, or of the last checkpoints alone.
fn check_exported(experiments: &[ExperimentSpec], tables: &TableStore) -> anyhow::Result<()> {
    let exported = tables.part_metadata(Table::Layers, REPRESENTATIONS_KEY)?;
    let checkpoints = tables.part_metadata(Table::Networks, CHECKPOINTS_KEY)?;
    let has_all = checkpoints.is_none_or(|checkpoints| checkpoints != LAST_CHECKPOINTS);
    for spec in experiments {
        let name = spec.representation.name();
        if let Some(exported) = &exported
            && !exported.split(' ').any(|other| other == name)
        {
            let message = format!(
                "[[experiment]] '{}': the export has the statistics of the representation \
                 {exported}, not those of {name}: export with another --for, or without",
                spec.name
            );
            return Err(UsageError(message).into());
        }
        if !has_all && spec.checkpoints != CheckpointSelection::Last {
            let message = format!(
                "[[experiment]] '{}': the export has the last checkpoint of each run alone: \
                 export without --last",
                spec.name
            );
            return Err(UsageError(message).into());
        }
    }
    Ok(())
}

/// Names of the twins that tables have.
fn measured_twins(tables: &TableStore) -> anyhow::Result<BTreeSet<&'static str>> {
    let mut twins = BTreeSet::new();
    for twin in Twin::ALL {
        if !tables.twin(twin.as_str()).batches()?.is_empty() {
            twins.insert(twin.as_str());
        }
    }
    Ok(twins)
}
