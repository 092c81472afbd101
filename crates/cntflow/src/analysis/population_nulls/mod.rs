//! What chance alone makes of the divergence of two populations: random halves of one population,
//! and permutations of networks between both.
//!
//! Networks are drawn, never single values: the values of one network resemble each other.

use cntflow_metrics::population::{
    Compared, Curve, Grid, NetworkHistograms, NetworkSum, SamplePoints,
};
use cntflow_statistics::permutation::{random_order, sequential_p_value};
use cntflow_statistics::quantile::quantile;
use cntflow_tables::{DensityBand, Member, PairNull};
use rayon::prelude::*;

use super::known_groups::{GroupNulls, KnownGroup};
use super::population_groups::PopulationGroup;

/// Number of times that a population is split into random halves.
const N_SPLITS: usize = 20;

/// Number of permutations, at most: the smallest possible p-value is 1 / 2,000. It must be small
/// beside .05, because p-values are adjusted for hundreds of pairs.
const MAX_PERMUTATIONS: usize = 1999;

/// Nodes of the grid of random halves, at most. Their divergences stand beside those of densities.
const HALVES_NODES: usize = 512;

/// Nodes of the grid of permutations, at most. There are many, and only their order counts.
const PERMUTED_NODES: usize = 256;

/// Sets that the smaller population is made of where it has at least twice as many networks, at
/// least.
const FEWEST_SETS: usize = 256;

/// Sets that a population takes part with in draws, at most. A larger one takes part with a random
/// share of its networks, which are as exchangeable as all of them.
const MOST_SETS: usize = 1 << 12;

/// Permuted divergences as large as that of the pair after which no more are drawn.
const ENOUGH: usize = 20;

/// Seed of all draws.
const SEED: u64 = 20_220_511;

/// Share of a divergence by which a permuted one may be smaller and still count as equal: sums in
/// another order differ in the last bits.
const TIE: f64 = 1e-9;

/// Why there is no null where the networks of a bin are stored together.
const STORED_TOGETHER: &str = "networks of a bin are stored together (checkpoints = \"all\")";

/// Why random halves are missing.
const SINGLE_NETWORK: &str = "a population of a single network has no halves";

/// Why random halves are missing where each has a value or two.
const NO_DENSITY_OF_HALVES: &str = "no random half has a density";

/// Why there is no p-value though both populations have a density.
const NO_DENSITY_IN_PAIR: &str =
    "one population is too narrow beside the range of both for a density on their grid";

/// What a draw is for.
#[derive(Clone, Copy)]
enum Purpose {
    Split = 1,
    Permutation = 2,
    Band = 3,
    Sets = 4,
}

/// One of two populations that are compared.
#[derive(Clone, Copy)]
struct Side<'a> {
    bin: i64,
    networks: &'a [SamplePoints],
    bandwidth: f64,
}

/// The nulls of all pairs and densities of a group. They depend on the networks and the indices of
/// the bins alone, so those of populations that are the same as before are taken from `known`.
pub(super) fn group_nulls(
    group: &PopulationGroup,
    compared: &Compared,
    known: Option<&KnownGroup>,
) -> GroupNulls {
    let members = &group.planned.members;
    let side = |index: usize| {
        let curve = compared.curves[index].as_ref();
        let networks = group.networks[index].as_ref().ok_or(STORED_TOGETHER)?;
        let curve = curve.map_err(ToString::to_string)?;
        Ok::<_, String>(Side::of(&members[index].member, networks, curve))
    };
    let then = known.map_or_else(
        || vec![None; members.len()],
        |known| known.same_members(members),
    );
    let from_before = |a: usize, b: usize| known?.pair(then[a]?, then[b]?);
    let pairs = compared.pairs.par_iter().map(|&(a, b, _)| {
        if let Some(null) = from_before(a, b) {
            return null.clone();
        }
        let sides = side(a).and_then(|a| Ok([a, side(b)?]));
        sides.map_or_else(no_null, pair_null)
    });
    let pairs = pairs.collect();
    let all = compared.pairs.iter();
    let n_from_before = all
        .filter(|(a, b, _)| from_before(*a, *b).is_some())
        .count();
    let bands = (0..members.len()).into_par_iter().map(|index| {
        let grid = compared.grid.as_ref()?;
        if let (Some(known), Some(then)) = (known, then[index])
            && let Some(band) = known.band(then, grid)
        {
            return band.clone();
        }
        density_band(side(index).ok()?, grid)
    });
    GroupNulls {
        pairs,
        bands: bands.collect(),
        n_from_before,
    }
}

