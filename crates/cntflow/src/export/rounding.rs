//! Rounds reals to a number of significant digits, in a form that compresses.
//!
//! A number rounded to decimal digits still has all 52 bits of its binary fraction. Rounded to
//! significant bits the last ones are 0, and take no space after compression.

use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, IntoColumn, PolarsResult};

/// Digits from which on nothing is rounded: a 64-bit real has no more.
pub(crate) const MOST_DIGITS: u32 = 15;

/// Bits of a 64-bit real behind its leading one.
const FRACTION_BITS: u32 = 52;

/// Significant bits for some decimal digits: the least number b whose rounding has a relative error
/// of at most 5 x 10^-digits, as rounding to decimal digits has: 2^-b <= 5 x 10^-digits.
pub(super) fn significant_bits(digits: u32) -> u32 {
    let decimals = f64::from(digits.saturating_sub(1));
    (1.0 + decimals * std::f64::consts::LOG2_10).ceil() as u32
}

/// The frame with all its columns of reals rounded to some decimal digits.
///
/// # Errors
/// A column cannot be read as its type (a bug).
pub(super) fn round_reals(frame: &DataFrame, digits: u32) -> PolarsResult<DataFrame> {
    let height = frame.height();
    let bits = significant_bits(digits);
    let columns = frame.columns().iter().map(|column| {
        if *column.dtype() == DataType::Float64 {
            round_column(column, bits)
        } else {
            Ok(column.clone())
        }
    });
    DataFrame::new(height, columns.collect::<PolarsResult<Vec<Column>>>()?)
}

fn round_column(column: &Column, bits: u32) -> PolarsResult<Column> {
    let values = column.f64()?.iter();
    let rounded: Float64Chunked = values
        .map(|value| value.map(|value| round(value, bits)))
        .collect();
    let mut rounded = rounded.into_column();
    rounded.rename(column.name().clone());
    Ok(rounded)
}

/// The nearest real of `bits` significant bits; halves are rounded away from 0. Numbers that are
/// not normal (0, NaN, infinite, below 10^-307), and those that would become infinite, stay.
fn round(value: f64, bits: u32) -> f64 {
    let dropped = (FRACTION_BITS + 1).saturating_sub(bits);
    if !value.is_normal() || dropped == 0 {
        return value;
    }
    let half = 1_u64 << (dropped - 1);
    // Where the fraction overflows, the exponent rises by 1, as it should.
    let rounded = f64::from_bits((value.to_bits() + half) >> dropped << dropped);
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_error_is_at_most_that_of_the_digits() {
        for digits in 1..=MOST_DIGITS {
            let bits = significant_bits(digits);
            let limit = 5.0 * 10_f64.powi(-(digits as i32));
            for exponent in [-200, -3, 0, 5, 200] {
                for step in 0..1_000 {
                    let value = (1.0 + f64::from(step) / 333.0) * 10_f64.powi(exponent);
                    let rounded = round(value, bits);
                    let error = ((rounded - value) / value).abs();
                    assert!(error <= limit, "{value} {digits}: {rounded}");
                    assert_eq!(round(-value, bits), -rounded);
                    assert_eq!(round(rounded, bits), rounded);
                }
            }
        }
    }

    #[test]
    fn numbers_without_digits_to_drop_stay() {
        let large = f64::MAX;
        for value in [0.0, -0.0, f64::INFINITY, large, 1.0, 0.5, 5e-324] {
            assert_eq!(round(value, 10).to_bits(), value.to_bits(), "{value}");
        }
        assert!(round(f64::NAN, 10).is_nan());
    }
}
