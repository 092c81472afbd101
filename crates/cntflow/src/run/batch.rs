//! Collects the outputs of one worker and commits them in batches.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cntflow_catalog::{Catalog, CatalogEntry, write_catalog};
use cntflow_dataflow::Collector;
use cntflow_tables::{Batch, Record, Status};

use super::task::TaskOutput;
use crate::progress::report::TaskReport;

/// Uncommitted outputs of one worker: catalog entries of trained runs, and rows for the tables.
#[derive(Debug)]
pub(super) struct StudyBatch {
    rows: Batch,
    name: String,
    folder: PathBuf,
    max_age: Duration,
    trained: Vec<CatalogEntry>,
    /// Earliest start of training among the uncommitted runs.
    trained_since: Option<Instant>,
    n_catalog_parts: usize,
}

impl StudyBatch {
    /// An empty batch.
    ///
    /// Catalog parts are named `<folder>/catalog.<name>-<number>.parquet`. No output waits longer
    /// than `max_age`.
    pub(super) fn new(rows: Batch, name: String, folder: PathBuf, max_age: Duration) -> Self {
        Self {
            rows,
            name,
            folder,
            max_age,
            trained: Vec::new(),
            trained_since: None,
            n_catalog_parts: 0,
        }
    }

    fn add_record(&mut self, record: Record) -> anyhow::Result<TaskReport> {
        // A measured checkpoint may have a reason, too: the metrics that were omitted.
        let failure = match record.status {
            Status::Ok => None,
            Status::Failed | Status::Skipped => record.reason.clone(),
        };
        let report = TaskReport {
            name: record.entry.checkpoint.clone(),
            is_training: false,
            status: record.status,
            reason: failure,
            cost: 1.0,
        };
        self.rows.add(record);
        if self.rows.is_full() {
            self.commit()?;
        }
        Ok(report)
    }

    fn commit_catalog(&mut self) -> anyhow::Result<()> {
        if self.trained.is_empty() {
            return Ok(());
        }
        let path = self.folder.join(format!(
            "catalog.{}-{:05}.parquet",
            self.name, self.n_catalog_parts
        ));
        let entries = std::mem::take(&mut self.trained);
        Catalog::new(entries).and_then(|catalog| write_catalog(&path, &catalog))?;
        self.n_catalog_parts += 1;
        self.trained_since = None;
        Ok(())
    }
}

impl Collector for StudyBatch {
    type Output = TaskOutput;
    type Report = TaskReport;
    type Error = anyhow::Error;

    fn add(&mut self, output: TaskOutput) -> anyhow::Result<TaskReport> {
        match output {
            TaskOutput::Fatal(reason) => Err(reason),
            TaskOutput::Trained {
                entries,
                report,
                started,
            } => {
                self.trained.extend(entries);
                let since = self
                    .trained_since
                    .map_or(started, |since| since.min(started));
                self.trained_since = Some(since);
                Ok(report)
            }
            TaskOutput::Measured(record) => self.add_record(*record),
        }
    }

    fn due(&self) -> Option<Instant> {
        let catalog_due = self.trained_since.map(|since| since + self.max_age);
        [catalog_due, self.rows.due()].into_iter().flatten().min()
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        // The catalog comes first, so that every measured checkpoint is known as trained.
        self.commit_catalog()?;
        Ok(self.rows.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cntflow_tables::{BatchLimits, TableStore};

    use super::*;

    /// Otherwise a run of twenty minutes would stay uncommitted until the next one ends.
    #[test]
    fn a_run_trained_for_longer_than_the_maximum_age_is_due_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let limits = BatchLimits::default();
        let store = TableStore::new(folder.path());
        let rows = Batch::new(store, limits, Arc::new([]), Arc::new([]), "b".to_owned());
        let path = folder.path().to_owned();
        let mut batch = StudyBatch::new(rows, "b".to_owned(), path, limits.age);
        assert_eq!(batch.due(), None);
        let report = TaskReport {
            name: "r".to_owned(),
            is_training: true,
            status: Status::Ok,
            reason: None,
            cost: 1.0,
        };
        let output = TaskOutput::Trained {
            entries: Vec::new(),
            report,
            started: Instant::now() - 2 * limits.age,
        };
        batch.add(output).unwrap();
        assert!(batch.due().unwrap() <= Instant::now());
    }
}
