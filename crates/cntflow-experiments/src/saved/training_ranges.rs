//! What the training networks look like, column by column, and how far from them a network is.

use std::cmp::Ordering;

use cntflow_models::exact_floats;
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use cntflow_statistics::quantile::quantile_of_sorted;

/// Interquartile range of a standard normal distribution, in standard deviations.
const NORMAL_INTERQUARTILE_RANGE: f64 = 1.349;

/// Smallest spread of a column, as a share of its range. A column of which most values are equal
/// then has one, and no training network is more than 50 spreads from the median.
const LEAST_SPREAD: f64 = 0.02;

/// Distances in one column are cut off here, so that their squares are finite.
const MAX_DEVIATION: f64 = 1e100;

/// Range, median and spread of each column that a model reads, over its training networks.
///
/// The distance of a network from them is the root mean square of `(x - median) / spread` over the
/// columns that it has, without a unit. The spread is the interquartile range over 1.349, which is
/// the standard deviation of a normal distribution, or a fiftieth of the range if that is larger.
///
/// A network is outside if its distance is above the largest one of a training network, or if more
/// columns are outside of their ranges than of any training network, had that one been left out. A
/// new network from the population of `n` training networks is so with a probability of about
/// `2 / n` at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrainingRanges {
    #[serde(with = "exact_floats")]
    minima: Vec<f64>,
    #[serde(with = "exact_floats")]
    medians: Vec<f64>,
    #[serde(with = "exact_floats")]
    maxima: Vec<f64>,
    /// Above 0.
    #[serde(with = "exact_floats")]
    spreads: Vec<f64>,
    /// Number of training networks that lack each column.
    n_missing: Vec<u32>,
    /// One number: the largest distance of a training network.
    #[serde(with = "exact_floats")]
    largest_distance: Vec<f64>,
    /// The largest number of columns in which one training network alone has an end of the range.
    most_outside: u32,
    n_networks: u32,
}

impl TrainingRanges {
    /// Learns from `[training networks, columns]`; NaN is missing. Every column has two different
    /// values, or else no model reads it.
    pub(super) fn learn(features: ArrayView2<'_, f64>) -> Self {
        let mut ranges = Self {
            minima: Vec::new(),
            medians: Vec::new(),
            maxima: Vec::new(),
            spreads: Vec::new(),
            n_missing: Vec::new(),
            largest_distance: Vec::new(),
            most_outside: 0,
            n_networks: features.nrows() as u32,
        };
        let mut alone_at_an_end = vec![0; features.nrows()];
        for column in features.columns() {
            ranges.learn_column(column, &mut alone_at_an_end);
        }
        let distances = features.rows().into_iter().map(|row| ranges.distance(row));
        ranges.largest_distance = vec![distances.fold(0.0, f64::max)];
        ranges.most_outside = alone_at_an_end.into_iter().max().unwrap_or(0);
        ranges
    }

    fn learn_column(&mut self, column: ArrayView1<'_, f64>, alone_at_an_end: &mut [u32]) {
        let mut sorted: Vec<(f64, usize)> = column.iter().copied().zip(0..).collect();
        sorted.retain(|(value, _)| value.is_finite());
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.n_missing.push((column.len() - sorted.len()) as u32);
        let values: Vec<f64> = sorted.iter().map(|(value, _)| *value).collect();
        let quantile = |q| {
            if values.is_empty() {
                0.0
            } else {
                quantile_of_sorted(&values, q)
            }
        };
        let [least, lower, median, upper, largest] = [0.0, 0.25, 0.5, 0.75, 1.0].map(quantile);
        let interquartile = (upper - lower) / NORMAL_INTERQUARTILE_RANGE;
        let spread = interquartile.max(LEAST_SPREAD * (largest - least));
        self.minima.push(least);
        self.medians.push(median);
        self.maxima.push(largest);
        // Of a column without any range, each other value is far away.
        self.spreads.push(if spread > 0.0 {
            spread.min(f64::MAX)
        } else {
            f64::MIN_POSITIVE
        });
        // Who alone has the least or the largest value would be outside of the others' range.
        if let [first, second, ..] = sorted[..]
            && first.0 < second.0
        {
            alone_at_an_end[first.1] += 1;
        }
        if let [.., second, first] = sorted[..]
            && first.0 > second.0
        {
            alone_at_an_end[first.1] += 1;
        }
    }

    /// The distance of a network, as defined at the type; infinite if it has no column.
    pub(super) fn distance(&self, row: ArrayView1<'_, f64>) -> f64 {
        let mut sum = 0.0;
        let mut n_present = 0;
        for (index, value) in row.iter().enumerate() {
            if value.is_finite() {
                let deviation = (value - self.medians[index]) / self.spreads[index];
                sum += deviation.abs().min(MAX_DEVIATION).powi(2);
                n_present += 1;
            }
        }
        if n_present == 0 {
            f64::INFINITY
        } else {
            (sum / f64::from(n_present)).sqrt()
        }
    }

