//! A stage of an experiment: the fits that are not committed yet, on all workers of the cluster.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use cntflow_dataflow::{Finished, Stop, run};
use cntflow_experiments::evaluation::{Experiment, FitRow, FitTask};
use cntflow_experiments::frames::fits_from_frame;
use cntflow_tables::{BatchLimits, Table, TableStore};

use super::fit_progress::FitProgress;
use super::fit_work::FitWork;
use crate::folder::batch_name::new_batch_name;
use crate::folder::lock::FolderGuard;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::membership::{Membership, OLD_LIST};
use crate::run::options::WorkerOptions;

/// One stage of an experiment's fits. The next one depends on all of its results.
pub(super) struct Stage<'a> {
    pub(super) experiment: &'a Arc<Experiment>,
    /// The output folder.
    pub(super) folder: FolderGuard,
    /// The tables of the experiment.
    pub(super) tables: &'a TableStore,
    pub(super) identity: &'a str,
    /// Keys and values for every part.
    pub(super) metadata: Arc<[(String, String)]>,
    pub(super) workers: &'a WorkerOptions,
    pub(super) membership: &'a Membership,
    pub(super) progress: ProgressMode,
    pub(super) stop: &'a Stop,
}

impl Stage<'_> {
    /// Runs those tasks that are not committed yet, and returns all committed fits; `None` if the
    /// user stopped it.
    ///
    /// # Errors
    /// A worker or another process failed; the tables cannot be read, or lack fits that were
    /// committed.
    pub(super) fn run(
        &self,
        name: &'static str,
        tasks: Vec<FitTask>,
    ) -> anyhow::Result<Option<Vec<FitRow>>> {
        let fits = read_fits(self.tables, self.identity)?;
        let done = tasks_of(&fits);
        let all = tasks.iter().copied().collect::<BTreeSet<_>>();
        let mut left: Vec<FitTask> = tasks
            .into_iter()
            .filter(|task| !done.contains(task))
            .collect();
        // A cluster meets in every stage, also for nothing: no process may go on before the others
        // have committed.
        if left.is_empty() && !self.membership.has_others() {
            return Ok(Some(fits));
        }
        left.sort_by_cached_key(|task| Reverse(self.experiment.cost(task) as u64));
        if self.run_tasks(name, left)? == Finished::Stopped {
            return Ok(None);
        }
        let started = Instant::now();
        let (mut fits, mut n_missing);
        loop {
            fits = read_fits(self.tables, self.identity)?;
            n_missing = all.difference(&tasks_of(&fits)).count();
            // A network file system may show an old list of the files that others have written.
            let may_come = self.membership.has_others() && started.elapsed() < OLD_LIST;
            if n_missing == 0 || !may_come {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        // Nothing may be chosen or judged without them.
        if n_missing > 0 {
            bail!(
                "{n_missing} fits of the stage '{name}' are not in the tables though they were \
                 committed; do all processes write to the same folder?"
            );
        }
        Ok(Some(fits))
    }

    /// Runs tasks that process 0 has.
    ///
    /// # Errors
    /// A worker or another process failed.
    pub(super) fn help(&self, name: &str) -> anyhow::Result<Finished> {
        self.run_tasks(name, Vec::new())
    }

    fn run_tasks(&self, name: &str, tasks: Vec<FitTask>) -> anyhow::Result<Finished> {
        let cost = tasks.iter().map(|task| self.experiment.cost(task)).sum();
        let spec_name = &self.experiment.spec.name;
        let batch = new_batch_name(self.membership.process());
        let progress = if self.membership.is_leader() {
            self.progress
        } else {
            ProgressMode::None
        };
        let work = Arc::new(FitWork {
            experiment: Arc::clone(self.experiment),
            folder: self.folder.clone(),
            tables: self.tables.clone(),
            batch_name: format!("{}-{batch}", self.identity),
            metadata: Arc::clone(&self.metadata),
            max_age: self
                .workers
                .commit_every
                .unwrap_or(BatchLimits::default().age),
            progress: FitProgress::start(
                progress,
                &format!("experiment {spec_name}, {name}"),
                tasks.len(),
                cost,
            ),
        });
        let executor = self.membership.executor(self.workers.n_threads);
        let finished = run(executor, tasks, &work, self.stop);
        work.progress.finish();
        Ok(finished?)
    }
}

fn tasks_of(fits: &[FitRow]) -> BTreeSet<FitTask> {
    fits.iter().map(|row| row.task).collect()
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
