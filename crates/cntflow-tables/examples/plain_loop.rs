//! Measures every file of a folder in a plain loop, and writes the tables of them: `plain_loop
//! FOLDER OUT`. What `cntflow measure` takes beyond this is the cost of its engine: it finds out
//! what there is and what is to do, spreads it over workers, and loses nothing when it is killed.
//! `benches/engine_scale` compares them.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use cntflow_architecture::resolve_architecture;
use cntflow_catalog::{CatalogEntry, Labels};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::{MeasureOptions, measure};
use cntflow_storage::{Limits, Location};
use cntflow_tables::{Batch, BatchLimits, CoverageRow, Record, Status, TableStore};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: plain_loop FOLDER OUT");
    let (folder, out) = (next()?, next()?);
    let mut files: Vec<_> = fs_err::read_dir(&folder)?
        .map(|file| file.map(|file| file.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let store = TableStore::new(Path::new(&out));
    let (limits, labels, metadata) = (BatchLimits::default(), [].into(), [].into());
    let mut batch = Batch::new(store, limits, labels, metadata, "loop".to_owned());
    for file in files {
        batch.add(record(file.into())?);
        if batch.is_full() {
            batch.commit()?;
        }
    }
    batch.commit()?;
    Ok(())
}

/// What the tables have of a file.
fn record(location: Location) -> Result<Record, Box<dyn Error>> {
    let started = Instant::now();
    let checkpoint = OpenCheckpoint::open_at(&location, &Limits::default())?;
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let network = resolved?.network(&checkpoint)?;
    let mut metrics = measure(&network, &MeasureOptions::default());
    metrics.neurons.clear();
    let coverage = coverage.into_iter().map(|coverage| CoverageRow {
        tensor: coverage.tensor.name,
        shape: coverage.tensor.shape,
        dtype: coverage.tensor.element.as_str(),
        used_as: coverage.used_as,
        reason: coverage.reason,
    });
    let name = location.to_string();
    Ok(Record {
        status: Status::Ok,
        reason: None,
        digest: Some(checkpoint.digest()),
        bytes: Some(checkpoint.bytes()),
        metrics: Some(metrics),
        coverage: coverage.collect(),
        samples: None,
        seconds: started.elapsed().as_secs_f64(),
        entry: CatalogEntry {
            run: name.as_str().into(),
            checkpoint: name,
            location,
            step: 0,
            architecture: None,
            labels: Labels::default(),
            parent: None,
            absent: None,
        },
    })
}
