//! The crate's error type.

use std::path::PathBuf;

use cntflow_storage::StorageError;

use crate::data::FetchError;
use crate::train::LayerProblem;

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
    /// A published data set that is not in the cache.
    #[error(
        "data set `{name}` is not in the cache {}: run `cntflow datasets fetch {name}`",
        .cache.display()
    )]
    NotFetched {
        /// The data set.
        name: String,
        /// The cache's folder.
        cache: PathBuf,
    },
    /// No place for the cache.
    #[error("no folder for fetched data sets: set CNTFLOW_DATA, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A data set could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file or an object could not be read; the message names it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An option in the name of a data set that does not exist.
    #[error("data set `{name}`: unknown option `{option}`: expected one of {known}")]
    UnknownOption {
        /// The name asked for.
        name: String,
        /// The option.
        option: String,
        /// The options that exist.
        known: &'static str,
    },
    /// An option that is twice in the name of a data set.
    #[error("data set `{name}`: option `{option}` is given twice")]
    RepeatedOption {
        /// The name asked for.
        name: String,
        /// The option.
        option: String,
    },
    /// An option that takes images with another number of channels.
    #[error(
        "data set `{name}`: option `{option}` needs images with {expected} channels, found {found}"
    )]
    ImageChannels {
        /// The name asked for.
        name: String,
        /// The option.
        option: String,
        /// The number of channels that it takes.
        expected: usize,
        /// The number that the images have.
        found: usize,
    },
    /// An option that takes larger images.
    #[error(
        "data set `{name}`: option `{option}` needs images of at least {}x{} pixels, found {}x{}",
        .needed[0], .needed[1], .found[0], .found[1]
    )]
    ImageSize {
        /// The name asked for.
        name: String,
        /// The option.
        option: String,
        /// Rows and columns needed.
        needed: [usize; 2],
        /// Rows and columns of the images.
        found: [usize; 2],
    },
    /// A data set whose images have no pixels.
    #[error("data set `{name}`: images of shape {shape:?} have no pixels")]
    EmptyImages {
        /// The data set.
        name: String,
        /// Channels, rows and columns of an image.
        shape: [usize; 3],
    },
    /// A data set whose images differ in shape between its parts.
    #[error("data set `{name}`: training images of shape {train:?}, test images of shape {test:?}")]
    SplitShapes {
        /// The data set.
        name: String,
        /// Channels, rows and columns of the training images.
        train: [usize; 3],
        /// Channels, rows and columns of the test images.
        test: [usize; 3],
    },
    /// A folder with two files of images for one part.
    #[error("{}: both `{}` and `{}` are in this folder: expected one of them", .folder.display(), .files[0], .files[1])]
    AmbiguousIdxFiles {
        /// The folder given as data set.
        folder: PathBuf,
        /// Names of the two files, without `.gz`.
        files: [String; 2],
    },
    /// A folder without one of the four IDX files.
    #[error("{}: no file `{file}` or `{file}.gz` in this folder", .folder.display())]
    MissingIdxFile {
        /// The folder given as data set.
        folder: PathBuf,
        /// The file looked for.
        file: String,
    },
    /// A file that is not a whole gzip stream.
    #[error("{file}: not a whole gzip stream")]
    Gzip {
        /// The file.
        file: String,
        /// What the decoder reports.
        source: std::io::Error,
    },
    /// An IDX file whose content differs from what its header or its use requires.
    #[error("{file}: {quantity}: expected {expected}, file has {found}")]
    Idx {
        /// The file.
        file: String,
        /// What differs, e.g. `number of dimensions`.
        quantity: &'static str,
        /// The value required.
        expected: u64,
        /// The value found.
        found: u64,
    },
    /// A data set whose files of images and of labels do not belong together.
    #[error("data set `{name}`: {images} images, but {labels} labels")]
    LabelCount {
        /// The data set.
        name: String,
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A data set's content is not what was published.
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
    /// A value of `[population]` that is not allowed.
    #[error("population{}: {key} = {found}: {allowed}", in_group(.group))]
    InvalidValue {
        /// The group's name; `None` for keys of the population itself.
        group: Option<String>,
        /// The key, e.g. `initialisation.scale`.
        key: String,
        /// The value found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// An architecture with a layer that does not fit its input, or that this crate cannot train.
    #[error("run `{run}`: layer {layer}: {reason}")]
    UnsupportedLayer {
        /// The run.
        run: String,
        /// Index of the layer in the architecture.
        layer: usize,
        /// Why it cannot be trained.
        reason: LayerProblem,
    },
    /// The architecture of a run is not the JSON of an architecture.
    #[error("run `{run}`: its architecture is not valid JSON of an architecture")]
    ArchitectureJson {
        /// The run.
        run: String,
        /// What the JSON reader reports.
        source: serde_json::Error,
    },
    /// The run was asked to stop.
    #[error("run `{run}` was interrupted in epoch {epoch}")]
    Interrupted {
        /// The run.
        run: String,
        /// The epoch it was in, counted from 1.
        epoch: u32,
    },
}

/// ` group `name``, or nothing.
fn in_group(group: &Option<String>) -> String {
    group
        .as_ref()
        .map_or_else(String::new, |name| format!(" group `{name}`"))
}
