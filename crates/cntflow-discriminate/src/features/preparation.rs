//! Preparation of features, learned from training rows alone: which columns to keep, what fills a
//! missing value, the scale.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::table::FeatureTable;
use crate::exact_floats;
use crate::quantile::quantile_of_sorted;

/// Interquartile range of a standard normal distribution. Dividing an interquartile range by it
/// gives the standard deviation that a normal distribution of that range has.
const NORMAL_INTERQUARTILE_RANGE: f64 = 1.349;

/// A column whose spread is below this share of its largest magnitude is constant: the
/// spread is rounding error.
const CONSTANT_TOLERANCE: f64 = 1e-12;

/// Scaled values are clamped to this magnitude, because the inverse hyperbolic sine of much larger
/// ones is infinite in f64.
const MAX_SCALED: f64 = 1e300;

/// Imputation, selection and scaling of features, learned from training rows.
///
/// - A missing value (null, NaN, infinite) becomes the training median. A classifier therefore
///   cannot see directly that values are missing, but it can see many equal values.
/// - A column that is constant or empty in the training rows is dropped.
/// - A value x becomes `asinh((x - median) / spread)`. The spread is the interquartile range over
///   1.349, or the standard deviation if that range is 0. The inverse hyperbolic sine keeps the
///   order and compresses the tails, which are long in populations whose weights differ in scale by
///   orders of magnitude.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    /// Names of the columns kept, in order.
    pub(crate) names: Vec<String>,
    /// One per column kept.
    #[serde(with = "exact_floats")]
    medians: Vec<f64>,
    /// One per column kept, each above 0.
    #[serde(with = "exact_floats")]
    spreads: Vec<f64>,
}

impl Preparation {
    /// Learns from the given rows of a table.
    pub(crate) fn learn(table: &FeatureTable, training_rows: &[usize]) -> Self {
        let mut learned = Self {
            names: Vec::new(),
            medians: Vec::new(),
            spreads: Vec::new(),
        };
        for (column, name) in table.names.iter().enumerate() {
            let mut values: Vec<f64> = training_rows
                .iter()
                .map(|&row| table.value(row, column))
                .collect();
            values.retain(|value| value.is_finite());
            values.sort_by(f64::total_cmp);
            if let Some(spread) = spread_of_sorted(&values) {
                learned.names.push(name.clone());
                learned.medians.push(quantile_of_sorted(&values, 0.5));
                learned.spreads.push(spread);
            }
        }
        learned
    }

    /// For each column kept, its index in a table; `None` if the table lacks it.
    pub(crate) fn column_indices(&self, table: &FeatureTable) -> Vec<Option<usize>> {
        let index = |name: &String| table.names.iter().position(|other| other == name);
        self.names.iter().map(index).collect()
    }

    /// The prepared values of the given rows, `[rows.len(), columns kept]`. The indices
    /// come from [`Preparation::column_indices`]. A column that the table lacks counts
    /// as missing in every row.
    pub(crate) fn apply(
        &self,
        table: &FeatureTable,
        column_indices: &[Option<usize>],
        rows: &[usize],
    ) -> Array2<f64> {
        Array2::from_shape_fn((rows.len(), column_indices.len()), |(row, column)| {
            let value =
                column_indices[column].map_or(f64::NAN, |index| table.value(rows[row], index));
            self.prepared(value, column)
        })
    }

    /// One value of a column, scaled. A missing value becomes 0, which is the
    /// scaled training median.
    fn prepared(&self, value: f64, column: usize) -> f64 {
        if !value.is_finite() {
            return 0.0;
        }
        let scaled = (value - self.medians[column]) / self.spreads[column];
        scaled.clamp(-MAX_SCALED, MAX_SCALED).asinh()
    }

    /// Whether the three lists have one length. They do unless a file was damaged.
    pub(crate) fn is_consistent(&self) -> bool {
        self.medians.len() == self.names.len() && self.spreads.len() == self.names.len()
    }
}

/// The spread to divide by; `None` if there are fewer than two different values, up to rounding.
fn spread_of_sorted(values: &[f64]) -> Option<f64> {
    let (&first, &last) = (values.first()?, values.last()?);
    let negligible = CONSTANT_TOLERANCE * first.abs().max(last.abs());
    if last - first <= negligible || !(last - first).is_finite() {
        return None;
    }
    let interquartile_range = quantile_of_sorted(values, 0.75) - quantile_of_sorted(values, 0.25);
    let spread = interquartile_range / NORMAL_INTERQUARTILE_RANGE;
    if spread > negligible {
        return Some(spread);
    }
    // More than half of the values are equal, as in a flag that is rarely set: only the
    // deviation shows the others.
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / values.len() as f64;
    Some(variance.sqrt()).filter(|deviation| deviation.is_finite() && *deviation > 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests_support::table;
    use super::*;

    #[test]
    fn everything_is_learned_from_the_training_rows() {
        let (constant, missing) = (
            vec![2.0, 2.0, 2.0, 9.0],
            vec![f64::NAN, f64::NAN, f64::NAN, 1.0],
        );
        let features = table(&[
            ("a", vec![0.0, 1.0, 2.0, 1e9]),
            ("constant", constant),
            ("missing", missing),
        ]);
        let learned = Preparation::learn(&features, &[0, 1, 2]);
        assert_eq!(learned.names, ["a"]);
        assert_eq!(learned.medians, [1.0]);
        assert_eq!(learned.spreads, [1.0 / NORMAL_INTERQUARTILE_RANGE]);
    }

    #[test]
    fn missing_values_take_the_median_and_order_is_kept() {
        let features = table(&[("a", vec![0.0, 1.0, 2.0, f64::INFINITY, 1e12, -1e300])]);
        let learned = Preparation::learn(&features, &[0, 1, 2]);
        let prepared = learned.apply(&features, &[Some(0)], &[0, 1, 2, 3, 4, 5]);
        assert_eq!([prepared[(1, 0)], prepared[(3, 0)]], [0.0, 0.0]);
        assert!(prepared[(0, 0)] < prepared[(1, 0)] && prepared[(2, 0)] < prepared[(4, 0)]);
        assert!(prepared[(5, 0)].is_finite() && prepared[(5, 0)] > -1000.0);
    }

    #[test]
    fn a_rarely_set_flag_is_scaled_by_its_standard_deviation() {
        let features = table(&[("flag", vec![0.0, 0.0, 0.0, 0.0, 1.0])]);
        let learned = Preparation::learn(&features, &[0, 1, 2, 3, 4]);
        assert!((learned.spreads[0] - 0.4).abs() < 1e-15);
    }

    #[test]
    fn a_column_that_the_table_lacks_counts_as_missing() {
        let learned = Preparation::learn(
            &table(&[("a", vec![0.0, 1.0]), ("b", vec![0.0, 1.0])]),
            &[0, 1],
        );
        let other = table(&[("c", vec![1.0]), ("b", vec![1.0])]);
        let indices = learned.column_indices(&other);
        assert_eq!(indices, [None, Some(1)]);
        let prepared = learned.apply(&other, &indices, &[0]);
        assert_eq!(prepared[(0, 0)], 0.0);
        assert!(prepared[(0, 1)] > 0.0);
    }
}
