//! Options in the name of a data set: `mnist-6k+permuted`, `cifar10+grey+crop28`.
//!
//! What an option does is part of a study's results. The seeds and formulas here cannot change.

use std::fmt;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::ZooError;
use crate::data::hex::hex;
use crate::data::{Dataset, Split};

/// Stands before each option in the name of a data set.
pub(super) const OPTION_SIGN: char = '+';

/// All options, for messages.
const KNOWN_OPTIONS: &str = "`permuted`, `random-labels`, `grey`, `cropN` (such as `crop28`), \
     `sampleN` (such as `sample5000`)";

/// Seed of the permutation of pixels.
const PERMUTATION_SEED: u64 = 20_241;

/// Seed of random labels. Each split has a stream of its own.
const LABEL_SEED: u64 = 20_242;

/// Weights of red, green and blue in the luma of ITU-R BT.601, in thousandths.
const LUMA_WEIGHTS: [u32; 3] = [299, 587, 114];

/// One option of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariantOption {
    /// One permutation of the pixels, the same for all images.
    Permuted,
    /// Labels drawn uniformly, independent of the images.
    RandomLabels,
    /// The luma of a colour image.
    Grey,
    /// The central rows and columns, this many of each.
    Crop(usize),
    /// A class-balanced sample of this many images of each split; all images if there are fewer.
    Sample(usize),
}

impl fmt::Display for VariantOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permuted => f.write_str("permuted"),
            Self::RandomLabels => f.write_str("random-labels"),
            Self::Grey => f.write_str("grey"),
            Self::Crop(size) => write!(f, "crop{size}"),
            Self::Sample(n) => write!(f, "sample{n}"),
        }
    }
}

/// Reads `options`, the part of the data set's `name` after the first [`OPTION_SIGN`].
///
/// # Errors
/// - [`ZooError::UnknownOption`]: an option does not exist.
/// - [`ZooError::RepeatedOption`]: an option is there twice.
pub(super) fn parse_options(name: &str, options: &str) -> Result<Vec<VariantOption>, ZooError> {
    let mut parsed = Vec::new();
    for text in options.split(OPTION_SIGN) {
        let option = parse_option(text).ok_or_else(|| ZooError::UnknownOption {
            name: name.to_owned(),
            option: text.to_owned(),
            known: KNOWN_OPTIONS,
        })?;
        if parsed.contains(&option) {
            return Err(ZooError::RepeatedOption {
                name: name.to_owned(),
                option: text.to_owned(),
            });
        }
        parsed.push(option);
    }
    Ok(parsed)
}

fn parse_option(text: &str) -> Option<VariantOption> {
    match text {
        "permuted" => Some(VariantOption::Permuted),
        "random-labels" => Some(VariantOption::RandomLabels),
        "grey" => Some(VariantOption::Grey),
        _ => [
            numbered(text, "crop", VariantOption::Crop),
            numbered(text, "sample", VariantOption::Sample),
        ]
        .into_iter()
        .find_map(|option| option),
    }
}

/// The option `<name><number>`, where `text` is one and the number is positive.
fn numbered(text: &str, name: &str, option: fn(usize) -> VariantOption) -> Option<VariantOption> {
    let number = text.strip_prefix(name)?.parse().ok()?;
    let option = option(number);
    // One spelling for each option: `crop028` would be another name of the same images.
    (number > 0 && option.to_string() == text).then_some(option)
}

impl VariantOption {
    /// The variant of `dataset`, which is the part `split`. Its digest is the SHA-256 of the digest
    /// of `dataset` and the option's text.
    ///
    /// # Errors
    /// The images are not of a kind that the option takes.
    pub(super) fn apply(self, dataset: Dataset, split: Split) -> Result<Dataset, ZooError> {
        let digest = self.digest_after(&dataset.digest);
        let variant = match self {
            Self::Permuted => permuted(dataset),
            Self::RandomLabels => with_random_labels(dataset, split),
            Self::Grey => grey(dataset)?,
            Self::Crop(size) => crop(dataset, size)?,
            Self::Sample(n) => dataset.sample(n),
        };
        Ok(Dataset { digest, ..variant })
    }

