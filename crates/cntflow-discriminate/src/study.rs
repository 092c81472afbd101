//! One rule's part of a discrimination, from held-out predictions to the classifier that is kept.

use std::collections::BTreeMap;

use crate::classifier::ClassifierKind;
use crate::discriminate::Inputs;
use crate::error::Result;
use crate::evaluation::bootstrap::{Bootstrap, Estimate};
use crate::evaluation::compare::{Contender, verdicts};
use crate::evaluation::control::{PermutationControl, permutation_control};
use crate::evaluation::crossval::Experiment;
use crate::evaluation::results::Candidate;
use crate::evaluation::scores::{Ranked, mean_figures};
use crate::evaluation::strata::{ALL, strata};
use crate::feature_table::FeatureTable;
use crate::outcome::{OutcomeRow, RuleOutcome};
use crate::population::Population;
use crate::rows::{Classes, Evaluated};
use crate::rule::Rule;
use crate::sets::FeatureSet;
use crate::spec::DiscriminateSpec;
use crate::split::Grouping;
use crate::trained::{CLASSIFIER_VERSION, TrainedClassifier};

/// What the permutation control tests: all CNT metrics if they are asked for, and the quickest classifier.
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
    spec.classifiers.iter().min().map(|&kind| (set, Some(kind)))
}

/// What all rules share.
pub(crate) struct Study<'a> {
    pub(crate) inputs: &'a Inputs<'a>,
    pub(crate) spec: &'a DiscriminateSpec,
    pub(crate) population: &'a Population,
    pub(crate) tables: &'a BTreeMap<FeatureSet, FeatureTable>,
    pub(crate) first_strata: &'a [Option<String>],
}

impl Study<'_> {
    /// All of one rule: held-out predictions, figures, comparisons, control, and the classifier to keep.
    pub(crate) fn run(&self, rule: Rule, after_fold: &mut dyn FnMut()) -> Result<RuleOutcome> {
        let experiment = self.experiment(rule);
        let (results, folds) = experiment.run(self.spec.repeats, after_fold)?;
        let control = self.control(&experiment, after_fold)?;
        let strata = strata(self.population);
        let ranked: Vec<(Candidate, Vec<Ranked>)> = results
            .iter()
            .filter_map(|(&candidate, result)| Some((candidate, result.ranked()?)))
            .collect();
        let parts: Vec<Vec<Ranked>> = ranked
            .iter()
            .flat_map(|(_, repeats)| strata.iter().map(|stratum| stratum.of(repeats)))
            .collect();
        let bootstrap = Bootstrap {
            draws: self.spec.draws,
            confidence: self.spec.confidence,
            seed: self.spec.seed,
        };
        let n_groups = self.population.group_names.len();
        let drawn = bootstrap.draw(&parts, n_groups);
        let whole = vec![1.0; n_groups];
        let contenders: Vec<Contender<'_>> = ranked
            .iter()
            .zip(drawn.chunks(strata.len()))
            .map(|((candidate, repeats), drawn)| Contender {
                candidate: *candidate,
                figures: mean_figures(repeats, &whole),
                drawn: &drawn[0],
            })
            .collect();
        let evaluated = Evaluated {
            strata: &strata,
            parts: &parts,
            drawn: &drawn,
            bootstrap: &bootstrap,
        };
        let thresholds = rule.learn(&self.population.accuracies, self.spec.better);
        let classes = Classes::of(thresholds, self.population);
        let rows = evaluated.rows(&results, n_groups);
        Ok(RuleOutcome {
            rule,
            thresholds,
            n_low: classes.low,
            n_high: classes.high,
            n_middle: classes.middle,
            verdicts: verdicts(&contenders, &bootstrap),
            folds,
            control,
            classifier: self.train(&experiment, &rows),
            rows,
        })
    }

    fn experiment(&self, rule: Rule) -> Experiment<'_> {
        Experiment {
            rule,
            better: self.spec.better,
            grouping: Grouping {
                groups: &self.population.groups,
                group_names: &self.population.group_names,
                strata: self.first_strata,
                accuracies: &self.population.accuracies,
            },
            tables: self.tables,
            classifiers: &self.spec.classifiers,
            folds: self.spec.folds,
            seed: self.spec.seed,
            fit: ClassifierKind::fit,
        }
    }

    fn control(
        &self,
        experiment: &Experiment<'_>,
        after_fold: &mut dyn FnMut(),
    ) -> Result<Option<PermutationControl>> {
        let (Some((set, Some(kind))), true) =
            (tested_candidate(self.spec), self.spec.permutations > 0)
        else {
            return Ok(None);
        };
        let tables = BTreeMap::from([(set, self.tables[&set].clone())]);
        let alone = Experiment {
            tables: &tables,
            classifiers: &[kind],
            ..*experiment
        };
        permutation_control(
            &alone,
            (set, Some(kind)),
            self.spec.permutations,
            after_fold,
        )
    }

    /// Fits the classifier of the highest AUC among those on CNT metrics (on `cnt` if that was asked for) on all rows;
    /// should that fit fail, the next.
    fn train(&self, experiment: &Experiment<'_>, rows: &[OutcomeRow]) -> Option<TrainedClassifier> {
        let usable = |row: &&OutcomeRow| {
            row.stratum == ALL && row.features.is_measured() && row.auc.value.is_finite()
        };
        let set = [FeatureSet::Cnt, FeatureSet::CntWithoutBiases].into_iter();
        let set = set.chain(rows.iter().map(|row| row.features));
        let set = set
            .into_iter()
            .find(|set| rows.iter().filter(usable).any(|row| row.features == *set))?;
        let mut best: Vec<&OutcomeRow> = rows
            .iter()
            .filter(usable)
            .filter(|row| row.features == set)
            .collect();
        best.sort_by(|a, b| b.auc.value.total_cmp(&a.auc.value));
        best.into_iter()
            .find_map(|row| self.train_kind(experiment, set, row.classifier?, row.auc))
    }

    fn train_kind(
        &self,
        experiment: &Experiment<'_>,
        features: FeatureSet,
        classifier: ClassifierKind,
        auc: Estimate,
    ) -> Option<TrainedClassifier> {
        let fit = experiment.fit_all(features, classifier).ok()?;
        Some(TrainedClassifier {
            version: CLASSIFIER_VERSION,
            experiment: self.inputs.experiment.to_owned(),
            accuracy: self.spec.accuracy.clone(),
            rule: experiment.rule,
            better: experiment.better,
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
