//! The sample of one network in few points: what is kept of a network so that networks can change
//! places between populations.

use super::SampleSummary;
use super::bins::{Bins, Cluster, mean_and_squares};

/// Number of points of a network's sample, at most: 512, in 8 kB.
pub const SAMPLE_POINTS: usize = 512;

/// The sample of one network as at most [`SAMPLE_POINTS`] points with weights.
///
/// More different values than that are joined in the bins of a [`SampleSummary`], made so wide that
/// they are few enough. A point is the mean of a bin's values. Count, mean, and sum of squares are
/// those of all values.
///
/// ```
/// use cntflow_metrics::population::{SamplePoints, SampleSummary};
///
/// let sample: SampleSummary = (0..100_000).map(|i| f64::from(i).sin()).collect();
/// let points = SamplePoints::of(&sample);
/// assert!(points.len() <= 512 && points.count() == 100_000.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePoints {
    /// Values, each with how often it counts, in rising order.
    pub(super) points: Vec<(f64, f64)>,
    /// Smallest and largest value.
    pub(super) range: Option<(f64, f64)>,
    pub(super) moments: Moments,
}

/// Number, mean, and sum of squares about the mean of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl SamplePoints {
    /// The points of a sample.
    pub fn of(sample: &SampleSummary) -> Self {
        let (mean, squares) = sample.mean_and_squares();
        Self {
            points: sample.coarse_means(SAMPLE_POINTS),
            range: sample.range,
            moments: Moments {
                count: sample.count() as f64,
                mean,
                squares,
            },
        }
    }

    /// The points of a binned sample with this range.
    pub(super) fn of_bins(range: Option<(f64, f64)>, bins: &Bins<2>) -> Self {
        let clusters: Vec<Cluster<2>> = bins.clusters().collect();
        let (mean, squares) = match range {
            Some((min, max)) if min == max => (min, 0.0),
            _ => mean_and_squares(&clusters),
        };
        Self {
            points: bins.coarse_means(SAMPLE_POINTS),
            range,
            moments: Moments {
                count: clusters.iter().map(|cluster| cluster.count).sum(),
                mean,
                squares,
            },
        }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether the sample has no finite value.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Number of finite values of the sample.
    pub fn count(&self) -> f64 {
        self.moments.count
    }
}
