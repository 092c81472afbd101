//! Discrimination from the tables of a folder: carried out, kept, and told.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use cntflow_discriminate::{
    DiscriminateSpec, Estimate, Inputs, Outcome, OutcomeRow, Progress, Rule, RuleOutcome,
    WHOLE_POPULATION, discriminate,
};
use cntflow_tables::{Table, TableStore};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::args::{ProgressMode, TalkArguments};
use crate::folder::StudyFolder;
use crate::printer;
use crate::progress::LINE_EVERY;
use crate::study_record::StudyRecord;

/// An outcome and where it was written.
#[derive(Debug)]
pub(crate) struct Discriminated {
    pub(crate) outcome: Outcome,
    /// The table `discrimination`.
    pub(crate) table: PathBuf,
    /// The classifiers saved, by rule.
    pub(crate) classifiers: Vec<(String, PathBuf)>,
}

/// Tells low from high performers by the tables of a folder, and writes the table `discrimination` and the classifiers.
///
/// # Errors
/// There are no tables, or too few runs; what the discrimination itself says; a file cannot be written.
pub(crate) fn discriminate_folder(
    folder: &StudyFolder,
    record: &StudyRecord,
    spec: &DiscriminateSpec,
    talk: TalkArguments,
) -> anyhow::Result<Discriminated> {
    let tables = folder.tables();
    let outcome = evaluate(&tables, &record.name, &record.measured_with, spec, talk)?;
    let table = tables.write_discrimination(&outcome.frame()?, &record.metadata())?;
    let mut classifiers = Vec::new();
    for rule in &outcome.rules {
        if let Some(classifier) = &rule.classifier {
            let name = file_name(rule.rule);
            let path = folder.keep_classifier(&name, |path| classifier.save(path))?;
            classifiers.push((rule.rule.name(), path));
        }
    }
    Ok(Discriminated {
        outcome,
        table,
        classifiers,
    })
}

fn evaluate(
    tables: &TableStore,
    name: &str,
    measured_with: &str,
    spec: &DiscriminateSpec,
    talk: TalkArguments,
) -> anyhow::Result<Outcome> {
    let inputs = Inputs {
        experiment: name,
        networks: tables.scan(Table::Networks)?,
        layers: tables.scan(Table::Layers)?,
        measured_with,
    };
    let bar = (talk.progress == ProgressMode::Auto && std::io::stderr().is_terminal())
        .then(|| ProgressBar::new(1));
    let lines = talk.progress == ProgressMode::Plain
        || (talk.progress == ProgressMode::Auto && bar.is_none());
    let mut line_at = Instant::now();
    let mut show = |progress: Progress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        } else if lines && line_at.elapsed() >= LINE_EVERY {
            line_at = Instant::now();
            printer::note(&format!(
                "discriminating: {} of {} folds",
                progress.done, progress.total
            ));
        }
    };
    let outcome = discriminate(&inputs, spec, &mut show);
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    outcome.context("discriminating")
}

