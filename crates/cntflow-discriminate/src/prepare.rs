//! What is learned about features from training rows alone: which to keep, what stands for a gap, and their scale.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::feature_table::FeatureTable;
use crate::rule::quantile_of_sorted;

/// Interquartile range of a standard normal distribution: dividing by it makes the range a standard deviation.
const NORMAL_QUARTILES: f64 = 1.349;

/// A spread smaller than this share of the column's largest magnitude is rounding: the column is constant.
const CONSTANT_SHARE: f64 = 1e-12;

/// A scaled value beyond this is this: the inverse hyperbolic sine of much more is infinite in f64.
const LARGEST_SCALED: f64 = 1e300;

/// Imputation, selection and scaling, learned from training rows.
///
/// A gap (null, NaN, infinite) takes the training median: where gaps go with the target, they do not show as such, but
/// many equal values remain. A column that is constant or empty in the training rows is dropped. A value x becomes
/// `asinh((x - median) / spread)`, the spread being the interquartile range over 1.349, or the standard deviation where
/// that range is 0; the inverse hyperbolic sine keeps order and compresses tails, which reach far in populations whose
/// weights differ in scale by orders of magnitude.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    /// Names of the columns kept, in order.
    pub(crate) names: Vec<String>,
    #[serde(with = "exact")]
    medians: Vec<f64>,
    #[serde(with = "exact")]
    spreads: Vec<f64>,
}

impl Preparation {
    /// Learns from the given rows of a table.
    pub(crate) fn learn(table: &FeatureTable, rows: &[usize]) -> Self {
        let mut learned = Self {
            names: Vec::new(),
            medians: Vec::new(),
            spreads: Vec::new(),
        };
        for (column, name) in table.names.iter().enumerate() {
            let mut values: Vec<f64> = rows.iter().map(|&row| table.value(row, column)).collect();
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

    /// The columns' places in a table, or the names that it lacks.
    pub(crate) fn places(&self, table: &FeatureTable) -> Result<Vec<usize>, Vec<String>> {
        let place = |name: &String| table.names.iter().position(|other| other == name);
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        let missing = self
            .names
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.is_none());
        let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        if missing.is_empty() {
            Ok(places.into_iter().flatten().collect())
        } else {
            Err(missing)
        }
    }

    /// The prepared values of the given rows, `[rows, columns kept]`; `places` come from [`Preparation::places`].
    pub(crate) fn apply(
        &self,
        table: &FeatureTable,
        places: &[usize],
        rows: &[usize],
    ) -> Array2<f64> {
        Array2::from_shape_fn((rows.len(), places.len()), |(row, column)| {
            self.prepared(table.value(rows[row], places[column]), column)
        })
    }

    /// The columns' places in a table that may lack some.
    pub(crate) fn places_if_any(&self, table: &FeatureTable) -> Vec<Option<usize>> {
        let place = |name: &String| table.names.iter().position(|other| other == name);
        self.names.iter().map(place).collect()
    }

    /// The prepared values of one row, `[1, columns kept]`; a column that the table lacks counts as not finite.
    pub(crate) fn apply_where_any(
        &self,
        table: &FeatureTable,
        places: &[Option<usize>],
        row: usize,
    ) -> Array2<f64> {
        Array2::from_shape_fn((1, places.len()), |(_, column)| {
            self.prepared(
                places[column].map_or(f64::NAN, |place| table.value(row, place)),
                column,
            )
        })
    }

    /// One value of a column, scaled; 0, the training median, stands in for one that is not finite.
    fn prepared(&self, value: f64, column: usize) -> f64 {
        if !value.is_finite() {
            return 0.0;
        }
        let scaled = (value - self.medians[column]) / self.spreads[column];
        scaled.clamp(-LARGEST_SCALED, LARGEST_SCALED).asinh()
    }

    /// Whether the three lists belong together, as they do unless a file was damaged.
    pub(crate) fn is_whole(&self) -> bool {
        self.medians.len() == self.names.len() && self.spreads.len() == self.names.len()
    }
}

/// The spread to divide by; `None` if the values are fewer than two or all but equal.
fn spread_of_sorted(values: &[f64]) -> Option<f64> {
    let (&first, &last) = (values.first()?, values.last()?);
    let negligible = CONSTANT_SHARE * first.abs().max(last.abs());
    if last - first <= negligible || !(last - first).is_finite() {
        return None;
    }
    let quartiles =
        (quantile_of_sorted(values, 0.75) - quantile_of_sorted(values, 0.25)) / NORMAL_QUARTILES;
    if quartiles > negligible {
        return Some(quartiles);
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / values.len() as f64;
    Some(variance.sqrt()).filter(|spread| spread.is_finite() && *spread > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature_table::tests_support::table;

    #[test]
    fn everything_is_learned_from_the_training_rows() {
        let (constant, gaps) = (
            vec![2.0, 2.0, 2.0, 9.0],
            vec![f64::NAN, f64::NAN, f64::NAN, 1.0],
        );
        let features = table(&[
            ("a", vec![0.0, 1.0, 2.0, 1e9]),
            ("constant", constant),
            ("gaps", gaps),
        ]);
        let learned = Preparation::learn(&features, &[0, 1, 2]);
        assert_eq!(learned.names, ["a"]);
        assert_eq!(learned.medians, [1.0]);
        assert_eq!(learned.spreads, [1.0 / NORMAL_QUARTILES]);
    }

    #[test]
    fn gaps_take_the_median_and_order_is_kept() {
        let features = table(&[("a", vec![0.0, 1.0, 2.0, f64::INFINITY, 1e12, -1e300])]);
        let learned = Preparation::learn(&features, &[0, 1, 2]);
        let prepared = learned.apply(&features, &[0], &[0, 1, 2, 3, 4, 5]);
        assert_eq!([prepared[(1, 0)], prepared[(3, 0)]], [0.0, 0.0]);
        assert!(prepared[(0, 0)] < prepared[(1, 0)] && prepared[(2, 0)] < prepared[(4, 0)]);
        assert!(prepared[(5, 0)].is_finite() && prepared[(5, 0)] > -1000.0);
    }

    #[test]
    fn a_flag_that_is_rarely_set_is_scaled_by_its_deviation() {
        let features = table(&[("flag", vec![0.0, 0.0, 0.0, 0.0, 1.0])]);
        let learned = Preparation::learn(&features, &[0, 1, 2, 3, 4]);
        assert!((learned.spreads[0] - 0.4).abs() < 1e-15);
    }

    #[test]
    fn missing_columns_are_named() {
        let learned = Preparation::learn(
            &table(&[("a", vec![0.0, 1.0]), ("b", vec![0.0, 1.0])]),
            &[0, 1],
        );
        assert_eq!(
            learned.places(&table(&[("c", vec![1.0]), ("b", vec![1.0])])),
            Err(vec!["a".to_owned()])
        );
    }
}
