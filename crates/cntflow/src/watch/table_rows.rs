//! Rows of the table `networks`, as far as reconciliation needs them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cntflow_catalog::LabelColumn;
use cntflow_dataflow::{Key, key_of};
use cntflow_metrics::Metric;
use cntflow_tables::{Status, Table, TableStore, label_names};
use polars::prelude::{AnyValue, Column, DataFrame, col};

use super::version::Description;

/// Sums are of fixed-point numbers with this many binary digits after the point.
const POINT: i32 = 60;

/// Larger means are in no sum.
const LARGEST: f64 = 1e12;

/// What a committed row says of its checkpoint.
#[derive(Clone, Debug)]
pub(super) struct TableRow {
    /// Name of the checkpoint.
    pub(super) checkpoint: String,
    /// Digest of the content; `None` if it could not be read or was not hashed.
    pub(super) digest: Option<String>,
    /// Why it failed, or what was left out.
    pub(super) reason: Option<String>,
    /// How measuring ended.
    pub(super) status: Status,
    /// Size of the file in bytes.
    pub(super) bytes: Option<u64>,
    /// Whether its graph is known.
    pub(super) has_graph: bool,
    /// Digest of run, step and labels, see [`Description`].
    pub(super) description: u128,
    /// Whether its values are stored for populations.
    pub(super) has_values: bool,
    /// Mean over its layers of the mean of each metric, as fixed-point numbers by the index of the
    /// metric.
    pub(super) means: Vec<(u32, i128)>,
}

impl TableRow {
    /// What identifies its content.
    pub(super) fn content(&self) -> String {
        match (&self.digest, &self.reason) {
            (Some(digest), _) => digest.clone(),
            (None, reason) => reason.clone().unwrap_or_default(),
        }
    }
}

/// Reads the rows of some committed batches.
///
/// # Errors
/// A part cannot be read.
pub(super) fn read_rows(
    tables: &TableStore,
    batches: &[String],
    labels: &[LabelColumn],
) -> anyhow::Result<Vec<(Key, TableRow)>> {
    let Some(networks) = tables.scan_batches(Table::Networks, batches)? else {
        return Ok(Vec::new());
    };
    let mut networks = networks;
    let schema = networks.collect_schema()?;
    let columns = label_names(labels);
    let mut wanted = vec![
        "checkpoint",
        "run",
        "step",
        "parent",
        "status",
        "digest",
        "reason",
        "n_layers",
        "bytes",
    ];
    // Parts that are older than a label lack its column.
    let present: Vec<(&str, &str)> = columns
        .iter()
        .zip(labels)
        .filter(|(column, _)| schema.contains(column))
        .map(|(column, label)| (column.as_str(), label.name.as_str()))
        .collect();
    wanted.extend(present.iter().map(|(column, _)| *column));
    let frame = networks
        .select(wanted.iter().map(|name| col(*name)).collect::<Vec<_>>())
        .collect()?;
    let with_values = tables.with_values(batches)?;
    let mut means = metric_means(tables, batches)?;
    rows_of_frame(&frame, &present, &with_values, &mut means)
}

