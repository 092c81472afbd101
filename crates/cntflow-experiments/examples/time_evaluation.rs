//! Evaluates one large feature set on two threads and prints the seconds of its parts. For
//! `benches/evaluation_speed`: `time_evaluation NETWORKS COLUMNS TABLES_FOLDER [--forest]`. Every
//! model, or the forest alone, is fitted with all of its settings on 3 x 5 folds and refitted once.
//! With `--forest-settings` it prints the settings of the forest.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for benches and checks, on tables of the tests"
)]

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use cntflow_experiments::evaluation::{Experiment, FitRow, FitTask};
use cntflow_experiments::spec::ExperimentSpec;

#[path = "../tests/it/flow.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod flow;
#[path = "../tests/it/simulated.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulated;

const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--forest-settings"] {
        let settings = cntflow_models::ModelKind::RandomForest.settings();
        let texts: Vec<String> = settings.iter().map(ToString::to_string).collect();
        println!("{}", texts.join(";"));
        return Ok(());
    }
    let [networks, columns, folder, more @ ..] = arguments.as_slice() else {
        return Err("usage: time_evaluation NETWORKS COLUMNS TABLES_FOLDER [--forest]".into());
    };
    let (networks, columns) = (networks.parse()?, columns.parse()?);
    let mut spec: ExperimentSpec = flow::spec("permutations = 0\nprotocol = { draws = 100 }");
    spec.features = vec!["link_weights".parse()?];
    spec.primary = None;
    spec.representation = cntflow_experiments::spec::Representation::Position;
    spec.models = if more == ["--forest"] {
        vec![cntflow_models::ModelKind::RandomForest]
    } else {
        Vec::new()
    };
    let tables = simulated::wide_tables(networks, columns);
    let start = Instant::now();
    let experiment = tables.prepare(&spec);
    println!("prepare {:.2}", start.elapsed().as_secs_f64());
    drop(tables);
    let start = Instant::now();
    let mut fits = run_on_threads(&experiment, experiment.fold_tasks());
    let choices = experiment.choose(&fits);
    fits.extend(run_on_threads(
        &experiment,
        experiment.refit_tasks(&choices),
    ));
    println!("fits {:.2}", start.elapsed().as_secs_f64());
    let start = Instant::now();
    flow::write_tables(&experiment, &fits, Path::new(folder));
    println!("results {:.2}", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs tasks, each by the first thread that is free.
fn run_on_threads(experiment: &Experiment, tasks: Vec<FitTask>) -> Vec<FitRow> {
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().ok()?.next();
    let work = || {
        let mut rows = Vec::new();
        while let Some(task) = next() {
            rows.extend(experiment.run(&task));
        }
        rows
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .flatten()
            .collect()
    })
}
