//! Whether CNT features beat a baseline: differences paired by bootstrap draw, and
//! a sentence about them.

use std::cmp::Ordering;

use super::bootstrap::{Bootstrap, Estimate};
use super::candidates::Candidate;
use super::figures::{AUC, BALANCED_ACCURACY, Figures};
use crate::classifier::ClassifierKind;
use crate::features::FeatureSet;

/// The result of a comparison, by the interval of the difference in AUC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The whole interval is above 0.
    Beats,
    /// The interval contains 0, or there is none.
    DoesNotBeat,
    /// The whole interval is below 0.
    IsBeatenBy,
}

/// How CNT features compare with one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The set of CNT features.
    pub features: FeatureSet,
    /// The classifier on them.
    pub classifier: Option<ClassifierKind>,
    /// The baseline.
    pub baseline: FeatureSet,
    /// The classifier on the baseline; `None` for [`FeatureSet::Majority`].
    pub baseline_classifier: Option<ClassifierKind>,
    /// Whether each side uses its own best classifier by AUC; otherwise both use the same one. The
    /// best are chosen by the very figures that are compared, which flatters each side a little.
    pub compares_best_classifiers: bool,
    /// AUC of the features minus AUC of the baseline.
    pub auc_difference: Estimate,
    /// Balanced accuracy of the features minus that of the baseline.
    pub balanced_accuracy_difference: Estimate,
    /// The result, by the difference in AUC.
    pub finding: Finding,
}

impl Verdict {
    /// A sentence with the differences and their intervals, such as `cnt (random_forest) beats
    /// link_weights (svm): AUC +0.050 [+0.020, +0.080], balanced accuracy +0.031 [...]`.
    pub fn sentence(&self) -> String {
        let finding = match self.finding {
            Finding::Beats => "beats",
            Finding::DoesNotBeat => "does not beat",
            Finding::IsBeatenBy => "is beaten by",
        };
        let in_brackets = |kind: Option<ClassifierKind>| {
            kind.map_or(String::new(), |kind| format!(" ({})", kind.name()))
        };
        format!(
            "{}{} {finding} {}{}: AUC {}, balanced accuracy {}",
            self.features.name(),
            in_brackets(self.classifier),
            self.baseline.name(),
            in_brackets(self.baseline_classifier),
            difference_text(self.auc_difference),
            difference_text(self.balanced_accuracy_difference),
        )
    }
}

fn difference_text(estimate: Estimate) -> String {
    if estimate.low.is_nan() {
        return format!("{:+.3} [no interval]", estimate.value);
    }
    format!(
        "{:+.3} [{:+.3}, {:+.3}]",
        estimate.value, estimate.low, estimate.high
    )
}

/// A candidate that did not fail, with its figures on all networks.
pub(crate) struct Contender<'a> {
    pub(crate) candidate: Candidate,
    /// On the groups as they are.
    pub(crate) figures: Figures,
    /// In every bootstrap draw.
    pub(crate) drawn_figures: &'a [Figures],
}

/// Compares `cnt` and `cnt_without_biases` with every baseline present, each side by its best
/// classifier; then `cnt` with every baseline, classifier by classifier.
pub(crate) fn verdicts(contenders: &[Contender<'_>], bootstrap: &Bootstrap) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for features in [FeatureSet::Cnt, FeatureSet::CntWithoutBiases] {
        for baseline in FeatureSet::BASELINES {
            if let (Some(cnt), Some(baseline)) =
                (best(contenders, features), best(contenders, baseline))
            {
                verdicts.push(compare(cnt, baseline, true, bootstrap));
            }
        }
    }
    for cnt in contenders
        .iter()
        .filter(|contender| contender.candidate.0 == FeatureSet::Cnt)
    {
        for baseline in FeatureSet::BASELINES {
            let has_same_classifier = |other: &&Contender<'_>| {
                other.candidate == (baseline, cnt.candidate.1)
                    || other.candidate == (baseline, None)
            };
            let other = contenders.iter().find(has_same_classifier);
            verdicts.extend(other.map(|other| compare(cnt, other, false, bootstrap)));
        }
    }
    verdicts
}

/// The contender with the highest AUC on a feature set; the first one if several have it.
fn best<'a, 'b>(contenders: &'a [Contender<'b>], set: FeatureSet) -> Option<&'a Contender<'b>> {
    let of_set = contenders
        .iter()
        .filter(|contender| contender.candidate.0 == set && !contender.figures[AUC].is_nan());
    of_set.reduce(
        |best, other| match other.figures[AUC].total_cmp(&best.figures[AUC]) {
            Ordering::Greater => other,
            _ => best,
        },
    )
}

fn compare(
    cnt: &Contender<'_>,
    baseline: &Contender<'_>,
    compares_best_classifiers: bool,
    bootstrap: &Bootstrap,
) -> Verdict {
    let difference = |figure: usize| {
        // Both sides saw the same draws. The difference within a draw cancels what the drawn
        // groups have in common.
        let drawn = cnt
            .drawn_figures
            .iter()
            .zip(baseline.drawn_figures)
            .map(|(cnt, baseline)| cnt[figure] - baseline[figure]);
        bootstrap.estimate(cnt.figures[figure] - baseline.figures[figure], drawn)
    };
    let auc_difference = difference(AUC);
    let finding = if auc_difference.low > 0.0 {
        Finding::Beats
    } else if auc_difference.high < 0.0 {
        Finding::IsBeatenBy
    } else {
        Finding::DoesNotBeat
    };
    Verdict {
        features: cnt.candidate.0,
        classifier: cnt.candidate.1,
        baseline: baseline.candidate.0,
        baseline_classifier: baseline.candidate.1,
        compares_best_classifiers,
        auc_difference,
        balanced_accuracy_difference: difference(BALANCED_ACCURACY),
        finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_decides_the_finding_and_the_sentence() {
        let bootstrap = Bootstrap {
            draws: 3,
            confidence: 0.95,
            seed: 0,
        };
        let figures = |auc: f64| [0.5, auc, 0.0, auc];
        let (high, low): (Vec<_>, Vec<_>) = (
            [0.89, 0.9, 0.91].map(figures).into(),
            [0.8, 0.8, 0.85].map(figures).into(),
        );
        let svm = Some(ClassifierKind::Svm);
        let contenders = [
            Contender {
                candidate: (FeatureSet::Cnt, svm),
                figures: figures(0.9),
                drawn_figures: &high,
            },
            Contender {
                candidate: (FeatureSet::LinkWeights, svm),
                figures: figures(0.8),
                drawn_figures: &low,
            },
            Contender {
                candidate: (FeatureSet::Majority, None),
                figures: figures(0.5),
                drawn_figures: &low,
            },
        ];
        let verdicts = verdicts(&contenders, &bootstrap);
        assert_eq!(verdicts.len(), 4);
        assert_eq!(verdicts[1].finding, Finding::Beats);
        let sentence = verdicts[1].sentence();
        assert!(
            sentence.starts_with("cnt (svm) beats link_weights (svm): AUC +0.100 [+0.06"),
            "{sentence}"
        );
        let reversed = compare(&contenders[1], &contenders[0], true, &bootstrap);
        assert_eq!(reversed.finding, Finding::IsBeatenBy);
    }
}
