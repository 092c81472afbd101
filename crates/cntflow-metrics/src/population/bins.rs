//! Bins of the dyadic grid with integer sums of powers of their values' offsets.

use super::dyadic::{LAST_LEVEL, bin_of, extent, key_of, offset, offset_of_bin};

/// Number of powers of the offsets that are summed.
pub(super) const POWERS: usize = 4;

/// One bin: the number of its values, and the sums of the powers 1 to P of their offsets from its
/// centre. Offsets are at most 2^22, so the sums of the fourth powers of fewer than 2^39 values fit
/// into an i128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bin<const P: usize = POWERS> {
    /// Key of the bin's end towards zero, which says where on the dyadic grid the bin is.
    pub(super) inner_key: i64,
    pub(super) count: u64,
    pub(super) sums: [i128; P],
}

/// The occupied bins of one level, in the order of their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bins<const P: usize = POWERS> {
    pub(super) level: u32,
    pub(super) bins: Vec<Bin<P>>,
}

/// Values near a centre: their number, and the sums of the powers 1 to P of their distances from
/// it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cluster<const P: usize = POWERS> {
    pub(super) centre: f64,
    pub(super) half_width: f64,
    pub(super) count: f64,
    pub(super) sums: [f64; P],
}

impl Bin {
    /// A bin with one value that counts `times` times.
    fn of(key: i64, times: u64, level: u32) -> Self {
        let inner_key = bin_of(key, level);
        let r = i128::from(offset(key, inner_key, level));
        let n = i128::from(times);
        Self {
            inner_key,
            count: times,
            sums: [n * r, n * r * r, n * r * r * r, n * r * r * r * r],
        }
    }

    /// The bin's values in the coarser bin that contains it. The offsets r become `r + d`; sums of
    /// `(r + d)^k` follow by the binomial theorem.
    fn in_coarser(&self, level: u32, coarser: u32) -> Self {
        let inner_key = bin_of(self.inner_key, coarser);
        // The bin of zero: values so much smaller than the bins' width count as 0.
        if inner_key == 0 {
            return Self {
                inner_key,
                count: self.count,
                sums: [0; POWERS],
            };
        }
        let d = i128::from(offset_of_bin((self.inner_key, level), (inner_key, coarser)));
        let n = i128::from(self.count);
        let [s1, s2, s3, s4] = self.sums;
        let d2 = d * d;
        let sums = [
            s1 + n * d,
            s2 + 2 * d * s1 + n * d2,
            s3 + 3 * d * s2 + 3 * d2 * s1 + n * d2 * d,
            s4 + 4 * d * s3 + 6 * d2 * s2 + 4 * d2 * d * s1 + n * d2 * d2,
        ];
        Self {
            inner_key,
            sums,
            ..*self
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, other) in self.sums.iter_mut().zip(other.sums) {
            *sum += other;
        }
    }
}

impl<const P: usize> Bin<P> {
    /// The first of the sums of [`Bin::in_coarser`].
    fn first_sum_about(&self, coarse: (i64, u32), level: u32) -> i128 {
        if coarse.0 == 0 {
            return 0;
        }
        let d = i128::from(offset_of_bin((self.inner_key, level), coarse));
        self.sums[0] + i128::from(self.count) * d
    }
}

