//! Fitting: what is learned from the training rows, in order.

use ndarray::Array2;

use crate::ada_boost::AdaBoostModel;
use crate::elastic_net::LinearModel;
use crate::estimator::Estimator;
use crate::fit_failure::FitFailure;
use crate::fitted_model::{FittedModel, Task};
use crate::forest::binned::BinnedColumns;
use crate::forest::{Forest, ForestTargets};
use crate::logistic::LogisticModel;
use crate::naive_bayes::NaiveBayesModel;
use crate::preparation::Preparation;
use crate::setting::{Hyperparameters, Setting};
use crate::svm::{SvmModel, SvmSetting};
use crate::training_rows::{Targets, TrainingRows};
use crate::univariate::{best_positions, univariate_score};

/// Fits a model. Preparation, selection of features and parameters are learned from `rows` alone.
///
/// The same rows, in the same order, and the same seed give the same bits.
///
/// # Errors
/// If rows or setting are malformed, there is nothing to learn, or the fit itself fails.
pub fn fit(
    setting: &Setting,
    rows: &TrainingRows<'_>,
    seed: u64,
) -> Result<FittedModel, FitFailure> {
    setting.check()?;
    rows.check()?;
    if setting.kind().is_classifier() == matches!(rows.targets, Targets::Values(_)) {
        return Err(FitFailure::WrongTargets {
            model: setting.kind().name(),
        });
    }
    let targets = FitTargets::new(&rows.targets)?;
    let learned = Learned::from_rows(setting, rows);
    if learned.preparation.columns.is_empty() {
        return Err(FitFailure::NoVaryingFeature);
    }
    let (estimator, note) = fit_estimator(setting, rows, &targets, &learned, seed)?;
    Ok(FittedModel::new(
        *setting,
        rows.features.ncols(),
        targets.task(),
        learned.preparation,
        estimator,
        note,
    ))
}

/// Targets as estimators take them: every class has rows.
enum FitTargets<'a> {
    Classes {
        /// For each row, the index of its class among `present`.
        of_row: Vec<u32>,
        /// The classes that have rows, in ascending order, at least two.
        present: Vec<u32>,
        n_classes: u32,
    },
    Values(&'a [f64]),
}

impl<'a> FitTargets<'a> {
    fn new(targets: &Targets<'a>) -> Result<Self, FitFailure> {
        match *targets {
            Targets::Values(values) => {
                if values.iter().all(|value| *value == values[0]) {
                    return Err(FitFailure::OneValue);
                }
                Ok(Self::Values(values))
            }
            Targets::Classes { of_row, n_classes } => {
                let mut present = of_row.to_vec();
                present.sort_unstable();
                present.dedup();
                if present.len() < 2 {
                    return Err(FitFailure::OneClass);
                }
                let index = |class: &u32| present.partition_point(|other| other < class) as u32;
                let of_row = of_row.iter().map(index).collect();
                Ok(Self::Classes {
                    of_row,
                    present,
                    n_classes,
                })
            }
        }
    }

    fn task(&self) -> Task {
        match self {
            Self::Values(_) => Task::Values,
            Self::Classes {
                present, n_classes, ..
            } => Task::Classes {
                present: present.clone(),
                n_classes: *n_classes,
            },
        }
    }

    /// Classes and their number. Kinds and targets have been compared before.
    fn classes(&self) -> (&[u32], usize) {
        match self {
            Self::Classes {
                of_row, present, ..
            } => (of_row, present.len()),
            Self::Values(_) => (&[], 0),
        }
    }

    fn values(&self) -> &[f64] {
        match self {
            Self::Values(values) => values,
            Self::Classes { .. } => &[],
        }
    }

    fn for_forest(&self) -> ForestTargets<'_> {
        match self {
            Self::Values(values) => ForestTargets::Values(values),
            Self::Classes {
                of_row, present, ..
            } => ForestTargets::Classes {
                of_row,
                n_classes: present.len(),
            },
        }
    }
}

