//! Held-out predictions: for every repeat and fold, everything is learned from the training groups, then applied.

use std::collections::BTreeMap;

use ndarray::Axis;
use rand::RngExt;

use super::results::{Candidate, CandidateResult, FinalFit, FoldCounts};
use super::scores::Prediction;
use crate::classifier::{ClassifierKind, Fit, FitFailure, Model, TrainingRows, contained};
use crate::error::Result;
use crate::feature_table::FeatureTable;
use crate::prepare::Preparation;
use crate::random::{Use, stream};
use crate::rule::{Better, Rule, Thresholds};
use crate::sets::FeatureSet;
use crate::split::{Fold, Grouping, count_groups, group_folds};

/// What all repeats and folds share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Experiment<'a> {
    pub(crate) rule: Rule,
    pub(crate) better: Better,
    pub(crate) grouping: Grouping<'a>,
    pub(crate) tables: &'a BTreeMap<FeatureSet, FeatureTable>,
    pub(crate) classifiers: &'a [ClassifierKind],
    pub(crate) folds: usize,
    pub(crate) seed: u64,
    /// [`ClassifierKind::fit`], but for tests of what happens when it panics.
    pub(crate) fit: Fitter,
}

/// A fit of a kind on training rows with a seed; it may panic.
pub(crate) type Fitter = fn(ClassifierKind, &TrainingRows, u64) -> Result<Fit, FitFailure>;

/// Rows of one side of a fold that have a class, and their classes.
struct Side {
    rows: Vec<usize>,
    classes: Vec<bool>,
}

