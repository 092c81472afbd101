//! What designs add to the summary of an experiment: matching, confusion, transfer, stopping.

use std::collections::BTreeSet;

use cntflow_experiments::ExperimentDescription;
use polars::prelude::DataFrame;

use super::super::rows::{Row, Rows};
use super::figures::{figure_name, signed_interval, unsigned_interval};
use crate::experiments::result::ExperimentResult;
use crate::printer;

/// The features that are told of, the first one that the experiment has. All are in the tables.
const TOLD: [&str; 3] = ["cnt", "cnt_without_biases", "cnt + data_dependent"];

/// The features whose learning curves are told of.
const ON_CURVE: [&str; 6] = [
    "hyperparameters",
    "norms",
    "last_7",
    "tensor_7",
    "cnt",
    "cnt + tensor_7",
];

/// What a matched design kept, and the mean of each matched label in each class.
pub(super) fn matched_lines(description: &ExperimentDescription) -> Vec<String> {
    let Some(matched) = &description.matched else {
        return Vec::new();
    };
    let labels: Vec<&str> = description
        .spec
        .matching
        .iter()
        .map(|rule| rule.label.as_str())
        .collect();
    let mut lines = vec![format!(
        "  matched on {}: {} of {} networks in {} of {} cells",
        labels.join(", "),
        matched.n_networks,
        matched.n_before,
        matched.n_kept_cells,
        matched.n_cells
    )];
    for class in &matched.classes {
        let means: Vec<String> = class
            .means
            .iter()
            .filter_map(|(label, mean)| Some(format!("mean {label} {:.4}", (*mean)?)))
            .collect();
        if !means.is_empty() {
            lines.push(format!("  {}: {}", class.name, means.join(", ")));
        }
    }
    lines
}

/// The tables of the design, each with its heading.
pub(super) fn design_tables(result: &ExperimentResult) -> Vec<String> {
    let tables = [
        result.confusion.as_ref().and_then(confusion_table),
        result
            .transfer
            .as_ref()
            .and_then(|frame| transfer_table(result, frame)),
        result.stopping.as_ref().and_then(stopping_table),
        result.learning_curve.as_ref().map(|frame| {
            let (header, lines) = learning_curve(frame);
            let figure = figure_name(result.description.figure);
            let table = printer::table(header.iter().map(String::as_str), lines);
            format!("{figure} by number of training groups\n{table}")
        }),
    ];
    tables
        .into_iter()
        .flatten()
        .flat_map(|table| [String::new(), table])
        .collect()
}

/// The features to tell of: those of [`TOLD`], or the first of the table.
fn told(rows: &[Row<'_>]) -> Option<String> {
    let present: BTreeSet<&str> = rows.iter().filter_map(|row| row.text("features")).collect();
    let first = rows.first().and_then(|row| row.text("features"));
    let told = TOLD.into_iter().find(|name| present.contains(name));
    told.or(first).map(str::to_owned)
}

/// Actual by predicted classes, of more than two.
fn confusion_table(frame: &DataFrame) -> Option<String> {
    let is_whole = |row: &Row<'_>| {
        row.flag("chosen") && row.text("twin").is_none() && row.text("stratum") == Some("all")
    };
    let rows: Vec<Row<'_>> = Rows(frame).iter().filter(is_whole).collect();
    let features = told(&rows)?;
    let rows: Vec<&Row<'_>> = rows
        .iter()
        .filter(|row| row.text("features") == Some(&features))
        .collect();
    let classes: BTreeSet<&str> = rows.iter().filter_map(|row| row.text("actual")).collect();
    if classes.len() < 3 {
        return None;
    }
    let count = |actual: &str, predicted: &str| {
        rows.iter()
            .find(|row| {
                row.text("actual") == Some(actual) && row.text("predicted") == Some(predicted)
            })
            .map_or(String::new(), |row| format!("{}", row.number("n")))
    };
    let header = std::iter::once("actual / predicted").chain(classes.iter().copied());
    let lines = classes.iter().map(|actual| {
        let counts = classes.iter().map(|predicted| count(actual, predicted));
        std::iter::once((*actual).to_owned())
            .chain(counts)
            .collect()
    });
    let table = printer::table(header, lines.collect::<Vec<Vec<String>>>());
    Some(format!("classes of test networks by {features}\n{table}"))
}