/// What is learned from the features before the estimator.
struct Learned {
    preparation: Preparation,
    /// The columns kept, for models made of trees; else no columns.
    binned: BinnedColumns,
    /// The prepared training rows, for models that need a scale; else nothing.
    prepared: Array2<f64>,
}

impl Learned {
    fn from_rows(setting: &Setting, rows: &TrainingRows<'_>) -> Self {
        let is_made_of_trees = setting.kind().is_made_of_trees();
        let n_rows = rows.features.nrows();
        let is_scaled = !is_made_of_trees;
        let is_selected = setting.n_features.is_some();
        let mut binned = BinnedColumns::new(n_rows);
        let mut compressed = Vec::new();
        let mut scores = Vec::new();
        let learn = (is_scaled, is_scaled || is_selected);
        let mut preparation = Preparation::learn(rows.features, learn, |column| {
            if is_made_of_trees {
                binned.push(column.imputed, column.sorted, column.median);
            } else {
                compressed.extend_from_slice(column.compressed);
            }
            if is_selected {
                scores.push(univariate_score(column.compressed, &rows.targets));
            }
        });
        if let Some(n) = setting.n_features {
            let positions = best_positions(&scores, n);
            preparation.keep(&positions);
            if is_made_of_trees {
                binned.keep(&positions);
            } else {
                let column = |&position: &usize| &compressed[position * n_rows..][..n_rows];
                compressed = positions.iter().flat_map(column).copied().collect();
            }
        }
        let prepared = if is_scaled {
            preparation.standardise(&compressed, n_rows)
        } else {
            Array2::zeros((0, 0))
        };
        Self {
            preparation,
            binned,
            prepared,
        }
    }
}

/// The parameters of the model, and a remark on its fit.
fn fit_estimator(
    setting: &Setting,
    rows: &TrainingRows<'_>,
    targets: &FitTargets<'_>,
    learned: &Learned,
    seed: u64,
) -> Result<(Estimator, Option<String>), FitFailure> {
    use Hyperparameters as H;
    let prepared = &learned.prepared;
    let (classes, n_classes) = targets.classes();
    let plain = |estimator| Ok((estimator, None));
    let svm = |(model, note)| (Estimator::Svm(model), note);
    match setting.hyperparameters {
        H::LogisticRegression { ridge } => plain(Estimator::Logistic(LogisticModel::fit(
            prepared, classes, n_classes, ridge,
        )?)),
        H::RandomForest(trees) | H::RegressionForest(trees) => {
            plain(Estimator::Forest(Forest::fit(
                &learned.binned,
                targets.for_forest(),
                rows.groups,
                trees,
                seed,
            )))
        }
        H::LinearSvm { cost } => {
            let setting = SvmSetting { cost, width: None };
            SvmModel::fit_classes(prepared, (classes, n_classes), rows.groups, setting, seed)
                .map(svm)
        }
        H::GaussianSvm { cost, width } => {
            let setting = SvmSetting {
                cost,
                width: Some(width),
            };
            SvmModel::fit_classes(prepared, (classes, n_classes), rows.groups, setting, seed)
                .map(svm)
        }
        H::SupportVectorRegression { cost, width, tube } => {
            let setting = (
                SvmSetting {
                    cost,
                    width: Some(width),
                },
                tube,
            );
            SvmModel::fit_values(prepared, targets.values(), rows.groups, setting, seed).map(svm)
        }
        H::AdaBoost { rounds, rate } => plain(Estimator::AdaBoost(AdaBoostModel::fit(
            &learned.binned,
            classes,
            n_classes,
            (rounds, rate),
        )?)),
        H::NaiveBayes { smoothing } => plain(Estimator::NaiveBayes(NaiveBayesModel::fit(
            prepared, classes, n_classes, smoothing,
        ))),
        H::ElasticNet { penalty, l1_ratio } => plain(Estimator::Linear(LinearModel::fit(
            prepared,
            targets.values(),
            penalty,
            l1_ratio,
        )?)),
    }
}
