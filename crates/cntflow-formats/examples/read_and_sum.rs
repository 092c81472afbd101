//! A lower bound of the time that measuring takes: THREADS threads open and check every file of a
//! folder, and sum every float in it.
//!
//! `cargo run --release --example read_and_sum -- FOLDER THREADS` prints the seconds and the sum.
//! `benches/metrics_speed` compares `cntflow measure` with it.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use cntflow_formats::{CheckpointError, OpenCheckpoint};

/// Floats summed side by side.
const LANES: usize = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("missing argument FOLDER: a folder of safetensors files")?;
    let threads: usize = arguments.next().as_deref().unwrap_or("2").parse()?;
    let entries = fs_err::read_dir(folder)?;
    let paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    let started = Instant::now();
    let shares = paths.chunks(paths.len().div_ceil(threads).max(1));
    let sum = std::thread::scope(|scope| {
        let threads: Vec<_> = shares
            .map(|paths| scope.spawn(move || paths.iter().map(|path| sum_of(path)).sum()))
            .collect();
        let sums = threads.into_iter().map(|thread| thread.join());
        sums.map(|sum| sum.unwrap_or(Ok(f64::NAN)))
            .sum::<Result<f64, CheckpointError>>()
    })?;
    println!("{} {sum}", started.elapsed().as_secs_f64());
    Ok(())
}

fn sum_of(path: &Path) -> Result<f64, CheckpointError> {
    let checkpoint = OpenCheckpoint::open(path)?;
    let tensors = checkpoint.tensors();
    let sums = tensors
        .iter()
        .map(|tensor| Ok(sum(&checkpoint.values(&tensor.name)?)));
    sums.sum()
}

fn sum(values: &[f32]) -> f64 {
    let (runs, rest) = values.as_chunks::<LANES>();
    let blocks = runs.chunks(128).map(|runs| {
        let mut lanes = [0.0_f32; LANES];
        for run in runs {
            lanes.iter_mut().zip(run).for_each(|(lane, x)| *lane += x);
        }
        lanes.iter().map(|&x| f64::from(x)).sum::<f64>()
    });
    blocks.sum::<f64>() + rest.iter().map(|&x| f64::from(x)).sum::<f64>()
}
