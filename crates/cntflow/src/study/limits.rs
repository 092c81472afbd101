//! Limits on what a file may ask for, as users set them: `--limit NAME=VALUE`, and `[limits]` of a
//! study file.

use std::collections::BTreeMap;
use std::str::FromStr;

use cntflow_storage::Limits;
use serde::Deserialize;

use crate::exit::UsageError;

/// Units of bytes that may follow a number.
const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// One limit and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitSetting {
    name: String,
    value: u64,
}

/// `[limits]` of a study file as it is written: values by name.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct LimitsSection(BTreeMap<String, LimitValue>);

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or a text such as \"200MB\"")]
enum LimitValue {
    Number(u64),
    Text(String),
}

impl LimitSetting {
    fn new(name: &str, value: u64) -> Result<Self, UsageError> {
        if Limits::default().get_mut(name).is_none() {
            return Err(UsageError(format!(
                "unknown limit '{name}'; the limits are {}",
                Limits::NAMES.join(", ")
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

impl FromStr for LimitSetting {
    type Err = UsageError;

    fn from_str(text: &str) -> Result<Self, UsageError> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| UsageError("not NAME=VALUE, such as header_bytes=200MB".to_owned()))?;
        Self::new(name.trim(), parse_bytes(value)?)
    }
}

/// The default limits, with some of them changed.
pub(crate) fn limits_with(settings: &[LimitSetting]) -> Limits {
    let mut limits = Limits::default();
    for setting in settings {
        if let Some(limit) = limits.get_mut(&setting.name) {
            *limit = setting.value;
        }
    }
    limits
}

impl LimitsSection {
    /// The limits of a study.
    ///
    /// # Errors
    /// A name is unknown, or a value is not a number with an optional unit.
    pub(super) fn limits(&self) -> Result<Limits, UsageError> {
        let mut settings = Vec::new();
        for (name, value) in &self.0 {
            let value = match value {
                LimitValue::Number(number) => *number,
                LimitValue::Text(text) => parse_bytes(text)?,
            };
            settings.push(LimitSetting::new(name, value)?);
        }
        Ok(limits_with(&settings))
    }
}

/// Reads a whole number with an optional unit of bytes. Digits may be separated by `_`.
fn parse_bytes(text: &str) -> Result<u64, UsageError> {
    let text = text.trim();
    let error = || {
        UsageError(format!(
            "'{text}' is not a whole number with an optional unit, such as 200MB or 8GiB"
        ))
    };
    let is_unit = |c: char| !c.is_ascii_digit() && c != '_';
    let (digits, unit) = text.split_at(text.find(is_unit).unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(error)?;
    let number: u64 = digits.replace('_', "").parse().map_err(|_| error())?;
    number.checked_mul(factor).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_with_an_optional_unit() {
        let check = |text: &str, expected: u64| {
            let setting: LimitSetting = format!("tensors={text}").parse().unwrap();
            assert_eq!(limits_with(&[setting]).tensors, expected, "{text}");
        };
        check("17", 17);
        check("200_000", 200_000);
        check("200MB", 200_000_000);
        check(" 8 GiB", 8 << 30);
    }

    #[test]
    fn an_error_names_the_known_limits_or_the_form_of_a_value() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                text.parse::<LimitSetting>().unwrap_err().to_string(),
                expected
            );
        };
        check(
            "header=1",
            "unknown limit 'header'; the limits are header_bytes, tensors, depth, decoded_bytes, \
             expansion, archive_bytes, object_bytes",
        );
        check("depth", "not NAME=VALUE, such as header_bytes=200MB");
        for value in ["", "-1", "MB", "1 potato", "99999999999TB"] {
            let error = format!("depth={value}").parse::<LimitSetting>();
            let message = error.unwrap_err().to_string();
            assert!(
                message.ends_with(
                    "is not a whole number with an optional unit, such as 200MB or 8GiB"
                ),
                "{message}"
            );
        }
    }
}
