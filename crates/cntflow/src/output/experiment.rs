//! What is told of an experiment at the end: first in words, then as a table.

use cntflow_experiments::{ClassDescription, ExperimentDescription};
use serde_json::{Value, json};

use super::frames;
use super::rows::{Row, Rows};
use crate::experiments::result::ExperimentResult;
use crate::printer;

/// Widest line of the words.
const WIDTH: usize = 100;

/// A comparison of two feature choices in words, with what it is about.
const FAMILIES: [(&str, &str); 6] = [
    ("cnt", "all metrics of the weights"),
    ("link_weights", "the distribution of link weights"),
    ("strengths", "node strengths"),
    ("fluctuation", "layers fluctuation"),
    ("wiring", "wiring, free of the weights' scale"),
    ("data_dependent", "activations over the probe's inputs"),
];

/// The experiment in words, then its scores.
pub(crate) fn text(result: &ExperimentResult) -> String {
    let mut lines = heading(result);
    lines.push(String::new());
    for sentence in sentences(result) {
        lines.extend(wrapped(&sentence));
    }
    lines.push(String::new());
    lines.push(score_table(result));
    lines.push(format!(
        "\ntables of this experiment: {}",
        result.folder.display()
    ));
    lines.join("\n")
}

/// The same as JSON: the description and the rows of the three tables.
pub(crate) fn json(result: &ExperimentResult) -> Value {
    let rows = |frame| frames::to_json(frame).unwrap_or_default();
    json!({
        "experiment": result.name,
        "evaluated_now": !result.was_finished,
        "description": result.description,
        "scores": rows(&result.scores),
        "controls": rows(&result.controls),
        "verdicts": rows(&result.verdicts),
        "sentences": sentences(result),
        "folder": result.folder,
    })
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
    lines.push(format!(
        "  test set: {} of {} groups by {}, which nothing was chosen by; {:.0}% intervals",
        description.n_test_groups,
        description.counts.groups,
        spec.group.join(", "),
        100.0 * spec.protocol.confidence,
    ));
    lines
}

