//! Bootstrap intervals: groups are drawn with replacement. All candidates and strata see the same
//! draws, so their differences are paired.

use rand::RngExt;

use super::figures::{Figures, RankedPredictions, mean_figures};
use crate::quantile::quantile_of_sorted;
use crate::random::{Purpose, random_stream};

/// Smallest share of draws in which a figure must be defined (both classes drawn) for
/// it to have an interval.
const MIN_DEFINED_SHARE: f64 = 0.5;

/// A figure and its percentile interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure on the groups as they are; NaN if it is not defined.
    pub value: f64,
    /// Lower end of the interval; NaN if there is none.
    pub low: f64,
    /// Upper end of the interval; NaN if there is none.
    pub high: f64,
}

/// How many draws are made, and what share of them an interval contains.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bootstrap {
    pub(crate) draws: usize,
    pub(crate) confidence: f64,
    pub(crate) seed: u64,
}

impl Bootstrap {
    /// The figures of each sample in every draw, `[samples][draws]`. A sample is one candidate's
    /// predictions in one stratum, as a list of repeats.
    ///
    /// A draw takes as many groups as there are, with replacement. Its figures are computed per
    /// repeat, from the held-out predictions of all folds together, and averaged over repeats. No
    /// classifier is fitted again.
    pub(crate) fn draw(
        &self,
        samples: &[Vec<RankedPredictions>],
        n_groups: usize,
    ) -> Vec<Vec<Figures>> {
        let mut rng = random_stream(self.seed, Purpose::Bootstrap, &[]);
        let mut figures_of_samples = vec![Vec::with_capacity(self.draws); samples.len()];
        let mut weight_of_group = vec![0.0; n_groups];
        for _ in 0..self.draws {
            // A draw is how often each group was drawn: predictions are weighted, never copied.
            weight_of_group.fill(0.0);
            for _ in 0..n_groups {
                weight_of_group[rng.random_range(0..n_groups)] += 1.0;
            }
            for (repeats, figures) in samples.iter().zip(&mut figures_of_samples) {
                figures.push(mean_figures(repeats, &weight_of_group));
            }
        }
        figures_of_samples
    }

    /// A value with the percentile interval of its values in the draws.
    pub(crate) fn estimate(&self, value: f64, drawn: impl Iterator<Item = f64>) -> Estimate {
        let mut defined: Vec<f64> = drawn.filter(|figure| !figure.is_nan()).collect();
        if self.draws == 0
            || value.is_nan()
            || (defined.len() as f64) < MIN_DEFINED_SHARE * self.draws as f64
        {
            return Estimate {
                value,
                low: f64::NAN,
                high: f64::NAN,
            };
        }
        defined.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Estimate {
            value,
            low: quantile_of_sorted(&defined, tail),
            high: quantile_of_sorted(&defined, 1.0 - tail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::{ACCURACY, Prediction};
    use super::*;

    /// Two rows per group. In 70 of 100 groups both predictions are right, in the
    /// others both are wrong.
    fn predictions() -> RankedPredictions {
        let prediction = |row: usize| Prediction {
            row,
            group: row / 2,
            is_high: row.is_multiple_of(2),
            score: 0.0,
            predicted_high: row.is_multiple_of(2) == (row / 2 < 70),
        };
        RankedPredictions::new((0..200).map(prediction).collect())
    }

    #[test]
    fn groups_are_drawn_rather_than_rows() {
        let bootstrap = Bootstrap {
            draws: 4_000,
            confidence: 0.95,
            seed: 1,
        };
        let drawn = bootstrap.draw(&[vec![predictions()]], 100);
        let estimate = bootstrap.estimate(0.7, drawn[0].iter().map(|figures| figures[ACCURACY]));
        // The standard deviation over 100 groups is sqrt(.7 .3 / 100) = .0458; over 200
        // rows it would be .0324.
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
    fn a_figure_that_is_rarely_defined_has_no_interval() {
        let bootstrap = Bootstrap {
            draws: 4,
            confidence: 0.95,
            seed: 1,
        };
        let drawn = [0.5, f64::NAN, f64::NAN, f64::NAN];
        assert!(bootstrap.estimate(0.5, drawn.into_iter()).low.is_nan());
    }
}
