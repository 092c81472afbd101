//! Populations of two sides: what models are fitted to, and what they are judged on.

use std::collections::{BTreeMap, HashSet};

use polars::prelude::{DataFrame, LazyFrame};

use super::columns::{NETWORKS, labels, texts};
use super::selection::{SelectedRows, in_condition};
use crate::error::{ExperimentError, Result};
use crate::spec::{ExperimentSpec, SpecProblem, Transfer};

/// The sides of a population, one row per network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// What the models are fitted to: a value of the column, or a condition.
    pub home: String,
    /// For each row, the value or condition that it belongs to.
    pub of_row: Vec<String>,
    /// For each row, whether the models may be fitted to it.
    pub is_home: Vec<bool>,
    /// Whether the test set is the other side. If not, it is drawn at home, and the other side is
    /// looked at besides.
    pub is_away_tested: bool,
}

/// The side of each row of a table: its name, and whether it is home. `None` on no side.
pub(super) struct TableSides {
    home: String,
    of_row: Vec<Option<(String, bool)>>,
    is_away_tested: bool,
}

impl TableSides {
    /// The sides that the design asks for; `None` without such a design.
    ///
    /// # Errors
    /// A condition is wrong; the value of a column is not named.
    pub(super) fn read(
        networks: &LazyFrame,
        frame: &DataFrame,
        spec: &ExperimentSpec,
    ) -> Result<Option<Self>> {
        if let Some(test) = &spec.protocol.test {
            let value = required_value("protocol.test", &test.column, test.value.as_ref())?;
            let is_home = |other: &str| other != value;
            let home = format!("not {value}");
            return Self::of_column(frame, &test.column, home, is_home, true).map(Some);
        }
        match &spec.transfer {
            None => Ok(None),
            Some(Transfer::Column { column, from }) => {
                let value = required_value("transfer", column, from.as_ref())?;
                let is_home = |other: &str| other == value;
                Self::of_column(frame, column, value.clone(), is_home, false).map(Some)
            }
            Some(Transfer::Conditions { train, test }) => {
                Self::of_conditions(networks, frame, train, test).map(Some)
            }
        }
    }

    fn of_column(
        frame: &DataFrame,
        column: &str,
        home: String,
        is_home: impl Fn(&str) -> bool,
        is_away_tested: bool,
    ) -> Result<Self> {
        let values = labels(frame, NETWORKS, column)?.texts();
        let side = |value: Option<String>| value.map(|value| (value.clone(), is_home(&value)));
        Ok(Self {
            home,
            of_row: values.into_iter().map(side).collect(),
            is_away_tested,
        })
    }

    fn of_conditions(
        networks: &LazyFrame,
        frame: &DataFrame,
        train: &str,
        test: &str,
    ) -> Result<Self> {
        let meet = |condition: &str| -> Result<HashSet<String>> {
            let names = in_condition(networks.clone(), Some(condition))?;
            Ok(names.unwrap_or_default())
        };
        let (in_train, in_test) = (meet(train)?, meet(test)?);
        let side = |name: Option<String>| {
            let name = name?;
            match (in_train.contains(&name), in_test.contains(&name)) {
                (true, false) => Some((train.to_owned(), true)),
                (false, true) => Some((test.to_owned(), false)),
                _ => None,
            }
        };
        let names = texts(frame, NETWORKS, "checkpoint")?;
        Ok(Self {
            home: train.to_owned(),
            of_row: names.into_iter().map(side).collect(),
            is_away_tested: true,
        })
    }

    /// Leaves out the rows that are on no side, and those whose groups are on both.
    pub(super) fn keep(&self, selected: &mut SelectedRows, groups: &[Option<usize>]) {
        let mut sides_of_group: BTreeMap<Option<usize>, [bool; 2]> = BTreeMap::new();
        for &row in &selected.rows {
            if let Some((_, is_home)) = &self.of_row[row] {
                sides_of_group.entry(groups[row]).or_default()[usize::from(*is_home)] = true;
            }
        }
        let n_before = selected.rows.len();
        selected.rows.retain(|&row| {
            let sides = sides_of_group.get(&groups[row]);
            self.of_row[row].is_some() && sides != Some(&[true, true])
        });
        selected.counts.on_no_side = n_before - selected.rows.len();
    }

    /// The sides of these rows, each of which has one.
    pub(super) fn select(&self, rows: &[usize]) -> Sides {
        let side = |row: &usize| self.of_row[*row].clone().unwrap_or_default();
        let (of_row, is_home) = rows.iter().map(side).unzip();
        Sides {
            home: self.home.clone(),
            of_row,
            is_home,
            is_away_tested: self.is_away_tested,
        }
    }

    /// The name of a row's side.
    pub(super) fn name(&self, row: usize) -> Option<&str> {
        self.of_row[row].as_ref().map(|(name, _)| name.as_str())
    }
}

fn required_value(key: &'static str, column: &str, value: Option<&String>) -> Result<String> {
    value.cloned().ok_or_else(|| ExperimentError::Spec {
        key,
        problem: SpecProblem::NotExpanded {
            column: column.to_owned(),
        },
    })
}
