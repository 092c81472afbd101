//! The evaluation of one rule, from held-out predictions to the classifier that is kept.

use std::collections::BTreeMap;

use crate::classifier::ClassifierKind;
use crate::error::Result;
use crate::evaluation::bootstrap::{Bootstrap, Estimate};
use crate::evaluation::candidates::Candidate;
use crate::evaluation::comparison::{Contender, verdicts};
use crate::evaluation::cross_validation::{CandidateResults, CrossValidation};
use crate::evaluation::figures::{RankedPredictions, mean_figures};
use crate::evaluation::permutation::{PermutationControl, permutation_control};
use crate::evaluation::strata::{Stratum, WHOLE_POPULATION, strata};
use crate::features::{FeatureSet, FeatureTable};
use crate::inputs::Inputs;
use crate::outcome::{OutcomeRow, RuleOutcome};
use crate::outcome_rows::{ClassCounts, StratifiedResults};
use crate::population::Population;
use crate::rule::Rule;
use crate::saved::{CLASSIFIER_VERSION, TrainedClassifier};
use crate::spec::DiscriminateSpec;
use crate::split::Grouping;

/// The candidate of the permutation control. Its set is `cnt` if that is among the features,
/// otherwise the measured set that [`FeatureSet`] declares last. Its classifier is the fastest one,
/// because every permutation fits it again.
pub(crate) fn tested_candidate(spec: &DiscriminateSpec) -> Option<Candidate> {
    let measured = spec
        .features
        .iter()
        .copied()
        .filter(|set| set.is_measured());
    let set = measured
        .clone()
        .find(|set| *set == FeatureSet::Cnt)
        .or(measured.max())?;
    // The order of declaration: logistic regression, the fastest, comes first.
    spec.classifiers.iter().min().map(|&kind| (set, Some(kind)))
}

/// What the evaluations of all rules share.
pub(crate) struct RuleEvaluator<'a> {
    pub(crate) inputs: &'a Inputs<'a>,
    pub(crate) spec: &'a DiscriminateSpec,
    pub(crate) population: &'a Population,
    pub(crate) tables: &'a BTreeMap<FeatureSet, FeatureTable>,
    /// For each row, the text over which splits are balanced.
    pub(crate) split_strata: &'a [Option<String>],
}

