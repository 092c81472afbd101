//! Whether the 95% interval of a difference of two feature choices holds the truth, and how often a
//! finding at 5% is wrong.
//!
//! Both families of metrics are equally good by construction: the truth is a difference of 0. The
//! acceptance figures, of 200 populations each (a minute on 2 busy cores):
//!
//! ```sh
//! cargo test --release -p cntflow-experiments --test it -- --ignored --nocapture
//! ```
//!
//! | population | groups | AUC | coverage | wrong findings | spread | mean error |
//! |---|---|---|---|---|---|---|
//! | null | 150 | 0.513 | 96.0% | 4.0% | 0.1245 | 0.1376 |
//! | null | 450 | 0.509 | 96.0% | 4.0% | 0.0729 | 0.0798 |
//! | equal signal | 150 | 0.817 | 95.0% | 5.0% | 0.0840 | 0.0834 |
//! | equal signal | 450 | 0.822 | 92.5% | 7.5% | 0.0473 | 0.0460 |
//!
//! `spread` is the root mean square of the differences, `mean error` that of their standard errors.
//! With the sum of DeLong's variance and the jackknife's, which was tried first, coverage was 100%,
//! 100%, 96.0% and 94.0%. `POPULATIONS=1000` simulates that many of each:
//! coverage is then 95.9%, 96.1%, 96.2% and 95.4%.

use cntflow_experiments::evaluation::Finding;

use super::flow::spec;
use super::simulated::SyntheticPopulation;

/// What a number of populations gave.
#[derive(Debug, Default)]
struct Outcome {
    n: usize,
    n_covered: usize,
    n_wrong: usize,
    sum_of_auc: f64,
    sum_of_squares: f64,
    sum_of_variances: f64,
}

impl Outcome {
    fn of(population: Recipe, runs: usize, n: usize) -> Self {
        let mut outcome = Self::default();
        for seed in 0..n as u64 {
            let spec = spec(&format!(
                "permutations = 0\nprotocol = {{ draws = 20, seed = {seed} }}"
            ));
            let evaluation = population(runs, 1_000 + seed).tables().evaluate(&spec);
            let verdict = &evaluation.verdicts[0];
            let comparison = verdict.comparison.unwrap();
            outcome.n += 1;
            outcome.n_covered += usize::from(comparison.contains(0.0));
            outcome.n_wrong +=
                usize::from(matches!(verdict.finding, Finding::Above | Finding::Below));
            outcome.sum_of_auc += evaluation.scores[0].figures["auc"].value;
            outcome.sum_of_squares += comparison.difference.powi(2);
            outcome.sum_of_variances += comparison.standard_error.powi(2);
        }
        outcome
    }

    fn coverage(&self) -> f64 {
        self.n_covered as f64 / self.n as f64
    }

    /// The figures as a row of a table.
    fn row(&self, name: &str, runs: usize) -> String {
        let n = self.n as f64;
        format!(
            "| {name} | {runs} | {:.3} | {:.1}% | {:.1}% | {:.4} | {:.4} |",
            self.sum_of_auc / n,
            100.0 * self.coverage(),
            100.0 * self.n_wrong as f64 / n,
            (self.sum_of_squares / n).sqrt(),
            (self.sum_of_variances / n).sqrt(),
        )
    }
}

type Recipe = fn(usize, u64) -> SyntheticPopulation;

const POPULATIONS: [(&str, Recipe); 2] = [
    ("null", SyntheticPopulation::null),
    ("equal signal", SyntheticPopulation::equal_signal),
];

/// With 20 populations a coverage of 95% gives fewer than 16 hits once in 400.
#[test]
fn intervals_of_a_difference_hold_0_in_most_of_20_populations() {
    for (name, population) in POPULATIONS {
        let outcome = Outcome::of(population, 150, 20);
        assert!(outcome.n_covered >= 16, "{name}: {outcome:?}");
    }
}

#[test]
#[ignore = "minutes: the acceptance figures; run as the module documentation says"]
fn intervals_of_a_difference_hold_0_in_92_to_98_percent_of_200_populations() {
    let n = std::env::var("POPULATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(200);
    let mut are_held = true;
    println!("| population | groups | AUC | coverage | wrong findings | spread | mean error |");
    for (name, population) in POPULATIONS {
        for runs in [150, 450] {
            let outcome = Outcome::of(population, runs, n);
            println!("{}", outcome.row(name, runs));
            are_held &= (0.92..=0.98).contains(&outcome.coverage());
        }
    }
    assert!(are_held);
}
