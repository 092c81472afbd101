//! Synthetic rows.

use cntflow_models::{FittedModel, ModelKind, Predictions, Setting, Targets, TrainingRows, fit};
use ndarray::{Array2, ArrayView2};

/// Numbers in 0 to 1 from a linear congruential generator, the same as in
/// `tests/scikit_learn/make_expected`.
pub(crate) struct Uniform(pub(crate) u64);

impl Uniform {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn matrix(&mut self, n_rows: usize, n_columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((n_rows, n_columns), || self.next())
    }
}

/// Rows with two, three and continuous targets, two rows of each group.
pub(crate) struct Rows {
    pub(crate) features: Array2<f64>,
    pub(crate) two: Vec<u32>,
    pub(crate) three: Vec<u32>,
    pub(crate) values: Vec<f64>,
    pub(crate) groups: Vec<u32>,
}

impl Rows {
    /// Targets rise with the first two of six columns. One value in ten is missing.
    pub(crate) fn new(n: usize, seed: u64) -> Self {
        let mut uniform = Uniform(seed);
        let mut features = uniform.matrix(n, 6);
        let values: Vec<f64> = features
            .rows()
            .into_iter()
            .map(|row| row[0] + 2.0 * row[1])
            .collect();
        features.mapv_inplace(|value| {
            if uniform.next() < 0.1 {
                f64::NAN
            } else {
                value
            }
        });
        Self {
            two: values.iter().map(|value| u32::from(*value > 1.5)).collect(),
            three: values
                .iter()
                .map(|value| u32::from(*value > 1.0) + u32::from(*value > 2.0))
                .collect(),
            groups: (0..n as u32).map(|row| row / 2).collect(),
            features,
            values,
        }
    }

    /// The targets that a kind of model is fitted to; classes are three if `is_three`.
    pub(crate) fn training(&self, kind: ModelKind, is_three: bool) -> TrainingRows<'_> {
        let targets = match (kind.is_classifier(), is_three) {
            (false, _) => Targets::Values(&self.values),
            (true, false) => Targets::Classes {
                of_row: &self.two,
                n_classes: 2,
            },
            (true, true) => Targets::Classes {
                of_row: &self.three,
                n_classes: 3,
            },
        };
        TrainingRows {
            features: self.features.view(),
            targets,
            groups: &self.groups,
        }
    }
}

/// Every setting of every kind.
pub(crate) fn all_settings() -> impl Iterator<Item = Setting> {
    ModelKind::ALL.into_iter().flat_map(ModelKind::settings)
}

/// Fits the default setting to rows that are groups of their own.
pub(crate) fn fit_default(
    kind: ModelKind,
    features: ArrayView2<'_, f64>,
    targets: Targets<'_>,
) -> FittedModel {
    let groups: Vec<u32> = (0..features.nrows() as u32).collect();
    let rows = TrainingRows {
        features: features.reborrow(),
        targets,
        groups: &groups,
    };
    fit(&kind.settings()[0], &rows, 1).unwrap()
}

/// All numbers of predictions as bits.
pub(crate) fn bits(predictions: &Predictions) -> Vec<u64> {
    match predictions {
        Predictions::Scores(list) | Predictions::Values(list) => {
            list.iter().map(|number| number.to_bits()).collect()
        }
        Predictions::ClassScores(scores) => scores.iter().map(|number| number.to_bits()).collect(),
    }
}