impl RuleEvaluator<'_> {
    /// Everything about one rule: predictions, figures, comparisons, the permutation control, and
    /// the classifier to keep.
    ///
    /// # Errors
    /// A split is broken.
    pub(crate) fn evaluate(&self, rule: Rule, after_fold: &mut dyn FnMut()) -> Result<RuleOutcome> {
        let cross_validation = self.cross_validation(rule);
        let (results, folds) = cross_validation.run(self.spec.repeats, after_fold)?;
        let control = self.control(&cross_validation, after_fold)?;
        let bootstrap = Bootstrap {
            draws: self.spec.draws,
            confidence: self.spec.confidence,
            seed: self.spec.seed,
        };
        let strata = strata(self.population);
        let ranked = ranked_predictions(&results);
        let samples = samples_of_strata(&ranked, &strata);
        let n_groups = self.population.group_names.len();
        let drawn_figures = bootstrap.draw(&samples, n_groups);
        let weight_of_group = vec![1.0; n_groups];
        // The first stratum is the whole population, which is what verdicts are about.
        let contenders: Vec<Contender<'_>> = ranked
            .iter()
            .zip(drawn_figures.chunks(strata.len()))
            .map(|((candidate, repeats), of_strata)| Contender {
                candidate: *candidate,
                figures: mean_figures(repeats, &weight_of_group),
                drawn_figures: &of_strata[0],
            })
            .collect();
        let rows = StratifiedResults {
            strata: &strata,
            samples: &samples,
            drawn_figures: &drawn_figures,
            bootstrap: &bootstrap,
        }
        .rows(&results, &weight_of_group);
        let thresholds = rule.learn(&self.population.accuracies, self.spec.better);
        let classes = ClassCounts::of(thresholds, self.population);
        Ok(RuleOutcome {
            rule,
            thresholds,
            n_low: classes.low,
            n_high: classes.high,
            n_middle: classes.middle,
            verdicts: verdicts(&contenders, &bootstrap),
            folds,
            control,
            classifier: self.train(&cross_validation, &rows),
            rows,
        })
    }

    fn cross_validation(&self, rule: Rule) -> CrossValidation<'_> {
        CrossValidation {
            rule,
            better: self.spec.better,
            grouping: Grouping {
                groups: &self.population.groups,
                group_names: &self.population.group_names,
                strata: self.split_strata,
                accuracies: &self.population.accuracies,
            },
            tables: self.tables,
            classifiers: &self.spec.classifiers,
            n_folds: self.spec.folds,
            seed: self.spec.seed,
            fit: ClassifierKind::fit,
        }
    }

    fn control(
        &self,
        cross_validation: &CrossValidation<'_>,
        after_fold: &mut dyn FnMut(),
    ) -> Result<Option<PermutationControl>> {
        let (Some((set, Some(kind))), true) =
            (tested_candidate(self.spec), self.spec.permutations > 0)
        else {
            return Ok(None);
        };
        let tables = BTreeMap::from([(set, self.tables[&set].clone())]);
        let tested_alone = CrossValidation {
            tables: &tables,
            classifiers: &[kind],
            ..*cross_validation
        };
        permutation_control(
            &tested_alone,
            (set, Some(kind)),
            self.spec.permutations,
            after_fold,
        )
    }

    /// Fits the classifier with the highest AUC on CNT metrics to all rows. If that fit fails,
    /// the next best is tried.
    ///
    /// The feature set is `cnt` if it has an AUC, otherwise `cnt_without_biases`, otherwise the
    /// first measured set that has.
    fn train(
        &self,
        cross_validation: &CrossValidation<'_>,
        rows: &[OutcomeRow],
    ) -> Option<TrainedClassifier> {
        let with_auc: Vec<&OutcomeRow> = rows
            .iter()
            .filter(|row| {
                row.stratum == WHOLE_POPULATION
                    && row.features.is_measured()
                    && row.auc.value.is_finite()
            })
            .collect();
        let set = [FeatureSet::Cnt, FeatureSet::CntWithoutBiases]
            .into_iter()
            .chain(with_auc.iter().map(|row| row.features))
            .find(|set| with_auc.iter().any(|row| row.features == *set))?;
        let mut of_set: Vec<&OutcomeRow> = with_auc
            .into_iter()
            .filter(|row| row.features == set)
            .collect();
        of_set.sort_by(|a, b| b.auc.value.total_cmp(&a.auc.value));
        of_set
            .into_iter()
            .find_map(|row| self.train_kind(cross_validation, set, row.classifier?, row.auc))
    }

    fn train_kind(
        &self,
        cross_validation: &CrossValidation<'_>,
        features: FeatureSet,
        classifier: ClassifierKind,
        auc: Estimate,
    ) -> Option<TrainedClassifier> {
        let fit = cross_validation.fit_all(features, classifier).ok()?;
        Some(TrainedClassifier {
            version: CLASSIFIER_VERSION,
            experiment: self.inputs.experiment.to_owned(),
            accuracy: self.spec.accuracy.clone(),
            rule: cross_validation.rule,
            better: cross_validation.better,
            thresholds: vec![fit.thresholds.low, fit.thresholds.high],
            features,
            classifier,
            held_out_auc: vec![auc.value, auc.low, auc.high],
            training_networks: fit.n_rows,
            training_groups: fit.n_groups,
            training_high: fit.n_high,
            measured_with: self.inputs.measured_with.to_owned(),
            preparation: fit.preparation,
            model: fit.model,
        })
    }
}

/// The predictions of each candidate that did not fail, one list per repeat.
fn ranked_predictions(results: &CandidateResults) -> Vec<(Candidate, Vec<RankedPredictions>)> {
    results
        .iter()
        .filter_map(|(&candidate, result)| Some((candidate, result.ranked()?)))
        .collect()
}

/// One sample per candidate and stratum: all strata of the first candidate, then of
/// the second, and so on.
fn samples_of_strata(
    ranked: &[(Candidate, Vec<RankedPredictions>)],
    strata: &[Stratum],
) -> Vec<Vec<RankedPredictions>> {
    ranked
        .iter()
        .flat_map(|(_, repeats)| strata.iter().map(|stratum| stratum.select(repeats)))
        .collect()
}
