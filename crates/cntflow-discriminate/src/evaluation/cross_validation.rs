//! Cross-validation: in each fold everything is learned from the training groups, then applied
//! to the held-out groups.

use std::collections::BTreeMap;

use ndarray::Axis;
use rand::RngExt;

use super::candidates::{Candidate, CandidateResult, FinalFit, FoldCounts, FoldIndex};
use super::classed_rows::ClassedRows;
use super::figures::Prediction;
use crate::classifier::{ClassifierKind, Fit, FitFailure, TrainingRows, catch_panics};
use crate::error::Result;
use crate::features::{FeatureSet, FeatureTable, Preparation};
use crate::random::{Purpose, random_stream};
use crate::rule::{Better, Rule, Thresholds};
use crate::split::{Fold, Grouping, count_groups, group_folds};

/// What all repeats and folds share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrossValidation<'a> {
    pub(crate) rule: Rule,
    pub(crate) better: Better,
    pub(crate) grouping: Grouping<'a>,
    /// The features of each set; the sets are the ones to be evaluated.
    pub(crate) tables: &'a BTreeMap<FeatureSet, FeatureTable>,
    pub(crate) classifiers: &'a [ClassifierKind],
    pub(crate) n_folds: usize,
    pub(crate) seed: u64,
    /// [`ClassifierKind::fit`]. Tests replace it by a function that panics.
    pub(crate) fit: FitFunction,
}

/// Fits a kind of classifier to training rows with a seed; may panic.
pub(crate) type FitFunction = fn(ClassifierKind, &TrainingRows, u64) -> Result<Fit, FitFailure>;

/// The results of all candidates, in the order of their names.
pub(crate) type CandidateResults = BTreeMap<Candidate, CandidateResult>;

/// One fold with the classes that its thresholds give.
struct ClassedFold {
    index: FoldIndex,
    training: ClassedRows,
    test: ClassedRows,
}

