//! Scales: a value of a study file may be written once for each scale,
//! `{ small = A, medium = B, full = C }`.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

/// The section whose keys are names of label columns, `small` among them.
const LABELS: &str = "labels";

/// Size of a study, from minutes to days of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    /// Minutes on two cores.
    #[default]
    Small,
    /// Between the two.
    Medium,
    /// Hours, or a cluster.
    Full,
}

impl Scale {
    /// All scales, the largest first.
    const LARGEST_FIRST: [Self; 3] = [Self::Full, Self::Medium, Self::Small];

    /// The name in study files and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The keys of a value that is written for several scales. Its deserialisation finds a missing
/// `small`, and knows the line.
#[derive(Deserialize)]
struct ScaledKeys {
    #[serde(rename = "small")]
    _small: IgnoredAny,
}

/// Replaces each value that is written for several scales by its value for `scale`: the one of the
/// largest scale up to `scale` that is given. Returns whether there was any.
///
/// The places of all other values stay as they are, so that errors name the lines of the file.
///
/// # Errors
/// A value is written for a larger scale, but not for `small`.
pub(super) fn resolve_scales(file: &mut DeTable<'_>, scale: Scale) -> Result<bool, Error> {
    let mut is_scaled = false;
    for (name, value) in file.iter_mut() {
        is_scaled |= match value.get_mut() {
            DeValue::Table(labels) if name.get_ref() == LABELS => resolve_values(labels, scale)?,
            _ => resolve(value, scale)?,
        };
    }
    Ok(is_scaled)
}

fn resolve_values(table: &mut DeTable<'_>, scale: Scale) -> Result<bool, Error> {
    let mut is_scaled = false;
    for (_, value) in table.iter_mut() {
        is_scaled |= resolve(value, scale)?;
    }
    Ok(is_scaled)
}

/// Resolves a value and what is in it.
fn resolve(value: &mut Spanned<DeValue<'_>>, scale: Scale) -> Result<bool, Error> {
    if has_scales(value.get_ref()) {
        ScaledKeys::deserialize(ValueDeserializer::from(value.clone()))?;
        if let Some(chosen) = value_for(value.get_mut(), scale) {
            *value = chosen;
        }
        resolve(value, scale)?;
        return Ok(true);
    }
    match value.get_mut() {
        DeValue::Table(table) => resolve_values(table, scale),
        DeValue::Array(items) => {
            let mut is_scaled = false;
            for item in items.iter_mut() {
                is_scaled |= resolve(item, scale)?;
            }
            Ok(is_scaled)
        }
        _ => Ok(false),
    }
}

/// Whether this is a table whose keys are all names of scales.
fn has_scales(value: &DeValue<'_>) -> bool {
    let Some(table) = value.as_table() else {
        return false;
    };
    let is_scale = |key: &str| Scale::LARGEST_FIRST.iter().any(|scale| scale.name() == key);
    !table.is_empty() && table.keys().all(|key| is_scale(key.get_ref()))
}

/// The value of the largest scale up to `scale`.
fn value_for<'a>(value: &mut DeValue<'a>, scale: Scale) -> Option<Spanned<DeValue<'a>>> {
    let DeValue::Table(table) = value else {
        return None;
    };
    let scales = Scale::LARGEST_FIRST.into_iter();
    let mut allowed = scales.filter(|allowed| *allowed <= scale);
    allowed.find_map(|allowed| table.remove(allowed.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document with its values for a scale, and whether it has any scale.
    #[track_caller]
    fn resolved(text: &str, scale: Scale) -> (toml::Table, bool) {
        let mut table = DeTable::parse(text).unwrap();
        let is_scaled = resolve_scales(table.get_mut(), scale).unwrap();
        let document = toml::de::Deserializer::from(table);
        (toml::Table::deserialize(document).unwrap(), is_scaled)
    }

    #[track_caller]
    fn check(text: &str, expected: [&str; 3]) {
        let scales = [Scale::Small, Scale::Medium, Scale::Full];
        for (scale, expected) in scales.into_iter().zip(expected) {
            let expected: toml::Table = expected.parse().unwrap();
            assert_eq!(resolved(text, scale), (expected, true), "{scale}");
        }
    }

    #[test]
    fn a_scale_that_is_not_given_has_the_value_of_the_next_smaller_one() {
        check(
            "[a]\nruns = { small = 1, medium = 2, full = 3 }",
            ["a.runs = 1", "a.runs = 2", "a.runs = 3"],
        );
        check(
            "runs = { small = 1, full = 3 }",
            ["runs = 1", "runs = 1", "runs = 3"],
        );
        check(
            "runs = { small = 1, medium = 2 }",
            ["runs = 1", "runs = 2", "runs = 2"],
        );
    }

    #[test]
    fn values_of_every_kind_and_depth_have_scales() {
        check(
            "[[group]]\nrate = { small = { min = 1, max = { small = 2, full = 9 } }, medium = [3] }\n\
             list = [{ small = 'a', medium = 'b' }, 'c']",
            [
                "[[group]]\nrate = { min = 1, max = 2 }\nlist = ['a', 'c']",
                "[[group]]\nrate = [3]\nlist = ['b', 'c']",
                "[[group]]\nrate = [3]\nlist = ['b', 'c']",
            ],
        );
    }

    #[test]
    fn aliases_of_labels_are_no_scales() {
        let text = "a = 1\nlabels = { small = 'size', medium = 'middle' }";
        let (document, is_scaled) = resolved(text, Scale::Full);
        assert_eq!((document, is_scaled), (text.parse().unwrap(), false));
    }

    #[test]
    fn a_value_without_small_is_an_error_that_names_its_line() {
        let text = "a = 1\nruns = { medium = 3 }\n";
        let mut table = DeTable::parse(text).unwrap();
        let mut error = resolve_scales(table.get_mut(), Scale::Full).unwrap_err();
        error.set_input(Some(text));
        let message = error.to_string();
        assert!(
            message.contains("line 2") && message.contains("missing field `small`"),
            "{message}"
        );
    }
}