/// A rule as the name of a file: `median`, `quantiles-0.25-0.75`.
fn file_name(rule: Rule) -> String {
    let text = rule.name();
    let parts = text
        .split(|c: char| !c.is_alphanumeric() && c != '.')
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

impl Discriminated {
    /// The outcome for the eye: per rule who took part, one line per features and classifier, and the verdicts.
    pub(crate) fn text(&self) -> String {
        let counts = &self.outcome.counts;
        let mut text = format!(
            "{} networks of {} runs; used {} of {} runs; left out: {} failed, {} skipped, {} earlier checkpoints, {} without accuracy",
            counts.networks,
            counts.groups,
            counts.usable,
            counts.usable_groups,
            counts.failed,
            counts.skipped,
            counts.earlier,
            counts.without_accuracy + counts.without_group,
        );
        for rule in &self.outcome.rules {
            text.push_str("\n\n");
            text.push_str(&rule_text(rule, &self.outcome.spec));
        }
        for (rule, path) in &self.classifiers {
            text.push_str(&format!("\nclassifier for {rule}: {}", path.display()));
        }
        text
    }

    /// The outcome for machines.
    pub(crate) fn json(&self) -> Value {
        let rules: Vec<Value> = self.outcome.rules.iter().map(rule_json).collect();
        json!({
            "counts": self.outcome.counts,
            "rules": rules,
            "table": self.table,
            "classifiers": self.classifiers.iter().map(|(rule, path)| json!({"rule": rule, "path": path})).collect::<Vec<_>>(),
        })
    }
}

fn rule_text(rule: &RuleOutcome, spec: &DiscriminateSpec) -> String {
    let [low, high] = rule.thresholds.describe();
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
        .map(|row| line(row, rule));
    let mut text = format!(
        "{} low / {} high by {} (low: {}, high: {}; {} in the middle left out), {} x {}-fold by {}, intervals {:.0}% over {}s:\n{}",
        rule.n_low,
        rule.n_high,
        rule.rule.name(),
        low,
        high,
        rule.n_middle,
        spec.repeats,
        spec.folds,
        spec.group,
        100.0 * spec.confidence,
        spec.group,
        printer::table(header, rows),
    );
    if let Some((least, most)) = fold_sizes(rule) {
        text.push_str(&format!(
            "\ntest folds hold {least} to {most} {}s; none stands on both sides of a split",
            spec.group
        ));
    }
    for verdict in rule
        .verdicts
        .iter()
        .filter(|verdict| verdict.compares_best_classifiers)
    {
        text.push_str(&format!("\n{}", verdict.sentence()));
    }
    if let Some(control) = &rule.control {
        text.push_str(&format!(
            "\nlabels permuted between {}s {} times: AUC {:.3} observed, p = {:.3}",
            spec.group,
            control.permuted.len(),
            control.observed,
            control.p_value
        ));
    }
    text
}

fn fold_sizes(rule: &RuleOutcome) -> Option<(usize, usize)> {
    let sizes = || rule.folds.iter().map(|fold| fold.test_groups);
    Some((sizes().min()?, sizes().max()?))
}

fn line(row: &OutcomeRow, rule: &RuleOutcome) -> Vec<String> {
    let classifier = row
        .classifier
        .map_or("-", |classifier| classifier.name())
        .to_owned();
    let mut cells = vec![row.features.name().to_owned(), classifier];
    if let Some(failure) = &row.failure {
        cells.push(format!("failed: {failure}"));
        return cells;
    }
    cells.extend([row.accuracy, row.balanced_accuracy, row.matthews, row.auc].map(estimate));
    let same = |other: &&OutcomeRow| {
        other.is_worst_stratum
            && other.features == row.features
            && other.classifier == row.classifier
    };
    let worst = rule.rows.iter().find(same);
    cells.push(worst.map_or(String::new(), |worst| {
        format!("{} ({:.3})", worst.stratum, worst.auc.value)
    }));
    cells
}

fn estimate(estimate: Estimate) -> String {
    match (estimate.value.is_nan(), estimate.low.is_nan()) {
        (true, _) => "-".to_owned(),
        (false, true) => format!("{:.3}", estimate.value),
        (false, false) => format!(
            "{:.3} [{:.3}, {:.3}]",
            estimate.value, estimate.low, estimate.high
        ),
    }
}

fn rule_json(rule: &RuleOutcome) -> Value {
    let estimate = |estimate: Estimate| json!({"value": estimate.value, "low": estimate.low, "high": estimate.high});
    let row = |row: &OutcomeRow| {
        json!({
            "features": row.features.name(),
            "classifier": row.classifier.map(|classifier| classifier.name()),
            "stratum": row.stratum,
            "failure": row.failure,
            "accuracy": estimate(row.accuracy),
            "balanced_accuracy": estimate(row.balanced_accuracy),
            "mcc": estimate(row.matthews),
            "auc": estimate(row.auc),
        })
    };
    json!({
        "rule": rule.rule.name(),
        "n_low": rule.n_low,
        "n_high": rule.n_high,
        "n_middle": rule.n_middle,
        "results": rule.rows.iter().map(row).collect::<Vec<_>>(),
        "verdicts": rule.verdicts.iter().map(|verdict| verdict.sentence()).collect::<Vec<_>>(),
        "p_value": rule.control.as_ref().map(|control| control.p_value),
    })
}
