//! Trains the `[population]` of a study file on threads of its own and prints how the last test
//! accuracies spread.
//!
//! ```text
//! cargo run --release -p cntflow-zoo --example population_spread -- \
//!     STUDY.toml [--threads N] [--every N]
//! ```
#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cntflow_zoo::{PopulationSpec, RunSpec, RunStatus, TrainingData, train};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(serde::Deserialize)]
struct Study {
    population: PopulationSpec,
}

/// What became of one run.
struct Outcome {
    group: String,
    line: String,
    accuracy: Option<f64>,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let study = arguments
        .first()
        .ok_or("usage: population_spread STUDY.toml [--threads N] [--every N]")?;
    let option = |name: &str| {
        let index = arguments.iter().position(|argument| argument == name);
        index
            .and_then(|index| arguments.get(index + 1))
            .map_or(Ok(1), |value| value.parse::<usize>())
    };
    let Study { population } = toml::from_str(&fs_err::read_to_string(study)?)?;
    let mut runs: Vec<RunSpec> = population
        .draw()?
        .into_iter()
        .step_by(option("--every")?)
        .collect();
    let mut data = BTreeMap::new();
    for run in &runs {
        if !data.contains_key(&run.dataset) {
            data.insert(run.dataset.clone(), TrainingData::open(&run.dataset)?);
        }
    }
    runs.sort_by(|one, other| other.cost().total_cmp(&one.cost()));
    let start = Instant::now();
    let outcomes = train_all(&runs, &data, option("--threads")?)?;
    print_spread(&outcomes);
    let seconds: f64 = outcomes.iter().map(|outcome| outcome.seconds).sum();
    println!(
        "{} runs in {:.1} s, {seconds:.1} s of training",
        runs.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn train_all(
    runs: &[RunSpec],
    data: &BTreeMap<String, TrainingData>,
    threads: usize,
) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = train_one(run, &data[&run.dataset], folder.path());
                    outcomes.lock().expect("no thread panics").push(outcome);
                }
            });
        }
    });
    Ok(outcomes.into_inner()?)
}

fn train_one(run: &RunSpec, data: &TrainingData, folder: &std::path::Path) -> Outcome {
    let start = Instant::now();
    let result = train(run, data, folder, &|| false);
    let seconds = start.elapsed().as_secs_f64();
    let (accuracy, status) = match &result {
        Ok(trained) => match &trained.status {
            RunStatus::Trained => (
                trained.checkpoints.last().map(|kept| kept.test.accuracy),
                String::new(),
            ),
            RunStatus::Diverged(reason) => (None, reason.clone()),
        },
        Err(error) => (None, error.to_string()),
    };
    let labels: Vec<String> = run
        .labels()
        .iter()
        // Group, data set, layer type and depth are clear from the run's name.
        .skip(4)
        .map(|(_, label)| label.to_string())
        .collect();
    let line = format!(
        "{:.3} {:.2}s {} {} {status}",
        accuracy.unwrap_or(f64::NAN),
        seconds,
        run.run,
        labels.join(" ")
    );
    Outcome {
        group: run.group.clone(),
        line,
        accuracy,
        seconds,
    }
}

fn print_spread(outcomes: &[Outcome]) {
    let mut lines: Vec<&str> = outcomes
        .iter()
        .map(|outcome| outcome.line.as_str())
        .collect();
    lines.sort_unstable();
    lines.iter().for_each(|line| println!("{line}"));
    let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        groups.entry(&outcome.group).or_default().push(outcome);
        // `~` sorts after every name of a group.
        groups.entry("~all").or_default().push(outcome);
    }
    println!("group runs diverged <.30 .30-.85 >.85 >.94 seconds/run");
    for (group, outcomes) in groups {
        let n = outcomes.len() as f64;
        let share = |low: f64, high: f64| {
            let inside = |accuracy: f64| accuracy >= low && accuracy < high;
            outcomes
                .iter()
                .filter(|outcome| outcome.accuracy.is_some_and(inside))
                .count() as f64
                / n
        };
        let diverged = outcomes
            .iter()
            .filter(|outcome| outcome.accuracy.is_none())
            .count();
        let seconds = outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>() / n;
        println!(
            "{group} {n} {diverged} {:.2} {:.2} {:.2} {:.2} {seconds:.2}",
            share(0.0, 0.3),
            share(0.3, 0.85),
            share(0.85, 2.0),
            share(0.94, 2.0)
        );
    }
}
