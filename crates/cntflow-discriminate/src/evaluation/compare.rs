//! Whether CNT features beat a baseline: paired differences on the same bootstrap draws, and a sentence.

use std::cmp::Ordering;

use super::bootstrap::{Bootstrap, Estimate};
use super::results::Candidate;
use super::scores::{AUC, BALANCED_ACCURACY, Figures};
use crate::classifier::ClassifierKind;
use crate::sets::FeatureSet;

/// How the comparison went, by the interval of the AUC's difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The whole interval is above 0.
    Beats,
    /// The interval holds 0, or there is none.
    DoesNotBeat,
    /// The whole interval is below 0.
    IsBeatenBy,
}

/// CNT features against one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The CNT features' set.
    pub features: FeatureSet,
    /// The classifier on them.
    pub classifier: Option<ClassifierKind>,
    /// The baseline's set.
    pub baseline: FeatureSet,
    /// The classifier on the baseline; none on [`FeatureSet::Majority`].
    pub baseline_classifier: Option<ClassifierKind>,
    /// Whether both sides are the best of their classifiers by AUC, rather than one and the same classifier. Both bests
    /// are chosen on the figures compared, which flatters each side a little.
    pub of_the_best: bool,
    /// AUC of the features minus AUC of the baseline.
    pub auc_difference: Estimate,
    /// The same of balanced accuracy.
    pub balanced_accuracy_difference: Estimate,
    /// The AUCs' finding.
    pub finding: Finding,
}

impl Verdict {
    /// `cnt (random_forest) beats link_weights (svm): AUC +0.050 [+0.020, +0.080], balanced accuracy +0.031 [...]`: the
    /// differences with their intervals.
    pub fn sentence(&self) -> String {
        let finding = match self.finding {
            Finding::Beats => "beats",
            Finding::DoesNotBeat => "does not beat",
            Finding::IsBeatenBy => "is beaten by",
        };
        let by = |kind: Option<ClassifierKind>| {
            kind.map_or(String::new(), |kind| format!(" ({})", kind.name()))
        };
        format!(
            "{}{} {finding} {}{}: AUC {}, balanced accuracy {}",
            self.features.name(),
            by(self.classifier),
            self.baseline.name(),
            by(self.baseline_classifier),
            difference(self.auc_difference),
            difference(self.balanced_accuracy_difference),
        )
    }
}

fn difference(estimate: Estimate) -> String {
    if estimate.low.is_nan() {
        return format!("{:+.3} [no interval]", estimate.value);
    }
    format!(
        "{:+.3} [{:+.3}, {:+.3}]",
        estimate.value, estimate.low, estimate.high
    )
}

/// A candidate that did not fail, its figures, and its figures in every bootstrap draw.
pub(crate) struct Contender<'a> {
    pub(crate) candidate: Candidate,
    pub(crate) figures: Figures,
    pub(crate) drawn: &'a [Figures],
}

/// The verdicts on `cnt` and `cnt_without_biases` against every baseline present: first the best classifier of each side,
/// then each classifier against itself.
pub(crate) fn verdicts(contenders: &[Contender<'_>], bootstrap: &Bootstrap) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for features in [FeatureSet::Cnt, FeatureSet::CntWithoutBiases] {
        for baseline in FeatureSet::BASELINES {
            if let (Some(ours), Some(theirs)) =
                (best(contenders, features), best(contenders, baseline))
            {
                verdicts.push(verdict(ours, theirs, true, bootstrap));
            }
        }
    }
    for ours in contenders
        .iter()
        .filter(|contender| contender.candidate.0 == FeatureSet::Cnt)
    {
        for baseline in FeatureSet::BASELINES {
            let same = |theirs: &&Contender<'_>| {
                theirs.candidate == (baseline, ours.candidate.1)
                    || theirs.candidate == (baseline, None)
            };
            let theirs = contenders.iter().find(same);
            verdicts.extend(theirs.map(|theirs| verdict(ours, theirs, false, bootstrap)));
        }
    }
    verdicts
}

/// The contender of the highest AUC among those on a set; of equal ones the first.
pub(crate) fn best<'a, 'b>(
    contenders: &'a [Contender<'b>],
    set: FeatureSet,
) -> Option<&'a Contender<'b>> {
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

fn verdict(
    ours: &Contender<'_>,
    theirs: &Contender<'_>,
    of_the_best: bool,
    bootstrap: &Bootstrap,
) -> Verdict {
    let difference = |figure: usize| {
        let drawn = ours
            .drawn
            .iter()
            .zip(theirs.drawn)
            .map(|(ours, theirs)| ours[figure] - theirs[figure]);
        bootstrap.estimate(ours.figures[figure] - theirs.figures[figure], drawn)
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
        features: ours.candidate.0,
        classifier: ours.candidate.1,
        baseline: theirs.candidate.0,
        baseline_classifier: theirs.candidate.1,
        of_the_best,
        auc_difference,
        balanced_accuracy_difference: difference(BALANCED_ACCURACY),
        finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_follows_the_interval() {
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
                drawn: &high,
            },
            Contender {
                candidate: (FeatureSet::LinkWeights, svm),
                figures: figures(0.8),
                drawn: &low,
            },
            Contender {
                candidate: (FeatureSet::Majority, None),
                figures: figures(0.5),
                drawn: &low,
            },
        ];
        let found = verdicts(&contenders, &bootstrap);
        assert_eq!(found.len(), 4);
        assert_eq!(found[1].finding, Finding::Beats);
        let sentence = found[1].sentence();
        assert!(
            sentence.starts_with("cnt (svm) beats link_weights (svm): AUC +0.100 [+0.06"),
            "{sentence}"
        );
        let reversed = verdict(&contenders[1], &contenders[0], true, &bootstrap);
        assert_eq!(reversed.finding, Finding::IsBeatenBy);
    }
}
