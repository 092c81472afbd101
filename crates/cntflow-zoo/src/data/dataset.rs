//! Image data sets with labels, in memory: opened by name or from a folder of IDX files.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::hex::hex;
use crate::data::idx::{Idx, read_idx_file};
use crate::data::{Split, builtin};

/// Seed of [`Dataset::sample`]: a sample is the same in every study.
const SAMPLE_SEED: u64 = 20_240;

/// Images with labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    shape: [usize; 3],
    images: Vec<f32>,
    labels: Vec<usize>,
    n_classes: usize,
    digest: String,
}

impl Dataset {
    /// Opens the part `split` of a built-in data set, or of a folder with MNIST's four files
    /// (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
    /// `t10k-labels-idx1-ubyte`, each plain or with `.gz`).
    ///
    /// # Errors
    /// Where no data set has that name, or a file is missing, cut short or not of that format.
    pub fn open(name_or_path: &str, split: Split) -> Result<Self, ZooError> {
        if let Some(dataset) = builtin::find(name_or_path) {
            let (images, labels) = (dataset.images(split)?, dataset.labels(split)?);
            return Self::from_idx(name_or_path, &images, &labels, dataset.info().n_classes);
        }
        let folder = Path::new(name_or_path);
        if !folder.is_dir() {
            return Err(ZooError::UnknownDataset {
                name: name_or_path.to_owned(),
                known: builtin::names(),
            });
        }
        let prefix = split.file_prefix();
        let images = read_idx_file(folder, &format!("{prefix}-images-idx3-ubyte"), 3)?;
        let labels = read_idx_file(folder, &format!("{prefix}-labels-idx1-ubyte"), 1)?;
        let train_labels = read_idx_file(folder, "train-labels-idx1-ubyte", 1)?;
        // Both parts have the same number of classes, even if one lacks images of the last.
        let largest = labels.values.iter().chain(&train_labels.values).max();
        let n_classes = usize::from(largest.copied().unwrap_or(0)) + 1;
        Self::from_idx(name_or_path, &images, &labels, n_classes)
    }

    fn from_idx(
        name: &str,
        images: &Idx,
        labels: &Idx,
        n_classes: usize,
    ) -> Result<Self, ZooError> {
        let [n_images, rows, columns] = images.dimensions[..] else {
            unreachable!("images are read with three dimensions")
        };
        if n_images != labels.values.len() {
            return Err(ZooError::LabelCount {
                name: name.to_owned(),
                images: n_images,
                labels: labels.values.len(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            shape: [1, rows, columns],
            digest: digest_of(images, labels),
            images: images
                .values
                .iter()
                .map(|&pixel| f32::from(pixel) / 255.0)
                .collect(),
            labels: labels.values.iter().copied().map(usize::from).collect(),
            n_classes,
        })
    }

    /// The name or path it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Shape of one image: `[channels, rows, columns]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Values per image: the product of [`Dataset::shape`].
    pub fn image_size(&self) -> usize {
        self.shape.iter().product()
    }

    /// All images, `[len, channels, rows, columns]`, in `[0, 1]`.
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The class of each image, below [`Dataset::n_classes`].
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// SHA-256 (hex) of shape, pixels and labels. For the result of [`Dataset::first`] or
    /// [`Dataset::sample`] it is the SHA-256 of the original's digest followed by the indices
    /// chosen.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The first `n` images; all images if there are fewer.
    pub fn first(&self, n: usize) -> Self {
        self.subset(&(0..n.min(self.len())).collect::<Vec<_>>())
    }

    /// `n` images with classes as balanced as possible, in the data set's order; all images if
    /// there are fewer. The same data set and `n` give the same images.
    pub fn sample(&self, n: usize) -> Self {
        self.subset(&self.balanced_indices(n, SAMPLE_SEED))
    }

    /// Indices of a class-balanced sample of `n` images, ascending: the classes, in a random order,
    /// take turns until there are `n` images; at each turn a class gives one image, chosen at
    /// random, until it has none left.
    pub(crate) fn balanced_indices(&self, n: usize, seed: u64) -> Vec<usize> {
        if n >= self.len() {
            return (0..self.len()).collect();
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut by_class = vec![Vec::new(); self.n_classes];
        for (index, &label) in self.labels.iter().enumerate() {
            by_class[label].push(index);
        }
        by_class
            .iter_mut()
            .for_each(|members| members.shuffle(&mut random));
        by_class.shuffle(&mut random);
        let longest = by_class.iter().map(Vec::len).max().unwrap_or(0);
        let drawn = (0..longest)
            .flat_map(|turn| by_class.iter().filter_map(move |members| members.get(turn)));
        let mut indices: Vec<usize> = drawn.take(n).copied().collect();
        indices.sort_unstable();
        indices
    }

    /// The pixels of the images at `indices`, `[n, channels, rows, columns]`.
    pub(crate) fn pixels_at(&self, indices: &[usize]) -> Vec<f32> {
        let size = self.image_size();
        let mut pixels = Vec::with_capacity(indices.len() * size);
        for &index in indices {
            pixels.extend_from_slice(&self.images[index * size..][..size]);
        }
        pixels
    }

    /// The labels of the images at `indices`.
    pub(crate) fn labels_at(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|&index| self.labels[index]).collect()
    }

    /// The images at `indices`, as a data set.
    fn subset(&self, indices: &[usize]) -> Self {
        let mut hasher = Sha256::new_with_prefix(self.digest.as_bytes());
        indices
            .iter()
            .for_each(|&index| hasher.update((index as u64).to_le_bytes()));
        Self {
            name: self.name.clone(),
            shape: self.shape,
            images: self.pixels_at(indices),
            labels: self.labels_at(indices),
            n_classes: self.n_classes,
            digest: hex(&hasher.finalize()),
        }
    }
}

fn digest_of(images: &Idx, labels: &Idx) -> String {
    let mut hasher = Sha256::new();
    images
        .dimensions
        .iter()
        .for_each(|&size| hasher.update((size as u64).to_le_bytes()));
    hasher.update(&images.values);
    hasher.update(&labels.values);
    hex(&hasher.finalize())
}
