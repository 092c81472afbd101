//! What is told of an experiment at the end: first in words, then as a table.

pub(crate) mod claims;
pub(crate) mod decision;
mod designs;
mod figures;
mod score_table;
mod sentences;

use cntflow_experiments::spec::{ExperimentSpec, TestColumn, Transfer};
use cntflow_experiments::{ClassDescription, ExperimentDescription};
use serde_json::{Value, json};

use super::frames;
use crate::experiments::result::ExperimentResult;
use designs::{design_tables, matched_lines};
use figures::figure_meaning;
use score_table::score_table;
use sentences::sentences;

/// Widest line of the words.
const WIDTH: usize = 100;

/// The experiment in words, then its scores.
pub(crate) fn text(result: &ExperimentResult) -> String {
    let mut lines = heading(result);
    lines.push(String::new());
    let bullets = textwrap::Options::new(WIDTH)
        .initial_indent("- ")
        .subsequent_indent("  ")
        .break_words(false);
    for sentence in sentences(result) {
        lines.push(textwrap::fill(&sentence, &bullets));
    }
    lines.push(String::new());
    lines.push(score_table(result));
    lines.extend(design_tables(result));
    lines.push(format!(
        "\ntables of this experiment: {}",
        result.folder.display()
    ));
    lines.join("\n")
}

/// The same as JSON: the description and the rows of the three tables.
pub(crate) fn json(result: &ExperimentResult) -> Value {
    let rows = |frame| frames::to_json(frame).unwrap_or_default();
    let mut json = json!({
        "experiment": result.name,
        "evaluated_now": !result.was_finished,
        "description": result.description,
        "scores": rows(&result.scores),
        "controls": rows(&result.controls),
        "verdicts": rows(&result.verdicts),
        "sentences": sentences(result),
        "folder": result.folder,
    });
    for (name, frame) in [
        ("confusion", &result.confusion),
        ("transfer", &result.transfer),
        ("stopping", &result.stopping),
        ("learning_curve", &result.learning_curve),
    ] {
        if let Some(frame) = frame {
            json[name] = rows(frame);
        }
    }
    json
}

/// What was asked, and of which networks.
fn heading(result: &ExperimentResult) -> Vec<String> {
    let description = &result.description;
    let spec = &description.spec;
    let known = if result.was_finished {
        " (finished before)"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "experiment {}{known}: {}",
        result.name,
        question(description)
    )];
    if let Some(condition) = &spec.condition {
        lines.push(format!("  where {condition}"));
    }
    lines.push(format!("  {}", description.counts));
    lines.extend(matched_lines(description));
    for class in &description.classes {
        lines.push(format!("  {}", class_line(class, spec.target.label())));
    }
    if description.n_without_class > 0 {
        lines.push(format!(
            "  {} networks between the classes left out",
            description.n_without_class
        ));
    }
    if let (true, Some([low, median, high])) =
        (description.classes.is_empty(), description.label_range)
    {
        let label = spec.target.label();
        lines.push(format!(
            "  {label} from {low:.4} to {high:.4}, median {median:.4}"
        ));
    }
    if !spec.layers.is_all() {
        lines.push(format!("  layers: {}", spec.layers.name()));
    }
    lines.extend(side_line(spec));
    lines.push(format!(
        "  test set: {} of {} groups by {}, which nothing was chosen by; {:.0}% intervals",
        description.n_test_groups,
        description.counts.groups,
        spec.group.join(", "),
        100.0 * spec.protocol.confidence,
    ));
    lines.extend(figure_meaning(description.figure).map(|meaning| format!("  {meaning}")));
    lines
}

/// What models are fitted to and judged on, if the design says it.
fn side_line(spec: &ExperimentSpec) -> Option<String> {
    if let Some(TestColumn {
        column,
        value: Some(value),
    }) = &spec.protocol.test
    {
        return Some(format!(
            "  test set: all networks whose {column} is {value}"
        ));
    }
    match spec.transfer.as_ref()? {
        Transfer::Column { column, from } => Some(format!(
            "  fitted to networks whose {column} is {}",
            from.as_deref().unwrap_or("any value")
        )),
        Transfer::Conditions { train, test } => Some(format!(
            "  fitted to networks where {train}; judged on those where {test}"
        )),
    }
}

fn question(description: &ExperimentDescription) -> String {
    let target = &description.spec.target;
    let label = target.label_text();
    match target.kind_name() {
        "low_high" => format!("what tells low from high {label}?"),
        "classes" => format!("what tells the classes of {label} apart?"),
        "ranking" => format!("what ranks networks by {label}?"),
        _ => format!("what predicts {label}?"),
    }
}

/// `low: test_accuracy at or below 0.83, 224 networks, median 0.41`.
fn class_line(class: &ClassDescription, label: &str) -> String {
    let mut line = format!("{}: ", class.name);
    if let Some(meaning) = &class.meaning {
        line.push_str(&format!("{label} {meaning}, "));
    }
    line.push_str(&format!("{} networks", class.n_networks));
    if let (Some(median), Some(_)) = (class.median_label, &class.meaning) {
        line.push_str(&format!(", median {median:.4}"));
    }
    line
}
