//! IDX files, the format of MNIST and its relatives: a header (two zero bytes, the type, the number
//! of dimensions, one big-endian `u32` per dimension) and the values, row-major.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ZooError;

/// IDX's code of unsigned bytes, the only type image data sets use.
const UNSIGNED_BYTES: u8 = 0x08;

/// Bytes before the dimensions: two zeros, the type of values, the number of dimensions.
const MAGIC_SIZE: usize = 4;

/// First bytes of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An IDX file's content, checked: `values.len()` is the product of `dimensions`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Idx {
    pub(super) dimensions: Vec<usize>,
    pub(super) values: Vec<u8>,
}

impl Idx {
    /// What stands before the values in a file.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = vec![0, 0, UNSIGNED_BYTES, self.dimensions.len() as u8];
        for &size in &self.dimensions {
            // Sizes come from files with 32 bits for each, or are counts of published images.
            header.extend((size as u32).to_be_bytes());
        }
        header
    }
}

/// Opens `name` or `name.gz` in `folder`.
///
/// # Errors
/// Where neither is there, and as [`read_idx`].
pub(super) fn read_idx_file(
    folder: &Path,
    name: &str,
    n_dimensions: usize,
) -> Result<Idx, ZooError> {
    let path = find_file(folder, name).ok_or_else(|| ZooError::MissingIdxFile {
        folder: folder.to_owned(),
        file: name.to_owned(),
    })?;
    read_idx(
        &path.display().to_string(),
        fs_err::read(&path)?,
        n_dimensions,
    )
}

/// Opens the images `<prefix>-idx3-ubyte` or, with several channels, `<prefix>-idx4-ubyte` in
/// `folder`, each with or without `.gz`.
///
/// # Errors
/// Where none or both are there, and as [`read_idx`].
pub(super) fn read_images_file(folder: &Path, prefix: &str) -> Result<Idx, ZooError> {
    let [grey, colour] = [3, 4].map(|dimensions| format!("{prefix}-idx{dimensions}-ubyte"));
    let has_colour = find_file(folder, &colour).is_some();
    if has_colour && find_file(folder, &grey).is_some() {
        return Err(ZooError::AmbiguousIdxFiles {
            folder: folder.to_owned(),
            files: [grey, colour],
        });
    }
    if has_colour {
        read_idx_file(folder, &colour, 4)
    } else {
        read_idx_file(folder, &grey, 3)
    }
}

/// The path of `name` or `name.gz` in `folder`.
fn find_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let candidates = [name.to_owned(), format!("{name}.gz")].map(|file| folder.join(file));
    candidates.into_iter().find(|path| path.is_file())
}

/// Reads IDX `content` of unsigned bytes, gzipped or not. Errors name `file`.
///
/// # Errors If the values are not unsigned bytes, if the number of dimensions is not
/// `n_dimensions`, if the length differs from what the header says, or if a gzip stream is cut
/// short.
pub(super) fn read_idx<'a>(
    file: &str,
    content: impl Into<Cow<'a, [u8]>>,
    n_dimensions: usize,
) -> Result<Idx, ZooError> {
    let content = content.into();
    if !content.starts_with(&GZIP_MAGIC) {
        // Owned content is not copied: a file may have hundreds of megabytes.
        return parse_idx(file, content.into_owned(), n_dimensions);
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&*content)
        .read_to_end(&mut plain)
        .map_err(|source| ZooError::Gzip {
            file: file.to_owned(),
            source,
        })?;
    parse_idx(file, plain, n_dimensions)
}

fn parse_idx(file: &str, mut content: Vec<u8>, n_dimensions: usize) -> Result<Idx, ZooError> {
    let check = |quantity, expected, found| check(file, quantity, expected, found);
    let header_size = MAGIC_SIZE + 4 * n_dimensions;
    let magic_found = content.len().min(MAGIC_SIZE);
    check("bytes of the magic number", MAGIC_SIZE, magic_found)?;
    let [zero_1, zero_2, value_type, n_found] = [0, 1, 2, 3].map(|i| usize::from(content[i]));
    check("leading zero bytes", 0, zero_1 << 8 | zero_2)?;
    check("type of values", usize::from(UNSIGNED_BYTES), value_type)?;
    check("number of dimensions", n_dimensions, n_found)?;
    let header_found = content.len().min(header_size);
    check("bytes of the header", header_size, header_found)?;
    let dimensions: Vec<usize> = content[MAGIC_SIZE..header_size]
        .chunks_exact(4)
        .map(big_endian)
        .collect();
    let n_values = dimensions
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    // A product beyond usize is more than any file has.
    let n_values = n_values.unwrap_or(usize::MAX);
    check("number of values", n_values, content.len() - header_size)?;
    content.drain(..header_size);
    Ok(Idx {
        dimensions,
        values: content,
    })
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | usize::from(byte))
}

fn check(
    file: &str,
    quantity: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), ZooError> {
    if expected == found {
        return Ok(());
    }
    Err(ZooError::Idx {
        file: file.to_owned(),
        quantity,
        expected: expected as u64,
        found: found as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
        let mut content = vec![0, 0, UNSIGNED_BYTES, dimensions.len() as u8];
        dimensions
            .iter()
            .for_each(|size| content.extend(size.to_be_bytes()));
        content.extend(values);
        content
    }

    fn check_error(content: &[u8], n_dimensions: usize, message: &str) {
        assert_eq!(
            read_idx("images", content, n_dimensions)
                .unwrap_err()
                .to_string(),
            message
        );
    }

    #[test]
    fn reads_plain_and_gzipped() {
        let plain = idx(&[1, 2, 3], &[1, 2, 3, 4, 5, 6]);
        let expected = Idx {
            dimensions: vec![1, 2, 3],
            values: vec![1, 2, 3, 4, 5, 6],
        };
        assert_eq!(read_idx("images", &plain[..], 3).unwrap(), expected);
        let mut gzipped = Vec::new();
        flate2::read::GzEncoder::new(&plain[..], flate2::Compression::fast())
            .read_to_end(&mut gzipped)
            .unwrap();
        assert_eq!(read_idx("images", &gzipped[..], 3).unwrap(), expected);
        gzipped.truncate(gzipped.len() - 9);
        let error = read_idx("images", &gzipped[..], 3).unwrap_err();
        assert_eq!(error.to_string(), "images: not a whole gzip stream");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn messages_about_bad_content_have_both_numbers() {
        let labels = idx(&[4], &[0, 1, 2, 3]);
        check_error(
            &labels,
            3,
            "images: number of dimensions: expected 3, file has 1",
        );
        check_error(
            &labels[..6],
            1,
            "images: bytes of the header: expected 8, file has 6",
        );
        check_error(
            &labels[..11],
            1,
            "images: number of values: expected 4, file has 3",
        );
        check_error(
            &labels[..2],
            1,
            "images: bytes of the magic number: expected 4, file has 2",
        );
        check_error(
            &[],
            1,
            "images: bytes of the magic number: expected 4, file has 0",
        );
        check_error(
            &[0, 0, 13, 1, 0, 0, 0, 0],
            1,
            "images: type of values: expected 8, file has 13",
        );
        let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[]);
        check_error(
            &huge,
            3,
            "images: number of values: expected 18446744073709551615, file has 0",
        );
    }
}
