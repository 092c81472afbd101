//! A matrix of floats in a `.npy` file: where each row is, from the header alone.

use std::ops::Range;

use cntflow_storage::{FormatError, Limits};

use super::Variable;
use crate::{Element, numpy::header};

/// A matrix within a file, checked against its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: u64,
    /// Number of columns.
    pub columns: usize,
    /// Type of its elements.
    pub element: Element,
    /// Offset of its first element in the file.
    start: u64,
}

impl Matrix {
    /// Reads the header of a `.npy` file of `length` bytes from its `beginning`.
    ///
    /// # Errors
    /// It is no `.npy` file, no row-major matrix of little-endian floats, or not as long as its
    /// shape says.
    pub fn read(beginning: &[u8], length: u64, limits: &Limits) -> Result<Self, FormatError> {
        let header = header(beginning, limits)?;
        let wrong = |what: &str| {
            let (descr, shape) = (&header.descr, &header.shape);
            FormatError::broken(format!("its header gives '{descr}' {shape:?}, {what}"))
        };
        let element = match &*header.descr {
            "<f4" => Element::F32,
            "<f8" => Element::F64,
            "<f2" => Element::F16,
            _ => return Err(wrong("no little-endian floats")),
        };
        if header.is_fortran {
            return Err(wrong("column-major elements"));
        }
        let [rows, columns] = header.shape[..] else {
            return Err(wrong("no matrix"));
        };
        if columns == 0 {
            return Err(wrong("rows without values"));
        }
        let (rows, start) = (rows as u64, header.bytes as u64);
        let bytes = columns
            .checked_mul(element.bytes())
            .and_then(|row| rows.checked_mul(row as u64))
            .and_then(|all| all.checked_add(start))
            .ok_or_else(|| wrong("more elements than a file can hold"))?;
        if bytes != length {
            return Err(FormatError::Length {
                expected: bytes,
                found: length,
            });
        }
        Ok(Self {
            rows,
            columns,
            element,
            start,
        })
    }

    /// Checks that the variables take exactly the columns.
    ///
    /// # Errors
    /// There are more or fewer columns than the variables take.
    pub fn check_variables(&self, variables: &[Variable]) -> Result<(), FormatError> {
        let taken = variables.last().map_or(0, |last| last.columns.end);
        if taken != self.columns {
            return Err(FormatError::broken(format!(
                "its rows have {} values, the layout gives {taken}",
                self.columns
            )));
        }
        Ok(())
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> u64 {
        self.columns as u64 * self.element.bytes() as u64
    }

    /// The range of a row in the file.
    ///
    /// # Errors
    /// There is no such row.
    pub fn range_of_row(&self, row: u64) -> Result<Range<u64>, FormatError> {
        if row >= self.rows {
            return Err(FormatError::broken(format!(
                "it has {} rows, but no row {row}",
                self.rows
            )));
        }
        Ok(self.range_of_rows(row..row + 1))
    }

    /// The range of consecutive rows in the file.
    pub fn range_of_rows(&self, rows: Range<u64>) -> Range<u64> {
        let offset = |row: u64| self.start + row * self.row_bytes();
        offset(rows.start)..offset(rows.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        let mut bytes = [b"\x93NUMPY\x01\x00", &length[..]].concat();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    }

    fn read(file: &[u8]) -> Result<Matrix, FormatError> {
        Matrix::read(file, file.len() as u64, &Limits::default())
    }

    const GOOD: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";

    #[test]
    fn a_row_is_a_range_of_the_file() {
        let file = file(GOOD, 24);
        let matrix = read(&file).unwrap();
        assert_eq!((matrix.rows, matrix.columns), (3, 2));
        let end = file.len() as u64;
        assert_eq!(matrix.range_of_row(2).unwrap(), end - 8..end);
        let text = matrix.range_of_row(3).unwrap_err().to_string();
        assert_eq!(text, "it has 3 rows, but no row 3");
    }

    #[test]
    fn every_truncation_and_every_wrong_header_is_an_error() {
        let whole = file(GOOD, 24);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err());
        }
        for (from, to) in [
            ("(3, 2)", "(9223372036854775807, 4)"),
            ("(3, 2)", "(3, 2, 1)"),
            ("(3, 2)", "(9223372036854775807, 0)"),
            ("(3, 2)", "(-3, -2)"),
            ("False", "True"),
            ("<f4", ">f4"),
            ("<f4", "|O"),
        ] {
            let changed = file(&GOOD.replace(from, to), 24);
            assert!(read(&changed).is_err(), "{to}");
        }
    }
}
