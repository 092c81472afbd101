//! Which rows of the table `networks` take part.

use std::collections::{BTreeMap, HashSet};

use polars::prelude::{DataFrame, LazyFrame};
use polars::sql::SQLContext;

use super::columns::{LabelColumn, NETWORKS, labels, numbers, texts};
use super::counts::PopulationCounts;
use crate::error::{ExperimentError, Result};
use crate::spec::{CheckpointSelection, ExperimentSpec, LabelAt};

/// The checkpoints that meet the condition; `None` without one.
///
/// # Errors
/// [`ExperimentError::Where`] if Polars cannot evaluate it.
pub(super) fn in_condition(
    networks: LazyFrame,
    condition: Option<&str>,
) -> Result<Option<HashSet<String>>> {
    let Some(condition) = condition else {
        return Ok(None);
    };
    let wrong = |source| ExperimentError::Where {
        condition: condition.to_owned(),
        source,
    };
    let mut context = SQLContext::new();
    context.register("networks", networks);
    // The line break ends a comment at the end of the condition.
    let query = format!("SELECT checkpoint FROM networks WHERE ({condition}\n)");
    let frame = context
        .execute(&query)
        .and_then(LazyFrame::collect)
        .map_err(wrong)?;
    let names = texts(&frame, NETWORKS, "checkpoint")?;
    Ok(Some(names.into_iter().flatten().collect()))
}

/// The rows that take part, sorted by checkpoint.
pub(super) struct SelectedRows {
    /// Rows of the table.
    pub(super) rows: Vec<usize>,
    /// For each row of the table, the one that its label is taken from.
    pub(super) label_rows: Vec<usize>,
    /// The counts of all others.
    pub(super) counts: PopulationCounts,
}

/// The rows that take part, and the counts of all others.
///
/// The checkpoint of a run is selected before the condition is looked at: a run whose last
/// checkpoint does not meet the condition is not replaced by an earlier one.
pub(super) fn select_rows(
    frame: &DataFrame,
    spec: &ExperimentSpec,
    in_condition: &Option<HashSet<String>>,
    groups: &[Option<usize>],
) -> Result<SelectedRows> {
    let checkpoints = texts(frame, NETWORKS, "checkpoint")?;
    let status = texts(frame, NETWORKS, "status")?;
    let runs = texts(frame, NETWORKS, "run")?;
    let steps = numbers(frame, NETWORKS, "step")?;
    let has_label = labelled(&labels(frame, NETWORKS, spec.target.label())?, spec);

    let mut order: Vec<usize> = (0..frame.height()).collect();
    order.sort_by(|&a, &b| checkpoints[a].cmp(&checkpoints[b]));
    let last = last_rows(&order, &runs, &steps);
    let is_selected = |row: usize| match spec.checkpoints {
        CheckpointSelection::All => true,
        CheckpointSelection::Step(step) => steps[row] == step as f64,
        // A checkpoint without a run is a run by itself.
        CheckpointSelection::Last => runs[row]
            .as_ref()
            .is_none_or(|run| last.get(run) == Some(&row)),
    };
    let label_row = |row: usize| match spec.target.label_at() {
        LabelAt::Same => row,
        LabelAt::Last => runs[row]
            .as_ref()
            .and_then(|run| last.get(run))
            .map_or(row, |last| *last),
    };
    let label_rows: Vec<usize> = (0..frame.height()).map(label_row).collect();
    let meets_condition = |name: &str| {
        in_condition
            .as_ref()
            .is_none_or(|names| names.contains(name))
    };
    let mut counts = PopulationCounts {
        networks: order.len(),
        ..PopulationCounts::default()
    };
    let mut rows = Vec::new();
    for row in order {
        let name = checkpoints[row].as_deref().unwrap_or_default();
        if status[row].as_deref() == Some("failed") {
            counts.failed += 1;
        } else if status[row].as_deref() != Some("ok") || name.is_empty() {
            counts.skipped += 1;
        } else if !is_selected(row) {
            counts.other_checkpoint += 1;
        } else if !meets_condition(name) {
            counts.not_in_condition += 1;
        } else if groups[row].is_none() {
            counts.without_group += 1;
        } else if status[label_rows[row]].as_deref() != Some("ok") {
            counts.last_failed += 1;
        } else if !has_label[label_rows[row]] {
            counts.without_label += 1;
        } else {
            rows.push(row);
        }
    }
    Ok(SelectedRows {
        rows,
        label_rows,
        counts,
    })
}

/// For each row, whether its label is a number that the target accepts, or a text.
fn labelled(column: &LabelColumn, spec: &ExperimentSpec) -> Vec<bool> {
    match column {
        LabelColumn::Numbers(values) => values
            .iter()
            .map(|value| spec.target.accepts(*value))
            .collect(),
        LabelColumn::Texts(values) => values.iter().map(Option::is_some).collect(),
    }
}

