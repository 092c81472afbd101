//! Times fits for `benches/model_fits`, which runs scikit-learn on the same matrices.
//!
//! Arguments: a file of little-endian f64 (the features row by row, then one class or value per
//! row), the number of rows, the number of columns. Reads names of models from the standard input,
//! one a line. Answers each with the seconds of one fit.

#![allow(clippy::print_stdout, reason = "the output is what the script reads")]

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use cntflow_models::{ModelKind, Targets, TrainingRows, fit};
use ndarray::ArrayView2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, n_rows, n_columns] = &arguments[..] else {
        return Err("usage: time_fits FILE ROWS COLUMNS".into());
    };
    let (n_rows, n_columns): (usize, usize) = (n_rows.parse()?, n_columns.parse()?);
    let numbers: Vec<f64> = fs_err::read(path)?
        .chunks_exact(8)
        .map(|bytes| bytes.try_into().map(f64::from_le_bytes))
        .collect::<Result<_, _>>()?;
    let (features, targets) = numbers.split_at(n_rows * n_columns);
    let features = ArrayView2::from_shape((n_rows, n_columns), features)?;
    let classes: Vec<u32> = targets
        .iter()
        .map(|target| u32::from(*target > 0.5))
        .collect();
    let groups: Vec<u32> = (0..n_rows as u32).collect();
    for line in std::io::stdin().lock().lines() {
        let name = line?;
        let kind = ModelKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| format!("no model is called {name}"))?;
        let targets = if kind.is_classifier() {
            Targets::Classes {
                of_row: &classes,
                n_classes: 2,
            }
        } else {
            Targets::Values(targets)
        };
        let rows = TrainingRows {
            features,
            targets,
            groups: &groups,
        };
        let start = Instant::now();
        let model = fit(&kind.settings()[0], &rows, 1)?;
        let seconds = start.elapsed().as_secs_f64();
        std::hint::black_box(&model);
        println!("{seconds}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
