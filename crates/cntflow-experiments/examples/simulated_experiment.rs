//! Evaluates a simulated population and writes all tables of the experiment, as `cntflow run` does:
//! `simulated_experiment FOLDER [RUNS]`. For `tests/scores/check_with_scikit_learn`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for benches and checks, on tables of the tests"
)]

use std::path::PathBuf;

use cntflow_tables::{Table, TableStore};

#[path = "../tests/it/flow.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod flow;
#[path = "../tests/it/simulated.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulated;

use flow::{run_all, spec};
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
    let evaluation = experiment.evaluate(&fits);
    let tables = TableStore::new(&folder).experiment(&spec.name);
    tables.write_features(&experiment.feature_frame()?, &[])?;
    let frames = [
        (Table::Folds, experiment.fold_frame()?),
        (Table::Scores, experiment.score_frame(&evaluation)?),
        (
            Table::Predictions,
            experiment.prediction_frame(&fits, &evaluation)?,
        ),
        (
            Table::Importance,
            experiment.importance_frame(&fits, &evaluation)?,
        ),
    ];
    for (table, frame) in frames {
        tables.write_whole(table, &frame, &[])?;
    }
    Ok(())
}
