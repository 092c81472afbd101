//! Densities, divergences and distances against scipy's:
//! `tests/reference/make_population_reference.py`.

use std::path::Path;

use cntflow_metrics::population::{
    Comparison, Density, Grid, SampleBuilder, SampleSummary, wasserstein,
};
use serde::Deserialize;

use crate::common::Random;

/// Largest difference of a density, relative to its largest value.
const DENSITY: f64 = 1e-6;

/// Largest relative difference of divergences, which are sums over all points.
const DIVERGENCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    samples: [Sample; 2],
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sample {
    Bits(String),
    Draw(Draw),
}

#[derive(Deserialize)]
struct Draw {
    kind: String,
    seed: u64,
    n: usize,
    scale: f64,
    shift: f64,
}

#[derive(Deserialize)]
struct Expected {
    count: [u64; 2],
    mean: [f64; 2],
    variance: [f64; 2],
    bandwidth: [f64; 2],
    largest: [f64; 2],
    density: [Vec<f64>; 2],
    jeffreys: Option<f64>,
    jensen_shannon: f64,
    sum_on_grid: Option<f64>,
    wasserstein: f64,
}

impl Sample {
    fn values(&self) -> Vec<f64> {
        match self {
            Self::Bits(text) => from_hex(text),
            Self::Draw(draw) => draw.values(),
        }
    }
}

fn from_hex(text: &str) -> Vec<f64> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    let value = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| byte(at + 2 * i)));
    (0..text.len()).step_by(16).map(value).collect()
}

impl Draw {
    fn values(&self) -> Vec<f64> {
        let mut random = Random(self.seed);
        let mut u = || (random.next() >> 40) as f64 / f64::from(1 << 24);
        let mut one = || match self.kind.as_str() {
            "bell" => (0..12).map(|_| u()).sum::<f64>() - 6.0,
            "skewed" => u() * u() * u(),
            "bimodal" => {
                let bell = u() + u() + u() + u() - 2.0;
                let middle = if u() < 0.3 { -3.0 } else { 1.0 };
                middle + 0.2 * bell
            }
            "heavy" => {
                let (a, b) = (u(), 1.0 - u() + 2.0_f64.powi(-24));
                (a - 0.5) / b / b.sqrt()
            }
            "atoms" => {
                let (a, b) = (u(), u());
                if b < 0.1 { a } else { (7.0 * a).floor() / 8.0 }
            }
            kind => panic!("no draw of kind {kind}"),
        };
        let values = (0..self.n).map(|_| one() * self.scale + self.shift);
        values.collect()
    }
}

#[track_caller]
fn near(what: &str, found: f64, expected: f64, tolerance: f64) {
    let difference = (found - expected).abs();
    assert!(
        difference <= tolerance * expected.abs(),
        "{what}: {found} instead of {expected}"
    );
}

