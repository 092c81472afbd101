//! Histograms of networks on one grid, from which the divergence of any two sets of these networks
//! follows by addition.

use super::divergence::to_middle;
use super::sample_points::Moments;
use super::{Grid, SamplePoints};

/// Cells for each bandwidth. Sharing a value between two cells widens a kernel by at most 1%.
const CELLS_PER_BANDWIDTH: f64 = 3.0;

/// Fewest nodes of a grid.
const MIN_NODES: usize = 64;

/// Most nodes of the grid of a density.
const DENSITY_NODES: usize = 512;

/// Distance in bandwidths at which a kernel ends: it is below e^-8 of its height there.
const REACH: f64 = 4.0;

/// The samples of several networks as histograms on one grid.
///
/// A value is shared between the two nearest nodes of the grid, so that its mean is kept (linear
/// binning). The density of a set of networks is the sum of their histograms, smoothed by a
/// Gaussian kernel with Scott's bandwidth: [`Density`](super::Density) at the resolution of the
/// grid. The bandwidth follows from number, mean and variance of all values, not from the grid.
///
/// Adding networks is cheap: that makes hundreds of random halves and permutations affordable.
///
/// Source: Wand, Journal of Computational and Graphical Statistics 3 (1994), for linear binning.
///
/// ```
/// use cntflow_metrics::population::{NetworkHistograms, SamplePoints, SampleSummary};
///
/// let network = |shift: f64| -> SampleSummary { (0..50).map(|i| f64::from(i) + shift).collect() };
/// let points = [0.0, 1.0, 40.0].map(|shift| SamplePoints::of(&network(shift)));
/// let networks = NetworkHistograms::new(&points.each_ref(), 6.0, 512).unwrap();
/// let [a, b, c] = [0, 1, 2].map(|index| networks.sum([index]));
/// assert!(networks.jensen_shannon(&a, &b) < 0.001);
/// assert!(networks.jensen_shannon(&a, &c) > 0.5);
/// ```
#[derive(Clone, Debug)]
pub struct NetworkHistograms {
    first: f64,
    step: f64,
    n_nodes: usize,
    /// Values at each node, `[set, node]`.
    counts: Vec<f64>,
    /// Of each set, about a centre that all share.
    powers: Vec<Powers>,
}

/// The sums of powers 0 to 2 of the distances of values from a centre.
type Powers = [f64; 3];

/// The histograms of some networks added up.
#[derive(Clone, Debug)]
pub struct NetworkSum {
    counts: Vec<f64>,
    powers: Powers,
}

impl NetworkHistograms {
    /// The histograms of networks on a grid over the range of all of them. `bandwidth` is the
    /// smallest that will matter: it decides how fine the grid is, from 64 to `max_nodes` nodes.
    ///
    /// `None` if all values are equal, there are none, or the bandwidth is not positive.
    pub fn new(networks: &[&SamplePoints], bandwidth: f64, max_nodes: usize) -> Option<Self> {
        Self::of_sets(networks, 1, bandwidth, max_nodes)
    }

    /// The same with one histogram for each set of `per_set` neighbours among the networks, added
    /// up: as if each set were one network. Those behind the last whole set are left out.
    ///
    /// # Panics
    /// `per_set` is 0.
    pub fn of_sets(
        networks: &[&SamplePoints],
        per_set: usize,
        bandwidth: f64,
        max_nodes: usize,
    ) -> Option<Self> {
        Self::over(networks, per_set, range_of(networks)?, bandwidth, max_nodes)
    }

    /// The same as [`NetworkHistograms::of_sets`] on a finer grid that goes on beyond the values,
    /// as far as a kernel reaches: for [`NetworkHistograms::density`].
    ///
    /// # Panics
    /// `per_set` is 0.
    pub fn with_margins(
        networks: &[&SamplePoints],
        per_set: usize,
        bandwidth: f64,
    ) -> Option<Self> {
        let (first, last) = range_of(networks)?;
        // Fewer networks have wider kernels.
        let margin = 1.5 * REACH * bandwidth;
        let range = (first - margin, last + margin);
        Self::over(networks, per_set, range, bandwidth / 2.0, DENSITY_NODES)
    }

    fn over(
        networks: &[&SamplePoints],
        per_set: usize,
        (first, last): (f64, f64),
        bandwidth: f64,
        max_nodes: usize,
    ) -> Option<Self> {
        let width = last - first;
        if !(bandwidth > 0.0 && width > 0.0 && width.is_finite()) {
            return None;
        }
        let n_nodes = (CELLS_PER_BANDWIDTH * width / bandwidth).ceil() as usize;
        let n_nodes = n_nodes.clamp(MIN_NODES, max_nodes.max(MIN_NODES));
        let centre = first + width / 2.0;
        let n_sets = networks.len() / per_set;
        let mut histograms = Self {
            first,
            step: width / (n_nodes - 1) as f64,
            n_nodes,
            counts: vec![0.0; n_nodes * n_sets],
            powers: vec![[0.0; 3]; n_sets],
        };
        for (index, set) in networks.chunks_exact(per_set).enumerate() {
            for network in set {
                histograms.fill(index, network);
                let powers = network.moments.powers_about(centre);
                add(&mut histograms.powers[index], &powers);
            }
        }
        Some(histograms)
    }

