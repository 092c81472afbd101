//! Arrow arrays of real numbers, in which NaN is null.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};

/// A column of real numbers. NaN stands for "not defined" and becomes null: a reader that averages
/// the column then skips it.
pub(crate) fn reals(values: impl Iterator<Item = f64>) -> ArrayRef {
    reals_of(values.collect())
}

/// [`reals`] of a vector.
pub(crate) fn reals_of(values: Vec<f64>) -> ArrayRef {
    if values.iter().any(|value| value.is_nan()) {
        let present = values.iter().map(|value| !value.is_nan()).collect();
        return Arc::new(Float64Array::new(values.into(), Some(present)));
    }
    Arc::new(Float64Array::from(values))
}