/// The row with the highest step of each run, whatever its status. A null step is lower than all
/// others. Of rows with the same step, the last one in `order` counts.
fn last_rows<'a>(
    order: &[usize],
    runs: &'a [Option<String>],
    steps: &[f64],
) -> BTreeMap<&'a String, usize> {
    let step = |row: usize| {
        if steps[row].is_nan() {
            f64::NEG_INFINITY
        } else {
            steps[row]
        }
    };
    let mut last = BTreeMap::new();
    for &row in order {
        if let Some(run) = &runs[row] {
            let latest = last.entry(run).or_insert(row);
            if step(row) >= step(*latest) {
                *latest = row;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoLazy, df};

    use super::*;
    use crate::population::Population;

    fn spec(text: &str) -> ExperimentSpec {
        toml::from_str(&format!("name = 'e'\n{text}")).unwrap()
    }

    fn networks() -> LazyFrame {
        df!(
            "checkpoint" => ["f", "e", "d", "c", "b", "a", "g"],
            "status" => ["ok", "ok", "failed", "skipped", "ok", "ok", "ok"],
            "run" => [Some("r1"), Some("r1"), Some("r2"), Some("r5"), Some("r6"), Some("r3"), Some("r4")],
            "parent" => [Some("p"), Some("p"), None, None, None, None, Some("p")],
            "step" => [2_i64, 1, 1, 1, 1, 1, 7],
            "test_accuracy" => [Some(0.5), Some(0.4), Some(0.1), None, Some(0.2), None, Some(0.9)],
        )
        .unwrap()
        .lazy()
    }

    fn read(text: &str) -> Result<Population> {
        Population::read(networks(), &spec(text), &BTreeMap::new())
    }

    #[test]
    fn every_network_that_is_left_out_is_counted_once() {
        let population = read("where = \"run <> 'r6'\"").unwrap();
        assert_eq!(population.checkpoints, ["f", "g"]);
        let counts = population.counts;
        assert_eq!(
            counts.left_out().map(|(_, n)| n),
            [1, 1, 1, 1, 0, 0, 1, 0, 0]
        );
        assert_eq!((counts.networks, counts.used, counts.groups), (7, 2, 2));
    }

    #[test]
    fn the_last_checkpoint_is_taken_per_run_whatever_the_groups_are() {
        let population = read("group = ['run', 'parent']").unwrap();
        assert_eq!(population.checkpoints, ["b", "f", "g"]);
        assert_eq!(population.group_names, ["r1", "r6"]);
        assert_eq!(population.groups, [1, 0, 0]);
    }

    #[test]
    fn a_condition_that_keeps_nothing_says_what_was_left_out() {
        let error = read("where = 'test_accuracy > 2'").unwrap_err().to_string();
        assert!(
            error.contains("no network is left") && error.contains("4 not in `where`"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_condition_is_quoted() {
        let error = read("where = 'tset_accuracy > 2'").unwrap_err();
        assert!(matches!(error, ExperimentError::Where { .. }), "{error}");
    }

    #[test]
    fn a_misspelt_column_is_an_error_with_similar_names() {
        for text in [
            "hyperparameters = ['test_accuracies']",
            "strata = ['test_accuracies']",
            "group = ['test_accuracies']",
            "target = { label = 'test_accuracies' }",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains("`test_accuracies`")
                    && error.contains("similar names: test_accuracy"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_run_whose_last_checkpoint_failed_is_not_replaced_by_an_earlier_one() {
        let frame = df!(
            "checkpoint" => ["a", "b", "c"], "status" => ["ok", "failed", "ok"],
            "run" => ["r", "r", "s"], "step" => [1_i64, 2, 1], "test_accuracy" => [0.5, 0.1, 0.3],
        );
        let frame = frame.unwrap().lazy();
        let population = Population::read(frame, &spec(""), &BTreeMap::new()).unwrap();
        assert_eq!(population.checkpoints, ["c"]);
        assert_eq!(population.counts.failed, 1);
        assert_eq!(population.counts.other_checkpoint, 1);
    }

    #[test]
    fn names_of_published_zoos_are_known_and_those_of_the_study_go_first() {
        let frame = df!(
            "checkpoint" => ["a", "b"], "status" => ["ok", "ok"], "run" => ["r", "s"],
            "step" => [1_i64, 1], "test_acc" => [0.5, 0.1], "other" => [0.7, 0.3],
            "optim::lr" => [0.1, 0.2], "model::nlin" => ["relu", "tanh"],
        );
        let frame = frame.unwrap().lazy();
        let population = Population::read(frame.clone(), &spec(""), &BTreeMap::new()).unwrap();
        assert_eq!(population.target.order_values(), [0.5, 0.1]);
        let names: Vec<&str> = population
            .hyperparameters
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["activation", "learning_rate"]);
        let labels = BTreeMap::from([("test_accuracy".to_owned(), "other".to_owned())]);
        let population = Population::read(frame, &spec(""), &labels).unwrap();
        assert_eq!(population.target.order_values(), [0.7, 0.3]);
    }

    #[test]
    fn a_text_label_is_refused_for_numbers() {
        let frame = df!(
            "checkpoint" => ["a", "b"], "status" => ["ok", "ok"], "run" => ["r", "s"],
            "step" => [1_i64, 1], "kind" => ["x", "y"],
        );
        let frame = frame.unwrap().lazy();
        let spec = spec("target = { label = 'kind', kind = 'regression' }");
        let error = Population::read(frame, &spec, &BTreeMap::new())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`kind`") && error.contains("numbers"),
            "{error}"
        );
    }
}
