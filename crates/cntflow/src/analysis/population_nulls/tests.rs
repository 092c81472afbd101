//! What the nulls of simulated populations are.

use cntflow_metrics::population::{Density, SampleSummary};

use super::*;

/// Numbers between -1 and 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Networks whose values lie about a mean of their own, drawn about `mean`.
fn population(random: &mut Random, n: usize, mean: f64) -> Vec<SampleSummary> {
    let mut network = || -> SampleSummary {
        let own = mean + random.next();
        (0..40)
            .map(|_| own + random.next() + random.next())
            .collect()
    };
    (0..n).map(|_| network()).collect()
}

fn null_of(populations: [&[SampleSummary]; 2]) -> PairNull {
    let points = populations.map(|networks| networks.iter().map(SamplePoints::of).collect());
    let points: [Vec<SamplePoints>; 2] = points;
    let side = |index: usize| {
        let mut merged = SampleSummary::default();
        populations[index]
            .iter()
            .for_each(|network| merged.merge(network));
        Side {
            bin: index as i64,
            networks: &points[index],
            bandwidth: Density::of(&merged).unwrap().bandwidth(),
        }
    };
    pair_null([side(0), side(1)])
}

/// The largest distance between the distribution function of p-values and that of a uniform
/// number.
fn kolmogorov_distance(mut p_values: Vec<f64>) -> f64 {
    p_values.sort_by(f64::total_cmp);
    let n = p_values.len() as f64;
    let distances = p_values.iter().enumerate().map(|(i, p)| {
        let (below, above) = (i as f64 / n, (i + 1) as f64 / n);
        (p - below).abs().max((p - above).abs())
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn p_values_of_one_distribution_are_uniform() {
    let p_values = |sizes: [usize; 2]| -> Vec<f64> {
        let of_seed = |seed: u64| {
            let mut random = Random(seed * 7919 + 1);
            let [a, b] = sizes.map(|n| population(&mut random, n, 0.0));
            null_of([&a, &b]).p_value
        };
        (0..100).map(of_seed).collect()
    };
    // 1% of samples of 100 uniform numbers are further away than 0.163.
    for sizes in [[12, 12], [6, 20]] {
        let distance = kolmogorov_distance(p_values(sizes));
        assert!(distance < 0.163, "{sizes:?}: {distance}");
    }
}

/// From 512 networks on, sets of networks change places.
#[test]
fn p_values_of_sets_are_uniform() {
    let of_seed = |seed: u64| {
        let mut random = Random(seed * 104_729 + 1);
        let [a, b] = [520, 700].map(|n| population(&mut random, n, 0.0));
        null_of([&a, &b]).p_value
    };
    let p_values: Vec<f64> = (0..60).map(of_seed).collect();
    // 1% of samples of 60 uniform numbers are further away than 0.207.
    let distance = kolmogorov_distance(p_values);
    assert!(distance < 0.207, "{distance}");
}

#[test]
fn sets_leave_out_less_than_a_set_and_find_a_planted_difference() {
    let mut random = Random(21);
    let a = population(&mut random, 771, 0.0);
    let b = population(&mut random, 1000, 0.3);
    let found = null_of([&a, &b]);
    // 257 sets of three networks, half of them in each half.
    assert_eq!((found.networks, found.p_value), (Some(384), 0.0005));
    // Of a much larger population a share takes part.
    let large = population(&mut random, MOST_SETS + 500, 0.0);
    let unequal = null_of([&a[..40], &large]);
    assert_eq!(unequal.networks, Some(20));
    assert!(unequal.p_value > 0.001, "{unequal:?}");
}

#[test]
fn a_planted_difference_is_found() {
    let mut random = Random(5);
    let [a, b] = [0.0, 1.5].map(|mean| population(&mut random, 15, mean));
    let planted = null_of([&a, &b]);
    assert_eq!(planted.p_value, 0.0005);
    assert_eq!((planted.networks, &planted.reason), (Some(7), &None));
    assert!(
        planted.mean > 0.0 && planted.mean < planted.q95,
        "{planted:?}"
    );
}

#[test]
fn a_curve_lies_within_the_band_of_its_halves_nearly_everywhere() {
    let mut random = Random(11);
    let networks = population(&mut random, 16, 0.0);
    let mut merged = SampleSummary::default();
    networks.iter().for_each(|network| merged.merge(network));
    let density = Density::of(&merged).unwrap();
    let wider: SampleSummary = [-6.0, 6.0].into_iter().collect();
    let grid = Grid::over([&merged, &wider]).unwrap();
    let points: Vec<SamplePoints> = networks.iter().map(SamplePoints::of).collect();
    let side = Side {
        bin: 0,
        networks: &points,
        bandwidth: density.bandwidth(),
    };
    let band = density_band(side, &grid).unwrap();
    let curve = density.on(&grid);
    let within = (0..grid.len())
        .filter(|&i| band.low[i] <= curve[i] + 1e-3 && curve[i] <= band.high[i] + 1e-3);
    assert!(within.count() > 950);
    let single = Side {
        networks: &points[..1],
        ..side
    };
    assert!(density_band(single, &grid).is_none());
}

#[test]
fn halves_have_half_of_the_smaller_population() {
    let mut random = Random(9);
    let [a, b, single] = [5, 30, 1].map(|n| population(&mut random, n, 0.0));
    assert_eq!(null_of([&a, &b]).networks, Some(2));
    let without = null_of([&single, &b]);
    assert_eq!(without.reason.as_deref(), Some(SINGLE_NETWORK));
    assert!(without.mean.is_nan() && without.q95.is_nan() && without.p_value > 0.0);
}

#[test]
fn permuting_single_values_would_find_differences_that_are_none() {
    // Two networks to a population, each about a mean of its own: their values differ clearly,
    // and that says nothing of the populations.
    let mut random = Random(2);
    let [a, b] = [(); 2].map(|()| population(&mut random, 2, 0.0));
    assert!(null_of([&a, &b]).p_value > 0.3);
}
