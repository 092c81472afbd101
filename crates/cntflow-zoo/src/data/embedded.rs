//! The data sets compiled into the program, so that they are found wherever it runs.

use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::dataset::hex;
use crate::data::idx::{Idx, read_idx};

/// What is known of a data set without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInfo {
    /// The name it is opened by.
    pub name: &'static str,
    /// What it is and where it comes from.
    pub description: &'static str,
    /// The licence it is given under.
    pub licence: &'static str,
    /// Number of training images.
    pub n_train: usize,
    /// Number of test images.
    pub n_test: usize,
    /// Number of classes.
    pub n_classes: usize,
    /// Shape of one image: `[channels, rows, columns]`.
    pub shape: [usize; 3],
    /// Size of its files, in bytes.
    pub bytes: usize,
}

/// A data set of this program: what is told of it, and its files.
pub(crate) struct BuiltinDataset {
    info: DatasetInfo,
    files: &'static [EmbeddedFile],
}

struct EmbeddedFile {
    name: &'static str,
    sha256: &'static str,
    content: &'static [u8],
}

macro_rules! mnist_6k_file {
    ($name:literal, $sha256:literal) => {
        EmbeddedFile {
            name: $name,
            sha256: $sha256,
            content: include_bytes!(concat!("../../../../datasets/mnist-6k/", $name)),
        }
    };
}

static MNIST_6K_FILES: [EmbeddedFile; 4] = [
    mnist_6k_file!(
        "train-images-idx3-ubyte.gz",
        "acb82c158bdf21acbebddc8ed3556f0a3909e003f1519a50962c49760f47fd30"
    ),
    mnist_6k_file!(
        "train-labels-idx1-ubyte.gz",
        "fe866471116285d7668fdbcaad0933e1bb827d77b2c8961c0dff474dfd30ad03"
    ),
    mnist_6k_file!(
        "t10k-images-idx3-ubyte.gz",
        "db5461433517cde7ce8b2301310d9ca1d2f0d7530deacd8328ee7560f66bfde1"
    ),
    mnist_6k_file!(
        "t10k-labels-idx1-ubyte.gz",
        "3014ad9fcb19f59516134f3f640c7707a53a01d4bc7957d4800a2974c3bc6a67"
    ),
];

static BUILTIN: [BuiltinDataset; 1] = [BuiltinDataset {
    info: DatasetInfo {
        name: "mnist-6k",
        description: "500 training and 100 test images of each handwritten digit, from MNIST (LeCun, Cortes, Burges)",
        licence: "CC BY-SA 3.0",
        n_train: 5000,
        n_test: 1000,
        n_classes: 10,
        shape: [1, 28, 28],
        bytes: MNIST_6K_FILES[0].content.len()
            + MNIST_6K_FILES[1].content.len()
            + MNIST_6K_FILES[2].content.len()
            + MNIST_6K_FILES[3].content.len(),
    },
    files: &MNIST_6K_FILES,
}];

impl BuiltinDataset {
    /// The file `<prefix>-<kind>-idx?-ubyte.gz`; `kind` is `images` or `labels`.
    pub(crate) fn idx(&self, prefix: &str, kind: &str) -> Result<Idx, ZooError> {
        let start = format!("{prefix}-{kind}");
        let file = self
            .files
            .iter()
            .find(|file| file.name.starts_with(&start))
            .expect("all four files are listed");
        read_idx(
            file.name,
            file.content,
            if kind == "images" { 3 } else { 1 },
        )
    }
}

/// The data sets that [`crate::Dataset::open`] knows by name.
pub fn datasets() -> Vec<DatasetInfo> {
    BUILTIN.iter().map(|known| known.info.clone()).collect()
}

/// Checks that the files of a known data set are what was published, by their SHA-256; returns the number of files.
///
/// # Errors
/// Where the data set is not known, or a file's digest differs.
pub fn verify(name: &str) -> Result<usize, ZooError> {
    let known = find(name).ok_or_else(|| ZooError::UnknownDataset {
        name: name.to_owned(),
        known: names(),
    })?;
    for file in known.files {
        let found = hex(&Sha256::digest(file.content));
        if found != file.sha256 {
            let (name, file, expected) = (
                name.to_owned(),
                file.name.to_owned(),
                file.sha256.to_owned(),
            );
            return Err(ZooError::Digest {
                name,
                file,
                expected,
                found,
            });
        }
    }
    Ok(known.files.len())
}

pub(crate) fn find(name: &str) -> Option<&'static BuiltinDataset> {
    BUILTIN.iter().find(|known| known.info.name == name)
}

/// The known names, for messages.
pub(crate) fn names() -> String {
    BUILTIN
        .iter()
        .map(|known| format!("`{}`", known.info.name))
        .collect::<Vec<_>>()
        .join(", ")
}
