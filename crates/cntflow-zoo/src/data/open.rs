//! From a name or a path to the images of a data set.

use std::path::Path;

use crate::ZooError;
use crate::data::builtin::{self, BuiltinDataset};
use crate::data::cache::DatasetCache;
use crate::data::idx::{Idx, read_idx_file, read_images_file};
use crate::data::variant::{OPTION_SIGN, parse_options};
use crate::data::verify::verify;
use crate::data::{Dataset, Split, published};

/// Where the images of a data set are.
enum Origin<'a> {
    /// Compiled into the program.
    Builtin(&'static BuiltinDataset),
    /// A published data set, which is in the user's cache if it has been fetched.
    Cached(&'a str),
    /// A folder of IDX files.
    Folder(&'a Path),
}

impl<'a> Origin<'a> {
    /// What `name` stands for, without options. A known name comes before a folder.
    fn find(name: &'a str) -> Option<Self> {
        if let Some(dataset) = builtin::find(name) {
            return Some(Self::Builtin(dataset));
        }
        if published::find(name).is_some() {
            return Some(Self::Cached(name));
        }
        let folder = Path::new(name);
        folder.is_dir().then_some(Self::Folder(folder))
    }

    /// Splits `name` into its data set and its options. The longest start of `name` that is a data
    /// set is taken, so that the path of a folder may have the sign of options.
    fn split(name: &'a str) -> Option<(Self, Option<&'a str>)> {
        if let Some(origin) = Self::find(name) {
            return Some((origin, None));
        }
        let mut signs = name.rmatch_indices(OPTION_SIGN);
        signs.find_map(|(sign, _)| {
            let origin = Self::find(&name[..sign])?;
            Some((origin, Some(&name[sign + OPTION_SIGN.len_utf8()..])))
        })
    }

    fn open(&self, name: &str, split: Split) -> Result<Dataset, ZooError> {
        match self {
            Self::Builtin(dataset) => {
                let (images, labels) = (dataset.images(split)?, dataset.labels(split)?);
                Dataset::from_idx(name, images, &labels, dataset.info().n_classes)
            }
            Self::Cached(original) => {
                let cache = DatasetCache::of_user()?;
                let folder = cache.fetched(original)?;
                // A file may have been damaged since it was fetched. This takes half a second.
                verify(original, &cache)?;
                open_folder(name, &folder, split)
            }
            Self::Folder(folder) => open_folder(name, folder, split),
        }
    }
}

impl Dataset {
    /// Opens the part `split` of a data set: a built-in one, one that was fetched into the user's
    /// cache ([`DatasetCache::of_user`]), or a folder with MNIST's four files
    /// (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
    /// `t10k-labels-idx1-ubyte`, each plain or with `.gz`). Files of images with several channels,
    /// `[n, channels, rows, columns]`, have `idx4` in place of `idx3` in their names.
    ///
    /// Options follow the name, each after a `+`, and are applied in the order written:
    ///
    /// | option | variant |
    /// |---|---|
    /// | `permuted` | one fixed permutation of the pixels, the same for all images and both splits |
    /// | `random-labels` | each label replaced by a class drawn uniformly, the same in each study |
    /// | `grey` | luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`, rounded |
    /// | `cropN` | the central N rows and N columns |
    /// | `sampleN` | a class-balanced sample of N images of each split |
    ///
    /// # Errors
    /// - [`ZooError::UnknownDataset`]: no data set has that name.
    /// - [`ZooError::NotFetched`]: it is not in the cache yet.
    /// - [`ZooError::Digest`]: a file in the cache is not what was published.
    /// - [`ZooError::UnknownOption`], [`ZooError::RepeatedOption`], [`ZooError::ImageChannels`],
    ///   [`ZooError::ImageSize`]: an option does not exist, or does not fit the images.
    /// - Other errors if a file is missing, cut short or not of that format.
    pub fn open(name: &str, split: Split) -> Result<Self, ZooError> {
        let (origin, options) = Origin::split(name).ok_or_else(|| ZooError::UnknownDataset {
            name: name.to_owned(),
            known: format!("{}, {}", builtin::names(), published::names()),
        })?;
        let options = options.map_or_else(|| Ok(Vec::new()), |text| parse_options(name, text))?;
        let original = origin.open(name, split)?;
        let mut options = options.into_iter();
        options.try_fold(original, |dataset, option| option.apply(dataset, split))
    }
}

fn open_folder(name: &str, folder: &Path, split: Split) -> Result<Dataset, ZooError> {
    let prefix = split.file_prefix();
    let images = read_images_file(folder, &format!("{prefix}-images"))?;
    let labels = read_idx_file(folder, &format!("{prefix}-labels-idx1-ubyte"), 1)?;
    let train_labels = read_idx_file(folder, "train-labels-idx1-ubyte", 1)?;
    Dataset::from_idx(name, images, &labels, n_classes(&labels, &train_labels))
}

/// Both parts have the same number of classes, even if one lacks images of the last.
fn n_classes(labels: &Idx, train_labels: &Idx) -> usize {
    let largest = labels.values.iter().chain(&train_labels.values).max();
    usize::from(largest.copied().unwrap_or(0)) + 1
}
