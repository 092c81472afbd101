//! What a careful colleague would say of an experiment.

use std::collections::BTreeMap;

use super::super::rows::{Row, Rows};
use super::figures::{figure_name, score_text, signed_interval};
use crate::experiments::result::ExperimentResult;

/// The baselines that need no metric of the graph, with what they are.
const BASELINES: [(&str, &str); 6] = [
    ("hyperparameters", "how the networks were trained"),
    ("norms", "the weights' norms"),
    ("global_7", "7 statistics of all weights"),
    ("last_7", "7 statistics of the last layer's weights"),
    ("tensor_7", "the same of every tensor"),
    ("step", "the checkpoint's number"),
];

/// Families of metrics, with what they are about.
const FAMILIES: [(&str, &str); 6] = [
    ("cnt", "all metrics of the weights"),
    ("link_weights", "the distribution of link weights"),
    ("strengths", "node strengths"),
    ("fluctuation", "layers fluctuation"),
    ("wiring", "wiring, free of the weights' scale"),
    ("data_dependent", "activations over the probe's inputs"),
];

/// Findings on declared comparisons, in the order in which they are told.
const FINDINGS: [(&str, &str); 4] = [
    ("above", "shown"),
    ("below", "the opposite shown"),
    ("equivalent", "shown to make no difference that matters"),
    ("undecided", "not decided"),
];

/// Sentences about an experiment: what was declared first, then baselines, families and controls.
pub(super) fn sentences(result: &ExperimentResult) -> Vec<String> {
    let mut sentences = Vec::new();
    let figure = figure_name(result.description.figure);
    sentences.extend(declared_sentences(result, figure));
    sentences.extend(baseline_sentence(result, figure));
    if result.verdicts.height() > n_primary(result) {
        sentences.push(
            "What follows was not declared: each comparison stands alone, whatever their number."
                .to_owned(),
        );
    }
    for (features, meaning) in FAMILIES {
        sentences.extend(family_sentence(result, features, meaning, figure));
    }
    sentences.extend(rival_sentence(result, figure));
    sentences.extend(twin_sentences(result, figure));
    sentences.extend(permutation_sentence(result));
    sentences.extend(noise_sentence(result));
    sentences.extend(published_sentence(result));
    sentences.extend(model_sentence(result));
    sentences.extend(counting_sentence(result));
    sentences.extend(failure_sentence(result));
    sentences
}

/// How the baselines score that need no metric of the graph.
fn baseline_sentence(result: &ExperimentResult, figure: &str) -> Option<String> {
    let scores: Vec<String> = BASELINES
        .iter()
        .filter_map(|(name, meaning)| {
            Some(format!("{name} ({meaning}) {}", score_text(result, name)?))
        })
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
        Some("undecided") if verdict.text("family") == Some("primary") => "undecided after Holm",
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
        ("with labels (probe_accuracy)", accuracy),
        ("without (probe_confidence)", confidence),
    ]
    .into_iter()
    .filter_map(|(inputs, score)| Some(format!("{figure} {} {inputs}", score?)))
    .collect();
    (!scores.is_empty()).then(|| {
        format!(
            "Rivals of data_dependent: simply reading the outputs on the probe gives {}.",
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
        "shuffle" => {
            "each kernel's weights permuted: what is left can be had from their distribution and the biases"
        }
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
    let (n, p) = (row.number("n"), row.number("p"));
    let is_smallest = p * (n + 1.0) < 1.5;
    Some(format!(
        "Labels of test groups permuted {n} times within strata, for cnt: {}{}.",
        p_text(p),
        if is_smallest {
            ", the smallest possible"
        } else {
            ""
        }
    ))
}

/// `p = 0.012`, or `p < 0.001`.
pub(super) fn p_text(p: f64) -> String {
    if p.is_nan() {
        "no p".to_owned()
    } else if p < 0.001 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}

pub(super) fn noise_sentence(result: &ExperimentResult) -> Option<String> {
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
            "Noise of the label: the accuracies on two simulated halves of the test images predict each other with {}. A perfect predictor of accuracies on all of them would reach somewhat more.",
            ceilings.join(", ")
        )
    })
}

