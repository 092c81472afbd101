//! Bootstrap intervals over groups: groups are drawn with replacement, with all of their rows.
//!
//! The figure is computed again in each draw. Where it is a figure of predictions, models are not
//! fitted again, and the interval leaves out what another training set would have changed: below
//! some 300 groups it is too narrow. [`GroupedRows`] gives the draws to callers that fit again.

use std::collections::BTreeMap;

use rand::RngExt;

use crate::interval::{Comparison, Confidence, Estimate, Method};
use crate::quantile::{quantile_of_sorted, variance};
use crate::random::{Purpose, random_stream};

/// Default of [`Bootstrap::min_groups`]: with fewer groups the draws differ too little from each
/// other to say anything of other populations.
pub const MIN_GROUPS: usize = 20;

/// Smallest share of draws in which a figure must be defined, such as an AUC by rows of both
/// classes, for it to have an interval.
pub const MIN_DEFINED_SHARE: f64 = 0.5;

/// How draws become an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapKind {
    /// Quantiles of the draws. It never leaves the figure's range.
    Percentile,
    /// Quantiles mirrored at the observed value: `2 value - quantile`. It corrects a bias of the
    /// draws, and may leave the figure's range.
    Basic,
}

/// How many draws are made, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of draws; 2,000 or more for an interval of 95%.
    pub draws: usize,
    /// Share of draws inside the interval.
    pub confidence: Confidence,
    /// Seed of the draws. Figures with the same seed and groups see the same draws.
    pub seed: u64,
    /// How draws become an interval.
    pub kind: BootstrapKind,
    /// With fewer groups there is no interval. See [`MIN_GROUPS`].
    pub min_groups: usize,
}

impl Bootstrap {
    /// 2,000 draws, 95%, the percentile interval, and [`MIN_GROUPS`].
    pub fn new(seed: u64) -> Self {
        Self {
            draws: 2_000,
            confidence: Confidence::NINETY_FIVE,
            seed,
            kind: BootstrapKind::Percentile,
            min_groups: MIN_GROUPS,
        }
    }

    /// A figure with its interval. `groups` has the group of each row. `figure` takes row indices,
    /// in which rows are repeated as often as their group was drawn.
    ///
    /// The standard error is the standard deviation of the draws. `None` with fewer groups than
    /// [`Bootstrap::min_groups`], or if the figure is NaN on the rows as they are or in more draws
    /// than [`MIN_DEFINED_SHARE`] allows.
    pub fn interval(&self, groups: &[usize], figure: impl Fn(&[usize]) -> f64) -> Option<Estimate> {
        let [interval] = self.intervals(groups, |rows| [figure(rows)]);
        interval
    }

    /// [`Bootstrap::interval`] of several figures that are computed together.
    pub fn intervals<const N: usize>(
        &self,
        groups: &[usize],
        figures: impl Fn(&[usize]) -> [f64; N],
    ) -> [Option<Estimate>; N] {
        let rows = GroupedRows::new(groups);
        let values = figures(&all_rows(groups));
        if !self.has_enough(&rows) {
            return [None; N];
        }
        let draws: Vec<[f64; N]> = (0..self.draws)
            .map(|draw| figures(&rows.resample(self.seed, draw)))
            .collect();
        std::array::from_fn(|index| {
            let value = values[index];
            let drawn = self.defined(value, draws.iter().map(|figures| figures[index]))?;
            let (low, high) = self.ends(value, &drawn);
            Some(Estimate {
                value,
                low,
                high,
                standard_error: variance(&drawn).sqrt(),
                method: self.method(),
            })
        })
    }

    /// The difference of two figures, `a - b`, paired: both are computed on the rows of the same
    /// draws.
    ///
    /// The p-value is twice the share of draws on the far side of 0, counted as `(1 + draws there)
    /// / (1 + draws)`: it is below `1 - confidence` where the interval excludes 0, to the precision
    /// of the draws. `None` as for [`Bootstrap::interval`].
    pub fn difference(
        &self,
        groups: &[usize],
        figure_a: impl Fn(&[usize]) -> f64,
        figure_b: impl Fn(&[usize]) -> f64,
    ) -> Option<Comparison> {
        let rows = GroupedRows::new(groups);
        let figure = |rows: &[usize]| figure_a(rows) - figure_b(rows);
        let difference = figure(&all_rows(groups));
        if !self.has_enough(&rows) {
            return None;
        }
        let draws = (0..self.draws).map(|draw| figure(&rows.resample(self.seed, draw)));
        let drawn = self.defined(difference, draws)?;
        let (low, high) = self.ends(difference, &drawn);
        // The basic interval contains 0 where the percentile one contains twice the difference.
        let border = match self.kind {
            BootstrapKind::Percentile => 0.0,
            BootstrapKind::Basic => 2.0 * difference,
        };
        let n_below = drawn.iter().filter(|&&figure| figure <= border).count();
        let n_above = drawn.iter().filter(|&&figure| figure >= border).count();
        let share = (1 + n_below.min(n_above)) as f64 / (1 + drawn.len()) as f64;
        Some(Comparison {
            difference,
            low,
            high,
            standard_error: variance(&drawn).sqrt(),
            statistic: f64::NAN,
            degrees_of_freedom: None,
            p: (2.0 * share).min(1.0),
            method: self.method(),
        })
    }

    fn has_enough(&self, rows: &GroupedRows) -> bool {
        self.draws > 0 && rows.n_groups() >= self.min_groups.max(1)
    }

