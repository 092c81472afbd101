//! Numbers as text.

/// Significant digits of a real number. Those that are left out are in the answer to the query.
const DIGITS: i32 = 6;

/// A real number, rounded to six significant digits.
pub(crate) fn real(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    if (-4..15).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent).max(0) as usize;
        let text = format!("{value:.decimals$}");
        return without_zeros(&text).to_owned();
    }
    let text = format!("{value:.*e}", (DIGITS - 1) as usize);
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", without_zeros(digits)),
        None => text,
    }
}

/// A number on an axis whose ticks are `step` apart.
pub(crate) fn tick(value: f64, step: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs().max(step)) {
        return real(value);
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 10.0) as usize;
    let text = format!("{value:.decimals$}");
    // Rounding may leave a negative zero.
    if text
        .trim_start_matches('-')
        .bytes()
        .all(|b| matches!(b, b'0' | b'.'))
    {
        return "0".to_owned();
    }
    text
}

/// Without zeros at the end of the decimals.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_have_six_digits_and_no_zeros_at_their_end() {
        let texts = [
            0.5,
            -12.0,
            1.0 / 3.0,
            123_456.7,
            1e-9,
            2.5e20,
            0.0,
            1_234_567.0,
        ]
        .map(real);
        let expected = [
            "0.5", "-12", "0.333333", "123457", "1e-9", "2.5e20", "0", "1234567",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn ticks_have_the_decimals_of_their_step() {
        assert_eq!(tick(0.1 + 0.2, 0.1), "0.3");
        assert_eq!(tick(-1e-17, 0.1), "0");
        assert_eq!(tick(250.0, 50.0), "250");
        assert_eq!(
            tick(2e9, 1e9),
            "2000000000".parse::<f64>().map(real).unwrap_or_default()
        );
    }
}