fn check(name: &str, case: &Case) {
    let values = [0, 1].map(|side| case.samples[side].values());
    let samples = [0, 1].map(|side| values[side].iter().copied().collect::<SampleSummary>());
    let densities = [0, 1].map(|side| Density::of(&samples[side]));
    let grid = Grid::over(&samples).unwrap();
    let expected = &case.expected;
    for side in [0, 1] {
        let sample = &samples[side];
        assert_eq!(sample.count(), expected.count[side], "{name}");
        let spread = expected.variance[side].sqrt();
        let mean = (sample.mean() - expected.mean[side]).abs();
        assert!(mean < 1e-7 * spread, "{name}: mean off by {mean}");
        let density = densities[side].as_ref().unwrap();
        near(name, density.bandwidth(), expected.bandwidth[side], 1e-7);
        assert!(
            density.error_bound() < 1e-4,
            "{name}: {}",
            density.error_bound()
        );
        let found = density.on(&grid);
        for (i, &value) in expected.density[side].iter().enumerate() {
            let difference = (found[20 * i] - value).abs() / expected.largest[side];
            assert!(difference < DENSITY, "{name}: off by {difference} at {i}");
            assert_eq!(found[20 * i] == 0.0, value == 0.0, "{name} at {i}");
        }
    }
    let found = Comparison::of([&samples[0], &samples[1]], [&densities[0], &densities[1]]);
    let divergences = found.divergences.unwrap();
    let infinite = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
    for (what, found, expected) in [
        (
            "jeffreys",
            divergences.jeffreys,
            infinite(expected.jeffreys),
        ),
        (
            "sum_on_grid",
            divergences.sum_on_grid,
            infinite(expected.sum_on_grid),
        ),
        (
            "jensen_shannon",
            divergences.jensen_shannon,
            expected.jensen_shannon,
        ),
    ] {
        if expected.is_infinite() {
            assert_eq!(found, expected, "{name}: {what}");
        } else {
            near(&format!("{name}: {what}"), found, expected, DIVERGENCE);
        }
    }
    let exact = samples.iter().all(SampleSummary::is_exact);
    let difference = (found.wasserstein - expected.wasserstein).abs();
    let rounding = 1e-12 * (expected.wasserstein + values[0][0].abs());
    assert!(
        difference <= found.wasserstein_error + rounding,
        "{name}: {difference}"
    );
    assert_eq!(exact, found.wasserstein_error == 0.0, "{name}");
}

#[test]
fn densities_divergences_and_distances_equal_scipys() {
    let folder = Path::new("../../tests/reference/population");
    let mut n = 0;
    for file in fs_err::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let case: Case = serde_json::from_str(&fs_err::read_to_string(&path).unwrap()).unwrap();
        check(&path.file_stem().unwrap().to_string_lossy(), &case);
        n += 1;
    }
    assert_eq!(n, 15, "cases");
}

/// A density by its definition.
fn by_definition(values: &[f64], h: f64, y: f64) -> f64 {
    let kernels = values.iter().map(|x| (-0.5 * ((y - x) / h).powi(2)).exp());
    kernels.sum::<f64>() / (values.len() as f64 * h * (2.0 * std::f64::consts::PI).sqrt())
}

/// scipy takes minutes for these.
#[test]
fn densities_of_a_million_values_are_those_of_the_definition() {
    for kind in ["bell", "skewed", "bimodal", "heavy", "atoms"] {
        let (kind, n) = (kind.to_owned(), 1_000_000);
        let draw = Draw {
            kind,
            seed: 5,
            n,
            scale: 0.05,
            shift: 0.01,
        };
        let values = draw.values();
        let mut builder = SampleBuilder::default();
        values.iter().for_each(|&x| builder.add(x, 1));
        let sample = builder.finish();
        assert!(!sample.is_exact() && sample.bytes() < 400_000);
        let density = Density::of(&sample).unwrap();
        let grid = Grid::over([&sample]).unwrap();
        let found = density.on(&grid);
        let largest = found.iter().copied().fold(0.0, f64::max);
        // The middle is where the values are.
        let middle = found.iter().position(|&value| value == largest).unwrap();
        for i in [middle, middle + 3, middle + 40, 0, 250, 500, 750, 999] {
            let i = i.min(999);
            let expected = by_definition(&values, density.bandwidth(), grid.point(i));
            let difference = (found[i] - expected).abs() / largest;
            assert!(difference < 0.5 * DENSITY, "{}: {difference}", draw.kind);
        }
    }
}

#[test]
fn distances_of_binned_samples_keep_their_bound() {
    let draw = |seed, shift| Draw {
        kind: "bell".to_owned(),
        seed,
        n: 30_000,
        scale: 1.0,
        shift,
    };
    let [mut a, mut b] = [draw(1, 0.0).values(), draw(2, 0.001).values()];
    let [of_a, of_b] = [&a, &b].map(|values| values.iter().copied().collect::<SampleSummary>());
    let (found, bound) = wasserstein(&of_a, &of_b);
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let exact: f64 = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).sum::<f64>() / 30_000.0;
    assert!(
        (found - exact).abs() <= bound && bound < 0.003,
        "{found} {exact} {bound}"
    );
}