/// What others have published, as the study words it.
pub(super) fn published_sentence(result: &ExperimentResult) -> Option<String> {
    let published = result.description.spec.published.as_ref()?;
    Some(format!("Published: {published}"))
}

/// The declared comparisons, which the study stands or falls by: one sentence for each finding.
fn declared_sentences(result: &ExperimentResult, figure: &str) -> Vec<String> {
    let primary: Vec<Row<'_>> = Rows(&result.verdicts)
        .iter()
        .filter(|row| row.text("family") == Some("primary"))
        .collect();
    if primary.is_empty() {
        return Vec::new();
    }
    let pair = |row: &Row<'_>| Some(format!("{} > {}", row.text("a")?, row.text("b")?));
    let mut sentences: Vec<String> = FINDINGS
        .iter()
        .filter_map(|(finding, words)| {
            let pairs: Vec<String> = primary
                .iter()
                .filter(|row| row.text("finding") == Some(finding))
                .filter_map(|row| {
                    let difference = signed_interval(row, ["difference", "low", "high"])?;
                    let p = p_text(row.number("p_adjusted"));
                    Some(format!("{} by {difference} ({p})", pair(row)?))
                })
                .collect();
            (!pairs.is_empty()).then(|| {
                format!(
                    "Declared beforehand and {words}, {figure}, p after Holm: {}.",
                    pairs.join("; ")
                )
            })
        })
        .collect();
    let is_shown = |row: &Row<'_>| row.text("finding") == Some("above");
    if !primary.iter().any(is_shown) {
        let n = primary.len();
        let none = format!(
            "None of the {n} declared comparisons came out: in none is the first shown to be better."
        );
        sentences.insert(0, none);
    }
    let not_judged: Vec<String> = primary
        .iter()
        .filter(|row| row.number("difference").is_nan())
        .filter_map(pair)
        .collect();
    if !not_judged.is_empty() {
        let pairs = not_judged.join("; ");
        sentences.push(format!(
            "Declared beforehand, but could not be judged: {pairs}."
        ));
    }
    sentences
}

/// Which kinds of models were chosen, the most frequent first.
fn model_sentence(result: &ExperimentResult) -> Option<String> {
    let mut features_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let chosen = Rows(&result.scores).iter().filter(|row| {
        row.flag("chosen") && row.text("stratum") == Some("all") && row.text("twin").is_none()
    });
    for row in chosen {
        if let (Some(model), Some(features)) = (row.text("model"), row.text("features")) {
            features_of.entry(model).or_default().push(features);
        }
    }
    features_of.remove("majority");
    let mut models: Vec<(&str, Vec<&str>)> = features_of.into_iter().collect();
    models.sort_by_key(|(_, features)| std::cmp::Reverse(features.len()));
    let (most, others) = models.split_first()?;
    let others: Vec<String> = others
        .iter()
        .map(|(model, features)| format!("{model} for {}", features.join(", ")))
        .collect();
    let most = if others.is_empty() {
        format!("{} for all", most.0)
    } else {
        format!("{}; {} for the others", others.join("; "), most.0)
    };
    Some(format!(
        "Models, each chosen by cross-validation within the training groups: {most}."
    ))
}

fn n_primary(result: &ExperimentResult) -> usize {
    Rows(&result.verdicts)
        .iter()
        .filter(|row| row.text("family") == Some("primary"))
        .count()
}

/// How many comparisons were declared; `None` if nothing was compared.
fn counting_sentence(result: &ExperimentResult) -> Option<String> {
    let n_primary = n_primary(result);
    let n_explored = result.verdicts.height() - n_primary;
    let counts = match (n_primary, n_explored) {
        (0, 0) => return None,
        (0, _) => "The comparisons are hints for a next study.".to_owned(),
        (_, 0) => format!("{n_primary} comparisons were declared beforehand."),
        _ => format!(
            "{n_primary} comparisons were declared beforehand; the {n_explored} others are hints \
             for a next study."
        ),
    };
    Some(format!(
        "{counts} Undecided, or not decided: neither a difference nor its absence is shown."
    ))
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
