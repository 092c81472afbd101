//! Intervals by drawing groups with replacement: all candidates and strata see the same draws, so differences are paired.

use rand::RngExt;

use super::scores::{Figures, Ranked, mean_figures};
use crate::random::{Use, stream};
use crate::rule::quantile_of_sorted;

/// Share of draws that must give a figure (both classes drawn) for it to have an interval.
const LEAST_DEFINED: f64 = 0.5;

/// A figure and its percentile interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure on the groups as they are; NaN where it is not defined.
    pub value: f64,
    /// The interval's lower end; NaN where there is none.
    pub low: f64,
    /// The interval's upper end; NaN where there is none.
    pub high: f64,
}

/// How often groups are drawn, and how much of the draws an interval holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bootstrap {
    pub(crate) draws: usize,
    pub(crate) confidence: f64,
    pub(crate) seed: u64,
}

impl Bootstrap {
    /// For each of the `parts` (the repeats of one candidate in one stratum), its figures in every draw.
    ///
    /// A draw takes as many groups as there are, with replacement. Its figures are computed per repeat, from that
    /// repeat's held-out predictions of all folds together, and averaged over repeats. Nothing is fitted anew.
    pub(crate) fn draw(&self, parts: &[Vec<Ranked>], n_groups: usize) -> Vec<Vec<Figures>> {
        let mut rng = stream(self.seed, Use::Bootstrap, &[]);
        let mut drawn = vec![Vec::with_capacity(self.draws); parts.len()];
        let mut weights = vec![0.0; n_groups];
        for _ in 0..self.draws {
            weights.fill(0.0);
            for _ in 0..n_groups {
                weights[rng.random_range(0..n_groups)] += 1.0;
            }
            for (part, figures) in parts.iter().zip(&mut drawn) {
                figures.push(mean_figures(part, &weights));
            }
        }
        drawn
    }

    /// The value with the percentile interval of what it was in the draws.
    pub(crate) fn estimate(&self, value: f64, drawn: impl Iterator<Item = f64>) -> Estimate {
        let mut defined: Vec<f64> = drawn.filter(|figure| !figure.is_nan()).collect();
        if self.draws == 0
            || value.is_nan()
            || (defined.len() as f64) < LEAST_DEFINED * self.draws as f64
        {
            return Estimate {
                value,
                low: f64::NAN,
                high: f64::NAN,
            };
        }
        defined.sort_by(f64::total_cmp);
        let outside = (1.0 - self.confidence) / 2.0;
        Estimate {
            value,
            low: quantile_of_sorted(&defined, outside),
            high: quantile_of_sorted(&defined, 1.0 - outside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scores::Prediction;
    use super::*;

    /// Two rows per group; in 70 of 100 groups both are right.
    fn predictions() -> Ranked {
        let prediction = |row: usize| Prediction {
            row,
            group: row / 2,
            is_high: row.is_multiple_of(2),
            score: 0.0,
            says_high: row.is_multiple_of(2) == (row / 2 < 70),
        };
        Ranked::new((0..200).map(prediction).collect())
    }

    #[test]
    fn groups_are_drawn_not_rows() {
        let bootstrap = Bootstrap {
            draws: 4_000,
            confidence: 0.95,
            seed: 1,
        };
        let drawn = bootstrap.draw(&[vec![predictions()]], 100);
        let estimate = bootstrap.estimate(0.7, drawn[0].iter().map(|figures| figures[0]));
        // The standard deviation over 100 groups is sqrt(.7 .3 / 100) = .0458; over 200 rows it would be .0324.
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
    fn figures_that_are_rarely_defined_have_no_interval() {
        let bootstrap = Bootstrap {
            draws: 4,
            confidence: 0.95,
            seed: 1,
        };
        let drawn = [0.5, f64::NAN, f64::NAN, f64::NAN];
        assert!(bootstrap.estimate(0.5, drawn.into_iter()).low.is_nan());
    }
}
