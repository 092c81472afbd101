//! Image data sets with labels, in memory.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::hex::hex;
use crate::data::idx::Idx;

/// Seed of [`Dataset::sample`]: a sample is the same in every study.
const SAMPLE_SEED: u64 = 20_240;

/// Images with labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub(super) name: String,
    pub(super) shape: [usize; 3],
    /// All images, `[len, channels, rows, columns]`, one byte for each value: a quarter of what
    /// they would take as `f32`.
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<usize>,
    pub(super) n_classes: usize,
    pub(super) digest: String,
}

impl Dataset {
    /// The data set of `images`, `[n, rows, columns]` or `[n, channels, rows, columns]`, and
    /// `labels`, `[n]`.
    ///
    /// # Errors
    /// - [`ZooError::EmptyImages`]: the images have no pixels.
    /// - [`ZooError::LabelCount`]: the numbers of images and labels differ.
    pub(super) fn from_idx(
        name: &str,
        images: Idx,
        labels: &Idx,
        n_classes: usize,
    ) -> Result<Self, ZooError> {
        let (n_images, shape) = match images.dimensions[..] {
            [n, rows, columns] => (n, [1, rows, columns]),
            [n, channels, rows, columns] => (n, [channels, rows, columns]),
            _ => unreachable!("images are read with three or four dimensions"),
        };
        if shape.contains(&0) {
            return Err(ZooError::EmptyImages {
                name: name.to_owned(),
                shape,
            });
        }
        if n_images != labels.values.len() {
            return Err(ZooError::LabelCount {
                name: name.to_owned(),
                images: n_images,
                labels: labels.values.len(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            shape,
            digest: digest_of(&images, labels),
            pixels: images.values,
            labels: labels.values.iter().copied().map(usize::from).collect(),
            n_classes,
        })
    }

    /// The name or path it was opened by, with its options.
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

    /// All images, `[len, channels, rows, columns]`, in `[0, 1]`. They are kept as bytes and
    /// converted at each call.
    pub fn images(&self) -> Vec<f32> {
        self.pixels.iter().copied().map(in_unit_range).collect()
    }

    /// The class of each image, below [`Dataset::n_classes`].
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// SHA-256 (hex) of shape, pixels and labels. For a variant it is the SHA-256 of the original's
    /// digest and the option, option by option. For the result of [`Dataset::first`] or
    /// [`Dataset::sample`] it is that of the original's digest followed by the indices chosen.
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

    /// The pixels of the images at `indices`, `[n, channels, rows, columns]`, in `[0, 1]`.
    pub(crate) fn pixels_at(&self, indices: &[usize]) -> Vec<f32> {
        let mut pixels = Vec::with_capacity(indices.len() * self.image_size());
        for &index in indices {
            pixels.extend(self.image(index).iter().copied().map(in_unit_range));
        }
        pixels
    }

    /// The bytes of the image at `index`.
    fn image(&self, index: usize) -> &[u8] {
        let size = self.image_size();
        &self.pixels[index * size..][..size]
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
            pixels: indices
                .iter()
                .flat_map(|&index| self.image(index))
                .copied()
                .collect(),
            labels: self.labels_at(indices),
            n_classes: self.n_classes,
            digest: hex(&hasher.finalize()),
        }
    }
}

/// A pixel as networks take it: its byte over 255.
fn in_unit_range(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
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
