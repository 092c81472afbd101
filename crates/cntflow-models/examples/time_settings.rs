//! Times one fit of each setting of a model, and shows how well it predicts other rows.
//!
//! Arguments: the name of a model, the number of training rows, the number of columns; then,
//! optionally, indices of settings. Columns share twelve causes, as in `benches/model_fits`. The
//! targets have a linear, a nonlinear and a random part.

#![allow(clippy::print_stdout, reason = "the output is the table")]

use std::error::Error;
use std::time::Instant;

use cntflow_models::{ModelKind, Predictions, Targets, TrainingRows, fit};
use cntflow_statistics::random::random_stream;
use ndarray::{Array1, Array2, s};
use rand::RngExt;

const N_CAUSES: usize = 12;
const N_TEST: usize = 4_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, n_rows, n_columns, chosen @ ..] = &arguments[..] else {
        return Err("usage: time_settings MODEL ROWS COLUMNS [SETTING...]".into());
    };
    let kind = ModelKind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| format!("no model is called {name}"))?;
    let (n_rows, n_columns): (usize, usize) = (n_rows.parse()?, n_columns.parse()?);
    let chosen: Vec<usize> = chosen
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    let (features, values) = rows(n_rows + N_TEST, n_columns);
    let classes: Vec<u32> = values.iter().map(|value| u32::from(*value > 0.0)).collect();
    let groups: Vec<u32> = (0..n_rows as u32).collect();
    let targets = if kind.is_classifier() {
        Targets::Classes {
            of_row: &classes[..n_rows],
            n_classes: 2,
        }
    } else {
        Targets::Values(&values[..n_rows])
    };
    let training = TrainingRows {
        features: features.slice(s![..n_rows, ..]),
        targets,
        groups: &groups,
    };
    let mut total = 0.0;
    for (index, setting) in kind.settings().iter().enumerate() {
        if !chosen.is_empty() && !chosen.contains(&index) {
            continue;
        }
        let start = Instant::now();
        let model = fit(setting, &training, 1)?;
        let seconds = start.elapsed().as_secs_f64();
        total += seconds;
        let figure = match model.predict(features.slice(s![n_rows.., ..])) {
            Predictions::Scores(scores) => auc(&scores, &classes[n_rows..]),
            Predictions::Values(predicted) => r2(&predicted, &values[n_rows..]),
            Predictions::ClassScores(_) => f64::NAN,
        };
        println!("{seconds:8.2} s  {figure:.4}  {setting}");
    }
    println!("{total:8.2} s");
    Ok(())
}

/// Features and values.
fn rows(n_rows: usize, n_columns: usize) -> (Array2<f64>, Vec<f64>) {
    let mut rng = random_stream(1, 0, &[]);
    // The sum of twelve uniform numbers is nearly normal.
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let weights = Array2::from_shape_simple_fn((N_CAUSES, n_columns), &mut normal);
    let mut features = Array2::zeros((n_rows, n_columns));
    let values = features.rows_mut().into_iter().map(|mut row| {
        let causes = Array1::from_shape_simple_fn(N_CAUSES, &mut normal);
        row.assign(&(causes.dot(&weights) * 0.7));
        row.mapv_inplace(|value| value + normal());
        causes[0] + causes[1] * causes[2] + 0.7 * normal()
    });
    let values = values.collect();
    (features, values)
}

fn auc(scores: &[f64], classes: &[u32]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut n_low, mut n_high, mut wins) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let high = tied.iter().filter(|&&row| classes[row] == 1).count() as f64;
        let low = tied.len() as f64 - high;
        wins += high * (n_low + low / 2.0);
        n_low += low;
        n_high += high;
    }
    wins / (n_low * n_high)
}

fn r2(predicted: &[f64], values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let errors = predicted.iter().zip(values).map(|(p, v)| (p - v).powi(2));
    1.0 - errors.sum::<f64>()
        / values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
}
