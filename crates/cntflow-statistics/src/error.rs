//! The errors of this crate.

/// A result of this crate.
pub type Result<T> = std::result::Result<T, StatisticsError>;

/// Inputs that no figure can be computed from. A figure that is merely undefined, such as an AUC
/// without positive rows, is NaN and no error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// Two lists that describe the same rows differ in length.
    #[error("`{left}` has {n_left} values, `{right}` has {n_right}")]
    LengthMismatch {
        /// Name of the first list.
        left: &'static str,
        /// Its length.
        n_left: usize,
        /// Name of the second list.
        right: &'static str,
        /// Its length.
        n_right: usize,
    },
    /// A value of a list is outside its range.
    #[error("`{list}` has {value} at index {index}, it must be {expected}")]
    Value {
        /// Name of the list.
        list: &'static str,
        /// Index of the value.
        index: usize,
        /// The value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A class index is too large.
    #[error("`{list}` has class {class} at index {index}, there are {n_classes} classes")]
    Class {
        /// Name of the list.
        list: &'static str,
        /// Index of the value.
        index: usize,
        /// The class found.
        class: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// A parameter is outside its range.
    #[error("`{parameter}` is {value}, it must be {expected}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The rows of one group stand in two strata.
    #[error("group {group} has rows in stratum {first} and in stratum {second}")]
    GroupInTwoStrata {
        /// The group.
        group: usize,
        /// The stratum of its first row.
        first: usize,
        /// The other stratum.
        second: usize,
    },
}

/// Checks that two lists describe the same rows.
pub(crate) fn check_lengths(
    (left, n_left): (&'static str, usize),
    (right, n_right): (&'static str, usize),
) -> Result<()> {
    if n_left == n_right {
        Ok(())
    } else {
        Err(StatisticsError::LengthMismatch {
            left,
            n_left,
            right,
            n_right,
        })
    }
}

/// Checks every value of a list.
pub(crate) fn check_values(
    list: &'static str,
    values: &[f64],
    expected: &'static str,
    is_allowed: impl Fn(f64) -> bool,
) -> Result<()> {
    match values.iter().position(|&value| !is_allowed(value)) {
        None => Ok(()),
        Some(index) => Err(StatisticsError::Value {
            list,
            index,
            value: values[index],
            expected,
        }),
    }
}

/// Checks that values can be ranked. Infinities can.
pub(crate) fn check_not_nan(list: &'static str, values: &[f64]) -> Result<()> {
    check_values(list, values, "a number", |value| !value.is_nan())
}

/// Checks that values can be summed.
pub(crate) fn check_finite(list: &'static str, values: &[f64]) -> Result<()> {
    check_values(list, values, "finite", f64::is_finite)
}

/// Checks class indices.
pub(crate) fn check_classes(list: &'static str, classes: &[usize], n_classes: usize) -> Result<()> {
    match classes.iter().position(|&class| class >= n_classes) {
        None => Ok(()),
        Some(index) => Err(StatisticsError::Class {
            list,
            index,
            class: classes[index],
            n_classes,
        }),
    }
}

/// Checks a parameter.
pub(crate) fn check_parameter(
    parameter: &'static str,
    value: f64,
    expected: &'static str,
    is_allowed: bool,
) -> Result<()> {
    if is_allowed {
        Ok(())
    } else {
        Err(StatisticsError::Parameter {
            parameter,
            value,
            expected,
        })
    }
}