fn question(description: &ExperimentDescription) -> String {
    let label = description.spec.target.label();
    match description.spec.target.kind_name() {
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

/// What a careful colleague would say.
fn sentences(result: &ExperimentResult) -> Vec<String> {
    let mut sentences = Vec::new();
    let figure = figure_name(result.description.figure);
    sentences.extend(baseline_sentence(result, figure));
    for (features, meaning) in FAMILIES {
        sentences.extend(family_sentence(result, features, meaning, figure));
    }
    sentences.extend(rival_sentence(result, figure));
    sentences.extend(twin_sentences(result, figure));
    sentences.extend(permutation_sentence(result));
    sentences.extend(noise_sentence(result));
    sentences.extend(primary_sentences(result, figure));
    sentences.push(counting_sentence(result));
    sentences.extend(failure_sentence(result));
    sentences
}

/// How the baselines score that need no metric of the graph.
fn baseline_sentence(result: &ExperimentResult, figure: &str) -> Option<String> {
    let baselines = ["hyperparameters", "norms", "last_7", "tensor_7", "step"];
    let scores: Vec<String> = baselines
        .iter()
        .filter_map(|name| Some(format!("{name} {}", score_text(result, name)?)))
        .collect();
    (!scores.is_empty()).then(|| {
        format!(
            "Baselines, {figure} on held-out networks: {}.",
            scores.join(", ")
        )
    })
}

/// A family: its score, and its difference to the hyperparameters and to `cnt` without it.
fn family_sentence(
    result: &ExperimentResult,
    features: &str,
    meaning: &str,
    figure: &str,
) -> Option<String> {
    let score = score_text(result, features)?;
    let mut sentence = format!("{features} ({meaning}): {figure} {score}");
    if let Some(text) = difference_text(result, features, "hyperparameters") {
        sentence.push_str(&format!("; {text}"));
    }
    let without = format!("cnt - {features}");
    if let Some(text) = difference_text(result, "cnt", &without) {
        sentence.push_str(&format!("; {text}"));
    }
    sentence.push('.');
    Some(sentence)
}

/// `against hyperparameters +0.010 [-0.020, +0.040], undecided`.
fn difference_text(result: &ExperimentResult, a: &str, b: &str) -> Option<String> {
    let verdict = Rows(&result.verdicts)
        .iter()
        .find(|row| row.text("a") == Some(a) && row.text("b") == Some(b))?;
    let difference = signed_interval(&verdict, ["difference", "low", "high"])?;
    Some(format!(
        "{a} against {b} {difference}, {}",
        finding_text(&verdict)
    ))
}

fn finding_text(verdict: &Row<'_>) -> &'static str {
    match verdict.text("finding") {
        Some("above") => "better",
        Some("below") => "worse",
        Some("equivalent") => "no difference that matters",
        Some("undecided") => "undecided",
        _ => "not judged",
    }
}

/// What running inputs through the network says without any graph.
fn rival_sentence(result: &ExperimentResult, figure: &str) -> Option<String> {
    let accuracy = score_text(result, "probe_accuracy");
    let confidence = score_text(result, "probe_confidence");
    let scores: Vec<String> = [
        ("labelled inputs", accuracy),
        ("unlabelled inputs", confidence),
    ]
    .into_iter()
    .filter_map(|(inputs, score)| Some(format!("{inputs} give {figure} {}", score?)))
    .collect();
    (!scores.is_empty()).then(|| {
        format!(
            "Rivals of data_dependent: who can run the probe can read its outputs; {}.",
            scores.join(", ")
        )
    })
}

/// What is left of the scores once the weights are another.
fn twin_sentences(result: &ExperimentResult, figure: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let told = ["cnt", "strengths", "wiring", "data_dependent"];
    for twin in &result.description.spec.controls {
        let gains: Vec<String> = Rows(&result.controls)
            .iter()
            .filter(|row| row.text("control") == Some(twin.name()))
            .filter(|row| {
                row.text("features")
                    .is_some_and(|name| told.contains(&name))
            })
            .filter_map(|row| {
                let gain = signed_interval(&row, ["gain", "low", "high"])?;
                let features = row.text("features")?;
                let (real, control) = (row.number("real"), row.number("control_value"));
                Some(format!("{features} {real:.3} / {control:.3}, gain {gain}"))
            })
            .collect();
        if !gains.is_empty() {
            let twin_text = twin_meaning(twin.name());
            sentences.push(format!(
                "Control {} ({twin_text}), {figure} of the networks / of their twins: {}.",
                twin.name(),
                gains.join("; ")
            ));
        }
    }
    sentences
}

fn twin_meaning(twin: &str) -> &'static str {
    match twin {
        "shuffle" => "each kernel's weights permuted: what is left is owed to their distribution",
        "neurons" => "hidden neurons renamed: nothing may change",
        "gaussian" => "normal weights of the same mean and deviation",
        "sign" => "random signs",
        _ => "before training",
    }
}

fn permutation_sentence(result: &ExperimentResult) -> Option<String> {
    let row = Rows(&result.controls)
        .iter()
        .filter(|row| row.text("control") == Some("permutation"))
        .find(|row| row.text("features") == Some("cnt"))?;
    Some(format!(
        "Labels of test groups permuted {} times within strata, for cnt: p = {:.3}.",
        row.number("n"),
        row.number("p")
    ))
}

fn noise_sentence(result: &ExperimentResult) -> Option<String> {
    let ceilings: Vec<String> = Rows(&result.controls)
        .iter()
        .filter(|row| row.text("control") == Some("noise_ceiling"))
        .filter_map(|row| {
            Some(format!(
                "{} {:.3}",
                row.text("figure")?,
                row.number("control_value")
            ))
        })
        .collect();
    (!ceilings.is_empty()).then(|| {
        format!(
            "Noise ceiling: two halves of the test images predict each other with {}; no gap below that means anything.",
            ceilings.join(", ")
        )
    })
}

/// The declared comparisons, which the study stands or falls by.
fn primary_sentences(result: &ExperimentResult, figure: &str) -> Vec<String> {
    Rows(&result.verdicts)
        .iter()
        .filter(|row| row.text("family") == Some("primary"))
        .filter_map(|row| {
            let (a, b) = (row.text("a")?, row.text("b")?);
            let Some(difference) = signed_interval(&row, ["difference", "low", "high"]) else {
                return Some(format!("Declared: {a} > {b} could not be judged."));
            };
            Some(format!(
                "Declared: {a} > {b}: {figure} {difference}, p = {:.3} after Holm: {}.",
                row.number("p_adjusted"),
                finding_text(&row)
            ))
        })
        .collect()
}

fn counting_sentence(result: &ExperimentResult) -> String {
    let n_primary = Rows(&result.verdicts)
        .iter()
        .filter(|row| row.text("family") == Some("primary"))
        .count();
    let n_explored = result.verdicts.height() - n_primary;
    format!(
        "{n_primary} comparisons were declared beforehand; the {n_explored} others are hints for a \
         next study. Undecided means that neither a difference nor its absence is shown."
    )
}

fn failure_sentence(result: &ExperimentResult) -> Option<String> {
    let failed: Vec<String> = Rows(&result.scores)
        .iter()
        .filter(|row| row.text("status") == Some("failed"))
        .filter_map(|row| {
            Some(format!(
                "{} with {}: {}",
                row.text("features")?,
                row.text("model")?,
                row.text("reason")?
            ))
        })
        .collect();
    (!failed.is_empty()).then(|| format!("Failed: {}.", failed.join("; ")))
}

/// The chosen candidate's row of all networks.
fn chosen<'a>(result: &'a ExperimentResult, features: &str, twin: Option<&str>) -> Option<Row<'a>> {
    Rows(&result.scores).iter().find(|row| {
        row.flag("chosen")
            && row.text("stratum") == Some("all")
            && row.text("features") == Some(features)
            && row.text("twin") == twin
    })
}