    fn digest_after(self, digest: &str) -> String {
        let text = format!("{digest}{OPTION_SIGN}{self}");
        hex(&Sha256::digest(text.as_bytes()))
    }
}

/// Pixel i of a channel becomes pixel p(i) of the same channel. The permutation p depends only on
/// the number of rows times columns.
fn permuted(mut dataset: Dataset) -> Dataset {
    let [_, rows, columns] = dataset.shape;
    let mut permutation: Vec<usize> = (0..rows * columns).collect();
    permutation.shuffle(&mut ChaCha8Rng::seed_from_u64(PERMUTATION_SEED));
    let mut original = vec![0; rows * columns];
    for channel in dataset.pixels.chunks_exact_mut(rows * columns) {
        original.copy_from_slice(channel);
        for (pixel, &from) in channel.iter_mut().zip(&permutation) {
            *pixel = original[from];
        }
    }
    dataset
}

/// The label of an image depends on its index, the split and the number of classes.
fn with_random_labels(mut dataset: Dataset, split: Split) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(LABEL_SEED);
    random.set_stream(match split {
        Split::Train => 0,
        Split::Test => 1,
    });
    let n_classes = dataset.n_classes as u128;
    for label in &mut dataset.labels {
        // One number for each image, whatever it is: a label does not depend on those before it.
        *label = ((u128::from(random.next_u64()) * n_classes) >> 64) as usize;
    }
    dataset
}

/// `(299 R + 587 G + 114 B) / 1000`, rounded to the nearest whole number.
fn grey(dataset: Dataset) -> Result<Dataset, ZooError> {
    let [n_channels, rows, columns] = dataset.shape;
    if n_channels != LUMA_WEIGHTS.len() {
        return Err(ZooError::ImageChannels {
            name: dataset.name,
            option: VariantOption::Grey.to_string(),
            expected: LUMA_WEIGHTS.len(),
            found: n_channels,
        });
    }
    let n_pixels = rows * columns;
    let mut luma = Vec::with_capacity(dataset.len() * n_pixels);
    for image in dataset.pixels.chunks_exact(n_channels * n_pixels) {
        luma.extend((0..n_pixels).map(|pixel| luma_of(image, pixel, n_pixels)));
    }
    Ok(Dataset {
        shape: [1, rows, columns],
        pixels: luma,
        ..dataset
    })
}

/// The luma of one pixel of `image`, `[3, n_pixels]`.
fn luma_of(image: &[u8], pixel: usize, n_pixels: usize) -> u8 {
    let channels = LUMA_WEIGHTS.iter().enumerate();
    let sum: u32 = channels
        .map(|(channel, weight)| weight * u32::from(image[channel * n_pixels + pixel]))
        .sum();
    // The weights add up to 1,000, so that this is at most 255.
    ((sum + 500) / 1000) as u8
}

/// The central `size` rows and columns. Where their number is uneven, one more is cut at the end
/// than at the start.
fn crop(dataset: Dataset, size: usize) -> Result<Dataset, ZooError> {
    let [n_channels, rows, columns] = dataset.shape;
    if size > rows || size > columns {
        return Err(ZooError::ImageSize {
            name: dataset.name,
            option: VariantOption::Crop(size).to_string(),
            needed: [size, size],
            found: [rows, columns],
        });
    }
    let (first_row, first_column) = ((rows - size) / 2, (columns - size) / 2);
    let mut pixels = Vec::with_capacity(dataset.len() * n_channels * size * size);
    for channel in dataset.pixels.chunks_exact(rows * columns) {
        let kept_rows = channel.chunks_exact(columns).skip(first_row).take(size);
        for row in kept_rows {
            pixels.extend_from_slice(&row[first_column..][..size]);
        }
    }
    Ok(Dataset {
        shape: [n_channels, size, size],
        pixels,
        ..dataset
    })
}
