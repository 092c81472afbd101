//! Lists of floats as text that is read back bit for bit: their shortest decimal
//! forms, separated by spaces.
//!
//! JSON's own numbers do not serve: fast parsers lose their last bit, and NaN and
//! infinities cannot be written. Use it as `#[serde(with = "exact_floats")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes the numbers as one string.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(numbers: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
    serializer.serialize_str(&texts.join(" "))
}

/// Reads the numbers back.
///
/// # Errors
/// Those of the deserializer; a word is not a number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parse = |word: &str| {
        word.parse()
            .map_err(|_| D::Error::custom(format!("`{word}` is not a number")))
    };
    text.split_whitespace().map(parse).collect()
}

#[cfg(test)]
mod tests {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Numbers(#[serde(with = "super")] Vec<f64>);

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let numbers = vec![
            0.1 + 0.2,
            -0.0,
            1e-310,
            f64::MAX,
            f64::INFINITY,
            std::f64::consts::PI.recip(),
        ];
        let text = serde_json::to_string(&Numbers(numbers.clone())).unwrap();
        let back: Numbers = serde_json::from_str(&text).unwrap();
        assert!(
            back.0
                .iter()
                .zip(&numbers)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }
}
