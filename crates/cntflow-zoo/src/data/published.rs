//! The data sets that can be fetched: where they are published, and what their files must be.

use crate::data::builtin::DatasetInfo;

/// A data set that is fetched from its publishers or from a package.
#[derive(Debug)]
pub(super) struct PublishedDataset {
    pub(super) info: DatasetInfo,
    /// Images and labels to train with, images and labels to test with.
    pub(super) files: [PublishedFile; 4],
    /// Addresses of folders that have all [`downloads`](Self::downloads), the publishers' own
    /// first.
    pub(super) mirrors: &'static [&'static str],
    /// The files to download from a mirror.
    pub(super) downloads: &'static [&'static str],
}

/// An IDX file of a data set, as it is in the cache.
#[derive(Debug)]
pub(super) struct PublishedFile {
    pub(super) name: &'static str,
    /// SHA-256 of the file, not compressed. It does not depend on where the file is from.
    pub(super) sha256: &'static str,
}

/// MNIST's four files, as they are published.
const IDX_DOWNLOADS: &[&str] = &[
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

static PUBLISHED: [PublishedDataset; 3] = [
    PublishedDataset {
        info: DatasetInfo {
            name: "mnist",
            description: "handwritten digits, MNIST (LeCun, Cortes, Burges)",
            licence: "CC BY-SA 3.0",
            n_train: 60_000,
            n_test: 10_000,
            n_classes: 10,
            shape: [1, 28, 28],
            bytes: 54_950_048,
        },
        files: [
            PublishedFile {
                name: "train-images-idx3-ubyte",
                sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            },
            PublishedFile {
                name: "train-labels-idx1-ubyte",
                sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            },
            PublishedFile {
                name: "t10k-images-idx3-ubyte",
                sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            },
            PublishedFile {
                name: "t10k-labels-idx1-ubyte",
                sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            },
        ],
        mirrors: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ],
        downloads: IDX_DOWNLOADS,
    },
    PublishedDataset {
        info: DatasetInfo {
            name: "fashion-mnist",
            description: "articles of clothing, Fashion-MNIST (Zalando)",
            licence: "MIT",
            n_train: 60_000,
            n_test: 10_000,
            n_classes: 10,
            shape: [1, 28, 28],
            bytes: 54_950_048,
        },
        files: [
            PublishedFile {
                name: "train-images-idx3-ubyte",
                sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            },
            PublishedFile {
                name: "train-labels-idx1-ubyte",
                sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            },
            PublishedFile {
                name: "t10k-images-idx3-ubyte",
                sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            },
            PublishedFile {
                name: "t10k-labels-idx1-ubyte",
                sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            },
        ],
        mirrors: &[
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ],
        downloads: IDX_DOWNLOADS,
    },
    CIFAR10,
];

/// CIFAR-10.
///
/// Its publishers give no digests of images, and no IDX files. The digests are those of the images
/// and labels in the publishers' order, written as IDX files from the PNG sheets of a package.
/// Written in the form of the published `data_batch_1.bin` to `data_batch_5.bin` and
/// `test_batch.bin`, the same images and labels have the MD5 and the SHA-256 that several other
/// projects list for those files: `data_batch_1.bin` has the MD5 `5dd7e06a14cb22eb9f671a540d1b7c25`
/// and `test_batch.bin` has `803d5f7f4d78ea53de84dbe85f74fb6d`. Each class has 5,000 training and
/// 1,000 test images, and the first training labels are 6, 9, 9, 4, 1.
const CIFAR10: PublishedDataset = PublishedDataset {
    info: DatasetInfo {
        name: "cifar10",
        description: "colour images of animals and vehicles, CIFAR-10 (Krizhevsky)",
        licence: "none stated; its technical report is to be cited",
        n_train: 50_000,
        n_test: 10_000,
        n_classes: 10,
        shape: [3, 32, 32],
        bytes: 184_380_056,
    },
    files: [
        PublishedFile {
            name: "train-images-idx4-ubyte",
            sha256: "1086b65fb2d8719d99846dc8bc5d5a52141422760ff01eb1e06619041c1670f9",
        },
        PublishedFile {
            name: "train-labels-idx1-ubyte",
            sha256: "1a4c5fb4e1cab2caa8eee134c093de84d620899e907756e71736fb7b0d4ab554",
        },
        PublishedFile {
            name: "t10k-images-idx4-ubyte",
            sha256: "d4d62aa9f6b816a3be65053ddc66fdd27c1350e10d25345000fec0d9e2f9e2dd",
        },
        PublishedFile {
            name: "t10k-labels-idx1-ubyte",
            sha256: "987e01129ceec0098f1e9d9404cff9fa82ad3d15383a61e8ec60ff20ffe6db40",
        },
    ],
    mirrors: &["https://www.cs.toronto.edu/~kriz"],
    downloads: &["cifar-10-binary.tar.gz"],
};

/// The data sets that can be fetched.
pub fn published_datasets() -> Vec<DatasetInfo> {
    PUBLISHED
        .iter()
        .map(|dataset| dataset.info.clone())
        .collect()
}

pub(super) fn find(name: &str) -> Option<&'static PublishedDataset> {
    PUBLISHED.iter().find(|dataset| dataset.info.name == name)
}

/// The names of all of them, for messages.
pub(super) fn names() -> String {
    let names = PUBLISHED.iter().map(|dataset| dataset.info.name);
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
