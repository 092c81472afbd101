//! Limits on what a file may ask for, as people give them: `--limit NAME=VALUE`, and the table `[limits]` of a study.

use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;

use cntflow_storage::{FormatError, FullMessage, Limits};
use serde::Deserialize;

/// Units of bytes, as they may follow a number.
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

/// A limit that is set to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitSetting {
    name: String,
    value: u64,
}

/// `[limits]` of a study: values by name, numbers or texts with a unit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct LimitsSection(BTreeMap<String, Value>);

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or a text such as \"200MB\"")]
enum Value {
    Number(u64),
    Text(String),
}

impl LimitSetting {
    fn new(name: &str, value: u64) -> Result<Self, String> {
        if Limits::default().get_mut(name).is_none() {
            let known = Limits::NAMES.join(", ");
            return Err(format!("no limit '{name}'; there are {known}"));
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

impl FromStr for LimitSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or("not NAME=VALUE, such as header_bytes=200MB")?;
        Self::new(name.trim(), number(value)?)
    }
}

/// The defaults, with some limits set.
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
    /// There is no such limit, or its value is no number with a unit; the text says what there is.
    pub(crate) fn limits(&self) -> Result<Limits, String> {
        let setting = |(name, value): (&String, &Value)| {
            let value = match value {
                Value::Number(number) => Ok(*number),
                Value::Text(text) => number(text),
            };
            let setting = value.and_then(|value| LimitSetting::new(name, value));
            setting.map_err(|reason| format!("[limits] {reason}"))
        };
        let settings: Result<Vec<_>, _> = self.0.iter().map(setting).collect();
        Ok(limits_with(&settings?))
    }
}

/// A whole number, digits apart by `_` if one likes, with a unit of bytes or none.
fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let wrong = || format!("'{text}' is no number, nor one with a unit such as 200MB or 8GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_');
    let (digits, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(wrong)?;
    let digits: u64 = digits.replace('_', "").parse().map_err(|_| wrong())?;
    digits.checked_mul(factor).ok_or_else(wrong)
}

/// What is wrong with a checkpoint, and what to do about it where it goes beyond a limit.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    let message = error.full_message();
    match exceeded_limit(error) {
        Some(limit) => {
            format!("{message}; --limit {limit}=VALUE, or [limits] of a study, raises it")
        }
        None => message,
    }
}

/// The limit that an error or one of its sources is about.
fn exceeded_limit(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(FormatError::Limit { limit, .. }) = error.downcast_ref() {
            return Some(limit);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_with_units() {
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
    fn what_is_no_limit_is_an_error_that_lists_them() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<LimitSetting>().unwrap_err(), expected);
        };
        check(
            "header=1",
            "no limit 'header'; there are header_bytes, tensors, depth, decoded_bytes, expansion, archive_bytes, object_bytes",
        );
        check("depth", "not NAME=VALUE, such as header_bytes=200MB");
        for value in ["", "-1", "MB", "1 potato", "99999999999TB"] {
            let error = format!("depth={value}").parse::<LimitSetting>();
            let reason = error.unwrap_err();
            assert!(
                reason.ends_with("is no number, nor one with a unit such as 200MB or 8GiB"),
                "{reason}"
            );
        }
    }
}
