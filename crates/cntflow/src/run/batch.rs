//! Collects the outputs of one worker and commits them in batches.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use cntflow_catalog::{Catalog, CatalogEntry, write_catalog};
use cntflow_dataflow::Collector;
use cntflow_network::Twin;
use cntflow_tables::{Batch, Record, Status};

use super::task::TaskOutput;
use crate::folder::lock::FolderGuard;
use crate::measure::checkpoint::CheckpointRecords;
use crate::progress::report::TaskReport;
use crate::progress::trace;

/// Uncommitted outputs of one worker: catalog entries of trained runs, and rows for the tables.
#[derive(Debug)]
pub(super) struct StudyBatch {
    rows: Batch,
    /// The rows of each twin. Their batches commit by themselves.
    twins: Vec<(Twin, Batch)>,
    name: String,
    folder: FolderGuard,
    max_age: Duration,
    process: usize,
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
    pub(super) fn new(
        rows: Batch,
        twins: Vec<(Twin, Batch)>,
        name: String,
        folder: FolderGuard,
        max_age: Duration,
        process: usize,
    ) -> Self {
        Self {
            rows,
            twins,
            name,
            folder,
            max_age,
            process,
            trained: Vec::new(),
            trained_since: None,
            n_catalog_parts: 0,
        }
    }

    /// Adds the records of a checkpoint. The report is that of its network, or of the first twin
    /// if only twins were missing.
    fn add_records(&mut self, records: CheckpointRecords) -> anyhow::Result<TaskReport> {
        let of_twins = records.twins.iter().map(|(_, record)| record);
        let process = self.process;
        let records_of_all = records.real.iter().chain(of_twins);
        let mut reports = records_of_all.map(|record| report(record, process));
        let report = reports
            .next()
            .ok_or_else(|| anyhow!("a checkpoint was measured that nothing is missing of"))?;
        drop(reports);
        if let Some(record) = records.real {
            self.rows.add(record);
        }
        for (twin, record) in records.twins {
            let mut batches = self.twins.iter_mut();
            if let Some((_, batch)) = batches.find(|(of_batch, _)| *of_batch == twin) {
                batch.add(record);
            }
        }
        let mut batches = self.twins.iter().map(|(_, batch)| batch);
        if self.rows.is_full() || batches.any(Batch::is_full) {
            self.commit()?;
        }
        Ok(report)
    }

    fn commit_catalog(&mut self) -> anyhow::Result<()> {
        if self.trained.is_empty() {
            return Ok(());
        }
        let path = self.folder.folder().join(format!(
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
                mut report,
                started,
            } => {
                report.process = self.process;
                self.trained.extend(entries);
                let since = self
                    .trained_since
                    .map_or(started, |since| since.min(started));
                self.trained_since = Some(since);
                Ok(report)
            }
            TaskOutput::Measured(records) => self.add_records(*records),
        }
    }

    fn due(&self) -> Option<Instant> {
        let catalog_due = self.trained_since.map(|since| since + self.max_age);
        let twins_due = self.twins.iter().filter_map(|(_, batch)| batch.due());
        let due = [catalog_due, self.rows.due()].into_iter().flatten();
        due.chain(twins_due).min()
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        let _span = self.due().is_some().then(|| trace::span("save", ""));
        if self.due().is_some() {
            self.folder.require()?;
        }
        // The catalog comes first, so that every measured checkpoint is known as trained.
        self.commit_catalog()?;
        self.rows.commit()?;
        for (_, batch) in &mut self.twins {
            batch.commit()?;
        }
        Ok(())
    }
}

/// What is reported of a record.
fn report(record: &Record, process: usize) -> TaskReport {
    // A measured checkpoint may have a reason, too: the metrics that were omitted.
    let failure = match record.status {
        Status::Ok => None,
        Status::Failed | Status::Skipped => record.reason.clone(),
    };
    TaskReport {
        name: record.entry.checkpoint.clone(),
        is_training: false,
        status: record.status,
        reason: failure,
        bytes: record.bytes.unwrap_or_default(),
        process,
        cost: 1.0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cntflow_tables::{BatchLimits, TableStore};

    use super::*;
    use crate::folder::study_folder::StudyFolder;

    /// Otherwise a run of twenty minutes would stay uncommitted until the next one ends.
    #[test]
    fn a_run_trained_for_longer_than_the_maximum_age_is_due_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let limits = BatchLimits::default();
        let store = TableStore::new(folder.path());
        let rows = Batch::new(store, limits, Arc::new([]), Arc::new([]), "b".to_owned());
        let guard = StudyFolder::read_only(folder.path()).guard();
        let mut batch = StudyBatch::new(rows, Vec::new(), "b".to_owned(), guard, limits.age, 0);
        assert_eq!(batch.due(), None);
        let report = TaskReport {
            name: "r".to_owned(),
            is_training: true,
            status: Status::Ok,
            reason: None,
            bytes: 0,
            process: 0,
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