/// `0.954 [0.920, 0.980]` of the networks themselves.
fn score_text(result: &ExperimentResult, features: &str) -> Option<String> {
    interval(&chosen(result, features, None)?, result.description.figure)
}

fn interval(row: &Row<'_>, figure: &str) -> Option<String> {
    let value = row.number(figure);
    let (low, high) = (
        row.number(&format!("{figure}_low")),
        row.number(&format!("{figure}_high")),
    );
    if value.is_nan() {
        None
    } else if low.is_nan() {
        Some(format!("{value:.3}"))
    } else {
        Some(format!("{value:.3} [{low:.3}, {high:.3}]"))
    }
}

/// `+0.010 [-0.020, +0.040]`; `None` without a value.
fn signed_interval(row: &Row<'_>, columns: [&str; 3]) -> Option<String> {
    let [value, low, high] = columns.map(|column| row.number(column));
    if value.is_nan() {
        None
    } else if low.is_nan() {
        Some(format!("{value:+.3}"))
    } else {
        Some(format!("{value:+.3} [{low:+.3}, {high:+.3}]"))
    }
}

fn figure_name(figure: &str) -> &'static str {
    match figure {
        "auc" => "AUC",
        "auc_pairs" => "AUC over pairs of classes",
        "r2" => "R2",
        "tau" => "tau",
        _ => "figure",
    }
}

/// One line per feature choice of the networks themselves: the chosen model, its figures, its
/// shuffled twin, and the worst stratum.
fn score_table(result: &ExperimentResult) -> String {
    let figure = result.description.figure;
    let has_classes = !result.description.classes.is_empty();
    let second = if has_classes {
        "balanced_accuracy"
    } else {
        "tau"
    };
    let twin = result
        .description
        .spec
        .controls
        .first()
        .map(|twin| twin.name());
    let header = [
        "features",
        "model",
        figure_name(figure),
        twin.unwrap_or("twin"),
        if has_classes { "balanced" } else { "tau" },
        "worst stratum",
    ];
    let rows = Rows(&result.scores)
        .iter()
        .filter(|row| row.flag("chosen") && row.text("stratum") == Some("all"))
        .filter(|row| row.text("twin").is_none())
        .filter_map(|row| {
            let features = row.text("features")?;
            let of_twin = twin.and_then(|twin| chosen(result, features, Some(twin)));
            let number = |value: f64| {
                if value.is_nan() {
                    "-".to_owned()
                } else {
                    format!("{value:.3}")
                }
            };
            Some(vec![
                features.to_owned(),
                row.text("model")?.to_owned(),
                interval(&row, figure).unwrap_or_else(|| "-".to_owned()),
                of_twin.map_or("-".to_owned(), |row| number(row.number(figure))),
                number(row.number(second)),
                worst_stratum(result, &row, figure).unwrap_or_default(),
            ])
        });
    printer::table(header, rows.collect::<Vec<_>>())
}

/// `depth=2 (0.871)`.
fn worst_stratum(result: &ExperimentResult, row: &Row<'_>, figure: &str) -> Option<String> {
    let worst = Rows(&result.scores).iter().find(|other| {
        other.flag("worst_stratum")
            && other.text("twin").is_none()
            && other.text("features") == row.text("features")
            && other.text("model") == row.text("model")
    })?;
    Some(format!(
        "{} ({:.3})",
        worst.text("stratum")?,
        worst.number(figure)
    ))
}

/// A sentence as a list item, broken at [`WIDTH`].
fn wrapped(sentence: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = "- ".to_owned();
    for word in sentence.split(' ') {
        if line.chars().count() + word.chars().count() + 1 > WIDTH && line.trim().len() > 1 {
            lines.push(
                std::mem::replace(&mut line, "  ".to_owned())
                    .trim_end()
                    .to_owned(),
            );
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push(line.trim_end().to_owned());
    lines
}
