//! Image sizes, which no weight of a convolution shows: what data sets have, and which size is the
//! likeliest of several that fit.
//!
//! Images are taken for squares throughout: a size is the number of rows, and of columns.

use cntflow_network::Layer;

/// Sizes that images of common data sets have, the most common first.
const COMMON: [usize; 7] = [28, 32, 64, 224, 96, 128, 256];

/// A size so small that many networks fit it by chance. It may be chosen among sizes that fit
/// ([`preferred`]), but that it fits proves nothing ([`is_evidence`]).
const SMALL: usize = 16;

/// That this size fits is evidence ([`is_evidence`]), but it is too rare to be chosen among several
/// sizes that fit ([`preferred`]).
const RARE: usize = 48;

/// The size that is assumed if nothing is known of the images: that of MNIST.
pub(crate) const DEFAULT: usize = COMMON[0];

/// The size of a data set's images, by the data set's name.
pub(crate) fn of_dataset(name: &str) -> Option<usize> {
    if name.contains("mnist") {
        Some(28)
    } else if name.contains("cifar") || name.contains("svhn") {
        Some(32)
    } else {
        None
    }
}

/// Whether images commonly have this size, so that an assumption which leads to it is likely right.
pub(crate) fn is_evidence(size: usize) -> bool {
    COMMON.contains(&size) || size == RARE
}

/// Index of the most common of several sizes; `None` if none is common.
pub(crate) fn preferred(sizes: &[usize]) -> Option<usize> {
    let mut by_preference = COMMON.iter().chain([&SMALL]);
    by_preference.find_map(|common| sizes.iter().position(|size| size == common))
}

/// Whether a layer slides along the places of an image.
pub(crate) fn has_places(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::Conv1d(_) | Layer::Conv2d(_) | Layer::ConvTranspose1d(_) | Layer::ConvTranspose2d(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_common_size_is_preferred() {
        assert_eq!(preferred(&[27, 28, 32]), Some(1));
        assert_eq!(preferred(&[16, 17, 224]), Some(2));
        assert_eq!(preferred(&[16, 17]), Some(0));
        assert_eq!(preferred(&[47, 48]), None);
        assert_eq!(preferred(&[]), None);
    }

    #[test]
    fn small_sizes_are_no_evidence() {
        assert_eq!(
            [16, 28, 48, 100].map(is_evidence),
            [false, true, true, false]
        );
    }
}
