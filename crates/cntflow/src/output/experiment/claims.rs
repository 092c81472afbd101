//! The table of claims: experiments of several studies as one Markdown document.

use std::path::Path;

use polars::prelude::DataFrame;

use super::super::rows::{Row, Rows};
use super::decision::judge;
use super::designs::learning_curve;
use super::figures::{chosen, figure_name, interval, signed_interval, unsigned_interval};
use super::question;
use super::sentences::{noise_sentence, published_sentence};
use crate::experiments::result::ExperimentResult;
use crate::study::scale::Scale;

/// Feature sets that need no metric of the graph, in the order of the tables.
const BASELINES: [&str; 10] = [
    "majority",
    "step",
    "hyperparameters",
    "counts",
    "norms",
    "global_7",
    "last_7",
    "tensor_7",
    "probe_confidence",
    "probe_accuracy",
];

/// Baselines that a claim about weights competes with: neither the size, which is an upper bound,
/// nor outputs over labelled or unlabelled inputs.
const PLAIN_BASELINES: [&str; 7] = [
    "majority",
    "step",
    "hyperparameters",
    "norms",
    "global_7",
    "last_7",
    "tensor_7",
];

/// The twin whose difference is the graph gain.
const SHUFFLE: &str = "shuffle";

/// A study and the results of its experiments.
pub(crate) struct StudyClaims<'a> {
    /// Name of the study.
    pub(crate) name: &'a str,
    /// The claim, as the study file words it.
    pub(crate) claim: Option<&'a str>,
    /// The study file.
    pub(crate) study: &'a Path,
    /// The tables that it was evaluated on.
    pub(crate) tables: &'a Path,
    /// Their scale.
    pub(crate) scale: Scale,
    /// The experiments.
    pub(crate) results: &'a [ExperimentResult],
}

/// The document: all claims in one table, then each experiment with its feature sets. `command`
/// made it; `without_tables` are studies of which nothing is known.
pub(crate) fn markdown(
    studies: &[StudyClaims<'_>],
    without_tables: &[String],
    command: &str,
) -> String {
    let mut lines = vec![
        "# Claims".to_owned(),
        String::new(),
        format!(
            "This page is made by `{command}`. Every figure is of held-out networks, with its \
             interval; learning curves have none. A claim is **supported** if each comparison that its \
             experiment declared came out, p-values adjusted by Holm; **not supported** if one came out \
             the other way, or is shown to make no difference that matters; **not decided** otherwise. A \
             transfer has to beat tensor_7 and the shuffled twins on every other population."
        ),
        String::new(),
    ];
    lines.extend(summary_table(studies));
    if !without_tables.is_empty() {
        lines.extend([
            String::new(),
            format!("Studies without tables: {}.", without_tables.join(", ")),
        ]);
    }
    for study in studies {
        lines.extend(study_section(study));
    }
    lines.join("\n") + "\n"
}

/// One row for each experiment.
fn summary_table(studies: &[StudyClaims<'_>]) -> Vec<String> {
    let mut lines = table_head(&[
        "study",
        "experiment",
        "networks",
        "figure",
        "cnt",
        "best plain baseline",
        "graph gain of cnt",
        "claim",
    ]);
    for study in studies {
        for result in study.results {
            let figure = result.description.figure;
            let score = |row: &Row<'_>| interval(row, figure).unwrap_or_else(dash);
            let baseline = best_baseline(result).map(|row| {
                let features = row.text("features").unwrap_or_default();
                format!("{features} {}", score(&row))
            });
            lines.push(table_row(&[
                study.name.to_owned(),
                result.name.clone(),
                result.description.counts.used.to_string(),
                figure_name(figure).to_owned(),
                chosen(result, "cnt", None).map_or_else(dash, |row| score(&row)),
                baseline.unwrap_or_else(dash),
                graph_gain(result, "cnt").unwrap_or_else(dash),
                format!("**{}**", judge(result).decision.name()),
            ]));
        }
    }
    lines
}

/// The plain baseline that the cross-validation of the training groups puts first. Chosen by the
/// figure of the test set it would look better than it is.
fn best_baseline(result: &ExperimentResult) -> Option<Row<'_>> {
    let rows = PLAIN_BASELINES.iter();
    let rows = rows.filter_map(|features| chosen(result, features, None));
    let rows = rows.filter(|row| !row.number("validation_figure").is_nan());
    rows.max_by(|a, b| {
        a.number("validation_figure")
            .total_cmp(&b.number("validation_figure"))
    })
}

fn study_section(study: &StudyClaims<'_>) -> Vec<String> {
    let mut lines = vec![String::new(), format!("## {}", study.name), String::new()];
    if let Some(claim) = study.claim {
        lines.extend([format!("Claim: {claim}"), String::new()]);
    }
    lines.push(format!(
        "Scale {}. To see it again: `cntflow run {} --tables {}`",
        study.scale,
        study.study.display(),
        study.tables.display()
    ));
    for result in study.results {
        lines.extend(experiment_section(result));
    }
    lines
}

fn experiment_section(result: &ExperimentResult) -> Vec<String> {
    let description = &result.description;
    let judgement = judge(result);
    let mut lines = vec![
        String::new(),
        format!("### {}: {}", result.name, question(description)),
        String::new(),
    ];
    if let Some(condition) = &description.spec.condition {
        lines.extend([format!("Where `{condition}`."), String::new()]);
    }
    lines.extend([
        format!(
            "{}; {} groups by {}, {} of them held out. Figure: {}.",
            description.counts,
            description.counts.groups,
            description.spec.group.join(", "),
            description.n_test_groups,
            figure_name(description.figure),
        ),
        String::new(),
        format!(
            "The claim is **{}**: {}.",
            judgement.decision.name(),
            judgement.reason
        ),
        String::new(),
    ]);
    lines.extend(feature_table(result));
    let tables = [
        result.transfer.as_ref().map(transfer_table),
        result.stopping.as_ref().map(stopping_table),
        result.learning_curve.as_ref().map(curve_table),
    ];
    for table in tables
        .into_iter()
        .flatten()
        .filter(|table| !table.is_empty())
    {
        lines.push(String::new());
        lines.extend(table);
    }
    for sentence in [noise_sentence(result), published_sentence(result)] {
        lines.extend(sentence.into_iter().flat_map(|line| [String::new(), line]));
    }
    lines
}

/// The features `cnt` on each population that their model was judged on.
///
/// Without `cnt` there is no table.
fn transfer_table(frame: &DataFrame) -> Vec<String> {
    if of_features(frame, "cnt").is_empty() {
        return Vec::new();
    }
    let mut lines = table_head(&[
        "`cnt` fitted to",
        "judged on",
        "networks",
        "figure",
        "less tensor_7",
        "graph gain",
    ]);
    for row in of_features(frame, "cnt") {
        let signed = |columns| signed_interval(&row, columns).unwrap_or_else(dash);
        lines.push(table_row(&[
            row.text("trained_on").unwrap_or_default().to_owned(),
            row.text("tested_on").unwrap_or_default().to_owned(),
            row.number("n_test").to_string(),
            unsigned_interval(&row, ["value", "low", "high"]).unwrap_or_else(dash),
            signed(["difference", "difference_low", "difference_high"]),
            signed(["graph_gain", "graph_gain_low", "graph_gain_high"]),
        ]));
    }
    lines
}

/// What it saves and loses to stop runs early, by `cnt` and by the accuracy over the probe.
///
/// Without both there is no table.
fn stopping_table(frame: &DataFrame) -> Vec<String> {
    let told = ["cnt", "probe_accuracy"];
    if told
        .iter()
        .all(|features| of_features(frame, features).is_empty())
    {
        return Vec::new();
    }
    let mut lines = table_head(&[
        "stopped by",
        "where the probability of low is above",
        "share of epochs saved",
        "share of high performers lost",
    ]);
    for features in told {
        for row in of_features(frame, features) {
            let share = |columns| unsigned_interval(&row, columns).unwrap_or_else(dash);
            lines.push(table_row(&[
                features.to_owned(),
                format!("{:.2}", row.number("threshold")),
                share(["epochs_saved", "epochs_saved_low", "epochs_saved_high"]),
                share(["high_lost", "high_lost_low", "high_lost_high"]),
            ]));
        }
    }
    lines
}

/// Figures by the number of groups that models were fitted to.
fn curve_table(frame: &DataFrame) -> Vec<String> {
    let (mut header, rows) = learning_curve(frame);
    header[0] = "training groups".to_owned();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut lines = table_head(&header);
    lines.extend(rows.iter().map(|row| table_row(row)));
    lines
}

fn of_features<'a>(frame: &'a DataFrame, features: &str) -> Vec<Row<'a>> {
    let rows = Rows(frame).iter();
    rows.filter(|row| row.text("features") == Some(features))
        .collect()
}