    /// Shares each point of a network between the two nodes beside it.
    fn fill(&mut self, set: usize, points: &SamplePoints) {
        let counts = &mut self.counts[set * self.n_nodes..][..self.n_nodes];
        for &(x, count) in &points.points {
            let position = ((x - self.first) / self.step).clamp(0.0, (self.n_nodes - 1) as f64);
            let node = (position as usize).min(self.n_nodes - 2);
            let share = position - node as f64;
            counts[node] += count * (1.0 - share);
            counts[node + 1] += count * share;
        }
    }

    /// Number of histograms.
    pub fn len(&self) -> usize {
        self.powers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.powers.is_empty()
    }

    /// The sum over some networks, or sets. The same ones in another order may differ in the last
    /// bits.
    ///
    /// # Panics
    /// An index is not below [`NetworkHistograms::len`].
    pub fn sum(&self, indices: impl IntoIterator<Item = usize>) -> NetworkSum {
        let mut sum = NetworkSum {
            counts: vec![0.0; self.n_nodes],
            powers: [0.0; 3],
        };
        for index in indices {
            let counts = &self.counts[index * self.n_nodes..][..self.n_nodes];
            add(&mut sum.counts, counts);
            add(&mut sum.powers, &self.powers[index]);
        }
        sum
    }

    /// The Jensen-Shannon divergence of two sets of networks, base 2: from 0 to 1. NaN if one has
    /// no density.
    pub fn jensen_shannon(&self, a: &NetworkSum, b: &NetworkSum) -> f64 {
        let (Some(p), Some(q)) = (self.smoothed(a), self.smoothed(b)) else {
            return f64::NAN;
        };
        let (sum_p, sum_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
        let pairs = p.iter().zip(&q).map(|(a, b)| (a / sum_p, b / sum_q));
        let twice: f64 = pairs.map(|(a, b)| to_middle(a, b) + to_middle(b, a)).sum();
        (0.5 * twice).clamp(0.0, 1.0)
    }

    /// The density of a set of networks at the points of `grid`, interpolated between the nodes; 0
    /// beyond them. `None` if the networks have no density.
    pub fn density(&self, sum: &NetworkSum, grid: &Grid) -> Option<Vec<f64>> {
        let smoothed = self.smoothed(sum)?;
        let bandwidth = sum.bandwidth()?;
        let height = 1.0 / (sum.powers[0] * bandwidth * (2.0 * std::f64::consts::PI).sqrt());
        let at = |x: f64| {
            let position = (x - self.first) / self.step;
            if !(0.0..=(self.n_nodes - 1) as f64).contains(&position) {
                return 0.0;
            }
            let node = (position as usize).min(self.n_nodes - 2);
            let share = position - node as f64;
            height * (smoothed[node] * (1.0 - share) + smoothed[node + 1] * share)
        };
        Some(grid.points().map(at).collect())
    }

    /// The sum of the kernels of all values at each node; `None` without a bandwidth.
    fn smoothed(&self, sum: &NetworkSum) -> Option<Vec<f64>> {
        let bandwidth = sum.bandwidth()? / self.step;
        let reach = ((REACH * bandwidth).ceil() as usize).min(self.n_nodes);
        let mut padded = vec![0.0; self.n_nodes + 2 * reach];
        padded[reach..][..self.n_nodes].copy_from_slice(&sum.counts);
        let mut smoothed = sum.counts.clone();
        for distance in 1..=reach {
            let t = distance as f64 / bandwidth;
            let kernel = (-0.5 * t * t).exp();
            let before = &padded[reach - distance..][..self.n_nodes];
            let after = &padded[reach + distance..][..self.n_nodes];
            for ((value, a), b) in smoothed.iter_mut().zip(before).zip(after) {
                *value += kernel * (a + b);
            }
        }
        Some(smoothed)
    }
}

/// Smallest and largest value of some networks.
fn range_of(networks: &[&SamplePoints]) -> Option<(f64, f64)> {
    let ranges = networks.iter().filter_map(|network| network.range);
    ranges.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
}

impl NetworkSum {
    /// The sum over the networks that are in this one and not in `other`, whose networks must all
    /// be in this one.
    pub fn without(&self, other: &Self) -> Self {
        let difference = |(a, b): (&f64, &f64)| a - b;
        let counts = self.counts.iter().zip(&other.counts).map(difference);
        let mut powers = self.powers;
        for (own, others) in powers.iter_mut().zip(other.powers) {
            *own -= others;
        }
        Self {
            // Rounding may leave less than nothing where nothing is left.
            counts: counts.map(|count| count.max(0.0)).collect(),
            powers,
        }
    }

