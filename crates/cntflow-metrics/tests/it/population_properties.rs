//! What holds for every sample: merging, subsets, shifting and scaling, and the ranges of
//! divergences.

use cntflow_metrics::population::{
    Comparison, Density, Grid, NoDensity, SampleBuilder, SampleSummary,
};

use crate::common::{Random, close};

/// Values of very different sizes: some repeated, some zero, both signs.
fn values(seed: u64, n: usize) -> Vec<f64> {
    let mut random = Random(seed);
    let mut value = || match random.size(0, 9) {
        0 => 0.0,
        1 => f64::from(random.weight()).powi(9),
        2 => (f64::from(random.weight()) * 8.0).floor(),
        3 => f64::from(random.weight()) / (f64::from(random.weight()).abs() + 1e-6),
        _ => f64::from(random.weight()) * std::f64::consts::PI,
    };
    (0..n).map(|_| value()).collect()
}

fn summary(values: &[f64]) -> SampleSummary {
    values.iter().copied().collect()
}

fn compare(a: &SampleSummary, b: &SampleSummary) -> Comparison {
    Comparison::of([a, b], [&Density::of(a), &Density::of(b)])
}

#[test]
fn parts_merged_in_any_order_are_the_whole_to_the_last_bit() {
    for (seed, n) in [(1, 300), (2, 5_000), (3, 100_000)] {
        let values = values(seed, n);
        let whole = summary(&values);
        for parts in [1, 2, 7, 40] {
            let size = n.div_ceil(parts);
            let mut parts: Vec<SampleSummary> = values.chunks(size).map(summary).collect();
            for turn in 0..3 {
                let mut merged = SampleSummary::default();
                parts.iter().for_each(|part| merged.merge(part));
                assert_eq!(merged, whole, "{n} values in {} parts", parts.len());
                assert_eq!(merged.to_bytes(), whole.to_bytes());
                match turn {
                    0 => parts.reverse(),
                    _ => parts.sort_by_key(SampleSummary::count),
                }
            }
        }
    }
}

#[test]
fn a_value_that_counts_several_times_is_as_many_values() {
    let values = values(4, 6_000);
    let mut builder = SampleBuilder::default();
    let mut repeated = Vec::new();
    for (i, &x) in values.iter().enumerate() {
        let times = i % 4;
        builder.add(x, times as u64);
        repeated.extend(std::iter::repeat_n(x, times));
    }
    assert_eq!(builder.finish(), summary(&repeated));
}

#[test]
fn moments_are_those_of_the_values() {
    for (seed, n) in [(5, 100), (6, 50_000)] {
        let values = values(seed, n);
        let sample = summary(&values);
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let variance = squares / (n - 1) as f64;
        assert_eq!(sample.count(), n as u64);
        assert!((sample.mean() - mean).abs() < 1e-9 * variance.sqrt());
        assert!(close(sample.variance() / variance, 1.0, 1e-7));
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(sample.min(), least);
    }
}

#[test]
fn powers_of_two_scale_a_density_exactly_in_what_is_binned() {
    let values = values(7, 30_000);
    let scaled: Vec<f64> = values.iter().map(|x| x * 1024.0).collect();
    let [a, b] = [summary(&values), summary(&scaled)];
    let [of_a, of_b] = [&a, &b].map(|sample| {
        let density = Density::of(sample).unwrap();
        density.on(&Grid::over([sample]).unwrap())
    });
    for (a, b) in of_a.iter().zip(of_b) {
        assert!(close(b * 1024.0 / a, 1.0, 1e-9) || *a < 1e-200);
    }
}

#[test]
fn shifting_a_density_moves_it() {
    let mut random = Random(8);
    let values: Vec<f64> = (0..20_000).map(|_| f64::from(random.weight())).collect();
    let shifted: Vec<f64> = values.iter().map(|x| x + 5.0).collect();
    let [a, b] = [summary(&values), summary(&shifted)].map(|sample| {
        let density = Density::of(&sample).unwrap();
        density.on(&Grid::over([&sample]).unwrap())
    });
    let largest = a.iter().copied().fold(0.0, f64::max);
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs() / largest);
    assert!(differences.fold(0.0, f64::max) < 1e-6);
}

#[test]
fn a_density_integrates_to_one() {
    let sample = summary(&values(9, 3_000));
    let density = Density::of(&sample).unwrap();
    let h = density.bandwidth();
    let around: SampleSummary = [sample.min() - 9.0 * h, sample.max() + 9.0 * h]
        .into_iter()
        .collect();
    let grid = Grid::over([&around]).unwrap();
    if grid.step() < h {
        let sum: f64 = density.on(&grid).iter().sum();
        assert!((sum * grid.step() - 1.0).abs() < 1e-6, "{sum}");
    }
}

#[test]
fn divergences_stay_in_their_ranges() {
    for seed in 10..16 {
        let [a, b] = [values(seed, 4_000), values(seed + 100, 9_000)].map(|v| summary(&v));
        let (one, other) = (compare(&a, &b), compare(&b, &a));
        let found = one.divergences.unwrap();
        assert_eq!(one, other, "symmetric to the last bit");
        assert!(found.jeffreys > 0.0 && (0.0..=1.0).contains(&found.jensen_shannon));
        assert!(one.wasserstein > 0.0);
        let same = compare(&a, &a.clone());
        let found = same.divergences.unwrap();
        assert_eq!(
            (found.jeffreys, found.jensen_shannon, found.sum_on_grid),
            (0.0, 0.0, 0.0)
        );
        assert_eq!(same.wasserstein, 0.0);
    }
}

#[test]
fn supports_far_apart_are_infinitely_so_by_jeffreys_alone() {
    let a = summary(&[0.0, 1.0, 2.0]);
    let b = summary(&[1000.0, 1001.0, 1002.0]);
    let found = compare(&a, &b);
    let divergences = found.divergences.unwrap();
    assert_eq!(divergences.jeffreys, f64::INFINITY);
    assert_eq!(divergences.sum_on_grid, f64::INFINITY);
    assert!((divergences.jensen_shannon - 1.0).abs() < 1e-12);
    assert!((found.wasserstein - 1000.0).abs() < 1e-9);
}

#[test]
fn without_spread_there_is_no_density_and_the_error_says_why() {
    let reason = |values: &[f64]| Density::of(&summary(values)).unwrap_err();
    assert_eq!(reason(&[]), NoDensity::Empty);
    assert_eq!(reason(&[f64::NAN, f64::INFINITY]), NoDensity::Empty);
    assert_eq!(reason(&[1.0]), NoDensity::Single);
    assert_eq!(reason(&[0.1; 50]), NoDensity::Constant);
    assert_eq!(reason(&[1e300, -1e300]), NoDensity::Bandwidth);
    assert_eq!(reason(&[1e-90, 2e-90]), NoDensity::Bandwidth);
    let equal = summary(&[0.1; 50]);
    let found = compare(&equal, &summary(&[0.6, 0.2]));
    assert_eq!(found.divergences, Err(NoDensity::Constant));
    assert!((found.wasserstein - 0.3).abs() < 1e-12);
}

#[test]
fn extreme_values_do_no_harm() {
    let extremes = [f64::MAX, f64::MIN, 5e-324, -5e-324, 0.0, -0.0, 1e-310];
    let many = (0..9_000).map(|i| f64::from(i) * 1e-3);
    let sample: SampleSummary = many.chain(extremes).collect();
    assert_eq!(sample.count(), 9_007);
    assert_eq!((sample.min(), sample.max()), (f64::MIN, f64::MAX));
    assert!(Density::of(&sample).is_err());
}