    /// The defined figures of the draws, in ascending order; `None` if there are too few, or if the
    /// figure of the rows as they are is NaN.
    fn defined(&self, value: f64, draws: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
        if value.is_nan() {
            return None;
        }
        let mut defined: Vec<f64> = draws.filter(|figure| !figure.is_nan()).collect();
        if (defined.len() as f64) < MIN_DEFINED_SHARE * self.draws as f64 {
            return None;
        }
        defined.sort_by(f64::total_cmp);
        Some(defined)
    }

    fn ends(&self, value: f64, sorted: &[f64]) -> (f64, f64) {
        let tail = self.confidence.tail();
        let low = quantile_of_sorted(sorted, tail);
        let high = quantile_of_sorted(sorted, 1.0 - tail);
        match self.kind {
            BootstrapKind::Percentile => (low, high),
            BootstrapKind::Basic => (2.0 * value - high, 2.0 * value - low),
        }
    }

    fn method(&self) -> Method {
        match self.kind {
            BootstrapKind::Percentile => Method::BootstrapPercentile,
            BootstrapKind::Basic => Method::BootstrapBasic,
        }
    }
}

fn all_rows(groups: &[usize]) -> Vec<usize> {
    (0..groups.len()).collect()
}

/// The rows of each group, to draw from.
#[derive(Clone, Debug)]
pub struct GroupedRows {
    rows_of_group: Vec<Vec<usize>>,
}

impl GroupedRows {
    /// Sorts rows into groups. Group indices need not be consecutive.
    pub fn new(groups: &[usize]) -> Self {
        let mut rows_of_group = BTreeMap::<usize, Vec<usize>>::new();
        for (row, &group) in groups.iter().enumerate() {
            rows_of_group.entry(group).or_default().push(row);
        }
        Self {
            rows_of_group: rows_of_group.into_values().collect(),
        }
    }

    /// Number of groups.
    pub fn n_groups(&self) -> usize {
        self.rows_of_group.len()
    }

    /// Row indices of one draw: as many groups as there are, with replacement. It depends on the
    /// seed, the number of the draw and the groups alone.
    pub fn resample(&self, seed: u64, draw: usize) -> Vec<usize> {
        let mut rng = random_stream(seed, Purpose::Bootstrap as u64, &[draw]);
        let n_groups = self.n_groups();
        let mut rows = Vec::new();
        for _ in 0..n_groups {
            rows.extend(&self.rows_of_group[rng.random_range(0..n_groups)]);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows per group. In 70 of 100 groups both predictions are right, in the others both
    /// are wrong.
    fn share_right(rows: &[usize]) -> f64 {
        let n_right = rows.iter().filter(|&&row| row / 2 < 70).count();
        n_right as f64 / rows.len() as f64
    }

    fn groups() -> Vec<usize> {
        (0..200).map(|row| row / 2).collect()
    }

    #[test]
    fn groups_are_drawn_rather_than_rows() {
        let estimate = Bootstrap::new(1).interval(&groups(), share_right).unwrap();
        // The standard error over 100 groups is sqrt(.7 .3 / 100) = .0458; over 200 rows it would
        // be .0324.
        assert!(
            (estimate.standard_error - 0.0458).abs() < 0.003,
            "{estimate:?}"
        );
        assert!(
            (estimate.low - (0.7 - 1.96 * 0.0458)).abs() < 0.012,
            "{estimate:?}"
        );
        assert!(
            (estimate.high - (0.7 + 1.96 * 0.0458)).abs() < 0.012,
            "{estimate:?}"
        );
    }

    #[test]
    fn the_basic_interval_is_the_percentile_one_mirrored_at_the_value() {
        let percentile = Bootstrap::new(1);
        let basic = Bootstrap {
            kind: BootstrapKind::Basic,
            ..percentile
        };
        let percentile = percentile.interval(&groups(), share_right).unwrap();
        let basic = basic.interval(&groups(), share_right).unwrap();
        assert_eq!(basic.low, 2.0 * 0.7 - percentile.high);
        assert_eq!(basic.high, 2.0 * 0.7 - percentile.low);
    }

    #[test]
    fn a_paired_difference_cancels_what_the_draws_have_in_common() {
        let better = |rows: &[usize]| share_right(rows) + 0.01;
        let difference = Bootstrap::new(1)
            .difference(&groups(), better, share_right)
            .unwrap();
        assert!(difference.standard_error < 1e-12, "{difference:?}");
        assert!(
            (difference.p - 2.0 / 2_001.0).abs() < 1e-15,
            "{difference:?}"
        );
        let none = Bootstrap::new(1).difference(&groups(), share_right, share_right);
        assert_eq!(none.map(|none| (none.difference, none.p)), Some((0.0, 1.0)));
    }

    #[test]
    fn figures_that_are_computed_together_have_the_intervals_of_each() {
        let bootstrap = Bootstrap::new(1);
        let together = bootstrap.intervals(&groups(), |rows| [share_right(rows), f64::NAN]);
        assert_eq!(together, [bootstrap.interval(&groups(), share_right), None]);
    }

    #[test]
    fn few_groups_and_rarely_defined_figures_have_no_interval() {
        let bootstrap = Bootstrap::new(1);
        let few: Vec<usize> = (0..190).map(|row| row / 10).collect();
        assert_eq!(bootstrap.interval(&few, |_| 1.0), None);
        let is_whole = |rows: &[usize]| rows.windows(2).all(|pair| pair[0] < pair[1]);
        let rare = |rows: &[usize]| if is_whole(rows) { 1.0 } else { f64::NAN };
        assert_eq!(bootstrap.interval(&groups(), rare), None);
    }
}
