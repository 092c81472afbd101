//! The population of an experiment: which networks of the table `networks` take part, their groups
//! and labels, and which are left out and why.

pub(crate) mod aliases;
pub(crate) mod columns;
mod counts;
mod design;
mod expand;
mod groups;
mod labels;
mod matched;
mod selection;
mod sides;

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, LazyFrame};

pub use columns::{LabelColumn, nearest_names};
pub use counts::PopulationCounts;
pub use matched::{MatchedClass, MatchedNetworks};
pub use sides::Sides;

use crate::error::{ExperimentError, Result};
use crate::spec::{DEFAULT_HYPERPARAMETERS, DEFAULT_STRATA, ExperimentSpec, LabelAt};
use crate::target::RawTarget;
use columns::{NETWORKS, collect_columns, numbers, texts};
use design::{EPOCHS, epochs, match_rows, of_label};
use groups::named_groups;
use labels::{label_columns, raw_target};
use selection::SelectedRows;
use sides::TableSides;

/// The networks that take part, one row each, sorted by checkpoint, so that nothing depends on the
/// order of a table's parts.
#[derive(Clone, Debug)]
pub struct Population {
    /// Names of the checkpoints.
    pub checkpoints: Vec<String>,
    /// Runs of the checkpoints.
    pub runs: Vec<Option<String>>,
    /// Steps of the checkpoints; NaN where unknown.
    pub steps: Vec<f64>,
    /// For each row, the index of its group.
    pub groups: Vec<u32>,
    /// For each group, its name: the smallest run or checkpoint in it.
    pub group_names: Vec<String>,
    /// The label that is predicted.
    pub target: RawTarget,
    /// Columns of the feature set `hyperparameters`, with their names.
    pub hyperparameters: Vec<(String, LabelColumn)>,
    /// Columns whose values are strata, with their names.
    pub strata: Vec<(String, LabelColumn)>,
    /// Digests of the checkpoints; `None` where there is none.
    pub digests: Vec<Option<String>>,
    /// For each row, its checkpoint of step 0 of the same run, for the twin `untrained`.
    pub untrained: Vec<Option<String>>,
    /// Epochs of the whole run, where the label is that of its last checkpoint; NaN where unknown.
    pub epochs: Vec<f64>,
    /// What models are fitted to and judged on, if the design says it.
    pub sides: Option<Sides>,
    /// What a matched design kept.
    pub matched: Option<MatchedNetworks>,
    /// How many networks there were, and why others were left out.
    pub counts: PopulationCounts,
}

impl Population {
    /// Reads the columns that `spec` names, and chooses the rows. `labels` are the aliases of the
    /// study: our name, then the name in the table.
    ///
    /// # Errors
    /// A column is missing or has another type; the condition is wrong; no network is left; any
    /// error of Polars.
    pub fn read(
        networks: LazyFrame,
        spec: &ExperimentSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let networks = aliases::with_aliases(networks, labels)?;
        let hyperparameters = chosen_columns(
            &networks,
            spec.hyperparameters.as_deref(),
            &DEFAULT_HYPERPARAMETERS,
            spec.target.label(),
        )?;
        let strata = chosen_columns(
            &networks,
            spec.strata.as_deref(),
            &DEFAULT_STRATA,
            spec.target.label(),
        )?;
        let frame = read_frame(networks.clone(), spec, &hyperparameters, &strata)?;
        let groups = row_groups(&frame, spec)?;
        let mut selected = select_rows(networks.clone(), &frame, spec, &groups)?;
        let sides = TableSides::read(&networks, &frame, spec)?;
        if let Some(sides) = &sides {
            sides.keep(&mut selected, &groups);
        }
        let matched = match_rows(&frame, spec, &mut selected, &groups, sides.as_ref())?;
        let SelectedRows {
            rows,
            label_rows,
            mut counts,
        } = selected;
        if rows.is_empty() {
            return Err(ExperimentError::NothingLeft { counts });
        }
        let checkpoints = texts(&frame, NETWORKS, "checkpoint")?;
        let runs = texts(&frame, NETWORKS, "run")?;
        let steps = numbers(&frame, NETWORKS, "step")?;
        let (groups, group_names) = named_groups(&rows, &groups, &runs, &checkpoints);
        counts.used = rows.len();
        counts.groups = group_names.len();
        Ok(Self {
            untrained: untrained_checkpoints(&rows, &runs, &steps, &checkpoints),
            checkpoints: rows
                .iter()
                .map(|&row| checkpoints[row].clone().unwrap_or_default())
                .collect(),
            runs: rows.iter().map(|&row| runs[row].clone()).collect(),
            digests: digests(&frame, &rows)?,
            steps: rows.iter().map(|&row| steps[row]).collect(),
            groups,
            group_names,
            target: raw_target(&frame, &spec.target, &of_label(&rows, &label_rows))?,
            hyperparameters: label_columns(&frame, &hyperparameters, &rows)?,
            strata: label_columns(&frame, &strata, &rows)?,
            epochs: epochs(&frame, &rows)?,
            sides: sides.map(|sides| sides.select(&rows)),
            matched,
            counts,
        })
    }