/// The figure of one feature set on every population, beside the difference to `tensor_7`.
fn transfer_table(result: &ExperimentResult, frame: &DataFrame) -> Option<String> {
    let rows: Vec<Row<'_>> = Rows(frame).iter().collect();
    let features = told(&rows)?;
    let figure = figure_name(result.description.figure);
    let lines = rows
        .iter()
        .filter(|row| row.text("features") == Some(&features))
        .map(|row| {
            vec![
                row.text("trained_on").unwrap_or_default().to_owned(),
                row.text("tested_on").unwrap_or_default().to_owned(),
                interval(row, ["value", "low", "high"]),
                signed(row, ["difference", "difference_low", "difference_high"]),
                signed(row, ["graph_gain", "graph_gain_low", "graph_gain_high"]),
                format!("{}", row.number("n_train")),
                format!("{}", row.number("n_test")),
            ]
        });
    let header = [
        "trained on",
        "tested on",
        figure,
        "less tensor_7",
        "graph gain",
        "n train",
        "n test",
    ];
    let table = printer::table(header, lines.collect::<Vec<_>>());
    Some(format!("transfer of {features}\n{table}"))
}

/// The header and the lines of a learning curve: one line for each number of training groups.
pub(super) fn learning_curve(frame: &DataFrame) -> (Vec<String>, Vec<Vec<String>>) {
    let rows = Rows(frame).iter();
    let rows: Vec<Row<'_>> = rows.filter(|row| row.text("twin").is_none()).collect();
    let has = |features: &&str| {
        rows.iter()
            .any(|row| row.text("features") == Some(features))
    };
    let mut features: Vec<&str> = ON_CURVE.into_iter().filter(has).collect();
    if features.is_empty() {
        features.extend(rows.first().and_then(|row| row.text("features")));
    }
    let mut sizes: Vec<u64> = rows
        .iter()
        .map(|row| row.number("n_groups") as u64)
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    // Points of more groups than there are have no figure.
    let is_known = |size: &u64| {
        let of_size = |row: &&Row<'_>| row.number("n_groups") as u64 == *size;
        rows.iter()
            .filter(of_size)
            .any(|row| !row.number("value").is_nan())
    };
    sizes.retain(is_known);
    let value = |features: &str, size: u64| {
        let is_here = |row: &&Row<'_>| {
            row.text("features") == Some(features) && row.number("n_groups") as u64 == size
        };
        let found = rows.iter().find(is_here).map(|row| row.number("value"));
        found
            .filter(|value| !value.is_nan())
            .map_or_else(dash, |value| format!("{value:.3}"))
    };
    let lines = sizes.iter().map(|&size| {
        let values = features.iter().map(|features| value(features, size));
        std::iter::once(size.to_string()).chain(values).collect()
    });
    let lines = lines.collect();
    let header = std::iter::once("groups").chain(features);
    (header.map(str::to_owned).collect(), lines)
}

/// What one feature set saves and loses at each threshold.
fn stopping_table(frame: &DataFrame) -> Option<String> {
    let rows: Vec<Row<'_>> = Rows(frame).iter().collect();
    let features = told(&rows)?;
    let lines = rows
        .iter()
        .filter(|row| row.text("features") == Some(&features))
        .map(|row| {
            vec![
                format!("{:.2}", row.number("threshold")),
                format!("{} of {}", row.number("n_stopped"), row.number("n_runs")),
                interval(
                    row,
                    ["epochs_saved", "epochs_saved_low", "epochs_saved_high"],
                ),
                interval(row, ["high_lost", "high_lost_low", "high_lost_high"]),
            ]
        });
    let header = [
        "stopped above",
        "runs",
        "epochs saved",
        "high performers lost",
    ];
    let table = printer::table(header, lines.collect::<Vec<_>>());
    Some(format!("runs stopped by {features}\n{table}"))
}

/// `0.954 [0.920, 0.980]`, or `-` without a value.
fn interval(row: &Row<'_>, columns: [&str; 3]) -> String {
    unsigned_interval(row, columns).unwrap_or_else(dash)
}

/// `+0.010 [-0.020, +0.040]`, or `-` without a value.
fn signed(row: &Row<'_>, columns: [&str; 3]) -> String {
    signed_interval(row, columns).unwrap_or_else(dash)
}

fn dash() -> String {
    "-".to_owned()
}
