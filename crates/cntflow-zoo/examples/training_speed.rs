//! Processor seconds of one epoch of training, as JSON, for `benches/training_vs_pytorch`.
//!
//! `cargo run --release -p cntflow-zoo --example training_speed -- CASE [epochs]`
#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::cell::{Cell, RefCell};
use std::error::Error;

use cntflow_zoo::{Dataset, PopulationSpec, RunSpec, Split, TrainingData, train};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images of the training set the benchmark draws from.
const IMAGES: usize = 2000;

const CASES: &str = "dense|dense-64|two-convolutions|strided-convolutions|small-cnn|autoencoder|\
                     convolutional-autoencoder|CELL-LAYERSxUNITS, such as lstm-2x64";

fn main() -> Result<(), Box<dyn Error>> {
    let case = std::env::args().nth(1).unwrap_or_default();
    let epochs: u32 = std::env::args()
        .nth(2)
        .map_or(Ok(3), |epochs| epochs.parse())?;
    let strided = "{ filters = 16, kernel = 3, stride = 2 }";
    let (architecture, activation, batch_size, passes) = match case.as_str() {
        "dense" => ("{ dense = [32] }".to_owned(), "relu", 16, 5),
        "dense-64" => ("{ dense = [64] }".to_owned(), "relu", 32, 5),
        "two-convolutions" => {
            let layer = "{ filters = 10, kernel = 3 }";
            let layers = format!("{{ convolutional = [{layer}, {layer}] }}");
            (layers, "relu", 64, 1)
        }
        "strided-convolutions" => {
            let layers = format!("{{ convolutional = [{strided}, {strided}, {strided}] }}");
            (layers, "relu", 64, 1)
        }
        // The design of the Small CNN Zoo (Unterthiner et al. 2020).
        "small-cnn" => {
            let last = strided.replace('}', ", pool = { kind = \"average\", window = \"all\" } }");
            let layers = format!("{{ convolutional = [{strided}, {strided}, {last}] }}");
            (layers, "relu", 32, 1)
        }
        "autoencoder" => {
            let layers = "{ autoencoder = { hidden = [128], code = 32 } }";
            (layers.to_owned(), "relu", 64, 1)
        }
        "convolutional-autoencoder" => {
            let layer =
                |filters| format!("{{ filters = {filters}, kernel = 3, stride = 2, padding = 1 }}");
            let layers = format!(
                "{{ convolutional_autoencoder = [{}, {}] }}",
                layer(8),
                layer(16)
            );
            (layers, "relu", 64, 1)
        }
        _ => {
            let Some(layers) = recurrent_layers(&case) else {
                return Err(format!("usage: training_speed {CASES} [epochs]").into());
            };
            (layers, "tanh", 32, 1)
        }
    };
    let spec = run(
        &architecture,
        activation,
        batch_size,
        epochs * passes as u32,
    )?;
    time(&case, &spec, passes)
}

/// The architecture that a case such as `lstm-2x64` names: two LSTM layers of 64 units.
fn recurrent_layers(case: &str) -> Option<String> {
    let (cell, sizes) = case.split_once('-')?;
    let (layers, units) = sizes.split_once('x')?;
    Some(format!(
        "{{ {cell} = {{ layers = {layers}, units = {units} }} }}"
    ))
}

/// Seconds that the processor has spent on this thread, from Linux's record of it.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let record = fs_err::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = record.split_whitespace().next().ok_or("an empty record")?;
    Ok(nanoseconds.parse::<f64>()? * 1e-9)
}

/// Trains, and prints the fastest and the median time of `passes` epochs.
fn time(case: &str, spec: &RunSpec, passes: usize) -> Result<(), Box<dyn Error>> {
    let batch = spec.batch_size as usize;
    let data = TrainingData::new(
        Dataset::open("mnist-6k", Split::Train)?.sample(IMAGES),
        Dataset::open("mnist-6k", Split::Test)?.first(1),
    );
    let batches = IMAGES.div_ceil(batch) * passes;
    let (n_started, starts) = (Cell::new(0), RefCell::new(Vec::new()));
    let note_start = || {
        if n_started.get() % batches == 0 {
            starts.borrow_mut().push(processor_seconds());
        }
        n_started.set(n_started.get() + 1);
        false
    };
    let folder = tempfile::tempdir()?;
    train(spec, &data, folder.path(), &note_start)?;
    // A time is from the first batch of one group of `passes` epochs to the first batch of the next
    // group. The last group therefore has no time of its own.
    let firsts: Vec<f64> = starts.into_inner().into_iter().collect::<Result<_, _>>()?;
    let mut seconds: Vec<f64> = firsts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{{\"case\": \"{case}\", \"images\": {}, \"batch\": {batch}, \"fastest\": {:.4}, \"seconds\": {:.4}}}",
        IMAGES * passes,
        seconds[0],
        seconds[seconds.len() / 2]
    );
    Ok(())
}

fn run(
    architecture: &str,
    activation: &str,
    batch: usize,
    epochs: u32,
) -> Result<RunSpec, Box<dyn Error>> {
    let population: PopulationSpec = toml::from_str(&format!(
        "dataset = \"mnist-6k\"
        [[group]]
        name = \"speed\"
        draw = \"grid\"
        architecture = {architecture}
        activation = \"{activation}\"
        initialisation = {{ kind = \"variance_scaling\", scale = 2 }}
        optimiser = \"adam\"
        learning_rate = 1e-3
        batch_size = {batch}
        epochs = {epochs}"
    ))?;
    Ok(population.draw()?.remove(0))
}
