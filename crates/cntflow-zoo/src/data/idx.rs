//! IDX files, the format of MNIST and its relatives: a header (two zero bytes, the type, the number of dimensions, one
//! big-endian `u32` per dimension) and the values, row-major.

use std::io::Read;
use std::path::Path;

use crate::ZooError;

/// IDX's code of unsigned bytes, the only type image data sets use.
const UNSIGNED_BYTES: u8 = 0x08;

/// First bytes of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An IDX file's content, checked: `values.len()` is the product of `dimensions`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idx {
    pub(crate) dimensions: Vec<usize>,
    pub(crate) values: Vec<u8>,
}

/// Opens `name` or `name.gz` in `folder`.
pub(crate) fn read_idx_file(
    folder: &Path,
    name: &str,
    n_dimensions: usize,
) -> Result<Idx, ZooError> {
    let path = [name.to_owned(), format!("{name}.gz")]
        .map(|file| folder.join(file))
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| ZooError::MissingIdxFile {
            folder: folder.to_owned(),
            file: name.to_owned(),
        })?;
    read_idx(
        &path.display().to_string(),
        &fs_err::read(&path)?,
        n_dimensions,
    )
}

/// Reads IDX `content` of unsigned bytes, gzipped or not. `file` is named in errors.
pub(crate) fn read_idx(file: &str, content: &[u8], n_dimensions: usize) -> Result<Idx, ZooError> {
    if content.starts_with(&GZIP_MAGIC) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(content)
            .read_to_end(&mut plain)
            .map_err(|error| std::io::Error::new(error.kind(), format!("{file}: gzip: {error}")))?;
        return parse_idx(file, plain, n_dimensions);
    }
    parse_idx(file, content.to_vec(), n_dimensions)
}

fn parse_idx(file: &str, mut content: Vec<u8>, n_dimensions: usize) -> Result<Idx, ZooError> {
    let header = 4 + 4 * n_dimensions;
    check(file, "bytes of the magic number", 4, content.len().min(4))?;
    check(
        file,
        "leading zero bytes",
        0,
        usize::from(content[0]) << 8 | usize::from(content[1]),
    )?;
    check(
        file,
        "type of values",
        usize::from(UNSIGNED_BYTES),
        usize::from(content[2]),
    )?;
    check(
        file,
        "number of dimensions",
        n_dimensions,
        usize::from(content[3]),
    )?;
    check(
        file,
        "bytes of the header",
        header,
        content.len().min(header),
    )?;
    let dimensions: Vec<usize> = content[4..header]
        .chunks_exact(4)
        .map(|bytes| {
            bytes
                .iter()
                .fold(0, |value, &byte| value << 8 | usize::from(byte))
        })
        .collect();
    let n_values = dimensions
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    check(
        file,
        "number of values",
        n_values.unwrap_or(usize::MAX),
        content.len() - header,
    )?;
    content.drain(..header);
    Ok(Idx {
        dimensions,
        values: content,
    })
}

fn check(file: &str, what: &'static str, expected: usize, found: usize) -> Result<(), ZooError> {
    if expected == found {
        return Ok(());
    }
    Err(ZooError::Idx {
        file: file.to_owned(),
        what,
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
        assert_eq!(read_idx("images", &plain, 3).unwrap(), expected);
        let mut gzipped = Vec::new();
        flate2::read::GzEncoder::new(&plain[..], flate2::Compression::fast())
            .read_to_end(&mut gzipped)
            .unwrap();
        assert_eq!(read_idx("images", &gzipped, 3).unwrap(), expected);
        gzipped.truncate(gzipped.len() - 9);
        assert!(
            read_idx("images", &gzipped, 3)
                .unwrap_err()
                .to_string()
                .starts_with("images: gzip: ")
        );
    }

    #[test]
    fn bad_content_is_told_with_both_numbers() {
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