impl CrossValidation<'_> {
    /// The candidates, in the order of their names.
    fn candidates(&self) -> Vec<Candidate> {
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

    /// Predicts every row that has a class, once per repeat. `after_fold` is
    /// called after each fold.
    ///
    /// # Errors
    /// A split has a group on both sides.
    pub(crate) fn run(
        &self,
        n_repeats: usize,
        after_fold: &mut dyn FnMut(),
    ) -> Result<(CandidateResults, Vec<FoldCounts>)> {
        let without_predictions = CandidateResult {
            repeats: vec![Vec::new(); n_repeats],
            ..Default::default()
        };
        let mut results: CandidateResults = self
            .candidates()
            .into_iter()
            .map(|candidate| (candidate, without_predictions.clone()))
            .collect();
        let mut counts = Vec::new();
        for repeat in 0..n_repeats {
            let mut rng = random_stream(self.seed, Purpose::Split, &[repeat]);
            let folds = group_folds(self.grouping, self.n_folds, &mut rng)?;
            for (number, fold) in folds.iter().enumerate() {
                let index = FoldIndex {
                    repeat,
                    fold: number,
                };
                counts.push(self.run_fold(index, fold, &mut results));
                after_fold();
            }
        }
        Ok((results, counts))
    }

    fn run_fold(
        &self,
        index: FoldIndex,
        fold: &Fold,
        results: &mut CandidateResults,
    ) -> FoldCounts {
        let accuracies: Vec<f64> = fold
            .training
            .iter()
            .map(|&row| self.grouping.accuracies[row])
            .collect();
        // The test rows take the thresholds of the training rows: their own accuracies must not
        // decide their classes' limits.
        let thresholds = self.rule.learn(&accuracies, self.better);
        let fold = ClassedFold {
            index,
            training: ClassedRows::of(&fold.training, self.grouping.accuracies, thresholds),
            test: ClassedRows::of(&fold.test, self.grouping.accuracies, thresholds),
        };
        for &set in self.tables.keys() {
            if set == FeatureSet::Majority {
                self.predict_majority(&fold, results);
            } else {
                self.fit_set(set, &fold, results);
            }
        }
        self.fold_counts(&fold, thresholds)
    }

    fn fold_counts(&self, fold: &ClassedFold, thresholds: Thresholds) -> FoldCounts {
        FoldCounts {
            repeat: fold.index.repeat,
            fold: fold.index.fold,
            training_groups: count_groups(self.grouping.groups, &fold.training.rows),
            training_rows: fold.training.rows.len(),
            training_high: fold.training.n_high(),
            test_groups: count_groups(self.grouping.groups, &fold.test.rows),
            test_rows: fold.test.rows.len(),
            test_high: fold.test.n_high(),
            thresholds,
        }
    }

    /// Predicts the more frequent class of the training rows for every test row; low on a tie. All
    /// scores are equal, so the AUC is 0.5.
    fn predict_majority(&self, fold: &ClassedFold, results: &mut CandidateResults) {
        let predicted_high = 2 * fold.training.n_high() > fold.training.rows.len();
        if let Some(result) = results.get_mut(&(FeatureSet::Majority, None)) {
            let predictions = fold.test.iter().map(|(row, is_high)| Prediction {
                row,
                group: self.grouping.groups[row],
                is_high,
                score: 0.0,
                predicted_high,
            });
            result.repeats[fold.index.repeat].extend(predictions);
        }
    }

    /// Prepares a feature set on the training rows, then fits and applies every classifier.
    fn fit_set(&self, set: FeatureSet, fold: &ClassedFold, results: &mut CandidateResults) {
        let table = &self.tables[&set];
        let preparation = Preparation::learn(table, &fold.training.rows);
        let columns = preparation.column_indices(table);
        let training = self.training_rows(&preparation, table, &columns, &fold.training);
        let test_records = preparation.apply(table, &columns, &fold.test.rows);
        let FoldIndex {
            repeat,
            fold: number,
        } = fold.index;
        for &kind in self.classifiers {
            let Some(result) = results.get_mut(&(set, Some(kind))) else {
                continue;
            };
            // One failed fold leaves rows without a prediction, so the candidate has no figures:
            // further fits would be wasted.
            if result.failure.is_some() {
                continue;
            }
            result.n_features = result.n_features.max(columns.len());
            let indices = [repeat, number, kind as usize];
            let seed = random_stream(self.seed, Purpose::Fit, &indices).random();
            match catch_panics(|| (self.fit)(kind, &training, seed)) {
                Err(failure) => result.record_failure(fold.index, &failure),
                Ok(fit) => {
                    let scores = test_records
                        .axis_iter(Axis(0))
                        .map(|row| fit.model.score(row));
                    let boundary = fit.model.boundary();
                    result.repeats[repeat].extend(self.predictions(&fold.test, boundary, scores));
                    result.note = result.note.take().or(fit.note);
                }
            }
        }
    }

    fn training_rows(
        &self,
        preparation: &Preparation,
        table: &FeatureTable,
        columns: &[Option<usize>],
        training: &ClassedRows,
    ) -> TrainingRows {
        TrainingRows {
            records: preparation.apply(table, columns, &training.rows),
            classes: training.classes.clone(),
            groups: training
                .rows
                .iter()
                .map(|&row| self.grouping.groups[row])
                .collect(),
        }
    }

    fn predictions(
        &self,
        test: &ClassedRows,
        boundary: f64,
        scores: impl Iterator<Item = f64>,
    ) -> Vec<Prediction> {
        let prediction = |((row, is_high), score)| Prediction {
            row,
            group: self.grouping.groups[row],
            is_high,
            score,
            predicted_high: score >= boundary,
        };
        test.iter().zip(scores).map(prediction).collect()
    }

    /// Fits one classifier to all rows that have a class, for later use on other checkpoints.
    ///
    /// # Errors
    /// The fit fails.
    pub(crate) fn fit_all(
        &self,
        set: FeatureSet,
        kind: ClassifierKind,
    ) -> Result<FinalFit, FitFailure> {
        let thresholds = self.rule.learn(self.grouping.accuracies, self.better);
        let all_rows: Vec<usize> = (0..self.grouping.groups.len()).collect();
        let classed = ClassedRows::of(&all_rows, self.grouping.accuracies, thresholds);
        let table = &self.tables[&set];
        let preparation = Preparation::learn(table, &classed.rows);
        let columns = preparation.column_indices(table);
        let training = self.training_rows(&preparation, table, &columns, &classed);
        // No repeat has this index, so no fold uses this stream.
        let indices = [usize::MAX, kind as usize];
        let seed = random_stream(self.seed, Purpose::Fit, &indices).random();
        let fit = catch_panics(|| (self.fit)(kind, &training, seed))?;
        Ok(FinalFit {
            preparation,
            thresholds,
            model: fit.model,
            n_rows: classed.rows.len(),
            n_groups: count_groups(self.grouping.groups, &classed.rows),
            n_high: classed.n_high(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::table::tests_support::table;

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
        let cross_validation = CrossValidation {
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
            n_folds: 5,
            seed: 1,
            fit: panics_in_the_logistic_regression,
        };
        let (results, _) = cross_validation.run(2, &mut || ()).unwrap();
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
            cross_validation
                .fit_all(FeatureSet::Step, ClassifierKind::LogisticRegression)
                .is_err()
        );
    }
}