/// One row for each feature set: baselines first, the others in the order of the experiment.
fn feature_table(result: &ExperimentResult) -> Vec<String> {
    let figure = result.description.figure;
    let controls = &result.description.spec.controls;
    let twins: Vec<&str> = controls.iter().map(|twin| twin.name()).collect();
    let mut header = vec!["features", figure_name(figure)];
    // Numbers are judged by their variance and by their order.
    let other_figure = match figure {
        "r2" => Some("tau"),
        "tau" => Some("r2"),
        _ => None,
    };
    header.extend(other_figure.map(figure_name));
    header.extend(&twins);
    if twins.contains(&SHUFFLE) {
        header.push("graph gain");
    }
    let mut lines = table_head(&header);
    for features in feature_names(result) {
        let score = |twin: Option<&str>| {
            let row = chosen(result, features, twin);
            row.and_then(|row| interval(&row, figure))
                .unwrap_or_else(dash)
        };
        let mut cells = vec![features.to_owned(), score(None)];
        cells.extend(other_figure.map(|figure| {
            let row = chosen(result, features, None);
            row.and_then(|row| interval(&row, figure))
                .unwrap_or_else(dash)
        }));
        cells.extend(twins.iter().map(|twin| score(Some(twin))));
        if twins.contains(&SHUFFLE) {
            cells.push(graph_gain(result, features).unwrap_or_else(dash));
        }
        lines.push(table_row(&cells));
    }
    lines
}

fn feature_names(result: &ExperimentResult) -> Vec<&str> {
    let rows = Rows(&result.scores).iter().filter(|row| {
        row.flag("chosen") && row.text("stratum") == Some("all") && row.text("twin").is_none()
    });
    let mut names: Vec<&str> = rows.filter_map(|row| row.text("features")).collect();
    let place = |name: &str| BASELINES.iter().position(|baseline| *baseline == name);
    names.sort_by_key(|name| place(name).unwrap_or(BASELINES.len()));
    names
}

/// `+0.031 [+0.012, +0.050]`.
fn graph_gain(result: &ExperimentResult, features: &str) -> Option<String> {
    let row = Rows(&result.controls).iter().find(|row| {
        row.text("control") == Some(SHUFFLE) && row.text("features") == Some(features)
    })?;
    signed_interval(&row, ["gain", "low", "high"])
}

fn dash() -> String {
    "-".to_owned()
}

fn table_head(header: &[&str]) -> Vec<String> {
    let cells: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    vec![
        table_row(&cells),
        format!("|{}", "---|".repeat(header.len())),
    ]
}

fn table_row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}
