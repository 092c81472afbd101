//! CIFAR-10's binary batches: for each image its label and its values, channel by channel.

use crate::ZooError;
use crate::data::Split;
use crate::data::builtin::DatasetInfo;
use crate::data::fetch::package::Package;
use crate::data::idx::Idx;

/// Training batches of CIFAR-10.
pub(super) const N_BATCHES: usize = 5;

/// What the batches of a data set have.
pub(super) struct BinaryBatches {
    /// Channels, rows and columns of an image.
    pub(super) shape: [usize; 3],
    /// Images in each batch.
    pub(super) n_images: usize,
}

impl BinaryBatches {
    /// The file that tells this form.
    pub(super) const FIRST: &str = "data_batch_1.bin";

    /// The batches of a data set of colour images; grey ones are not published in this form.
    pub(super) fn of(info: &DatasetInfo) -> Option<Self> {
        (info.shape[0] == 3).then_some(Self {
            shape: info.shape,
            n_images: info.n_train / N_BATCHES,
        })
    }

    /// Images and labels of the part `split`.
    ///
    /// # Errors
    /// A file is missing or has another size.
    pub(super) fn read(&self, package: &Package, split: Split) -> Result<[Idx; 2], ZooError> {
        let image_size: usize = self.shape.iter().product();
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for name in batch_names(split, "bin") {
            let file = package.read(&name)?;
            let expected = self.n_images * (1 + image_size);
            if file.content.len() != expected {
                return Err(ZooError::Idx {
                    file: file.path,
                    quantity: "bytes",
                    expected: expected as u64,
                    found: file.content.len() as u64,
                });
            }
            for record in file.content.chunks_exact(1 + image_size) {
                labels.push(record[0]);
                pixels.extend_from_slice(&record[1..]);
            }
        }
        Ok(images_and_labels(self.shape, pixels, labels))
    }
}

/// The names of the batches of `split`, in their order.
pub(super) fn batch_names(split: Split, extension: &str) -> Vec<String> {
    match split {
        Split::Train => (1..=N_BATCHES)
            .map(|batch| format!("data_batch_{batch}.{extension}"))
            .collect(),
        Split::Test => vec![format!("test_batch.{extension}")],
    }
}

/// Images and labels as IDX files have them.
pub(super) fn images_and_labels(shape: [usize; 3], pixels: Vec<u8>, labels: Vec<u8>) -> [Idx; 2] {
    let [channels, rows, columns] = shape;
    let images = Idx {
        dimensions: vec![labels.len(), channels, rows, columns],
        values: pixels,
    };
    let labels = Idx {
        dimensions: vec![labels.len()],
        values: labels,
    };
    [images, labels]
}
