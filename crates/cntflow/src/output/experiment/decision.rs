//! Whether the claim of an experiment is supported: from its declared comparisons alone.

use std::collections::BTreeSet;

use cntflow_statistics::multiple::holm;
use polars::prelude::DataFrame;

use super::super::rows::{Row, Rows};
use super::figures::signed_interval;
use super::sentences::p_text;
use crate::experiments::result::ExperimentResult;

/// What an experiment says of its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Every declared comparison came out, one with a baseline and one with the shuffled twin among
    /// them.
    Supported,
    /// In a declared comparison the first is worse, or no better by more than the margin.
    NotSupported,
    /// Neither is shown.
    NotDecided,
}

impl Decision {
    /// The words of the table of claims.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::NotSupported => "not supported",
            Self::NotDecided => "not decided",
        }
    }
}

/// A decision, and the comparisons that it rests on.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    /// The decision.
    pub(crate) decision: Decision,
    /// One sentence without its first word and its full stop.
    pub(crate) reason: String,
}

/// Judges the claim of an experiment by its primary family, whose p-values are adjusted by Holm.
///
/// A claim needs all of its comparisons. That is stricter than the best baseline alone would be,
/// and does not depend on which baseline looks best afterwards.
///
/// A transfer is judged by the other populations, where `cnt` has to beat `tensor_7` and its
/// shuffled twin, each with p-values adjusted by Holm over all of them.
pub(crate) fn judge(result: &ExperimentResult) -> Judgement {
    if let Some(transfer) = &result.transfer {
        let significance = 1.0 - result.description.spec.protocol.confidence;
        return judge_transfer(transfer, significance);
    }
    let rows = Rows(&result.verdicts).iter();
    let declared: Vec<Row<'_>> = rows
        .filter(|row| row.text("family") == Some("primary"))
        .collect();
    let of = |findings: &[&str]| -> Vec<&Row<'_>> {
        let found = |row: &&Row<'_>| row.text("finding").is_some_and(|f| findings.contains(&f));
        declared.iter().filter(found).collect()
    };
    let failed = of(&["below", "equivalent"]);
    let open = of(&["undecided", "not_judged"]);
    if !failed.is_empty() {
        return Judgement::new(Decision::NotSupported, texts(&failed));
    }
    if !open.is_empty() {
        return Judgement::new(Decision::NotDecided, texts(&open));
    }
    let has = |is_rival: fn(&str) -> bool| {
        declared
            .iter()
            .any(|row| row.text("b").is_some_and(is_rival))
    };
    if !has(|rival| !rival.contains('@')) {
        return Judgement::new(
            Decision::NotDecided,
            "no comparison with a baseline is declared".to_owned(),
        );
    }
    if !has(|rival| rival.ends_with("@shuffle")) {
        return Judgement::new(
            Decision::NotDecided,
            "no comparison with the shuffled twin is declared".to_owned(),
        );
    }
    Judgement::new(Decision::Supported, texts(&of(&["above"])))
}

