//! Debian packages: an `ar` archive whose member `data.tar`, `data.tar.gz` or `data.tar.xz` has the
//! files.

use super::gzip;
use crate::{Content, FormatError, Limits};

/// What an `ar` archive begins with.
const MAGIC: &[u8] = b"!<arch>\n";

/// Bytes of the header before each member.
const HEADER: usize = 60;

/// The fields of a header that are read: name and size, both padded with spaces.
const NAME: std::ops::Range<usize> = 0..16;
const SIZE: std::ops::Range<usize> = 48..58;

/// Whether the file begins as `ar` archives do.
pub(super) fn is_deb(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

/// The tar archive with the files of a package.
///
/// # Errors
/// The archive is cut short, has no member `data.tar`, or that member cannot be decompressed.
pub(super) fn files_of(file: &Content, limits: &Limits) -> Result<Content, FormatError> {
    let mut start = MAGIC.len();
    while start < file.len() {
        let (name, size) = header(file, start)?;
        let range = start + HEADER..start + HEADER + size;
        if range.end > file.len() {
            return Err(FormatError::Length {
                expected: range.end as u64,
                found: file.len() as u64,
            });
        }
        // Members begin at even offsets.
        start = range.end + range.end % 2;
        if name.starts_with("data.tar") {
            return plain(&file.part(range), name, limits);
        }
    }
    Err(FormatError::broken("it has no member data.tar"))
}

/// Name and size of the member whose header is at `start`.
fn header(file: &[u8], start: usize) -> Result<(&str, usize), FormatError> {
    let header = file.get(start..start + HEADER);
    let header = header.ok_or(FormatError::Length {
        expected: (start + HEADER) as u64,
        found: file.len() as u64,
    })?;
    let text = |field: std::ops::Range<usize>| std::str::from_utf8(&header[field]).ok();
    let name = text(NAME).map(|name| name.trim_end().trim_end_matches('/'));
    let size = text(SIZE).and_then(|size| size.trim_end().parse().ok());
    // Ten digits fit, so that no sum of offsets overflows.
    name.zip(size)
        .ok_or_else(|| FormatError::broken(format!("it has no header at byte {start}")))
}

/// The member of this name, decompressed.
fn plain(member: &Content, name: &str, limits: &Limits) -> Result<Content, FormatError> {
    match name {
        "data.tar" => Ok(member.clone()),
        "data.tar.gz" => gzip::to_temporary_file(member, limits),
        "data.tar.xz" => gzip::xz_to_temporary_file(member, limits),
        _ => Err(FormatError::broken(format!(
            "its member {name} is not compressed with gzip or xz"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An `ar` archive of one member.
    fn archive(name: &str, content: &[u8], announced: usize) -> Content {
        let header = format!("{name:<48}{announced:<10}`\n");
        Content::in_memory([MAGIC, header.as_bytes(), content].concat())
    }

    fn error(file: &Content) -> String {
        let error = files_of(file, &Limits::default()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn the_files_are_in_the_member_data() {
        let found = files_of(&archive("data.tar/", b"files", 5), &Limits::default());
        assert_eq!(&*found.unwrap(), b"files");
    }

    #[test]
    fn an_xz_member_is_decoded_up_to_the_limit() {
        let mut compressed = Vec::new();
        lzma_rs::xz_compress(&mut &[7; 1000][..], &mut compressed).unwrap();
        let file = archive("data.tar.xz", &compressed, compressed.len());
        let within = |archive_bytes| {
            let limits = Limits {
                archive_bytes,
                ..Limits::default()
            };
            files_of(&file, &limits)
        };
        assert_eq!(&*within(1000).unwrap(), &[7; 1000]);
        assert_eq!(
            within(999).unwrap_err().to_string(),
            "bytes decompressed: 1000, but the limit archive_bytes allows 999"
        );
    }

    #[test]
    fn broken_packages_are_refused_with_both_sizes() {
        assert_eq!(
            error(&archive("data.tar", b"four", 9)),
            "header describes 77 bytes, file has 72 (cut short)"
        );
        assert_eq!(
            error(&archive("control.tar", b"", 0)),
            "it has no member data.tar"
        );
        assert_eq!(
            error(&archive("data.tar.zst", b"", 0)),
            "its member data.tar.zst is not compressed with gzip or xz"
        );
        assert!(
            error(&archive("data.tar.xz", b"not xz", 6)).starts_with("it cannot be decompressed")
        );
        let short = Content::in_memory([MAGIC, b"data"].concat());
        assert_eq!(
            error(&short),
            "header describes 68 bytes, file has 12 (cut short)"
        );
        let no_size = Content::in_memory([MAGIC, &[b' '; HEADER]].concat());
        assert_eq!(error(&no_size), "it has no header at byte 8");
    }
}
