//! The population of an experiment: which networks of the table `networks` take part, their groups
//! and labels, and which are left out and why.

pub(crate) mod aliases;
pub(crate) mod columns;
mod counts;
mod groups;
mod selection;

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, LazyFrame};

pub use columns::LabelColumn;
pub use counts::PopulationCounts;

use crate::error::{ExperimentError, Result};
use crate::spec::{DEFAULT_HYPERPARAMETERS, DEFAULT_STRATA, ExperimentSpec, Target};
use crate::target::RawTarget;
use columns::{NETWORKS, collect_columns, labels, nearest_names, numbers, texts};

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
        let in_condition = selection::in_condition(networks, spec.condition.as_deref())?;
        let groups = row_groups(&frame, spec)?;
        let (rows, mut counts) = selection::select_rows(&frame, spec, &in_condition, &groups)?;
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
            target: raw_target(&frame, &spec.target, &rows)?,
            hyperparameters: label_columns(&frame, &hyperparameters, &rows)?,
            strata: label_columns(&frame, &strata, &rows)?,
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
        selection::in_condition(networks, spec.condition.as_deref())?;
        raw_target(&frame, &spec.target, &[])?;
        Ok(())
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
    let required: Vec<&str> = required.into_iter().collect();
    collect_columns(networks, NETWORKS, &required, &["digest"])
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

/// For each chosen row the index of its group, and the groups' names, sorted.
fn named_groups(
    rows: &[usize],
    groups: &[Option<usize>],
    runs: &[Option<String>],
    checkpoints: &[Option<String>],
) -> (Vec<u32>, Vec<String>) {
    let name = |row: usize| runs[row].clone().or_else(|| checkpoints[row].clone());
    let mut name_of_root: BTreeMap<usize, String> = BTreeMap::new();
    for &row in rows {
        let (Some(root), Some(name)) = (groups[row], name(row)) else {
            continue;
        };
        let smallest = name_of_root.entry(root).or_insert_with(|| name.clone());
        if name < *smallest {
            *smallest = name;
        }
    }
    let mut by_name: Vec<(String, usize)> = name_of_root
        .into_iter()
        .map(|(root, name)| (name, root))
        .collect();
    by_name.sort();
    let index_of_root: BTreeMap<usize, u32> = by_name
        .iter()
        .enumerate()
        .map(|(index, (_, root))| (*root, index as u32))
        .collect();
    let index = |row: &usize| groups[*row].map_or(0, |root| index_of_root[&root]);
    (
        rows.iter().map(index).collect(),
        by_name.into_iter().map(|(name, _)| name).collect(),
    )
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

fn raw_target(frame: &DataFrame, target: &Target, rows: &[usize]) -> Result<RawTarget> {
    let column = labels(frame, NETWORKS, target.label())?.select(rows);
    match (column, target) {
        (LabelColumn::Texts(values), Target::Classes { .. }) => Ok(RawTarget::Texts(
            values.into_iter().map(Option::unwrap_or_default).collect(),
        )),
        (LabelColumn::Numbers(values), _) => Ok(RawTarget::Numbers(values)),
        (LabelColumn::Texts(_), _) => Err(ExperimentError::ColumnType {
            table: NETWORKS,
            column: target.label().to_owned(),
            expected: "numbers, which this kind of target needs",
        }),
    }
}

/// The digests of the chosen rows; none if the table has no such column.
fn digests(frame: &DataFrame, rows: &[usize]) -> Result<Vec<Option<String>>> {
    if frame.column("digest").is_err() {
        return Ok(vec![None; rows.len()]);
    }
    let digests = texts(frame, NETWORKS, "digest")?;
    Ok(rows.iter().map(|&row| digests[row].clone()).collect())
}

fn label_columns(
    frame: &DataFrame,
    names: &[String],
    rows: &[usize],
) -> Result<Vec<(String, LabelColumn)>> {
    names
        .iter()
        .map(|name| Ok((name.clone(), labels(frame, NETWORKS, name)?.select(rows))))
        .collect()
}