/// Judges what a model says of populations that it was not fitted to.
fn judge_transfer(transfer: &DataFrame, significance: f64) -> Judgement {
    let rows: Vec<Row<'_>> = Rows(transfer).iter().collect();
    let of_cnt: Vec<&Row<'_>> = rows
        .iter()
        .filter(|row| row.text("features") == Some("cnt"))
        .collect();
    let populations: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.text("trained_on") != row.text("tested_on"))
        .filter_map(|row| row.text("tested_on"))
        .collect();
    let comparisons = [
        ("tensor_7", "difference"),
        ("its shuffled twin", "graph_gain"),
    ];
    let declared: Vec<(&str, Option<&Row<'_>>, &str, &str)> = populations
        .iter()
        .flat_map(|&population| {
            let is_there = |row: &&&Row<'_>| row.text("tested_on") == Some(population);
            let row = of_cnt.iter().find(is_there).copied();
            comparisons.map(|(rival, column)| (population, row, rival, column))
        })
        .collect();
    let number =
        |row: Option<&Row<'_>>, column: &str| row.map_or(f64::NAN, |row| row.number(column));
    let p: Vec<f64> = declared
        .iter()
        .map(|(_, row, _, column)| number(*row, &format!("{column}_p")))
        .collect();
    let adjusted = holm(&p).unwrap_or_else(|_| vec![f64::NAN; p.len()]);
    let (mut above, mut below, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for ((population, row, rival, column), p) in declared.into_iter().zip(adjusted) {
        let pair = format!("cnt > {rival} on {population}");
        let (low, high) = (format!("{column}_low"), format!("{column}_high"));
        match row.and_then(|row| signed_interval(row, [column, &low, &high])) {
            None => open.push(format!("{pair} could not be judged")),
            Some(text) => {
                let text = format!("{pair} by {text} ({})", p_text(p));
                if p > significance || p.is_nan() {
                    open.push(text);
                } else if number(row, column) > 0.0 {
                    above.push(text);
                } else {
                    below.push(format!("{text}, the opposite"));
                }
            }
        }
    }
    if !below.is_empty() {
        Judgement::new(Decision::NotSupported, below.join("; "))
    } else if !open.is_empty() {
        Judgement::new(Decision::NotDecided, open.join("; "))
    } else if above.is_empty() {
        let reason = "no other population could be judged".to_owned();
        Judgement::new(Decision::NotDecided, reason)
    } else {
        Judgement::new(Decision::Supported, above.join("; "))
    }
}

impl Judgement {
    fn new(decision: Decision, reason: String) -> Self {
        Self { decision, reason }
    }
}

fn texts(rows: &[&Row<'_>]) -> String {
    let texts: Vec<String> = rows.iter().filter_map(|row| text(row)).collect();
    texts.join("; ")
}

/// `cnt > tensor_7 by +0.012 [+0.003, +0.021] (p = 0.010)`.
fn text(row: &Row<'_>) -> Option<String> {
    let pair = format!("{} > {}", row.text("a")?, row.text("b")?);
    let Some(difference) = signed_interval(row, ["difference", "low", "high"]) else {
        return Some(format!("{pair} could not be judged"));
    };
    let p = p_text(row.number("p_adjusted"));
    Some(match row.text("finding") {
        Some("equivalent") => {
            format!("{pair} by {difference} ({p}), no difference that matters")
        }
        Some("below") => format!("{pair} by {difference} ({p}), the opposite"),
        _ => format!("{pair} by {difference} ({p})"),
    })
}

#[cfg(test)]
mod tests {
    use cntflow_experiments::ExperimentDescription;
    use polars::prelude::{DataFrame, df};

    use super::*;

    /// Judges declared comparisons, each as its second choice and its finding.
    #[track_caller]
    fn check(declared: &[(&str, &str)], expected: Decision) {
        let n = declared.len();
        let rivals: Vec<&str> = declared.iter().map(|(rival, _)| *rival).collect();
        let findings: Vec<&str> = declared.iter().map(|(_, finding)| *finding).collect();
        let mut verdicts = df!(
            "family" => vec!["primary"; n],
            "a" => vec!["cnt"; n],
            "b" => rivals,
            "finding" => findings,
            "difference" => vec![0.02; n],
            "low" => vec![0.01; n],
            "high" => vec![0.03; n],
            "p_adjusted" => vec![0.01; n],
        )
        .unwrap();
        let explored = df!(
            "family" => ["exploratory"], "a" => ["cnt"], "b" => ["norms"],
            "finding" => ["below"], "difference" => [-0.1], "low" => [-0.2], "high" => [-0.05],
            "p_adjusted" => [0.001],
        );
        verdicts.vstack_mut(&explored.unwrap()).unwrap();
        let result = ExperimentResult {
            name: "test".to_owned(),
            description: ExperimentDescription {
                spec: serde_json::from_str(r#"{ "name": "test" }"#).unwrap(),
                counts: Default::default(),
                n_test_groups: 0,
                classes: Vec::new(),
                n_without_class: 0,
                label_range: None,
                figure: "auc",
                matched: None,
            },
            scores: DataFrame::empty(),
            controls: DataFrame::empty(),
            verdicts,
            confusion: None,
            transfer: None,
            stopping: None,
            learning_curve: None,
            folder: Default::default(),
            was_finished: false,
        };
        assert_eq!(judge(&result).decision, expected, "{declared:?}");
    }

    #[test]
    fn a_claim_needs_every_declared_comparison() {
        check(
            &[("tensor_7", "above"), ("cnt@shuffle", "above")],
            Decision::Supported,
        );
        for (finding, expected) in [
            ("below", Decision::NotSupported),
            ("equivalent", Decision::NotSupported),
            ("undecided", Decision::NotDecided),
            ("not_judged", Decision::NotDecided),
        ] {
            check(&[("tensor_7", finding), ("cnt@shuffle", "above")], expected);
            check(&[("tensor_7", "above"), ("cnt@shuffle", finding)], expected);
        }
        check(
            &[("norms", "undecided"), ("cnt@shuffle", "below")],
            Decision::NotSupported,
        );
    }

    /// Judges a transfer, each population as the p-values against `tensor_7` and against the twin.
    /// The differences are negative where the p-value is.
    #[track_caller]
    fn check_transfer(away: &[(f64, f64)], expected: Decision) {
        // What the model says of its own population decides nothing.
        let rows: Vec<(f64, f64)> = [(-0.001, -0.001)].iter().chain(away).copied().collect();
        let tested_on: Vec<String> = (0..rows.len()).map(|row| format!("set {row}")).collect();
        let column = |get: fn(&(f64, f64)) -> f64| -> Vec<f64> { rows.iter().map(get).collect() };
        let transfer = df!(
            "features" => vec!["cnt"; rows.len()],
            "trained_on" => vec!["set 0"; rows.len()],
            "tested_on" => tested_on,
            "difference" => column(|row| row.0.signum() * 0.1),
            "difference_low" => column(|row| row.0.signum() * 0.1 - 0.05),
            "difference_high" => column(|row| row.0.signum() * 0.1 + 0.05),
            "difference_p" => column(|row| row.0.abs()),
            "graph_gain" => column(|row| row.1.signum() * 0.1),
            "graph_gain_low" => column(|row| row.1.signum() * 0.1 - 0.05),
            "graph_gain_high" => column(|row| row.1.signum() * 0.1 + 0.05),
            "graph_gain_p" => column(|row| row.1.abs()),
        );
        let judgement = judge_transfer(&transfer.unwrap(), 0.05);
        assert_eq!(judgement.decision, expected, "{judgement:?}");
    }

    #[test]
    fn a_population_without_the_metrics_leaves_a_transfer_undecided() {
        let judged_on = |features: [&str; 2]| {
            let transfer = df!(
                "features" => features, "trained_on" => ["a", "a"], "tested_on" => ["b", "c"],
                "difference" => [0.1, 0.1], "difference_low" => [0.05, 0.05],
                "difference_high" => [0.15, 0.15], "difference_p" => [0.001, 0.001],
                "graph_gain" => [0.1, 0.1], "graph_gain_low" => [0.05, 0.05],
                "graph_gain_high" => [0.15, 0.15], "graph_gain_p" => [0.001, 0.001],
            );
            judge_transfer(&transfer.unwrap(), 0.05)
        };
        assert_eq!(judged_on(["cnt", "cnt"]).decision, Decision::Supported);
        let judgement = judged_on(["cnt", "norms"]);
        assert_eq!(judgement.decision, Decision::NotDecided);
        let reason = "cnt > tensor_7 on c could not be judged";
        assert!(judgement.reason.contains(reason), "{judgement:?}");
    }

    #[test]
    fn a_transfer_is_judged_by_every_other_population() {
        check_transfer(&[(0.001, 0.001), (0.001, 0.001)], Decision::Supported);
        check_transfer(&[(0.001, 0.001), (0.001, 0.2)], Decision::NotDecided);
        check_transfer(&[(0.001, 0.001), (0.2, -0.001)], Decision::NotSupported);
        check_transfer(&[], Decision::NotDecided);
        // Each .02 alone would do; of four comparisons .05 / 4 is asked of the smallest.
        check_transfer(&[(0.02, 0.02), (0.02, 0.02)], Decision::NotDecided);
    }

    #[test]
    fn without_a_baseline_or_the_shuffled_twin_nothing_is_decided() {
        check(&[], Decision::NotDecided);
        check(&[("tensor_7", "above")], Decision::NotDecided);
        check(&[("cnt@shuffle", "above")], Decision::NotDecided);
        check(
            &[("tensor_7", "above"), ("cnt@gaussian", "above")],
            Decision::NotDecided,
        );
    }
}
