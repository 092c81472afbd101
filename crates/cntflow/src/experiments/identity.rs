//! What an experiment's results depend on, as one digest.

use cntflow_experiments::evaluation::Experiment;
use polars::prelude::{DataFrame, LazyFrame, SortMultipleOptions, col};

/// A digest of the experiment and of the tables that it reads: equal digests give equal results.
///
/// # Errors
/// A table cannot be read.
pub(super) fn experiment_identity(
    experiment: &Experiment,
    networks: LazyFrame,
) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(serde_json::to_string(&experiment.spec)?.as_bytes());
    hasher.update(experiment.measured_with.as_bytes());
    let frame = networks
        .select([col("checkpoint"), col("status"), col("digest")])
        .sort(["checkpoint"], SortMultipleOptions::default())
        .collect()?;
    hash_texts(&mut hasher, &frame)?;
    // The features stand for the table `layers`, which is far larger.
    for bits in experiment.feature_bits() {
        hasher.update(&bits.to_le_bytes());
    }
    hasher.update(experiment.label_text().as_bytes());
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

fn hash_texts(hasher: &mut blake3::Hasher, frame: &DataFrame) -> anyhow::Result<()> {
    for column in frame.columns() {
        for value in column.str()?.iter() {
            hasher
                .update(value.unwrap_or_default().as_bytes())
                .update(b"\0");
        }
    }
    Ok(())
}
