//! The data sets compiled into the program, which are there wherever it runs.

use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::Split;
use crate::data::hex::hex;
use crate::data::idx::{Idx, read_idx};

/// A data set known by name, as it is listed.
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
    /// Size of its files, in bytes: as they are in the program or in the cache.
    pub bytes: usize,
}

/// A data set compiled into the program: its description and its files.
pub(super) struct BuiltinDataset {
    info: DatasetInfo,
    files: &'static [BuiltinFile],
}

struct BuiltinFile {
    name: &'static str,
    sha256: &'static str,
    content: &'static [u8],
}

/// The four files of a data set in `datasets/<name>`, with their SHA-256 in the order: images and
/// labels to train with, images and labels to test with.
macro_rules! files {
    ($dataset:literal, $($sha256:literal),+) => {
        files!(
            @named $dataset,
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz";
            $($sha256),+
        )
    };
    (@named $dataset:literal, $($name:literal),+; $($sha256:literal),+) => {
        [$(BuiltinFile {
            name: $name,
            sha256: $sha256,
            content: include_bytes!(concat!("../../../../datasets/", $dataset, "/", $name)),
        }),+]
    };
}

static MNIST_6K_FILES: [BuiltinFile; 4] = files!(
    "mnist-6k",
    "acb82c158bdf21acbebddc8ed3556f0a3909e003f1519a50962c49760f47fd30",
    "fe866471116285d7668fdbcaad0933e1bb827d77b2c8961c0dff474dfd30ad03",
    "db5461433517cde7ce8b2301310d9ca1d2f0d7530deacd8328ee7560f66bfde1",
    "3014ad9fcb19f59516134f3f640c7707a53a01d4bc7957d4800a2974c3bc6a67"
);

static FASHION_MNIST_6K_FILES: [BuiltinFile; 4] = files!(
    "fashion-mnist-6k",
    "cde9e48ec8c50c1e0b31327d39dd6fe71b8fa580ecd04dc18947f644e4cb7964",
    "bcff2fac59b2f7235ee127a62d614d222f7a5f7e79d8dfe441dc39c154b2752d",
    "5f77b6168d00b6be8ed8849a5190ed6948ba929fef1b1dcd388b3d472ca835fb",
    "d1cc6c6dac1f9d9ac30ec7016011cdecc8ee3c52e6bb014dc93a7cfcc827c576"
);

static BUILTIN: [BuiltinDataset; 2] = [
    BuiltinDataset {
        info: DatasetInfo {
            name: "mnist-6k",
            description: "500 training and 100 test images of each handwritten digit, from MNIST (LeCun, Cortes, Burges)",
            licence: "CC BY-SA 3.0",
            n_train: 5000,
            n_test: 1000,
            n_classes: 10,
            shape: [1, 28, 28],
            bytes: n_bytes(&MNIST_6K_FILES),
        },
        files: &MNIST_6K_FILES,
    },
    BuiltinDataset {
        info: DatasetInfo {
            name: "fashion-mnist-6k",
            description: "500 training and 100 test images of each kind of clothing, from Fashion-MNIST (Zalando)",
            licence: "MIT",
            n_train: 5000,
            n_test: 1000,
            n_classes: 10,
            shape: [1, 28, 28],
            bytes: n_bytes(&FASHION_MNIST_6K_FILES),
        },
        files: &FASHION_MNIST_6K_FILES,
    },
];

const fn n_bytes(files: &[BuiltinFile; 4]) -> usize {
    files[0].content.len()
        + files[1].content.len()
        + files[2].content.len()
        + files[3].content.len()
}

impl BuiltinDataset {
    /// Name, sizes and origin.
    pub(super) fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// Compares its files with their published SHA-256; returns their number.
    ///
    /// # Errors
    /// [`ZooError::Digest`]: a digest differs.
    pub(super) fn verify(&self) -> Result<usize, ZooError> {
        for file in self.files {
            let found = hex(&Sha256::digest(file.content));
            if found != file.sha256 {
                return Err(ZooError::Digest {
                    name: self.info.name.to_owned(),
                    file: file.name.to_owned(),
                    expected: file.sha256.to_owned(),
                    found,
                });
            }
        }
        Ok(self.files.len())
    }

    /// The images of `split`, `[n, rows, columns]`.
    pub(super) fn images(&self, split: Split) -> Result<Idx, ZooError> {
        self.read(split, "images", 3)
    }

    /// The labels of `split`, `[n]`.
    pub(super) fn labels(&self, split: Split) -> Result<Idx, ZooError> {
        self.read(split, "labels", 1)
    }

    /// Reads the file `<prefix>-<content>-idx?-ubyte.gz`.
    fn read(&self, split: Split, content: &str, n_dimensions: usize) -> Result<Idx, ZooError> {
        let start = format!("{}-{content}", split.file_prefix());
        let file = self
            .files
            .iter()
            .find(|file| file.name.starts_with(&start))
            .expect("all four files are listed");
        read_idx(file.name, file.content, n_dimensions)
    }
}

/// The data sets compiled into the program.
pub fn datasets() -> Vec<DatasetInfo> {
    BUILTIN.iter().map(|dataset| dataset.info.clone()).collect()
}

pub(super) fn find(name: &str) -> Option<&'static BuiltinDataset> {
    BUILTIN.iter().find(|dataset| dataset.info.name == name)
}

/// The names of all of them, for messages.
pub(super) fn names() -> String {
    let names = BUILTIN.iter().map(|dataset| dataset.info.name);
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
