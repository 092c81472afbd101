//! The header of a `.npy` file: a Python dictionary as text, of three known keys.

use cntflow_storage::FormatError;
use cntflow_storage::Limits;

/// What `.npy` files begin with.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The element type as NumPy writes it; `|O` of objects.
    pub(crate) descr: String,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Where the elements begin.
    pub(crate) data: usize,
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
    let data = start + length as usize;
    let text = bytes.get(start..data).ok_or_else(short)?;
    let text =
        std::str::from_utf8(text).map_err(|_| FormatError::broken("its header is not UTF-8"))?;
    let parsed = parse(text, data);
    parsed.ok_or_else(|| {
        let shown: String = text.trim().chars().take(200).collect();
        FormatError::broken(format!("its header cannot be read: {shown}"))
    })
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`; a `descr` that is a list, of records, is kept as text.
fn parse(text: &str, data: usize) -> Option<Header> {
    let shape = value(text, "shape")?.strip_prefix('(')?;
    let (shape, _) = shape.split_once(')')?;
    let sizes = shape
        .split(',')
        .map(|size| size.trim().trim_end_matches('L'))
        .filter(|size| !size.is_empty());
    let descr = value(text, "descr")?;
    let descr = match descr.strip_prefix(['\'', '"']) {
        Some(name) => name.split(['\'', '"']).next()?,
        None => descr.split(']').next()?,
    };
    let order = value(text, "fortran_order")?;
    Some(Header {
        descr: descr.to_owned(),
        fortran: match (order.starts_with("True"), order.starts_with("False")) {
            (true, _) => true,
            (_, true) => false,
            _ => return None,
        },
        shape: sizes
            .map(|size| size.parse().ok())
            .collect::<Option<Vec<usize>>>()?,
        data,
    })
}

/// What follows a key's colon.
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
            let found = found.as_ref().map(|h| (&*h.descr, h.fortran, &*h.shape));
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
