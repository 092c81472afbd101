//! Verdicts: which feature choice predicts better than which, in families of comparisons.

use cntflow_statistics::Comparison;
use cntflow_statistics::equivalence::equivalence_of;
use cntflow_statistics::multiple::holm;
use rayon::prelude::*;

use super::experiment::Experiment;
use crate::spec::{FeatureChoice, FeatureExpression, FeatureSet, Pair, Twin};

/// Whether a comparison was declared before the data were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Declared in the study file, or the default family. Adjusted by Holm.
    Primary,
    /// All others: a hint for the next study, no result.
    Exploratory,
}

impl Family {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Exploratory => "exploratory",
        }
    }
}

/// What a comparison shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The first choice predicts better.
    Above,
    /// The first choice predicts worse.
    Below,
    /// The difference is within the margin, by two one-sided tests.
    Equivalent,
    /// Neither a difference nor equivalence is shown.
    Undecided,
    /// One of the two could not be judged.
    NotJudged,
}

impl Finding {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
            Self::Equivalent => "equivalent",
            Self::Undecided => "undecided",
            Self::NotJudged => "not_judged",
        }
    }
}

/// A comparison of two feature choices, each with the model that the cross-validation chose.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The family.
    pub family: Family,
    /// The first choice.
    pub a: FeatureChoice,
    /// The second choice.
    pub b: FeatureChoice,
    /// Difference of the primary figures, a less b; `None` if one could not be judged.
    pub comparison: Option<Comparison>,
    /// The p-value, in the primary family adjusted by Holm.
    pub p_adjusted: f64,
    /// p-value of the equivalence test.
    pub equivalence_p: f64,
    /// What it shows.
    pub finding: Finding,
}

impl Experiment {
    /// The pairs of the primary family: those of the study, or the default ones among the features
    /// that the study has.
    pub fn primary_pairs(&self) -> Vec<Pair> {
        if let Some(pairs) = &self.spec.primary {
            return pairs.clone();
        }
        use FeatureSet as S;
        let cnt = FeatureExpression::of(S::Cnt);
        let against = |features: FeatureExpression| Pair {
            a: FeatureChoice::real(cnt.clone()),
            b: FeatureChoice::real(features),
        };
        let mut pairs = vec![
            against(FeatureExpression::of(S::Tensor7)),
            against(FeatureExpression::of(S::Norms)),
            against(FeatureExpression::of(S::Hyperparameters)),
        ];
        if self.spec.controls.contains(&Twin::Shuffle) {
            pairs.push(Pair {
                a: FeatureChoice::real(cnt.clone()),
                b: FeatureChoice {
                    features: cnt.clone(),
                    twin: Some(Twin::Shuffle),
                },
            });
        }
        pairs.push(Pair {
            a: FeatureChoice::real(FeatureExpression::union(S::Cnt, S::Tensor7)),
            b: FeatureChoice::real(FeatureExpression::of(S::Tensor7)),
        });
        pairs.retain(|pair| self.has_choice(&pair.a) && self.has_choice(&pair.b));
        pairs
    }

    /// The pairs that are explored: each measured set against the hyperparameters, against its own
    /// twins, and `cnt` against itself without a family.
    pub(crate) fn exploratory_pairs(&self) -> Vec<Pair> {
        let primary = self.primary_pairs();
        let hyperparameters =
            FeatureChoice::real(FeatureExpression::of(FeatureSet::Hyperparameters));
        let measured = self
            .spec
            .features
            .iter()
            .filter(|features| features.is_measured());
        let mut pairs = Vec::new();
        for features in measured {
            let a = FeatureChoice::real(features.clone());
            let mut rivals = vec![hyperparameters.clone()];
            rivals.extend(self.spec.controls.iter().map(|&twin| FeatureChoice {
                features: features.clone(),
                twin: Some(twin),
            }));
            let without: Vec<FeatureExpression> = self
                .spec
                .features
                .iter()
                .filter(|other| other.plus == features.plus && !other.minus.is_empty())
                .cloned()
                .collect();
            if features.minus.is_empty() {
                rivals.extend(without.into_iter().map(FeatureChoice::real));
            }
            pairs.extend(rivals.into_iter().map(|b| Pair { a: a.clone(), b }));
        }
        pairs.retain(|pair| {
            self.has_choice(&pair.a) && self.has_choice(&pair.b) && !primary.contains(pair)
        });
        pairs
    }

    fn has_choice(&self, choice: &FeatureChoice) -> bool {
        self.candidates
            .iter()
            .any(|candidate| candidate.choice == *choice)
    }

    /// Verdicts of one family. Only the primary family is adjusted.
    pub(crate) fn verdicts(
        &self,
        family: Family,
        pairs: Vec<Pair>,
        compare: &(dyn Fn(&FeatureChoice, &FeatureChoice) -> Option<Comparison> + Sync),
    ) -> Vec<Verdict> {
        let comparisons: Vec<Option<Comparison>> = pairs
            .par_iter()
            .map(|pair| compare(&pair.a, &pair.b))
            .collect();
        let p: Vec<f64> = comparisons
            .iter()
            .map(|comparison| comparison.map_or(f64::NAN, |comparison| comparison.p))
            .collect();
        let adjusted = match family {
            Family::Primary => holm(&p).unwrap_or_else(|_| vec![f64::NAN; p.len()]),
            Family::Exploratory => p,
        };
        pairs
            .into_iter()
            .zip(comparisons)
            .zip(adjusted)
            .map(|((pair, comparison), p_adjusted)| {
                self.verdict(family, pair, comparison, p_adjusted)
            })
            .collect()
    }

    fn verdict(
        &self,
        family: Family,
        pair: Pair,
        comparison: Option<Comparison>,
        p_adjusted: f64,
    ) -> Verdict {
        let significance = 1.0 - self.spec.protocol.confidence;
        let equivalence = comparison.and_then(|comparison| {
            equivalence_of(&comparison, self.spec.protocol.margin, significance).ok()
        });
        let finding = match comparison {
            None => Finding::NotJudged,
            Some(comparison) if p_adjusted <= significance => {
                if comparison.difference > 0.0 {
                    Finding::Above
                } else {
                    Finding::Below
                }
            }
            Some(_) if equivalence.is_some_and(|test| test.is_equivalent) => Finding::Equivalent,
            Some(_) => Finding::Undecided,
        };
        Verdict {
            family,
            a: pair.a,
            b: pair.b,
            comparison,
            p_adjusted,
            equivalence_p: equivalence.map_or(f64::NAN, |test| test.p),
            finding,
        }
    }
}