impl<'a> Side<'a> {
    fn of(member: &Member, networks: &'a [SamplePoints], curve: &Curve) -> Self {
        Self {
            bin: member.bin.bin,
            networks,
            bandwidth: curve.bandwidth,
        }
    }

    /// Its networks, so that `per_set` neighbours are a set: as many as whole sets have, in random
    /// order. If all take part, each by itself, they stay where they are.
    fn in_sets(&self, per_set: usize) -> Vec<&'a SamplePoints> {
        let n = self.networks.len();
        if per_set == 1 && n <= MOST_SETS {
            return self.networks.iter().collect();
        }
        let order = draw(n, Purpose::Sets, &[self.bin as usize]);
        let n_sets = (n / per_set).min(MOST_SETS);
        let drawn = order.into_iter().take(n_sets * per_set);
        drawn.map(|index| &self.networks[index]).collect()
    }
}

/// Number of networks that are drawn together, so that draws from `n` networks cost no more than
/// from a few hundred. Sets of equal size that are made at random are as exchangeable as their
/// networks.
fn networks_per_set(n: usize) -> usize {
    (n / FEWEST_SETS).max(1)
}

fn no_null(reason: String) -> PairNull {
    PairNull {
        networks: None,
        mean: f64::NAN,
        q95: f64::NAN,
        p_value: f64::NAN,
        reason: Some(reason),
    }
}