fn rows_of_frame(
    frame: &DataFrame,
    labels: &[(&str, &str)],
    with_values: &BTreeSet<String>,
    means: &mut HashMap<String, Vec<(u32, i128)>>,
) -> anyhow::Result<Vec<(Key, TableRow)>> {
    let texts = |name: &str| -> anyhow::Result<_> { Ok(frame.column(name)?.str()?.clone()) };
    let [checkpoints, runs, parents, statuses, digests, reasons] = [
        texts("checkpoint")?,
        texts("run")?,
        texts("parent")?,
        texts("status")?,
        texts("digest")?,
        texts("reason")?,
    ];
    let steps = frame.column("step")?.i64()?;
    let n_layers = frame.column("n_layers")?.u64()?;
    let bytes = frame.column("bytes")?.u64()?;
    let labels: Vec<(&str, &Column)> = labels
        .iter()
        .map(|(column, label)| Ok((*label, frame.column(column)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut rows = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        let checkpoint = checkpoints.get(row).unwrap_or_default();
        let run = runs.get(row).unwrap_or_default();
        let mut description = Description::new(run, steps.get(row).unwrap_or_default());
        description.parent(parents.get(row));
        for (name, column) in &labels {
            if let Some(text) = text_of(&column.get(row)?) {
                description.label(name, &text);
            }
        }
        rows.push((
            key_of(checkpoint),
            TableRow {
                checkpoint: checkpoint.to_owned(),
                digest: digests.get(row).map(str::to_owned),
                reason: reasons.get(row).map(str::to_owned),
                status: Status::of(statuses.get(row).unwrap_or_default()),
                bytes: bytes.get(row),
                has_graph: n_layers.get(row).is_some(),
                description: description.digest(),
                has_values: with_values.contains(checkpoint),
                means: means.remove(checkpoint).unwrap_or_default(),
            },
        ));
    }
    Ok(rows)
}

/// The text of a label in a table; `None` for a null.
fn text_of(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::String(text) => Some((*text).to_owned()),
        // Of a column in which all rows have one value.
        AnyValue::StringOwned(text) => Some(text.to_string()),
        AnyValue::Boolean(flag) => Some(flag.to_string()),
        AnyValue::Int64(number) => Some(number.to_string()),
        AnyValue::Float64(number) => Some(number.to_string()),
        other => Some(other.to_string()),
    }
}

/// Mean over the layers of each network of the mean of each metric. Sums are exact, so that the
/// order of the layers shows nowhere.
fn metric_means(
    tables: &TableStore,
    batches: &[String],
) -> anyhow::Result<HashMap<String, Vec<(u32, i128)>>> {
    let mut sums: HashMap<String, BTreeMap<u32, (i128, i128)>> = HashMap::new();
    let Some(layers) = tables.scan_batches(Table::Layers, batches)? else {
        return Ok(HashMap::new());
    };
    let frame = layers
        .select(["checkpoint", "metric", "mean"].map(col))
        .collect()?;
    let checkpoints = frame.column("checkpoint")?.str()?;
    let metrics = frame.column("metric")?.str()?;
    let values = frame.column("mean")?.f64()?;
    for ((checkpoint, metric), value) in checkpoints.iter().zip(metrics.iter()).zip(values.iter()) {
        let metric = metric.and_then(|metric| metric.parse::<Metric>().ok());
        let (Some(checkpoint), Some(metric), Some(value)) = (checkpoint, metric, value) else {
            continue;
        };
        // Sums of a million larger ones would not fit.
        if value.is_nan() || value.abs() > LARGEST {
            continue;
        }
        if !sums.contains_key(checkpoint) {
            sums.insert(checkpoint.to_owned(), BTreeMap::new());
        }
        if let Some(of_checkpoint) = sums.get_mut(checkpoint) {
            let (n, sum) = of_checkpoint.entry(metric_index(metric)).or_default();
            *n += 1;
            *sum += fixed_point(value);
        }
    }
    let means = sums.into_iter().map(|(checkpoint, sums)| {
        let means = sums.into_iter().map(|(metric, (n, sum))| (metric, sum / n));
        (checkpoint, means.collect())
    });
    Ok(means.collect())
}

/// Index of a metric in sums.
pub(super) fn metric_index(metric: Metric) -> u32 {
    let index = Metric::ALL.iter().position(|other| *other == metric);
    index.unwrap_or_default() as u32
}

/// A real as a fixed-point number.
fn fixed_point(value: f64) -> i128 {
    (value * 2_f64.powi(POINT)) as i128
}

/// The mean of a sum of fixed-point numbers.
pub(super) fn mean_of(sum: i128, n: i64) -> f64 {
    sum as f64 / 2_f64.powi(POINT) / n as f64
}
