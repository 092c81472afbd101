//! The crate's error type.

use std::path::PathBuf;

/// What can go wrong with data sets, populations and training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZooError {
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A data set that is neither known by name nor a folder.
    #[error("data set `{name}` is neither one of {known} nor a folder with IDX files")]
    UnknownDataset {
        /// The name or path asked for.
        name: String,
        /// The known names.
        known: String,
    },
    /// A folder without one of the four IDX files.
    #[error("{}: no file `{file}` or `{file}.gz` in this folder", .folder.display())]
    MissingIdxFile {
        /// The folder given as data set.
        folder: PathBuf,
        /// The file looked for.
        file: String,
    },
    /// An IDX file that does not hold what it should.
    #[error("{file}: {what}: expected {expected}, file has {found}")]
    Idx {
        /// The file.
        file: String,
        /// What is wrong, e.g. `number of dimensions`.
        what: &'static str,
        /// What it should hold.
        expected: u64,
        /// What it holds.
        found: u64,
    },
    /// A data set's content is not what it was published as.
    #[error("data set `{name}`: file `{file}`: expected SHA-256 {expected}, found {found}")]
    Digest {
        /// The data set.
        name: String,
        /// The file in it.
        file: String,
        /// The digest recorded.
        expected: String,
        /// The digest of the content.
        found: String,
    },
    /// A value of `[population]` outside of what is allowed.
    #[error("population{place}: {key} = {found}: {allowed}")]
    Value {
        /// Where: empty, or ` group `name``.
        place: String,
        /// The key.
        key: String,
        /// The value found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// An architecture that does not fit its input, or that this crate cannot train.
    #[error("run `{run}`: layer {layer}: {reason}")]
    Architecture {
        /// The run.
        run: String,
        /// The layer's place in the architecture.
        layer: usize,
        /// What does not fit, with both numbers.
        reason: String,
    },
    /// The architecture of a run is not the JSON of an architecture.
    #[error("run `{run}`: architecture: {source}")]
    ArchitectureJson {
        /// The run.
        run: String,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// A label that the network has no output for.
    #[error("data set `{dataset}`: expected labels below {classes}, found {label}")]
    LabelOutOfRange {
        /// The data set.
        dataset: String,
        /// Number of outputs.
        classes: usize,
        /// The label found.
        label: usize,
    },
    /// The run was asked to stop.
    #[error("run `{run}` was interrupted in epoch {epoch}")]
    Interrupted {
        /// The run.
        run: String,
        /// The epoch it was in, counted from 1.
        epoch: u32,
    },
    /// A tensor operation failed: a defect of this crate.
    #[error("run `{run}`: {source}")]
    Tensor {
        /// The run.
        run: String,
        /// What the tensor library says.
        source: candle_core::Error,
    },
}