    /// The columns in which a network is outside of the training range.
    pub(super) fn outside(&self, row: ArrayView1<'_, f64>) -> Vec<usize> {
        let is_outside = |(index, value): (usize, &f64)| {
            let is_within = *value >= self.minima[index] && *value <= self.maxima[index];
            (value.is_finite() && !is_within).then_some(index)
        };
        row.iter().enumerate().filter_map(is_outside).collect()
    }

    /// Least and largest training value of a column.
    pub(super) fn range(&self, column: usize) -> [f64; 2] {
        [self.minima[column], self.maxima[column]]
    }

    /// The largest distance of a training network.
    pub(super) fn largest_distance(&self) -> f64 {
        self.largest_distance.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest number of columns in which a training network would be outside of the others'
    /// range.
    pub(super) fn most_outside(&self) -> u32 {
        self.most_outside
    }

    /// Whether at least the given share of the training networks have a column.
    pub(super) fn is_common(&self, column: usize, share: f64) -> bool {
        let n_present = self.n_networks.saturating_sub(self.n_missing[column]);
        f64::from(n_present) >= share * f64::from(self.n_networks)
    }

    /// Whether all lists have one number per column and are possible. They are unless a file was
    /// damaged.
    pub(super) fn is_consistent(&self, n_columns: usize) -> bool {
        let lists = [&self.minima, &self.medians, &self.maxima, &self.spreads];
        let is_ordered = |column: usize| {
            let [least, median, largest, spread] = lists.map(|list| list[column]);
            least <= median
                && median <= largest
                && spread.partial_cmp(&0.0) == Some(Ordering::Greater)
                && self.n_missing[column] <= self.n_networks
        };
        lists
            .iter()
            .all(|list| list.len() == n_columns && list.iter().all(|x| x.is_finite()))
            && self.n_missing.len() == n_columns
            && (0..n_columns).all(is_ordered)
            && self.largest_distance.len() == 1
            && self.largest_distance() >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_distance_is_the_root_mean_square_in_spreads() {
        // Quartiles 2 and 4, so a spread of 2 / 1.349; the second column is 0 but for one network.
        let features = array![[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [5.0, 10.0]];
        let ranges = TrainingRanges::learn(features.view());
        let unit: f64 = 1.349 / 2.0;
        let distance = ranges.distance(array![5.0, f64::NAN].view());
        assert!((distance - 2.0 * unit).abs() < 1e-12);
        let largest = ((4.0 * unit * unit + 2500.0) / 2.0).sqrt();
        assert!((ranges.largest_distance() - largest).abs() < 1e-12);
        // The last network has both largest values, and would be outside of them in two columns.
        assert_eq!(ranges.most_outside(), 2);
        assert_eq!(ranges.outside(array![5.5, 10.0].view()), [0]);
        assert!(ranges.is_consistent(2) && !ranges.is_consistent(3));
    }

    #[test]
    fn extreme_values_and_missing_columns_give_finite_ranges() {
        let features = array![[-f64::MAX, f64::NAN], [f64::MAX, f64::NAN], [0.0, f64::NAN]];
        let ranges = TrainingRanges::learn(features.view());
        assert!(ranges.is_consistent(2));
        assert!(ranges.largest_distance().is_finite());
        assert_eq!(
            ranges.distance(array![f64::NAN, f64::NAN].view()),
            f64::INFINITY
        );
        assert!(ranges.is_common(0, 0.99) && !ranges.is_common(1, 0.99));
    }

    #[test]
    fn few_networks_of_the_same_population_are_outside() {
        let mut state = 1_u64;
        let mut normal = || {
            let mut sum = -6.0;
            for _ in 0..12 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                sum += (state >> 11) as f64 / (1_u64 << 53) as f64;
            }
            sum
        };
        let training = Array2::from_shape_simple_fn((200, 30), &mut normal);
        let others = Array2::from_shape_simple_fn((1_000, 30), &mut normal);
        let ranges = TrainingRanges::learn(training.view());
        let is_outside = |row: &ArrayView1<'_, f64>| {
            ranges.distance(*row) > ranges.largest_distance()
                || ranges.outside(*row).len() > ranges.most_outside() as usize
        };
        let n_outside = others.rows().into_iter().filter(is_outside).count();
        assert!(n_outside <= 30, "{n_outside} of 1000");
        let far = others.mapv(|value| 3.0 * value);
        let n_far = far.rows().into_iter().filter(is_outside).count();
        assert!(n_far > 990, "{n_far} of 1000");
    }
}
