//! Preparation of features, learned from training rows alone: which columns to keep, what fills a
//! missing value, the scale.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::scale::mean_and_deviation;
use cntflow_statistics::quantile::quantile_of_sorted;

/// Interquartile range of a standard normal distribution. Dividing an interquartile range by it
/// gives the standard deviation that a normal distribution of that range has.
const NORMAL_INTERQUARTILE_RANGE: f64 = 1.349;

/// A column whose spread is below this share of its largest magnitude is constant: the spread is
/// rounding error.
const CONSTANT_TOLERANCE: f64 = 1e-12;

/// Compressed values are clamped to this magnitude, which 2.4e8 spreads have. Otherwise one value
/// as large as f64 allows would determine a column's deviation.
const MAX_COMPRESSED: f64 = 20.0;

/// Standardised values are clipped to this many standard deviations. A row unlike all training rows
/// then cannot outweigh every other feature.
const MAX_DEVIATIONS: f64 = 10.0;

/// Columns that are read at once. A matrix that lies row by row is read by cache lines of eight
/// numbers, each once.
const COLUMNS_AT_ONCE: usize = 8;

/// Imputation, selection and scaling of features, learned from training rows.
///
/// - A missing value (NaN, infinite) becomes the training median. A model therefore cannot see
///   directly that values are missing, but it can see many equal values.
/// - A column that is constant or empty in the training rows is dropped.
/// - For models that need a scale, a value x becomes `s = asinh((x - median) / spread)`. The spread
///   is the interquartile range over 1.349, or the standard deviation if that range is 0. The
///   inverse hyperbolic sine keeps the order and compresses the tails, which are long in
///   populations whose weights differ in scale by orders of magnitude; beyond 20 it is cut off.
///   Then s is standardised: mean 0 and standard deviation 1 over the training rows, clipped to 10
///   standard deviations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    /// The columns kept, in ascending order.
    pub(crate) columns: Vec<u32>,
    /// One per column kept.
    #[serde(with = "exact_floats")]
    medians: Vec<f64>,
    /// `None` for models that split columns at values.
    scaling: Option<Scaling>,
}

/// The scale of each column kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Scaling {
    /// What a value's distance from the median is divided by, above 0.
    #[serde(with = "exact_floats")]
    spreads: Vec<f64>,
    /// Mean after the inverse hyperbolic sine.
    #[serde(with = "exact_floats")]
    means: Vec<f64>,
    /// Standard deviation after the inverse hyperbolic sine, above 0.
    #[serde(with = "exact_floats")]
    deviations: Vec<f64>,
}

impl Scaling {
    fn standardised(&self, compressed: f64, position: usize) -> f64 {
        let standardised = (compressed - self.means[position]) / self.deviations[position];
        standardised.clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)
    }
}

/// A column that varies among the training rows, as [`Preparation::learn`] hands it on.
pub(crate) struct LearnedColumn<'a> {
    /// One value per row; missing values are the median.
    pub(crate) imputed: &'a [f64],
    /// The values that are not missing, in ascending order.
    pub(crate) sorted: &'a [f64],
    /// The median of `sorted`.
    pub(crate) median: f64,
    /// The values after the inverse hyperbolic sine, in the order of the rows.
    pub(crate) compressed: &'a [f64],
}

