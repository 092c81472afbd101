//! The header of a `.npy` file that holds a matrix of floats row by row.
//!
//! Only what a matrix needs is read here: of a row, the file's other bytes must not be touched, which a reader of whole arrays does.

use std::ops::Range;

use super::Variable;
use crate::format::FormatError;
use crate::{Element, Limits};

const MAGIC: &[u8] = b"\x93NUMPY";

/// A matrix within a file, checked against its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// Number of rows.
    pub(crate) rows: usize,
    /// Number of columns.
    pub(crate) columns: usize,
    /// Type of its elements.
    pub(crate) element: Element,
    /// Where its first element lies.
    start: usize,
}

impl Matrix {
    /// Reads the header of a `.npy` file.
    ///
    /// # Errors
    /// It is no such file, no matrix of little-endian floats in C order, or not as long as its shape says.
    pub(crate) fn read(file: &[u8], limits: &Limits) -> Result<Self, FormatError> {
        let (header, start) = header(file, limits)?;
        let wrong = |what: &str| FormatError::broken(format!("its header {header:?} {what}"));
        let element = match value(header, "descr") {
            Some(text) if text.starts_with("'<f4'") => Element::F32,
            Some(text) if text.starts_with("'<f8'") => Element::F64,
            Some(text) if text.starts_with("'<f2'") => Element::F16,
            _ => return Err(wrong("gives no type of little-endian floats")),
        };
        if !value(header, "fortran_order").is_some_and(|text| text.starts_with("False")) {
            return Err(wrong("gives another order than that of rows"));
        }
        let shape = value(header, "shape").and_then(super::layout::tuple);
        let Some([rows, columns]) = shape.as_deref() else {
            return Err(wrong("gives no shape of two dimensions"));
        };
        let (rows, columns) = (*rows, *columns);
        let bytes = rows
            .checked_mul(columns)
            .and_then(|n| n.checked_mul(element.bytes()))
            .and_then(|n| n.checked_add(start))
            .ok_or_else(|| wrong("gives more elements than a file can hold"))?;
        if bytes != file.len() {
            return Err(FormatError::Length {
                expected: bytes as u64,
                found: file.len() as u64,
            });
        }
        Ok(Self {
            rows,
            columns,
            element,
            start,
        })
    }

    /// Compares the variables with the columns: every column belongs to one.
    ///
    /// # Errors
    /// There are more or fewer columns than the variables take.
    pub(crate) fn fits(&self, variables: &[Variable]) -> Result<(), FormatError> {
        let taken = variables.last().map_or(0, |last| last.columns.end);
        if taken != self.columns {
            return Err(FormatError::broken(format!(
                "its rows have {} values, the layout gives {taken}",
                self.columns
            )));
        }
        Ok(())
    }

    /// Where a row lies in the file.
    ///
    /// # Errors
    /// There is no such row.
    pub(crate) fn range(&self, row: u64) -> Result<Range<usize>, FormatError> {
        let at = usize::try_from(row).ok().filter(|&row| row < self.rows);
        let at = at.ok_or_else(|| {
            FormatError::broken(format!("it has {} rows, there is no row {row}", self.rows))
        })?;
        let length = self.columns * self.element.bytes();
        let start = self.start + at * length;
        Ok(start..start + length)
    }
}

/// The text of the header, and where the elements begin.
fn header<'a>(file: &'a [u8], limits: &Limits) -> Result<(&'a str, usize), FormatError> {
    let broken = || FormatError::broken("it does not begin as a .npy file does");
    let rest = file.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (length, before) = match rest {
        [1, _, a, b, ..] => (u64::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12),
        _ => return Err(broken()),
    };
    let (limit, allowed) = ("header_bytes", limits.header_bytes);
    FormatError::within("bytes of its header", length, limit, allowed)?;
    let end = before + length as usize;
    let header = file.get(before..end).ok_or(FormatError::Length {
        expected: end as u64,
        found: file.len() as u64,
    })?;
    let header = std::str::from_utf8(header).map_err(|_| broken())?;
    Ok((header.trim_end(), end))
}

/// What follows a key of a Python dictionary written as text.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = header.split_once(&format!("'{key}':"))?;
    Some(after.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes()].concat();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    }

    const GOOD: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";

    #[test]
    fn a_row_is_a_range_of_the_file() {
        let file = file(GOOD, 24);
        let matrix = Matrix::read(&file, &Limits::default()).unwrap();
        assert_eq!((matrix.rows, matrix.columns), (3, 2));
        assert_eq!(matrix.range(2).unwrap(), file.len() - 8..file.len());
        let text = matrix.range(3).unwrap_err().to_string();
        assert_eq!(text, "it has 3 rows, there is no row 3");
    }

    #[test]
    fn every_truncation_and_every_lie_is_an_error() {
        let whole = file(GOOD, 24);
        for length in 0..whole.len() {
            assert!(Matrix::read(&whole[..length], &Limits::default()).is_err());
        }
        for (from, to) in [
            ("(3, 2)", "(9223372036854775807, 4)"),
            ("(3, 2)", "(3, 2, 1)"),
            ("(3, 2)", "(-3, -2)"),
            ("False", "True"),
            ("<f4", ">f4"),
            ("<f4", "|O"),
        ] {
            let changed = file(&GOOD.replace(from, to), 24);
            assert!(Matrix::read(&changed, &Limits::default()).is_err(), "{to}");
        }
    }
}
