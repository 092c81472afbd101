//! Which measured networks belong to populations, by the table `networks`.

use std::collections::{BTreeSet, HashMap};

use cntflow_tables::{Table, TableStore};
use polars::prelude::{AnyValue, DataFrame, col};

use crate::study::last_checkpoints::{LastCheckpoints, RunPosition};
use crate::study::population_choices::ComparedCheckpoints;
use crate::study::populations::PopulationsSpec;

/// A network that may be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NetworkIndex {
    /// Index of its run. First, so that networks of one run are neighbours when sorted.
    pub(super) run: usize,
    /// Its row in the table `networks`.
    row: usize,
}

/// The networks that may be compared, and how many others there are.
#[derive(Debug, Default)]
pub(super) struct PopulationNetworks {
    by_checkpoint: HashMap<String, NetworkIndex>,
    /// Values of the label in rising order, as text, where each value is a population.
    values: Vec<String>,
    /// Measured networks that are not the last of their run, where only these are compared.
    pub(super) n_earlier: u64,
    /// Runs whose last checkpoint was not measured, where only these are compared.
    pub(super) n_runs_not_measured: u64,
    /// Measured networks without a value of the label.
    pub(super) n_without_label: u64,
}

impl PopulationNetworks {
    /// Reads the committed networks and chooses those that `spec` compares.
    ///
    /// The choice is made here, from everything that is committed, and not while measuring: a later
    /// run of the program may have found a later checkpoint of a run.
    ///
    /// # Errors
    /// The table cannot be read or lacks the label.
    pub(super) fn choose(tables: &TableStore, spec: &PopulationsSpec) -> anyhow::Result<Self> {
        let wanted = ["checkpoint", "run", "step", "status", &spec.label];
        let scan = tables.scan(Table::Networks)?;
        let frame = scan.select(wanted.map(col)).collect()?;
        let mut rows = NetworkRows::of(&frame, &spec.label, spec.is_by_value())?;
        let last = LastCheckpoints::of(rows.positions.iter().copied());
        let mut runs = HashMap::new();
        let mut chosen = Self::default();
        for (row, &position) in rows.positions.iter().enumerate() {
            let is_compared =
                spec.checkpoints == ComparedCheckpoints::All || last.contains(position);
            if !is_compared {
                chosen.n_earlier += u64::from(rows.is_measured[row]);
            } else if !rows.is_measured[row] {
                let is_last = spec.checkpoints == ComparedCheckpoints::Last;
                chosen.n_runs_not_measured += u64::from(is_last);
            } else if rows.labels[row].is_none() {
                chosen.n_without_label += 1;
            } else {
                let next = runs.len();
                let run = *runs.entry(position.run).or_insert(next);
                let network = NetworkIndex { run, row };
                chosen
                    .by_checkpoint
                    .insert(position.checkpoint.to_owned(), network);
            }
        }
        if spec.is_by_value() {
            rows.labels.retain(Option::is_some);
            rows.labels.sort();
            rows.labels.dedup();
            let values = rows.labels.into_iter().flatten();
            chosen.values = values.map(|value| value.text).collect();
        }
        Ok(chosen)
    }

    /// Rank of a value of the label among all values, from 0.
    pub(super) fn index_of_value(&self, value: &str) -> i64 {
        let rank = self.values.iter().position(|other| other == value);
        // A value that no row of `networks` has comes after the others.
        rank.unwrap_or(self.values.len()) as i64
    }

    /// The network of a checkpoint; `None` if it is not compared.
    pub(super) fn get(&self, checkpoint: &str) -> Option<NetworkIndex> {
        self.by_checkpoint.get(checkpoint).copied()
    }

    /// Number of networks that may be compared.
    pub(super) fn len(&self) -> usize {
        self.by_checkpoint.len()
    }
}

/// Number of different runs of some networks.
pub(super) fn count_runs(networks: &BTreeSet<NetworkIndex>) -> u64 {
    let mut last = None;
    let changes = networks.iter();
    changes
        .filter(|network| last.replace(network.run) != Some(network.run))
        .count() as u64
}

/// Columns of the table `networks`.
struct NetworkRows<'a> {
    positions: Vec<RunPosition<'a>>,
    is_measured: Vec<bool>,
    /// The label of each row; `None` if its network is in no population.
    labels: Vec<Option<LabelValue>>,
}

/// A value of the label. Numbers are ordered by size, texts by their letters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LabelValue {
    /// An integer that rises with a number; 0 for flags and texts.
    order: i64,
    text: String,
}

impl<'a> NetworkRows<'a> {
    fn of(frame: &'a DataFrame, label: &str, is_by_value: bool) -> anyhow::Result<Self> {
        let texts = |name: &str| -> anyhow::Result<Vec<&'a str>> {
            let texts = frame.column(name)?.str()?.iter();
            Ok(texts.map(Option::unwrap_or_default).collect())
        };
        let steps = frame.column("step")?.i64()?.iter();
        let (runs, checkpoints) = (texts("run")?, texts("checkpoint")?);
        let positions = runs.into_iter().zip(steps).zip(checkpoints);
        let positions = positions.map(|((run, step), checkpoint)| RunPosition {
            run,
            step: step.unwrap_or(i64::MIN),
            checkpoint,
        });
        let column = frame.column(label)?;
        let labels = (0..frame.height()).map(|row| {
            let value = LabelValue::of(&column.get(row)?);
            Ok::<_, anyhow::Error>(value.filter(|(_, is_number)| is_by_value || *is_number))
        });
        let labels: Vec<_> = labels.collect::<Result<_, _>>()?;
        Ok(Self {
            positions: positions.collect(),
            is_measured: texts("status")?.iter().map(|&s| s == "ok").collect(),
            labels: labels
                .into_iter()
                .map(|value| value.map(|(value, _)| value))
                .collect(),
        })
    }
}

impl LabelValue {
    /// The value in a cell, and whether it is a number; `None` for null, NaN and infinities.
    fn of(cell: &AnyValue<'_>) -> Option<(Self, bool)> {
        let value = |order, text| Self { order, text };
        match cell {
            AnyValue::Boolean(flag) => Some((value(0, flag.to_string()), false)),
            AnyValue::Int64(number) => Some((value(*number, number.to_string()), true)),
            AnyValue::Float64(number) if number.is_finite() => {
                // The bits of a real, as a signed integer, rise with it after this.
                let bits = number.to_bits() as i64;
                let order = bits ^ (((bits >> 63) as u64) >> 1) as i64;
                Some((value(order, number.to_string()), true))
            }
            AnyValue::String(text) => Some((value(0, (*text).to_owned()), false)),
            AnyValue::StringOwned(text) => Some((value(0, text.to_string()), false)),
            _ => None,
        }
    }
}