impl<'a> Experiment<'a> {
    /// The candidates, in the order of their names.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let of_set = |&set: &FeatureSet| match set {
            FeatureSet::Majority => vec![(set, None)],
            _ => self
                .classifiers
                .iter()
                .map(|&kind| (set, Some(kind)))
                .collect(),
        };
        self.tables.keys().flat_map(of_set).collect()
    }

    /// Predicts every row that has a class, once per repeat; `after_fold` is called after each fold.
    pub(crate) fn run(
        &self,
        repeats: usize,
        after_fold: &mut dyn FnMut(),
    ) -> Result<(BTreeMap<Candidate, CandidateResult>, Vec<FoldCounts>)> {
        let empty = CandidateResult {
            repeats: vec![Vec::new(); repeats],
            ..Default::default()
        };
        let mut results: BTreeMap<_, _> = self
            .candidates()
            .into_iter()
            .map(|c| (c, empty.clone()))
            .collect();
        let mut counts = Vec::new();
        for repeat in 0..repeats {
            let mut rng = stream(self.seed, Use::Split, &[repeat]);
            let folds = group_folds(self.grouping, self.folds, &mut rng)?;
            for (number, fold) in folds.iter().enumerate() {
                counts.push(self.run_fold((repeat, number), fold, &mut results));
                after_fold();
            }
        }
        Ok((results, counts))
    }

    fn run_fold(
        &self,
        place: (usize, usize),
        fold: &Fold,
        results: &mut BTreeMap<Candidate, CandidateResult>,
    ) -> FoldCounts {
        let accuracies: Vec<f64> = fold
            .training
            .iter()
            .map(|&row| self.grouping.accuracies[row])
            .collect();
        let thresholds = self.rule.learn(&accuracies, self.better);
        let (training, test) = (
            self.side(&fold.training, thresholds),
            self.side(&fold.test, thresholds),
        );
        let n_high = |side: &Side| side.classes.iter().filter(|class| **class).count();
        let counts = FoldCounts {
            repeat: place.0,
            fold: place.1,
            training_groups: count_groups(self.grouping.groups, &training.rows),
            training_rows: training.rows.len(),
            training_high: n_high(&training),
            test_groups: count_groups(self.grouping.groups, &test.rows),
            test_rows: test.rows.len(),
            test_high: n_high(&test),
            thresholds,
        };
        for &set in self.tables.keys() {
            match set {
                FeatureSet::Majority => self.predict_majority(place, &training, &test, results),
                _ => self.fit_set(set, place, &training, &test, results),
            }
        }
        counts
    }

    /// The rows that have a class by the given thresholds.
    fn side(&self, rows: &[usize], thresholds: Thresholds) -> Side {
        let class = |&row: &usize| Some((row, thresholds.is_high(self.grouping.accuracies[row])?));
        let (rows, classes) = rows.iter().filter_map(class).unzip();
        Side { rows, classes }
    }

    /// Every test row gets the training rows' more frequent class (low on a tie) and the same score, so AUC is 0.5.
    fn predict_majority(
        &self,
        (repeat, _): (usize, usize),
        training: &Side,
        test: &Side,
        results: &mut BTreeMap<Candidate, CandidateResult>,
    ) {
        let says_high =
            2 * training.classes.iter().filter(|class| **class).count() > training.classes.len();
        if let Some(result) = results.get_mut(&(FeatureSet::Majority, None)) {
            let predictions =
                test.rows
                    .iter()
                    .zip(&test.classes)
                    .map(|(&row, &is_high)| Prediction {
                        row,
                        group: self.grouping.groups[row],
                        is_high,
                        score: 0.0,
                        says_high,
                    });
            result.repeats[repeat].extend(predictions);
        }
    }

    /// Prepares a feature set on the training rows, and fits and applies every classifier.
    fn fit_set(
        &self,
        set: FeatureSet,
        place: (usize, usize),
        training: &Side,
        test: &Side,
        results: &mut BTreeMap<Candidate, CandidateResult>,
    ) {
        let table = &self.tables[&set];
        let preparation = Preparation::learn(table, &training.rows);
        let places = preparation.places(table).unwrap_or_default();
        let rows = self.training_rows(&preparation, table, &places, training);
        let test_records = preparation.apply(table, &places, &test.rows);
        for &kind in self.classifiers {
            let Some(result) = results.get_mut(&(set, Some(kind))) else {
                continue;
            };
            if result.failure.is_some() {
                continue;
            }
            result.features = result.features.max(places.len());
            let seed = stream(self.seed, Use::Fit, &[place.0, place.1, kind as usize]).random();
            match contained(|| (self.fit)(kind, &rows, seed)) {
                Err(failure) => result.fail(place.0, place.1, &failure.0),
                Ok(fit) => {
                    result.note = result.note.take().or(fit.note);
                    let scores = test_records
                        .axis_iter(Axis(0))
                        .map(|row| fit.model.score(row))
                        .collect();
                    result.repeats[place.0].extend(self.predictions(test, &fit.model, scores));
                }
            }
        }
    }

    fn training_rows(
        &self,
        preparation: &Preparation,
        table: &FeatureTable,
        places: &[usize],
        training: &Side,
    ) -> TrainingRows {
        TrainingRows {
            records: preparation.apply(table, places, &training.rows),
            classes: training.classes.clone(),
            groups: training
                .rows
                .iter()
                .map(|&row| self.grouping.groups[row])
                .collect(),
        }
    }

    fn predictions(&self, test: &Side, model: &Model, scores: Vec<f64>) -> Vec<Prediction> {
        let boundary = model.boundary();
        let lines = test.rows.iter().zip(&test.classes).zip(scores);
        let prediction = |((&row, &is_high), score): ((&usize, &bool), f64)| Prediction {
            row,
            group: self.grouping.groups[row],
            is_high,
            score,
            says_high: score >= boundary,
        };
        lines.map(prediction).collect()
    }

    /// Fits one classifier on all rows that have a class, for later use on other checkpoints.
    pub(crate) fn fit_all(
        &self,
        set: FeatureSet,
        kind: ClassifierKind,
    ) -> Result<FinalFit, String> {
        let thresholds = self.rule.learn(self.grouping.accuracies, self.better);
        let all: Vec<usize> = (0..self.grouping.groups.len()).collect();
        let side = self.side(&all, thresholds);
        let table = &self.tables[&set];
        let preparation = Preparation::learn(table, &side.rows);
        let places = preparation.places(table).unwrap_or_default();
        let rows = self.training_rows(&preparation, table, &places, &side);
        let seed = stream(self.seed, Use::Fit, &[usize::MAX, kind as usize]).random();
        let fit = contained(|| (self.fit)(kind, &rows, seed)).map_err(|failure| failure.0)?;
        Ok(FinalFit {
            preparation,
            thresholds,
            model: fit.model,
            n_rows: side.rows.len(),
            n_groups: count_groups(self.grouping.groups, &side.rows),
            n_high: side.classes.iter().filter(|class| **class).count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature_table::tests_support::table;

    fn panics_in_the_logistic_regression(
        kind: ClassifierKind,
        training: &TrainingRows,
        seed: u64,
    ) -> Result<Fit, FitFailure> {
        assert!(
            kind != ClassifierKind::LogisticRegression,
            "a step that is not finite"
        );
        kind.fit(training, seed)
    }

    #[test]
    fn a_panicking_fit_fails_its_candidate_and_no_other() {
        let accuracies: Vec<f64> = (0..40).map(|row| f64::from(row * 7 % 40)).collect();
        let names: Vec<String> = (0..40).map(|group| format!("run{group}")).collect();
        let experiment = Experiment {
            rule: Rule::Median,
            better: Better::Higher,
            grouping: Grouping {
                groups: &(0..40).collect::<Vec<_>>(),
                group_names: &names,
                strata: &vec![None; 40],
                accuracies: &accuracies,
            },
            tables: &BTreeMap::from([(FeatureSet::Step, table(&[("step", accuracies.clone())]))]),
            classifiers: &ClassifierKind::ALL,
            folds: 5,
            seed: 1,
            fit: panics_in_the_logistic_regression,
        };
        let (results, _) = experiment.run(2, &mut || ()).unwrap();
        let of = |kind| &results[&(FeatureSet::Step, Some(kind))];
        let reason = "repeat 1, fold 1: panicked: a step that is not finite";
        assert_eq!(
            of(ClassifierKind::LogisticRegression).failure.as_deref(),
            Some(reason)
        );
        assert!(of(ClassifierKind::LogisticRegression).ranked().is_none());
        for kind in [ClassifierKind::RandomForest, ClassifierKind::Svm] {
            assert_eq!(of(kind).repeats.iter().map(Vec::len).sum::<usize>(), 80);
        }
        assert!(
            experiment
                .fit_all(FeatureSet::Step, ClassifierKind::LogisticRegression)
                .is_err()
        );
    }
}