    /// Checks that a table `networks`, which may be empty, has the columns that `spec` names, and
    /// that its condition can be evaluated.
    ///
    /// # Errors
    /// As [`Population::read`], but for what depends on rows.
    pub fn check_columns(
        networks: LazyFrame,
        spec: &ExperimentSpec,
        labels: &BTreeMap<String, String>,
    ) -> Result<()> {
        let networks = aliases::with_aliases(networks, labels)?;
        let chosen = |named: Option<&[String]>, default: &[&str]| {
            chosen_columns(&networks, named, default, spec.target.label())
        };
        let hyperparameters = chosen(spec.hyperparameters.as_deref(), &DEFAULT_HYPERPARAMETERS)?;
        let strata = chosen(spec.strata.as_deref(), &DEFAULT_STRATA)?;
        let frame = read_frame(networks.clone(), spec, &hyperparameters, &strata)?;
        selection::in_condition(networks.clone(), spec.condition.as_deref())?;
        raw_target(&frame, &spec.target, &[])?;
        for rule in &spec.matching {
            matched::bins(&frame, rule, &[])?;
        }
        if spec.expanded_column().is_none() {
            TableSides::read(&networks, &frame, spec)?;
        }
        Ok(())
    }

    /// The values of a column of the networks that take part, before they are put on sides and
    /// matched; `None` where there is none.
    ///
    /// # Errors
    /// As [`Population::read`].
    pub(crate) fn column_values(
        networks: LazyFrame,
        spec: &ExperimentSpec,
        column: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<Option<String>>> {
        let networks = aliases::with_aliases(networks, labels)?;
        let frame = read_frame(networks.clone(), spec, &[], &[])?;
        let groups = row_groups(&frame, spec)?;
        let SelectedRows { rows, counts, .. } = select_rows(networks, &frame, spec, &groups)?;
        if rows.is_empty() {
            return Err(ExperimentError::NothingLeft { counts });
        }
        Ok(columns::labels(&frame, NETWORKS, column)?
            .select(&rows)
            .texts())
    }

    /// Rows that models may be fitted to: all, if the design has no sides.
    pub(crate) fn home_rows(&self) -> Vec<usize> {
        let is_home = |row: &usize| self.sides.as_ref().is_none_or(|sides| sides.is_home[*row]);
        (0..self.n_rows()).filter(is_home).collect()
    }

    /// All other rows.
    pub(crate) fn away_rows(&self) -> Vec<usize> {
        let is_home = |row: &usize| self.sides.as_ref().is_none_or(|sides| sides.is_home[*row]);
        (0..self.n_rows()).filter(|row| !is_home(row)).collect()
    }

    /// Number of networks.
    pub fn n_rows(&self) -> usize {
        self.checkpoints.len()
    }

    /// The stratum of each row over which splits are balanced and permutations stay: the values of
    /// all stratum columns, joined.
    pub fn joint_strata(&self) -> Vec<String> {
        let columns: Vec<Vec<Option<String>>> = self
            .strata
            .iter()
            .map(|(_, column)| column.texts())
            .collect();
        (0..self.n_rows())
            .map(|row| {
                let values: Vec<&str> = columns
                    .iter()
                    .map(|column| column[row].as_deref().unwrap_or(""))
                    .collect();
                values.join("|")
            })
            .collect()
    }
}

/// The columns named in the study, or those of the default list that the table has. The label that
/// is predicted is never among the default ones.
fn chosen_columns(
    networks: &LazyFrame,
    named: Option<&[String]>,
    default: &[&str],
    label: &str,
) -> Result<Vec<String>> {
    let present = columns::require_columns(networks, NETWORKS, &[])?;
    let Some(named) = named else {
        return Ok(default
            .iter()
            .filter(|name| **name != label && present.iter().any(|other| other == *name))
            .map(|name| (*name).to_owned())
            .collect());
    };
    match named.iter().find(|name| !present.contains(name)) {
        None => Ok(named.to_vec()),
        Some(missing) => Err(ExperimentError::MissingColumn {
            table: NETWORKS,
            column: missing.clone(),
            nearest: nearest_names(missing, &present),
        }),
    }
}

fn read_frame(
    networks: LazyFrame,
    spec: &ExperimentSpec,
    hyperparameters: &[String],
    strata: &[String],
) -> Result<DataFrame> {
    let mut required: BTreeSet<&str> = ["checkpoint", "status", "step", "run"].into();
    required.insert(spec.target.label());
    required.extend(spec.group.iter().map(String::as_str));
    required.extend(hyperparameters.iter().chain(strata).map(String::as_str));
    required.extend(spec.design_columns());
    let required: Vec<&str> = required.into_iter().collect();
    let optional: &[&str] = match spec.target.label_at() {
        LabelAt::Same => &["digest"],
        LabelAt::Last => &["digest", EPOCHS],
    };
    collect_columns(networks, NETWORKS, &required, optional)
}

/// The rows that take part by their status, checkpoint, condition, group and label.
fn select_rows(
    networks: LazyFrame,
    frame: &DataFrame,
    spec: &ExperimentSpec,
    groups: &[Option<usize>],
) -> Result<SelectedRows> {
    let in_condition = selection::in_condition(networks, spec.condition.as_deref())?;
    selection::select_rows(frame, spec, &in_condition, groups)
}

/// For each row of the table its group: rows with a common value of a group column or a common
/// digest.
fn row_groups(frame: &DataFrame, spec: &ExperimentSpec) -> Result<Vec<Option<usize>>> {
    let mut columns = spec
        .group
        .iter()
        .map(|name| texts(frame, NETWORKS, name))
        .collect::<Result<Vec<_>>>()?;
    if frame.column("digest").is_ok() {
        let digests = texts(frame, NETWORKS, "digest")?;
        // A digest joins rows, but a row that has nothing else is without a group.
        let has_group = |row: usize| columns.iter().any(|column| column[row].is_some());
        let joined = digests
            .into_iter()
            .enumerate()
            .map(|(row, digest)| digest.filter(|_| has_group(row)))
            .collect();
        columns.push(joined);
    }
    Ok(groups::connected_groups(&columns, frame.height()))
}

/// For each chosen row, the checkpoint of step 0 of its run.
fn untrained_checkpoints(
    rows: &[usize],
    runs: &[Option<String>],
    steps: &[f64],
    checkpoints: &[Option<String>],
) -> Vec<Option<String>> {
    let first: BTreeMap<&String, &String> = (0..runs.len())
        .filter(|&row| steps[row] == 0.0)
        .filter_map(|row| Some((runs[row].as_ref()?, checkpoints[row].as_ref()?)))
        .collect();
    rows.iter()
        .map(|&row| first.get(runs[row].as_ref()?).map(|name| (*name).clone()))
        .collect()
}

/// The digests of the chosen rows; none if the table has no such column.
fn digests(frame: &DataFrame, rows: &[usize]) -> Result<Vec<Option<String>>> {
    if frame.column("digest").is_err() {
        return Ok(vec![None; rows.len()]);
    }
    let digests = texts(frame, NETWORKS, "digest")?;
    Ok(rows.iter().map(|&row| digests[row].clone()).collect())
}