impl Bins {
    /// Sorted values, each with how often it counts, in bins of the finest level that needs at most
    /// `max_bins`.
    pub(super) fn of(sorted: &[(f64, u64)], max_bins: usize) -> Self {
        let keys: Vec<(i64, u64)> = sorted.iter().map(|&(x, n)| (key_of(x), n)).collect();
        let fits = |level: u32| n_occupied(&keys, level) <= max_bins;
        // A coarser level never needs more bins, so a binary search finds the level.
        let (mut low, mut high) = (0, LAST_LEVEL);
        while low < high {
            let middle = (low + high) / 2;
            if fits(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Self::at_level(&keys, low)
    }

    /// Sorted keys, each with how often it counts, in bins of a level.
    fn at_level(keys: &[(i64, u64)], level: u32) -> Self {
        let bins = keys.iter().map(|&(key, times)| Bin::of(key, times, level));
        Self {
            level,
            bins: joined(bins),
        }
    }

    /// Adds sorted values.
    pub(super) fn add_values(&mut self, sorted: &[(f64, u64)], max_bins: usize) {
        let keys: Vec<(i64, u64)> = sorted.iter().map(|&(x, n)| (key_of(x), n)).collect();
        self.merge(&Self::at_level(&keys, self.level), max_bins);
    }

    /// Adds other bins, at the finest level of both that needs at most `max_bins`.
    pub(super) fn merge(&mut self, other: &Self, max_bins: usize) {
        let level = self.level.max(other.level);
        if level > self.level {
            self.bins = self.at_coarser_level(level);
            self.level = level;
        }
        if level > other.level {
            self.add_sorted(&other.at_coarser_level(level));
        } else {
            self.add_sorted(&other.bins);
        }
        self.coarsen(max_bins);
    }

    /// Adds sorted bins of the same level. Most are occupied here as well, once there are many
    /// values, so they are added where they are.
    fn add_sorted(&mut self, others: &[Bin]) {
        let mut new = Vec::new();
        let mut from = 0;
        for other in others {
            from += n_below(&self.bins[from..], other.inner_key);
            match self.bins.get_mut(from) {
                Some(bin) if bin.inner_key == other.inner_key => bin.add(other),
                _ => new.push(*other),
            }
        }
        if !new.is_empty() {
            self.bins.append(&mut new);
            // Two sorted runs: the stable sort merges them in one pass.
            self.bins.sort_by_key(|bin| bin.inner_key);
        }
    }

    /// Joins bins in pairs until at most `max_bins` are occupied.
    pub(super) fn coarsen(&mut self, max_bins: usize) {
        while self.bins.len() > max_bins && self.level < LAST_LEVEL {
            self.bins = self.at_coarser_level(self.level + 1);
            self.level += 1;
        }
    }

    /// The bins joined to those of a coarser level.
    fn at_coarser_level(&self, level: u32) -> Vec<Bin> {
        if level == self.level {
            return self.bins.clone();
        }
        let bins = self
            .bins
            .iter()
            .map(|bin| bin.in_coarser(self.level, level));
        joined(bins)
    }
}

impl<const P: usize> Bins<P> {
    /// The mean and the number of values of each bin, once bins are joined in pairs until at most
    /// `max_bins` are occupied: what [`Bins::coarsen`] and [`Bins::clusters`] would give, without
    /// the sums of higher powers.
    pub(super) fn coarse_means(&self, max_bins: usize) -> Vec<(f64, f64)> {
        let level = self.coarse_level(max_bins);
        let inner_key_of = |bin: &Bin<P>| bin_of(bin.inner_key, level);
        let joined = self
            .bins
            .chunk_by(|a, b| inner_key_of(a) == inner_key_of(b));
        let means = joined.map(|bins| {
            let inner_key = inner_key_of(&bins[0]);
            let (mut count, mut sum) = (0, 0);
            for bin in bins {
                count += bin.count;
                sum += bin.first_sum_about((inner_key, level), self.level);
            }
            let (centre, _, unit) = extent(inner_key, level);
            let count = count as f64;
            (centre + real(sum) * unit / count, count)
        });
        means.collect()
    }

    /// The finest level, from its own on, that needs at most `max_bins`.
    fn coarse_level(&self, max_bins: usize) -> u32 {
        let is_enough = |level: &u32| {
            let mut bins = self
                .bins
                .chunk_by(|a, b| bin_of(a.inner_key, *level) == bin_of(b.inner_key, *level));
            bins.nth(max_bins).is_none()
        };
        let mut levels = self.level..LAST_LEVEL;
        levels.find(is_enough).unwrap_or(LAST_LEVEL)
    }

    /// The bins as reals, in the order of their centres.
    pub(super) fn clusters(&self) -> impl Iterator<Item = Cluster<P>> {
        self.bins.iter().map(|bin| {
            let (centre, half_width, unit) = extent(bin.inner_key, self.level);
            let mut power = 1.0;
            let sums = bin.sums.map(|sum| {
                power *= unit;
                real(sum) * power
            });
            Cluster {
                centre,
                half_width,
                count: bin.count as f64,
                sums,
            }
        })
    }
}

/// A sum as a real. Nearly all of them have 64 bits, which processors convert by themselves.
fn real(sum: i128) -> f64 {
    i64::try_from(sum).map_or_else(|_| sum as f64, |sum| sum as f64)
}

/// Number of leading bins with smaller inner keys. Few are passed at a time, so steps that double
/// find it.
fn n_below(bins: &[Bin], inner_key: i64) -> usize {
    let mut step = 1;
    while step <= bins.len() && bins[step - 1].inner_key < inner_key {
        step *= 2;
    }
    let (from, to) = (step / 2, step.min(bins.len()));
    from + bins[from..to].partition_point(|bin| bin.inner_key < inner_key)
}

/// Number of bins that sorted keys occupy at a level.
fn n_occupied(keys: &[(i64, u64)], level: u32) -> usize {
    let mut bins = keys.iter().map(|&(key, _)| bin_of(key, level));
    let Some(mut last) = bins.next() else {
        return 0;
    };
    let changes = bins.filter(|&bin| std::mem::replace(&mut last, bin) != bin);
    1 + changes.count()
}

/// Sorted bins, with equal ones joined.
fn joined(bins: impl Iterator<Item = Bin>) -> Vec<Bin> {
    let mut joined: Vec<Bin> = Vec::new();
    for bin in bins {
        match joined.last_mut() {
            Some(last) if last.inner_key == bin.inner_key => last.add(&bin),
            _ => joined.push(bin),
        }
    }
    joined
}

impl<const P: usize> Cluster<P> {
    /// A value that counts a number of times.
    pub(super) fn value(x: f64, times: u64) -> Self {
        Self {
            centre: x,
            half_width: 0.0,
            count: times as f64,
            sums: [0.0; P],
        }
    }

    /// Mean of the values.
    pub(super) fn mean(&self) -> f64 {
        self.centre + self.sums[0] / self.count
    }
}

/// The mean of the values of clusters, and the sum of squares about it. Separate passes, so that no
/// digits cancel.
pub(super) fn mean_and_squares<const P: usize>(clusters: &[Cluster<P>]) -> (f64, f64) {
    let n: f64 = clusters.iter().map(|c| c.count).sum();
    let means = || clusters.iter().map(|c| (c.count, c.mean()));
    let rounded_mean: f64 = means().map(|(count, mean)| count * mean / n).sum();
    // Corrects the rounding of the first sum.
    let correction: f64 = means()
        .map(|(count, mean)| count * (mean - rounded_mean))
        .sum();
    let mean = rounded_mean + correction / n;
    let squares = clusters.iter().map(|c| {
        let d = c.centre - mean;
        c.count * d * d + 2.0 * d * c.sums[0] + c.sums[1]
    });
    (mean, squares.sum())
}

impl Cluster {
    /// Two points with weights that have the values' number and first three moments (Gauss
    /// quadrature). The weights are positive, so a density or a distribution function of the points
    /// is one too.
    pub(super) fn two_points(&self) -> [(f64, f64); 2] {
        let [m1, m2, m3, _] = self.sums.map(|sum| sum / self.count);
        let variance = m2 - m1 * m1;
        // Equal values, but for rounding, are one point.
        if self.half_width == 0.0 || variance <= 1e-18 * self.half_width * self.half_width {
            return [(self.mean(), self.count), (self.mean(), 0.0)];
        }
        let std = variance.sqrt();
        let skewness = (m3 - 3.0 * m1 * m2 + 2.0 * m1 * m1 * m1) / (variance * std);
        let root = (4.0 + skewness * skewness).sqrt();
        let share = 0.5 * (1.0 + skewness / root);
        let point = |sign: f64| self.mean() + std * 0.5 * (skewness + sign * root);
        [
            (point(-1.0), self.count * share),
            (point(1.0), self.count * (1.0 - share)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(values: &[f64]) -> Vec<(f64, u64)> {
        let mut values: Vec<(f64, u64)> = values.iter().map(|&x| (x, 1)).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        values
    }

    #[test]
    fn moments_of_joined_bins_are_those_of_the_values() {
        let value = |i: u16| f64::from(0.0013_f32 * f32::from(i) - 0.4);
        let values: Vec<f64> = (0..1000).map(value).collect();
        let bins = Bins::of(&sorted(&values), 100);
        assert!((50..=100).contains(&bins.bins.len()));
        for cluster in bins.clusters() {
            // A bin includes its end towards zero, not the other.
            let inside = values.iter().filter(|&&x| {
                let d = (x - cluster.centre) * cluster.centre.signum();
                -cluster.half_width <= d && d < cluster.half_width
            });
            let inside: Vec<f64> = inside.map(|x| x - cluster.centre).collect();
            assert_eq!(cluster.count, inside.len() as f64);
            for (k, sum) in cluster.sums.into_iter().enumerate() {
                let direct: f64 = inside.iter().map(|d| d.powi(k as i32 + 1)).sum();
                assert!((sum - direct).abs() < 1e-12, "{cluster:?}: {direct}");
            }
        }
    }

    #[test]
    fn coarse_means_are_those_of_the_joined_bins() {
        let value = |i: u16| f64::from(0.0013_f32 * f32::from(i) - 0.4);
        let values: Vec<f64> = (0..1000).map(value).collect();
        for max_bins in [1000, 512, 100, 7] {
            let bins = Bins::of(&sorted(&values), 600);
            let mut joined = bins.clone();
            joined.coarsen(max_bins);
            let means = joined.clusters().map(|c| (c.mean(), c.count));
            assert_eq!(bins.coarse_means(max_bins), means.collect::<Vec<_>>());
        }
    }

    #[test]
    fn two_points_by_hand() {
        // 0, 0, 0, 1 about the centre 0.5 of [0, 1]: already two points.
        let cluster = Cluster {
            centre: 0.5,
            half_width: 0.5,
            count: 4.0,
            sums: [-1.0, 1.0, -0.25, 0.25],
        };
        let [(low, n_low), (high, n_high)] = cluster.two_points();
        assert!(low.abs() < 1e-15 && (high - 1.0).abs() < 1e-15);
        assert!((n_low - 3.0).abs() < 1e-15 && (n_high - 1.0).abs() < 1e-15);
    }
}
