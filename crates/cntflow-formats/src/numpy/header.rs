//! The header of a `.npy` file: a Python dictionary as text, of three known keys.

use cntflow_storage::{FormatError, Limits};

/// Bytes at the beginning of a `.npy` file that are read for its header, which NumPy keeps far
/// shorter.
pub(crate) const BEGINNING: u64 = 1 << 16;

/// What `.npy` files begin with.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header says of the array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The element type as NumPy writes it, e.g. `<f4`; `|O` for objects.
    pub(crate) descr: String,
    /// Whether the elements are column-major.
    pub(crate) is_fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Bytes before the elements: all of the header.
    pub(crate) bytes: usize,
}

/// Reads the header at the beginning of `bytes`, of format versions 1 to 3.
pub(crate) fn header(bytes: &[u8], limits: &Limits) -> Result<Header, FormatError> {
    let short = || FormatError::broken("its header is cut short");
    if !bytes.starts_with(MAGIC) {
        return Err(FormatError::broken("it does not begin as .npy files do"));
    }
    let rest = bytes.get(8..).ok_or_else(short)?;
    let (length, start) = match bytes[6] {
        1 => {
            let length = rest.first_chunk().ok_or_else(short)?;
            (u64::from(u16::from_le_bytes(*length)), 10)
        }
        2 | 3 => {
            let length = rest.first_chunk().ok_or_else(short)?;
            (u64::from(u32::from_le_bytes(*length)), 12)
        }
        version => {
            return Err(FormatError::broken(format!(
                "it is of version {version} of .npy; 1 to 3 are read"
            )));
        }
    };
    FormatError::check_limit(
        "bytes of its header",
        length,
        "header_bytes",
        limits.header_bytes,
    )?;
    let end = start + length as usize;
    let text = bytes.get(start..end).ok_or_else(short)?;
    let text =
        std::str::from_utf8(text).map_err(|_| FormatError::broken("its header is not UTF-8"))?;
    parse(text, end).ok_or_else(|| {
        let shown: String = text.trim().chars().take(200).collect();
        FormatError::broken(format!("its header cannot be read: {shown}"))
    })
}

/// Parses a text such as `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. The `descr`
/// of records is a list; it is kept as text.
fn parse(text: &str, bytes: usize) -> Option<Header> {
    let shape = value(text, "shape")?.strip_prefix('(')?;
    let (shape, _) = shape.split_once(')')?;
    let sizes = shape
        .split(',')
        // NumPy on Python 2 wrote sizes as long integers: `5L`.
        .map(|size| size.trim().trim_end_matches('L'))
        .filter(|size| !size.is_empty());
    let descr = value(text, "descr")?;
    let descr = match descr.strip_prefix(['\'', '"']) {
        Some(name) => name.split(['\'', '"']).next()?,
        None => descr.split(']').next()?,
    };
    let order = value(text, "fortran_order")?;
    if !order.starts_with("True") && !order.starts_with("False") {
        return None;
    }
    Some(Header {
        descr: descr.to_owned(),
        is_fortran: order.starts_with("True"),
        shape: sizes
            .map(|size| size.parse().ok())
            .collect::<Option<Vec<usize>>>()?,
        bytes,
    })
}

/// The text behind a key and its colon.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let single = format!("'{key}'");
    let double = format!("\"{key}\"");
    let (_, after) = text
        .split_once(&single)
        .or_else(|| text.split_once(&double))?;
    Some(after.trim_start().strip_prefix(':')?.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let check = |text: &str, expected: Option<(&str, bool, &[usize])>| {
            let found = parse(text, 0);
            let found = found.as_ref().map(|h| (&*h.descr, h.is_fortran, &*h.shape));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
            Some(("<f4", false, &[2, 3])),
        );
        check(
            "{'shape': (), 'fortran_order': True, 'descr': '|O'}",
            Some(("|O", true, &[])),
        );
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5L,), }",
            Some(("<f4", false, &[5])),
        );
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-5,)}",
            None,
        );
        check("{'descr': '<f4', 'fortran_order': 3, 'shape': (5,)}", None);
        check("{'descr': '<f4'}", None);
    }
}
