//! `layout.csv`: which columns of a matrix of weights are which variable
//! (`varname,start_idx,end_idx,shape`).

use std::ops::Range;

use cntflow_storage::{FormatError, Limits};
use serde::Deserialize;

/// A variable: a range of the columns of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, e.g. `sequential/conv2d/kernel:0`.
    pub name: String,
    /// Its columns.
    pub columns: Range<usize>,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    varname: String,
    start_idx: usize,
    end_idx: usize,
    shape: String,
}

/// Reads the variables, sorted by their columns.
///
/// # Errors
/// A line cannot be read, a column is in no variable or in two, or a shape has another number of
/// values than its columns.
pub(super) fn read_layout(file: &[u8], limits: &Limits) -> Result<Vec<Variable>, FormatError> {
    let (limit, allowed) = ("header_bytes", limits.header_bytes);
    FormatError::check_limit("bytes of the layout", file.len() as u64, limit, allowed)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let mut variables = Vec::new();
    for line in reader.deserialize() {
        let line: Line = line.map_err(|error| FormatError::broken(error.to_string()))?;
        variables.push(variable(line)?);
    }
    variables.sort_by_key(|variable| variable.columns.start);
    let mut end = 0;
    for variable in &variables {
        if variable.columns.start != end {
            return Err(FormatError::broken(format!(
                "variable {} begins at column {}, the one before it ends at {end}",
                variable.name, variable.columns.start
            )));
        }
        end = variable.columns.end;
    }
    Ok(variables)
}

fn variable(line: Line) -> Result<Variable, FormatError> {
    let wrong = |what: String| FormatError::broken(format!("variable {}: {what}", line.varname));
    let shape = tuple(&line.shape).ok_or_else(|| {
        wrong(format!(
            "'{}' is no shape such as (3, 3, 1, 16)",
            line.shape
        ))
    })?;
    let values = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    let columns = line.start_idx..line.end_idx;
    if columns.start > columns.end || values != Some(columns.end - columns.start) {
        return Err(wrong(format!(
            "shape {shape:?} does not fit columns {} to {}",
            columns.start, columns.end
        )));
    }
    Ok(Variable {
        name: line.varname,
        columns,
        shape,
    })
}

/// The sizes in a Python tuple: `(3, 3, 1, 16)`, `(16,)` or `()`; text behind it is ignored.
fn tuple(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('(')?.split_once(')')?.0;
    let sizes = inner.trim_end().strip_suffix(',').unwrap_or(inner);
    if sizes.trim().is_empty() {
        return Some(Vec::new());
    }
    sizes
        .split(',')
        .map(|size| size.trim().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sorted_and_checked() {
        let good =
            "varname,start_idx,end_idx,shape\na/kernel:0,2,6,\"(2, 2)\"\na/bias:0,0,2,\"(2,)\"\n";
        let variables = read_layout(good.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(variables[0].name, "a/bias:0");
        assert_eq!(variables[1].shape, [2, 2]);
        let check = |from: &str, to: &str, expected: &str| {
            let text = read_layout(good.replace(from, to).as_bytes(), &Limits::default());
            let text = text.unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        };
        check("2,6", "3,7", "a/kernel:0 begins at column 3");
        check("(2, 2)", "(2, 3)", "[2, 3] does not fit columns 2 to 6");
        check("(2, 2)", "(x)", "'(x)' is no shape");
        check("2,6", "x,6", "line: 2");
    }
}
