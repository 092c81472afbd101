//! What a package has of a data set, whatever form it is in.

use crate::ZooError;
use crate::data::Split;
use crate::data::fetch::cifar_binary::BinaryBatches;
use crate::data::fetch::error::FetchError;
use crate::data::fetch::package::Package;
use crate::data::fetch::png_sheets::PngSheets;
use crate::data::idx::{Idx, read_idx};
use crate::data::published::PublishedDataset;

/// The forms that data sets are published and packaged in.
pub(super) enum PackageForm {
    /// IDX files, plain or gzipped.
    Idx,
    /// CIFAR-10's binary batches.
    BinaryBatches(BinaryBatches),
    /// A PNG sheet for each batch, with one image in each row, and labels as JSON.
    PngSheets(PngSheets),
}

impl PackageForm {
    /// The form in which `package` has `dataset`.
    ///
    /// # Errors
    /// [`FetchError::NotInPackage`]: none of them.
    pub(super) fn of(package: &Package, dataset: &PublishedDataset) -> Result<Self, ZooError> {
        let first = dataset.files[0].name;
        if find_idx(package, first)?.is_some() {
            return Ok(Self::Idx);
        }
        let mut expected = format!("`{first}` or `{first}.gz`");
        if let Some(batches) = BinaryBatches::of(&dataset.info) {
            let [batch, sheet] = [BinaryBatches::FIRST, PngSheets::FIRST];
            if package.find(batch)?.is_some() {
                return Ok(Self::BinaryBatches(batches));
            }
            if package.find(sheet)?.is_some() {
                return Ok(Self::PngSheets(PngSheets::of(&dataset.info)));
            }
            expected = format!("{expected}, `{batch}`, `{sheet}`");
        }
        Err(FetchError::NotInPackage {
            name: dataset.info.name.to_owned(),
            package: package.path().to_owned(),
            expected,
        }
        .into())
    }

    /// Images and labels of the part `split`.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another size.
    pub(super) fn read(
        &self,
        package: &Package,
        dataset: &PublishedDataset,
        split: Split,
    ) -> Result<[Idx; 2], ZooError> {
        match self {
            Self::Idx => {
                let [images, labels] = dataset.files_of(split);
                let n_dimensions = if dataset.info.shape[0] == 1 { 3 } else { 4 };
                Ok([
                    read_packaged_idx(package, images.name, n_dimensions)?,
                    read_packaged_idx(package, labels.name, 1)?,
                ])
            }
            Self::BinaryBatches(batches) => batches.read(package, split),
            Self::PngSheets(sheets) => sheets.read(package, split),
        }
    }
}

/// The name of the IDX file `name` in the package: plain, or with `.gz`.
fn find_idx(package: &Package, name: &str) -> Result<Option<String>, ZooError> {
    for candidate in [name.to_owned(), format!("{name}.gz")] {
        if package.find(&candidate)?.is_some() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn read_packaged_idx(package: &Package, name: &str, n_dimensions: usize) -> Result<Idx, ZooError> {
    let found = find_idx(package, name)?.unwrap_or_else(|| name.to_owned());
    let file = package.read(&found)?;
    read_idx(&file.path, &file.content[..], n_dimensions)
}