impl Preparation {
    /// Learns from training rows. Each column that is kept is handed to `on_column`, in ascending
    /// order. Models that need a scale need compressed values.
    pub(crate) fn learn(
        features: ArrayView2<'_, f64>,
        (is_scaled, is_compressed): (bool, bool),
        mut on_column: impl FnMut(&LearnedColumn<'_>),
    ) -> Self {
        let mut learned = Self {
            scaling: is_scaled.then(Scaling::default),
            ..Self::default()
        };
        let mut imputed: Vec<f64> = Vec::with_capacity(features.nrows());
        let mut sorted: Vec<f64> = Vec::with_capacity(features.nrows());
        let mut compressed: Vec<f64> = Vec::with_capacity(features.nrows());
        let mut columns: Vec<f64> = Vec::with_capacity(features.nrows() * COLUMNS_AT_ONCE);
        for column in 0..features.ncols() {
            let position = column % COLUMNS_AT_ONCE;
            if position == 0 {
                copy_columns(features, column, &mut columns);
            }
            imputed.clear();
            imputed.extend_from_slice(&columns[position * features.nrows()..][..features.nrows()]);
            sorted.clear();
            sorted.extend(imputed.iter().filter(|value| value.is_finite()));
            sorted.sort_unstable_by(f64::total_cmp);
            let Some(spread) = spread_of_sorted(&sorted) else {
                continue;
            };
            let median = quantile_of_sorted(&sorted, 0.5);
            for value in imputed.iter_mut().filter(|value| !value.is_finite()) {
                *value = median;
            }
            learned.columns.push(column as u32);
            learned.medians.push(median);
            compressed.clear();
            if is_compressed {
                compressed.extend(imputed.iter().map(|&value| compress(value, median, spread)));
            }
            if let Some(scaling) = &mut learned.scaling {
                let (mean, deviation) = mean_and_deviation(&compressed);
                scaling.spreads.push(spread);
                scaling.means.push(mean);
                scaling
                    .deviations
                    .push(if deviation > 0.0 { deviation } else { 1.0 });
            }
            let (imputed, sorted, compressed) = (&imputed, &sorted, &compressed);
            let kept = LearnedColumn {
                imputed,
                sorted,
                median,
                compressed,
            };
            on_column(&kept);
        }
        learned
    }

    /// Keeps only the columns at these positions among those kept so far, in ascending order.
    pub(crate) fn keep(&mut self, positions: &[usize]) {
        let pick = |list: &mut Vec<f64>| {
            *list = positions.iter().map(|&position| list[position]).collect();
        };
        self.columns = positions
            .iter()
            .map(|&position| self.columns[position])
            .collect();
        pick(&mut self.medians);
        if let Some(scaling) = &mut self.scaling {
            pick(&mut scaling.spreads);
            pick(&mut scaling.means);
            pick(&mut scaling.deviations);
        }
    }

    /// The prepared values of the training rows, `[rows, columns kept]`, from the compressed
    /// columns one after the other.
    pub(crate) fn standardise(&self, compressed: &[f64], n_rows: usize) -> Array2<f64> {
        let mut prepared = Array2::zeros((n_rows, self.columns.len()));
        let Some(scaling) = &self.scaling else {
            return prepared;
        };
        for (mut row, index) in prepared.rows_mut().into_iter().zip(0..) {
            for (position, out) in row.iter_mut().enumerate() {
                *out = scaling.standardised(compressed[position * n_rows + index], position);
            }
        }
        prepared
    }

    /// The prepared values, `[rows, columns kept]`.
    pub(crate) fn apply(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut prepared = Array2::zeros((features.nrows(), self.columns.len()));
        for (row, mut out) in features.rows().into_iter().zip(prepared.rows_mut()) {
            for (position, (&column, out)) in self.columns.iter().zip(out.iter_mut()).enumerate() {
                *out = self.prepared(row[column as usize], position);
            }
        }
        prepared
    }

    fn prepared(&self, value: f64, position: usize) -> f64 {
        let median = self.medians[position];
        let imputed = if value.is_finite() { value } else { median };
        let Some(scaling) = &self.scaling else {
            return imputed;
        };
        let compressed = compress(imputed, median, scaling.spreads[position]);
        scaling.standardised(compressed, position)
    }

    /// Whether all lists have one length, every column is below `n_columns` and every number is
    /// usable. They are unless a file was damaged.
    pub(crate) fn is_consistent(&self, n_columns: usize, is_scaled: bool) -> bool {
        let n_kept = self.columns.len();
        let are_finite =
            |list: &[f64]| list.len() == n_kept && list.iter().all(|number| number.is_finite());
        let are_positive = |list: &[f64]| list.iter().all(|number| *number > 0.0);
        let is_scaling_consistent = match &self.scaling {
            None => !is_scaled,
            Some(scaling) => {
                is_scaled
                    && are_finite(&scaling.means)
                    && are_finite(&scaling.spreads)
                    && are_finite(&scaling.deviations)
                    && are_positive(&scaling.spreads)
                    && are_positive(&scaling.deviations)
            }
        };
        n_kept > 0
            && self
                .columns
                .iter()
                .all(|column| (*column as usize) < n_columns)
            && self.columns.is_sorted_by(|a, b| a < b)
            && are_finite(&self.medians)
            && is_scaling_consistent
    }
}

/// Copies the columns from `first` on, [`COLUMNS_AT_ONCE`] or as many as there are, one after the
/// other.
fn copy_columns(features: ArrayView2<'_, f64>, first: usize, columns: &mut Vec<f64>) {
    let n_rows = features.nrows();
    let last = (first + COLUMNS_AT_ONCE).min(features.ncols());
    columns.clear();
    columns.resize(n_rows * (last - first), 0.0);
    for (index, row) in features.rows().into_iter().enumerate() {
        for (position, column) in (first..last).enumerate() {
            columns[position * n_rows + index] = row[column];
        }
    }
}

/// `asinh((value - median) / spread)`, as `log(a + sqrt(1 + a^2))` of the magnitude a. Its error is
/// at most a rounding error of 1. The standard library's takes several times as long.
fn compress(value: f64, median: f64, spread: f64) -> f64 {
    let scaled = (value - median) / spread;
    // The square of a much larger magnitude is infinite. This one is beyond the limit already.
    let magnitude = scaled.abs().min(1e10);
    let compressed = (magnitude + (1.0 + magnitude * magnitude).sqrt()).ln();
    compressed.min(MAX_COMPRESSED).copysign(scaled)
}

/// The spread to divide by; `None` if there are fewer than two different values, up to rounding.
fn spread_of_sorted(values: &[f64]) -> Option<f64> {
    let (&first, &last) = (values.first()?, values.last()?);
    let negligible = CONSTANT_TOLERANCE * first.abs().max(last.abs());
    if last - first <= negligible || !(last - first).is_finite() {
        return None;
    }
    let (lower, upper) = (
        quantile_of_sorted(values, 0.25),
        quantile_of_sorted(values, 0.75),
    );
    // Rounding error of the quartiles themselves: a single huge value says nothing of it.
    if upper - lower > CONSTANT_TOLERANCE * lower.abs().max(upper.abs()) {
        return Some((upper - lower) / NORMAL_INTERQUARTILE_RANGE);
    }
    // More than half of the values are equal, as in a flag that is rarely set: only the deviation
    // shows the others. The range is taken out first, because squares of large values overflow.
    let range = last - first;
    let shares: Vec<f64> = values.iter().map(|value| (value - first) / range).collect();
    let (_, deviation) = mean_and_deviation(&shares);
    Some(deviation * range).filter(|spread| *spread > 0.0)
}

#[cfg(test)]
mod tests;
