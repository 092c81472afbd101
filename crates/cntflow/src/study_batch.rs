//! The batches in which the outputs of a study's tasks are committed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cntflow_checkpoint::{Catalog, CatalogEntry, write_catalog};
use cntflow_dataflow::Collector;
use cntflow_tables::{Batch, Status};

use crate::work::{Output, Report};

/// The outputs of one worker that are not committed yet: rows of the catalog, and records for the tables.
#[derive(Debug)]
pub(crate) struct StudyBatch {
    batch: Batch,
    name: String,
    root: PathBuf,
    age: Duration,
    trained: Vec<CatalogEntry>,
    since: Option<Instant>,
    committed: usize,
}

impl StudyBatch {
    /// A batch of one worker: its catalog parts are `<root>/catalog.<name>-<number>.parquet`, none of its rows waits longer than `age`.
    pub(crate) fn new(batch: Batch, name: String, root: PathBuf, age: Duration) -> Self {
        Self {
            batch,
            name,
            root,
            age,
            trained: Vec::new(),
            since: None,
            committed: 0,
        }
    }
}

impl Collector for StudyBatch {
    type Output = Output;
    type Report = Report;
    type Error = String;

    fn add(&mut self, output: Output) -> Result<Report, String> {
        match output {
            Output::Fatal(reason) => Err(reason),
            Output::Trained(entries, report, began) => {
                self.trained.extend(entries);
                self.since = Some(self.since.map_or(began, |since| since.min(began)));
                Ok(report)
            }
            Output::Measured(record) => {
                let report = Report {
                    name: record.entry.checkpoint.clone(),
                    training: false,
                    status: record.status,
                    reason: record
                        .reason
                        .clone()
                        .filter(|_| record.status != Status::Ok),
                    cost: 1.0,
                };
                self.batch.add(*record);
                if self.batch.is_full() {
                    self.commit()?;
                }
                Ok(report)
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let trained = self.since.map(|since| since + self.age);
        [trained, self.batch.due()].into_iter().flatten().min()
    }

    /// The catalog first: what is measured is then known to be trained.
    fn commit(&mut self) -> Result<(), String> {
        if !self.trained.is_empty() {
            let path = self.root.join(format!(
                "catalog.{}-{:05}.parquet",
                self.name, self.committed
            ));
            let catalog = Catalog::new(std::mem::take(&mut self.trained))
                .map_err(|error| error.to_string())?;
            write_catalog(&path, &catalog).map_err(|error| error.to_string())?;
            self.committed += 1;
            self.since = None;
        }
        self.batch.commit().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cntflow_tables::{BatchLimits, TableStore};

    use super::*;

    /// Otherwise a run of twenty minutes would wait, uncommitted, for the next one to end.
    #[test]
    fn a_run_that_took_longer_than_the_batch_may_wait_is_due_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let limits = BatchLimits::default();
        let store = TableStore::new(folder.path());
        let batch = Batch::new(store, limits, Arc::new([]), Arc::new([]), "b".to_owned());
        let root = folder.path().to_owned();
        let mut batch = StudyBatch::new(batch, "b".to_owned(), root, limits.age);
        assert_eq!(batch.due(), None);
        let report = Report {
            name: "r".to_owned(),
            training: true,
            status: Status::Ok,
            reason: None,
            cost: 1.0,
        };
        let began = Instant::now() - 2 * limits.age;
        batch
            .add(Output::Trained(Vec::new(), report, began))
            .unwrap();
        assert!(batch.due().unwrap() <= Instant::now());
    }
}
