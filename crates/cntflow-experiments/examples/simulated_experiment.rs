//! Evaluates a simulated population and writes all tables of the experiment, as `cntflow run` does:
//! `simulated_experiment FOLDER [RUNS]`. For `tests/scores/check_with_scikit_learn`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for benches and checks, on tables of the tests"
)]

use std::path::PathBuf;

#[path = "../tests/it/flow.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod flow;
#[path = "../tests/it/simulated.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulated;

use flow::{run_all, spec, write_tables};
use simulated::SyntheticPopulation;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: simulated_experiment FOLDER [RUNS]")?,
    );
    let runs = arguments.next().map_or(Ok(300), |runs| runs.parse())?;
    let mut spec = spec("permutations = 19\nprotocol = { draws = 100 }");
    spec.models = Vec::new();
    spec.features.push("link_weights + tensor_7".parse()?);
    let experiment = SyntheticPopulation::equal_signal(runs, 1)
        .tables()
        .prepare(&spec);
    let fits = run_all(&experiment);
    write_tables(&experiment, &fits, &folder);
    Ok(())
}
