//! The result of a discrimination: scores, verdicts and saved classifiers.

use cntflow_discriminate::{DiscriminateSpec, Estimate, OutcomeRow, RuleOutcome, WHOLE_POPULATION};
use serde_json::{Value, json};

use crate::analysis::discrimination::Discrimination;
use crate::printer;

/// The networks used; for each rule a table of scores, the verdicts and the controls; the saved
/// classifiers.
pub(crate) fn text(discrimination: &Discrimination) -> String {
    let counts = &discrimination.outcome.counts;
    let mut text = format!(
        "{} networks of {} runs; used {} of {} runs; left out: {} failed, {} skipped, {} earlier \
         checkpoints, {} without accuracy",
        counts.networks,
        counts.groups,
        counts.usable,
        counts.usable_groups,
        counts.failed,
        counts.skipped,
        counts.earlier,
        counts.without_accuracy + counts.without_group,
    );
    for rule in &discrimination.outcome.rules {
        text.push_str("\n\n");
        text.push_str(&rule_text(rule, &discrimination.outcome.spec));
    }
    for (rule, path) in &discrimination.classifiers {
        text.push_str(&format!("\nclassifier for {rule}: {}", path.display()));
    }
    text
}

/// The same as JSON.
pub(crate) fn json(discrimination: &Discrimination) -> Value {
    let rules: Vec<Value> = discrimination.outcome.rules.iter().map(rule_json).collect();
    let classifiers: Vec<Value> = discrimination
        .classifiers
        .iter()
        .map(|(rule, path)| json!({"rule": rule, "path": path}))
        .collect();
    json!({
        "counts": discrimination.outcome.counts,
        "rules": rules,
        "table": discrimination.table,
        "classifiers": classifiers,
    })
}

fn rule_text(rule: &RuleOutcome, spec: &DiscriminateSpec) -> String {
    let mut lines = vec![rule_heading(rule, spec), scores_table(rule)];
    if let Some((smallest, largest)) = fold_sizes(rule) {
        lines.push(format!(
            "test folds hold {smallest} to {largest} {}s; none is on both sides of a split",
            spec.group
        ));
    }
    let best = rule
        .verdicts
        .iter()
        .filter(|verdict| verdict.compares_best_classifiers);
    lines.extend(best.map(|verdict| verdict.sentence()));
    if let Some(control) = &rule.control {
        lines.push(format!(
            "labels permuted between {}s {} times: AUC {:.3} observed, p = {:.3}",
            spec.group,
            control.permuted.len(),
            control.observed,
            control.p_value
        ));
    }
    lines.join("\n")
}

fn rule_heading(rule: &RuleOutcome, spec: &DiscriminateSpec) -> String {
    let [low, high] = rule.thresholds.describe();
    format!(
        "{} low / {} high by {} (low: {low}, high: {high}; {} in the middle left out), {} x \
         {}-fold by {}, intervals {:.0}% over {}s:",
        rule.n_low,
        rule.n_high,
        rule.rule.name(),
        rule.n_middle,
        spec.repeats,
        spec.folds,
        spec.group,
        100.0 * spec.confidence,
        spec.group,
    )
}

fn scores_table(rule: &RuleOutcome) -> String {
    let header = [
        "features",
        "classifier",
        "accuracy",
        "balanced accuracy",
        "MCC",
        "AUC",
        "worst stratum (AUC)",
    ];
    let rows = rule
        .rows
        .iter()
        .filter(|row| row.stratum == WHOLE_POPULATION)
        .map(|row| score_row(row, rule));
    printer::table(header, rows)
}

/// Sizes of the smallest and the largest test fold.
fn fold_sizes(rule: &RuleOutcome) -> Option<(usize, usize)> {
    let sizes = || rule.folds.iter().map(|fold| fold.test_groups);
    Some((sizes().min()?, sizes().max()?))
}

fn score_row(row: &OutcomeRow, rule: &RuleOutcome) -> Vec<String> {
    let classifier = row.classifier.map_or("-", |classifier| classifier.name());
    let mut cells = vec![row.features.name().to_owned(), classifier.to_owned()];
    if let Some(failure) = &row.failure {
        cells.push(format!("failed: {failure}"));
        return cells;
    }
    let scores = [row.accuracy, row.balanced_accuracy, row.matthews, row.auc];
    cells.extend(scores.map(estimate_text));
    let worst_stratum = rule.rows.iter().find(|other| {
        other.is_worst_stratum
            && other.features == row.features
            && other.classifier == row.classifier
    });
    cells.push(worst_stratum.map_or(String::new(), |worst| {
        format!("{} ({:.3})", worst.stratum, worst.auc.value)
    }));
    cells
}

fn estimate_text(estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    if value.is_nan() {
        "-".to_owned()
    } else if low.is_nan() {
        format!("{value:.3}")
    } else {
        format!("{value:.3} [{low:.3}, {high:.3}]")
    }
}

fn rule_json(rule: &RuleOutcome) -> Value {
    json!({
        "rule": rule.rule.name(),
        "n_low": rule.n_low,
        "n_high": rule.n_high,
        "n_middle": rule.n_middle,
        "results": rule.rows.iter().map(score_json).collect::<Vec<_>>(),
        "verdicts": rule.verdicts.iter().map(|verdict| verdict.sentence()).collect::<Vec<_>>(),
        "p_value": rule.control.as_ref().map(|control| control.p_value),
    })
}

fn score_json(row: &OutcomeRow) -> Value {
    json!({
        "features": row.features.name(),
        "classifier": row.classifier.map(|classifier| classifier.name()),
        "stratum": row.stratum,
        "failure": row.failure,
        "accuracy": estimate_json(row.accuracy),
        "balanced_accuracy": estimate_json(row.balanced_accuracy),
        "mcc": estimate_json(row.matthews),
        "auc": estimate_json(row.auc),
    })
}

fn estimate_json(estimate: Estimate) -> Value {
    json!({"value": estimate.value, "low": estimate.low, "high": estimate.high})
}
