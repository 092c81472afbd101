//! The table `discrimination`: an outcome's rows with all that is needed to read them alone.

use polars::prelude::{Column, DataFrame};

use crate::classifier::ClassifierKind;
use crate::error::Result;
use crate::evaluation::bootstrap::Estimate;
use crate::evaluation::permutation::PermutationControl;
use crate::evaluation::strata::WHOLE_POPULATION;
use crate::outcome::{Outcome, OutcomeRow, RuleOutcome};

impl Outcome {
    /// The rows of the table `discrimination`, with the columns that
    /// `cntflow_tables::schema::discrimination` declares: their meanings are there, and writing the
    /// table checks their names, order and types.
    ///
    /// # Errors
    /// Polars' own.
    pub fn frame(&self) -> Result<DataFrame> {
        let lines: Vec<Line<'_>> = self
            .rules
            .iter()
            .flat_map(|rule| {
                rule.rows.iter().map(move |row| Line {
                    outcome: self,
                    rule,
                    row,
                })
            })
            .collect();
        let mut columns = key_columns(&lines);
        columns.extend(figure_columns(&lines));
        columns.extend(setting_columns(&lines));
        columns.extend(count_columns(&lines));
        Ok(DataFrame::new(lines.len(), columns)?)
    }
}

/// A row with what it belongs to.
struct Line<'a> {
    outcome: &'a Outcome,
    rule: &'a RuleOutcome,
    row: &'a OutcomeRow,
}

impl Line<'_> {
    fn control(&self) -> Option<&PermutationControl> {
        let tested = |control: &&PermutationControl| {
            control.candidate == (self.row.features, self.row.classifier)
        };
        self.rule
            .control
            .as_ref()
            .filter(tested)
            .filter(|_| self.row.stratum == WHOLE_POPULATION)
    }
}

fn texts<'a>(
    name: &str,
    lines: &'a [Line<'_>],
    value: impl Fn(&'a Line<'_>) -> Option<String>,
) -> Column {
    Column::new(name.into(), lines.iter().map(value).collect::<Vec<_>>())
}

/// NaN becomes null: a figure that is not defined is not there.
fn numbers<'a>(name: &str, lines: &'a [Line<'_>], value: impl Fn(&'a Line<'_>) -> f64) -> Column {
    let defined = |number: f64| (!number.is_nan()).then_some(number);
    Column::new(
        name.into(),
        lines
            .iter()
            .map(|line| defined(value(line)))
            .collect::<Vec<_>>(),
    )
}

fn counts<'a>(name: &str, lines: &'a [Line<'_>], value: impl Fn(&'a Line<'_>) -> usize) -> Column {
    Column::new(
        name.into(),
        lines
            .iter()
            .map(|line| value(line) as u64)
            .collect::<Vec<_>>(),
    )
}

fn key_columns(lines: &[Line<'_>]) -> Vec<Column> {
    let classifier = |row: &OutcomeRow| {
        row.classifier
            .map_or("majority", ClassifierKind::name)
            .to_owned()
    };
    vec![
        texts("experiment", lines, |line| {
            Some(line.outcome.experiment.clone())
        }),
        texts("target", lines, |line| {
            Some(line.outcome.spec.target.name().to_owned())
        }),
        texts("rule", lines, |line| Some(line.rule.rule.name())),
        texts("label", lines, |line| {
            Some(line.outcome.spec.accuracy.clone())
        }),
        texts("better", lines, |line| {
            Some(line.outcome.spec.better.name().to_owned())
        }),
        numbers("threshold_low", lines, |line| line.rule.thresholds.low),
        numbers("threshold_high", lines, |line| line.rule.thresholds.high),
        texts("features", lines, |line| {
            Some(line.row.features.name().to_owned())
        }),
        texts("classifier", lines, |line| Some(classifier(line.row))),
        texts("stratum", lines, |line| Some(line.row.stratum.clone())),
        texts("status", lines, |line| {
            Some(
                if line.row.failure.is_none() {
                    "ok"
                } else {
                    "failed"
                }
                .to_owned(),
            )
        }),
        texts("reason", lines, |line| line.row.failure.clone()),
        texts("note", lines, |line| line.row.note.clone()),
    ]
}

/// One of a row's four figures.
type Figure = fn(&OutcomeRow) -> Estimate;

fn figure_columns(lines: &[Line<'_>]) -> Vec<Column> {
    let mut columns = vec![
        counts("n_features", lines, |line| line.row.n_features),
        counts("n_networks", lines, |line| line.row.n_networks),
        counts("n_groups", lines, |line| line.row.n_groups),
        numbers("prevalence", lines, |line| line.row.confusion.prevalence()),
    ];
    let figures: [(&str, Figure); 4] = [
        ("accuracy", |row| row.accuracy),
        ("balanced_accuracy", |row| row.balanced_accuracy),
        ("mcc", |row| row.matthews),
        ("auc", |row| row.auc),
    ];
    for (name, figure) in figures {
        columns.push(numbers(name, lines, |line| figure(line.row).value));
        columns.push(numbers(&format!("{name}_low"), lines, |line| {
            figure(line.row).low
        }));
        columns.push(numbers(&format!("{name}_high"), lines, |line| {
            figure(line.row).high
        }));
    }
    columns.extend([
        numbers("true_high", lines, |line| line.row.confusion.true_high),
        numbers("false_high", lines, |line| line.row.confusion.false_high),
        numbers("true_low", lines, |line| line.row.confusion.true_low),
        numbers("false_low", lines, |line| line.row.confusion.false_low),
    ]);
    columns
}

fn setting_columns(lines: &[Line<'_>]) -> Vec<Column> {
    let worst: Vec<bool> = lines.iter().map(|line| line.row.is_worst_stratum).collect();
    let permutations =
        |line: &Line<'_>| line.control().map(|control| control.permuted.len() as u64);
    vec![
        Column::new("worst_stratum".into(), worst),
        numbers("permutation_p", lines, |line| {
            line.control().map_or(f64::NAN, |control| control.p_value)
        }),
        Column::new(
            "permutations".into(),
            lines.iter().map(permutations).collect::<Vec<_>>(),
        ),
        counts("folds", lines, |line| line.outcome.spec.folds),
        counts("repeats", lines, |line| line.outcome.spec.repeats),
        counts("seed", lines, |line| line.outcome.spec.seed as usize),
        counts("draws", lines, |line| line.outcome.spec.draws),
        numbers("confidence", lines, |line| line.outcome.spec.confidence),
    ]
}

fn count_columns(lines: &[Line<'_>]) -> Vec<Column> {
    vec![
        counts("networks_in", lines, |line| line.outcome.counts.networks),
        counts("groups_in", lines, |line| line.outcome.counts.groups),
        counts("networks_usable", lines, |line| line.outcome.counts.usable),
        counts("groups_usable", lines, |line| {
            line.outcome.counts.usable_groups
        }),
        counts("left_failed", lines, |line| line.outcome.counts.failed),
        counts("left_skipped", lines, |line| line.outcome.counts.skipped),
        counts("left_without_group", lines, |line| {
            line.outcome.counts.without_group
        }),
        counts("left_earlier", lines, |line| line.outcome.counts.earlier),
        counts("left_without_accuracy", lines, |line| {
            line.outcome.counts.without_accuracy
        }),
        counts("left_middle", lines, |line| line.rule.n_middle),
    ]
}