    /// Scott's bandwidth; `None` for fewer than two values, or equal ones.
    fn bandwidth(&self) -> Option<f64> {
        let [n, s1, s2] = self.powers;
        let squares = s2 - s1 * s1 / n;
        // Equal values, but for rounding, have no spread.
        let has_spread = n >= 2.0 && squares > 1e-13 * s2;
        has_spread.then(|| n.powf(-0.2) * (squares / (n - 1.0)).sqrt())
    }
}

impl Moments {
    fn powers_about(self, centre: f64) -> Powers {
        if self.count == 0.0 {
            return [0.0; 3];
        }
        let shift = self.mean - centre;
        [
            self.count,
            self.count * shift,
            self.squares + self.count * shift * shift,
        ]
    }
}

fn add(sums: &mut [f64], others: &[f64]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::{Density, Divergences, SampleSummary};

    /// `n` values of a network, of which some are far out.
    fn network(seed: u32, n: u32, scale: f64) -> SampleSummary {
        let value = |i: u32| {
            let u = f64::from(i * 7919 + seed * 104_729).sin() * 43_758.547;
            let v = f64::from(i * 6007 + seed * 7717).sin() * 12_543.123;
            scale * ((u - u.floor()) + (v - v.floor()) - 1.0 + 0.1 * f64::from(seed % 3))
        };
        (0..n).map(value).collect()
    }

    #[test]
    fn divergences_are_those_of_the_merged_samples() {
        for (n, scale) in [(300, 1.0), (20_000, 1.0), (5_000, 4.0)] {
            let samples: Vec<SampleSummary> = (0..8)
                .map(|seed| network(seed, n, if seed < 4 { 1.0 } else { scale }))
                .collect();
            let points: Vec<SamplePoints> = samples.iter().map(SamplePoints::of).collect();
            let [a, b] = [&samples[..4], &samples[4..]].map(|samples| {
                let mut merged = SampleSummary::default();
                samples.iter().for_each(|sample| merged.merge(sample));
                merged
            });
            let [p, q] = [&a, &b].map(|sample| Density::of(sample).unwrap());
            let exact = Divergences::between([&a, &b], [&p, &q]).jensen_shannon;
            let bandwidth = p.bandwidth().min(q.bandwidth());
            let points: Vec<&SamplePoints> = points.iter().collect();
            let networks = NetworkHistograms::new(&points, bandwidth, 512).unwrap();
            let (first, all) = (networks.sum(0..4), networks.sum(0..8));
            let found = networks.jensen_shannon(&first, &networks.sum(4..8));
            assert!(
                (found - exact).abs() < 0.01 * exact + 1e-5,
                "{n}: {found} {exact}"
            );
            let rest = networks.jensen_shannon(&first, &all.without(&first));
            assert!((rest - found).abs() < 1e-12, "{rest} {found}");
        }
    }

    #[test]
    fn densities_are_those_of_the_merged_samples() {
        let sample = network(1, 4000, 1.0);
        let density = Density::of(&sample).unwrap();
        let wider: SampleSummary = [-2.0, 2.0].into_iter().collect();
        let grid = Grid::over([&sample, &wider]).unwrap();
        let points = SamplePoints::of(&sample);
        let networks = NetworkHistograms::with_margins(&[&points], 1, density.bandwidth()).unwrap();
        let found = networks.density(&networks.sum([0]), &grid).unwrap();
        let exact = density.on(&grid);
        let largest = exact.iter().copied().fold(0.0, f64::max);
        for (found, exact) in found.iter().zip(&exact) {
            assert!((found - exact).abs() < 0.01 * largest, "{found} {exact}");
        }
    }

    #[test]
    fn sets_are_the_sums_of_their_networks() {
        let samples: Vec<SampleSummary> = (0..7).map(|seed| network(seed, 300, 1.0)).collect();
        let points: Vec<SamplePoints> = samples.iter().map(SamplePoints::of).collect();
        let points: Vec<&SamplePoints> = points.iter().collect();
        let single = NetworkHistograms::new(&points, 0.1, 512).unwrap();
        let sets = NetworkHistograms::of_sets(&points, 2, 0.1, 512).unwrap();
        assert_eq!((single.len(), sets.len()), (7, 3));
        let (a, b) = (sets.sum([0, 2]), single.sum([0, 1, 4, 5]));
        assert!(single.jensen_shannon(&a, &b) < 1e-12);
        assert!((a.powers[2] - b.powers[2]).abs() < 1e-9 * b.powers[2]);
    }

    #[test]
    fn equal_values_have_no_density() {
        let equal = SamplePoints::of(&[2.0, 2.0, 2.0].into_iter().collect());
        let others = SamplePoints::of(&[0.0, 1.0].into_iter().collect());
        assert!(NetworkHistograms::new(&[&equal], 1.0, 512).is_none());
        let networks = NetworkHistograms::new(&[&equal, &others], 1.0, 512).unwrap();
        let [a, b] = [0, 1].map(|index| networks.sum([index]));
        assert!(networks.jensen_shannon(&a, &b).is_nan());
    }
}
