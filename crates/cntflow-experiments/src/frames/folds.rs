//! The table `folds`.

use polars::prelude::DataFrame;

use super::columns::{integers, texts};
use crate::error::Result;
use crate::evaluation::Experiment;

/// A network on one side of a split.
struct Line {
    row: usize,
    repeat_and_fold: Option<[i64; 2]>,
}

impl Experiment {
    /// The table `folds`.
    ///
    /// # Errors
    /// Polars' own.
    pub fn fold_frame(&self) -> Result<DataFrame> {
        let mut lines: Vec<Line> = self
            .splits
            .test
            .iter()
            .map(|&row| Line {
                row,
                repeat_and_fold: None,
            })
            .collect();
        for (repeat, folds) in self.splits.repeats.iter().enumerate() {
            for (fold, split) in folds.iter().enumerate() {
                lines.extend(split.validation.iter().map(|&row| Line {
                    row,
                    repeat_and_fold: Some([repeat as i64, fold as i64]),
                }));
            }
        }
        lines.sort_by_key(|line| (line.row, line.repeat_and_fold));
        let set = |line: &Line| {
            Some(
                if line.repeat_and_fold.is_none() {
                    "test"
                } else {
                    "training"
                }
                .to_owned(),
            )
        };
        let columns = vec![
            texts("experiment", &lines, |_| Some(self.spec.name.clone())),
            texts("checkpoint", &lines, |line| {
                Some(self.population.checkpoints[line.row].clone())
            }),
            texts("group", &lines, |line| {
                Some(self.group_name(line.row).to_owned())
            }),
            texts("set", &lines, set),
            integers("repeat", &lines, |line| {
                line.repeat_and_fold.map(|pair| pair[0])
            }),
            integers("fold", &lines, |line| {
                line.repeat_and_fold.map(|pair| pair[1])
            }),
        ];
        Ok(DataFrame::new(lines.len(), columns)?)
    }

    /// Name of a row's group.
    pub(crate) fn group_name(&self, row: usize) -> &str {
        &self.population.group_names[self.population.groups[row] as usize]
    }
}
