//! The table `fits`: written by the workers, read back by whoever goes on.

use polars::prelude::{DataFrame, DataType};

use super::columns::{counts, integer_lists, integers, number_lists, numbers, texts};
use crate::error::Result;
use crate::evaluation::{Experiment, FitRow, FitTask};
use crate::population::columns::{numbers as read_numbers, texts as read_texts};

const TABLE: &str = "fits";

/// The rows of some fits.
///
/// # Errors
/// Polars' own.
pub fn fits_to_frame(experiment: &Experiment, rows: &[FitRow]) -> Result<DataFrame> {
    let candidate = |row: &FitRow| &experiment.candidates[row.task.candidate() as usize];
    let fold = |row: &FitRow| match row.task {
        FitTask::Fold { repeat, fold, .. } => [Some(repeat), Some(fold)],
        FitTask::Refit { .. } => [None; 2],
        FitTask::Curve { draw, .. } => [Some(draw), None],
    };
    let n_groups = |row: &FitRow| match row.task {
        FitTask::Curve { n_groups, .. } => Some(n_groups),
        _ => None,
    };
    let setting = |row: &FitRow| {
        let settings = experiment.settings(candidate(row));
        settings.get(row.setting as usize).map(ToString::to_string)
    };
    let stage = |row: &FitRow| match row.task {
        FitTask::Fold { .. } => "fold",
        FitTask::Refit { .. } => "refit",
        FitTask::Curve { .. } => "learning_curve",
    };
    let columns = vec![
        texts("experiment", rows, |_| Some(experiment.spec.name.clone())),
        counts("candidate", rows, |row| row.task.candidate().into()),
        texts("features", rows, |row| {
            Some(candidate(row).choice.features.to_string())
        }),
        texts("representation", rows, |_| {
            Some(experiment.spec.representation.name().to_owned())
        }),
        texts("twin", rows, |row| {
            candidate(row)
                .choice
                .twin
                .map(|twin| twin.name().to_owned())
        }),
        texts("model", rows, |row| {
            Some(candidate(row).model_name().to_owned())
        }),
        texts("stage", rows, |row| Some(stage(row).to_owned())),
        integers("repeat", rows, |row| fold(row)[0].map(i64::from)),
        integers("fold", rows, |row| fold(row)[1].map(i64::from)),
        integers("n_groups", rows, |row| n_groups(row).map(i64::from)),
        integers("setting_index", rows, |row| Some(row.setting.into())),
        texts("setting", rows, setting),
        counts("n_features", rows, |row| row.n_features.into()),
        numbers("validation_figure", rows, |row| row.validation_figure),
        numbers("test_figure", rows, |row| row.test_figure),
        number_lists("predictions", rows, |row| &row.predictions),
        integer_lists("importance_columns", rows, |row| {
            row.importance
                .iter()
                .map(|(column, _)| i64::from(*column))
                .collect()
        }),
        {
            let values: Vec<Vec<f64>> = rows
                .iter()
                .map(|row| row.importance.iter().map(|(_, value)| *value).collect())
                .collect();
            number_lists("importance", &values, Vec::as_slice)
        },
        texts("reason", rows, |row| row.failure.clone()),
        texts("note", rows, |row| row.note.clone()),
    ];
    Ok(DataFrame::new(rows.len(), columns)?)
}

/// The fits of a frame, in the order of tasks and settings.
///
/// # Errors
/// A column is missing or has another type.
pub fn fits_from_frame(frame: &DataFrame) -> Result<Vec<FitRow>> {
    let whole = |name: &str| -> Result<Vec<Option<u32>>> {
        let values = read_numbers(frame, TABLE, name)?;
        Ok(values
            .into_iter()
            .map(|value| (!value.is_nan()).then_some(value as u32))
            .collect())
    };
    let candidates = whole("candidate")?;
    let (repeats, folds) = (whole("repeat")?, whole("fold")?);
    // Older versions had no learning curves.
    let n_groups = if frame.column("n_groups").is_ok() {
        whole("n_groups")?
    } else {
        vec![None; frame.height()]
    };
    let settings = whole("setting_index")?;
    let n_features = whole("n_features")?;
    let validation = read_numbers(frame, TABLE, "validation_figure")?;
    let test = read_numbers(frame, TABLE, "test_figure")?;
    let predictions = read_lists(frame, "predictions")?;
    let importance_columns = read_lists(frame, "importance_columns")?;
    let importance = read_lists(frame, "importance")?;
    let reasons = read_texts(frame, TABLE, "reason")?;
    let notes = read_texts(frame, TABLE, "note")?;
    let mut rows: Vec<FitRow> = (0..frame.height())
        .map(|row| {
            let candidate = candidates[row].unwrap_or_default();
            let setting = settings[row].unwrap_or_default();
            let task = match (repeats[row], folds[row], n_groups[row]) {
                (Some(repeat), Some(fold), _) => FitTask::Fold {
                    candidate,
                    repeat,
                    fold,
                },
                (Some(draw), None, Some(n_groups)) => FitTask::Curve {
                    candidate,
                    setting,
                    n_groups,
                    draw,
                },
                _ => FitTask::Refit { candidate, setting },
            };
            let columns = importance_columns[row].iter().map(|column| *column as u32);
            FitRow {
                task,
                setting,
                n_features: n_features[row].unwrap_or_default(),
                validation_figure: validation[row],
                test_figure: test[row],
                predictions: predictions[row].clone(),
                importance: columns.zip(importance[row].iter().copied()).collect(),
                failure: reasons[row].clone(),
                note: notes[row].clone(),
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.task, row.setting));
    Ok(rows)
}

/// A column of lists as lists of reals.
fn read_lists(frame: &DataFrame, name: &str) -> Result<Vec<Vec<f64>>> {
    let column = frame.column(name)?;
    let lists = column.list()?.series_iter().map(|list| {
        let Some(list) = list else {
            return Ok(Vec::new());
        };
        let numbers = list.cast(&DataType::Float64)?;
        Ok(numbers
            .f64()?
            .iter()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect())
    });
    lists.collect()
}