/// Random halves of both populations, and permutations of networks between them.
fn pair_null([a, b]: [Side<'_>; 2]) -> PairNull {
    let per_set = networks_per_set(a.networks.len().min(b.networks.len()));
    let sides = [a.in_sets(per_set), b.in_sets(per_set)];
    let n_sets = sides.each_ref().map(|networks| networks.len() / per_set);
    let networks = sides.concat();
    let bandwidth = a.bandwidth.min(b.bandwidth);
    let pair = |max_nodes: usize| {
        Some(Pair {
            histograms: NetworkHistograms::of_sets(&networks, per_set, bandwidth, max_nodes)?,
            n_sets,
            bins: [a.bin as usize, b.bin as usize],
        })
    };
    let no_range = || no_null("the range of the values is not finite".to_owned());
    let Some(of_halves) = pair(HALVES_NODES) else {
        return no_range();
    };
    let half = n_sets[0].min(n_sets[1]) / 2;
    let halves = of_halves.divergences_of_halves(half);
    // Both at a time would take twice the memory.
    drop(of_halves);
    let Some(of_permutations) = pair(PERMUTED_NODES) else {
        return no_range();
    };
    let p_value = of_permutations.p_value();
    let without_p_value = p_value.is_nan().then(|| NO_DENSITY_IN_PAIR.to_owned());
    PairNull {
        networks: (!halves.is_empty()).then_some((half * per_set) as u64),
        mean: halves.iter().sum::<f64>() / halves.len() as f64,
        q95: quantile(&halves, 0.95),
        p_value,
        reason: reason_without_halves(half, &halves).or(without_p_value),
    }
}

/// Why there are no halves; `None` if there are some.
fn reason_without_halves(half: usize, halves: &[f64]) -> Option<String> {
    let reason = if half == 0 {
        SINGLE_NETWORK
    } else {
        NO_DENSITY_OF_HALVES
    };
    halves.is_empty().then(|| reason.to_owned())
}

/// The networks of two populations, one by one or in sets: those of the first before those of the
/// second.
struct Pair {
    histograms: NetworkHistograms,
    n_sets: [usize; 2],
    bins: [usize; 2],
}

impl Pair {
    /// The divergences of two random halves of `half` sets of one population, for both populations.
    /// Halves without a density are left out.
    fn divergences_of_halves(&self, half: usize) -> Vec<f64> {
        let [n_a, n_b] = self.n_sets;
        let mut divergences = Vec::new();
        for (first, n, bin) in [(0, n_a, self.bins[0]), (n_a, n_b, self.bins[1])] {
            for split in 0..N_SPLITS {
                let order = draw(n, Purpose::Split, &[self.bins[0], self.bins[1], bin, split]);
                let [a, b] = [&order[..half], &order[half..2 * half]]
                    .map(|half| self.sum(half.iter().map(|index| first + index).collect()));
                divergences.push(self.histograms.jensen_shannon(&a, &b));
            }
        }
        divergences.retain(|divergence| divergence.is_finite());
        divergences
    }

    /// The p-value over permutations of sets between the populations, which keep their sizes.
    fn p_value(&self) -> f64 {
        let [n_a, n_b] = self.n_sets;
        let total = self.sum((0..n_a + n_b).collect());
        // Only the smaller population is added up: the other one is the rest.
        let n_smaller = n_a.min(n_b);
        let divergence = |smaller: Vec<usize>| {
            let smaller = self.sum(smaller);
            let rest = total.without(&smaller);
            self.histograms.jensen_shannon(&smaller, &rest)
        };
        let observed = if n_a <= n_b {
            divergence((0..n_a).collect())
        } else {
            divergence((n_a..n_a + n_b).collect())
        };
        let observed = observed * (1.0 - TIE);
        sequential_p_value(observed, ENOUGH, MAX_PERMUTATIONS, |index| {
            let indices = [self.bins[0], self.bins[1], index];
            let order = draw(n_a + n_b, Purpose::Permutation, &indices);
            divergence(order[..n_smaller].to_vec())
        })
    }

    /// The sum over some sets, always in the same order: a sum of reals depends on it.
    fn sum(&self, mut sets: Vec<usize>) -> NetworkSum {
        sets.sort_unstable();
        self.histograms.sum(sets)
    }
}

/// The 5% and 95% quantiles, at every point of the grid, of the densities of random halves of a
/// population; `None` for a single network.
fn density_band(side: Side<'_>, grid: &Grid) -> Option<DensityBand> {
    let per_set = networks_per_set(side.networks.len());
    let networks = side.in_sets(per_set);
    let n = networks.len() / per_set;
    let half = n / 2;
    if half == 0 {
        return None;
    }
    let histograms = NetworkHistograms::with_margins(&networks, per_set, side.bandwidth)?;
    let mut curves = Vec::new();
    for split in 0..N_SPLITS {
        let order = draw(n, Purpose::Band, &[side.bin as usize, split]);
        for half in [&order[..half], &order[half..2 * half]] {
            let sum = histograms.sum(half.iter().copied());
            curves.extend(histograms.density(&sum, grid));
        }
    }
    let at_point = |q: f64| {
        let points = 0..grid.len();
        let values = points.map(|i| curves.iter().map(|curve| curve[i]).collect::<Vec<f64>>());
        values.map(|values| quantile(&values, q)).collect()
    };
    (!curves.is_empty()).then(|| DensityBand {
        low: at_point(0.05),
        high: at_point(0.95),
    })
}

/// The indices below `n` in random order.
fn draw(n: usize, purpose: Purpose, indices: &[usize]) -> Vec<usize> {
    random_order(n, SEED, purpose as u64, indices)
}

#[cfg(test)]
mod tests;
