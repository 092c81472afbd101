//! The results of an experiment in the output folder: its tables and its models.

use anyhow::Context;
use cntflow_experiments::evaluation::{Experiment, FitRow};
use cntflow_experiments::frames::fits_to_frame;
use cntflow_experiments::saved::TrainedModel;
use cntflow_tables::{Table, TableStore, TablesError};
use polars::prelude::DataFrame;
use rayon::ThreadPoolBuilder;

use crate::folder::study_folder::StudyFolder;

/// Key of a part's metadata: what the results of an experiment depend on.
pub(super) const IDENTITY_KEY: &str = "cntflow.experiment";

/// Key of the metadata of `verdicts`: names of the saved models, separated by spaces.
const MODELS_KEY: &str = "cntflow.models";

/// Where the results of an experiment are, and what they depend on.
pub(super) struct ResultTables<'a> {
    pub(super) folder: &'a StudyFolder,
    /// The tables of the experiment.
    pub(super) tables: &'a TableStore,
    pub(super) experiment: &'a Experiment,
    pub(super) identity: &'a str,
    /// Keys and values for every table.
    pub(super) metadata: &'a [(String, String)],
}

impl ResultTables<'_> {
    /// Whether all tables and models of the experiment are there, have this identity and all
    /// columns of this version. What is damaged, gone or older is made again.
    pub(super) fn are_finished(&self) -> bool {
        let (tables, experiment, identity) = (self.tables, self.experiment, self.identity);
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
            && matches!(models, Ok(Some(stems)) if self.folder.has_models(&experiment.spec.name, &stems))
    }

    /// Writes all tables and classifiers, the verdicts last: they say that the experiment is
    /// finished.
    ///
    /// # Errors
    /// A table or a model cannot be made or written.
    pub(super) fn write(&self, fits: &[FitRow], n_threads: usize) -> anyhow::Result<()> {
        let (tables, experiment) = (self.tables, self.experiment);
        let threads = ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .context("cannot start the threads that judge the fits")?;
        let evaluation = threads.install(|| experiment.evaluate(fits));
        let metadata = self.metadata;
        for part in tables.part_names(Table::Verdicts)? {
            tables.remove_part(Table::Verdicts, &part)?;
        }
        tables.write_features(&experiment.feature_frame()?, metadata)?;
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
            tables.write_whole(table, &frame, metadata)?;
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
            write_or_remove(tables, table, frame, metadata)?;
        }
        // One part in the order of the tasks: the same bytes whoever ran which fit.
        let earlier = tables.part_names(Table::Fits)?;
        let whole = format!("{}-all", self.identity);
        tables.write_part(
            Table::Fits,
            &whole,
            &fits_to_frame(experiment, fits)?,
            metadata,
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
        let mut metadata = metadata.to_vec();
        metadata.push((MODELS_KEY.to_owned(), stems.join(" ")));
        tables.write_whole(
            Table::Verdicts,
            &experiment.verdict_frame(&evaluation)?,
            &metadata,
        )?;
        Ok(())
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
