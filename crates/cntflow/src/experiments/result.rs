//! The results of an experiment, as read from its tables.

use std::path::PathBuf;

use cntflow_tables::{Table, TableStore, TablesError};
use polars::prelude::DataFrame;

/// The tables of a finished experiment that its summary is made of.
#[derive(Debug)]
pub(crate) struct ExperimentResult {
    /// Name of the experiment.
    pub(crate) name: String,
    /// What was predicted and for which networks, as the experiment wrote it.
    pub(crate) description: cntflow_experiments::ExperimentDescription,
    /// The table `scores`.
    pub(crate) scores: DataFrame,
    /// The table `controls`.
    pub(crate) controls: DataFrame,
    /// The table `verdicts`.
    pub(crate) verdicts: DataFrame,
    /// The table `confusion`; `None` for numbers.
    pub(crate) confusion: Option<DataFrame>,
    /// The table `transfer`; `None` without a transfer.
    pub(crate) transfer: Option<DataFrame>,
    /// The table `stopping`; `None` unless low and high are those of the last checkpoint.
    pub(crate) stopping: Option<DataFrame>,
    /// The table `learning_curve`; `None` without the key of that name.
    pub(crate) learning_curve: Option<DataFrame>,
    /// The folder of its tables.
    pub(crate) folder: PathBuf,
    /// Whether it was finished before this run.
    pub(crate) was_finished: bool,
}

impl ExperimentResult {
    /// Reads the tables of a finished experiment.
    ///
    /// # Errors
    /// A table is missing or cannot be read.
    pub(super) fn read(
        name: &str,
        description: cntflow_experiments::ExperimentDescription,
        tables: &TableStore,
        was_finished: bool,
    ) -> anyhow::Result<Self> {
        let read = |table| -> anyhow::Result<DataFrame> { Ok(tables.scan(table)?.collect()?) };
        let read_optional = |table| -> anyhow::Result<Option<DataFrame>> {
            match tables.scan(table) {
                Ok(frame) => Ok(Some(frame.collect()?)),
                Err(TablesError::Empty { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        Ok(Self {
            name: name.to_owned(),
            description,
            scores: read(Table::Scores)?,
            controls: read(Table::Controls)?,
            verdicts: read(Table::Verdicts)?,
            confusion: read_optional(Table::Confusion)?,
            transfer: read_optional(Table::Transfer)?,
            stopping: read_optional(Table::Stopping)?,
            learning_curve: read_optional(Table::LearningCurve)?,
            folder: tables.path(),
            was_finished,
        })
    }
}
