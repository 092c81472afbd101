//! Whether the claim of an experiment is supported: from its declared comparisons alone.

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
pub(crate) fn judge(result: &ExperimentResult) -> Judgement {
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
