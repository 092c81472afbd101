//! Why a data set cannot be fetched.

use std::path::PathBuf;

/// Why a data set cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A data set that cannot be fetched.
    #[error("data set `{name}` cannot be fetched: expected one of {known}")]
    NotPublished {
        /// The name asked for.
        name: String,
        /// The names of those that can be fetched.
        known: String,
    },
    /// Two processes that fetch into one cache.
    #[error("{}: another process fetches into this cache", .cache.display())]
    CacheInUse {
        /// The cache's folder.
        cache: PathBuf,
    },
    /// A data set that no mirror gives.
    #[error("data set `{name}` cannot be downloaded: {reasons}")]
    Download {
        /// The data set.
        name: String,
        /// Each mirror's URL and why it failed.
        reasons: String,
    },
    /// A file that is neither a folder nor an archive.
    #[error("{}: expected a folder, or an archive: tar, tar.gz, zip or deb", .path.display())]
    NotAPackage {
        /// The file.
        path: PathBuf,
    },
    /// A package that does not have a data set in any known form.
    #[error("{}: no data set `{name}` in this package: expected one of {expected}", .package.display())]
    NotInPackage {
        /// The data set.
        name: String,
        /// The package.
        package: PathBuf,
        /// The files that tell each form.
        expected: String,
    },
    /// A package without a file that it must have.
    #[error("{}: no file `{file}` in this package", .package.display())]
    MissingFile {
        /// The package.
        package: PathBuf,
        /// The file.
        file: String,
    },
    /// A package in which two files have the name looked for.
    #[error(
        "{}: both `{}` and `{}` are in this package: name the folder of one of them",
        .package.display(), .files[0], .files[1]
    )]
    SeveralFiles {
        /// The package.
        package: PathBuf,
        /// Their paths in it.
        files: [String; 2],
    },
    /// A file that is not a PNG image.
    #[error("{file}: not a whole PNG image")]
    Png {
        /// The file.
        file: String,
        /// What the decoder reports.
        source: png::DecodingError,
    },
    /// A sheet of images that has another size.
    #[error(
        "{file}: expected a sheet of {}x{} pixels (width x height), found {}x{}",
        .expected[0], .expected[1], .found[0], .found[1]
    )]
    SheetSize {
        /// The file.
        file: String,
        /// Width (pixels of an image) and height (number of images) expected.
        expected: [usize; 2],
        /// Width and height found.
        found: [usize; 2],
    },
    /// A sheet of images that is not red, green and blue with 8 bits each.
    #[error("{file}: expected a sheet of 8-bit red, green and blue, not interlaced")]
    SheetColours {
        /// The file.
        file: String,
    },
    /// A file of labels that is not a list of whole numbers.
    #[error("{file}: expected a list of labels from 0 to 255")]
    LabelsJson {
        /// The file.
        file: String,
        /// What the JSON reader reports.
        source: serde_json::Error,
    },
}
