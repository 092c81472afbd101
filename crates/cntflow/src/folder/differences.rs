//! How two studies differ, in the words of study files: only the keys that differ, each with both
//! values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Of longer lists, only the elements that differ are named.
const SHORT_LIST: usize = 3;

/// Most elements of a list that are named.
const MOST_NAMED: usize = 6;

/// Longest text of a value.
const LONGEST: usize = 100;

/// The options that differ between two texts of `MeasurePlan::measured_with`.
pub(crate) fn option_differences(ours: &str, theirs: &str) -> Vec<String> {
    let (mut ours, mut theirs) = (options_by_name(ours), options_by_name(theirs));
    // Another probe has another digest.
    if ours.get("probe") != theirs.get("probe") {
        ours.remove("probe_digest");
        theirs.remove("probe_digest");
    }
    key_differences(&ours, &theirs)
}

/// The options in a text of `MeasurePlan::measured_with` by name. The nested options of the metrics
/// are put on the same level as the probe.
pub(crate) fn options_by_name(measured_with: &str) -> BTreeMap<String, Value> {
    let mut options: BTreeMap<String, Value> =
        serde_json::from_str(measured_with).unwrap_or_default();
    if let Some(Value::Object(metric_options)) = options.remove("options") {
        options.extend(metric_options);
    }
    options
}

/// The keys that differ between two maps.
pub(super) fn key_differences(
    ours: &BTreeMap<String, Value>,
    theirs: &BTreeMap<String, Value>,
) -> Vec<String> {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differences = keys.into_iter().flat_map(|key| {
        let [ours, theirs] = [ours, theirs].map(|map| map.get(key).unwrap_or(&Value::Null));
        value_differences(key, ours, theirs)
    });
    differences.collect()
}

/// How two values of a key differ: the keys within it that do, or the key itself.
pub(super) fn value_differences(key: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    if ours == theirs {
        return Vec::new();
    }
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let differences = keys.into_iter().flat_map(|inner| {
                let [ours, theirs] = [a, b].map(|map| map.get(inner).unwrap_or(&Value::Null));
                value_differences(&inner_key(key, inner), ours, theirs)
            });
            differences.collect()
        }
        (Value::Array(a), Value::Array(b))
            if a.len() == b.len() && a.iter().chain(b).all(Value::is_object) =>
        {
            let pairs = a.iter().zip(b).enumerate();
            let differences = pairs.flat_map(|(index, (ours, theirs))| {
                value_differences(&format!("{key}[{index}]"), ours, theirs)
            });
            differences.collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len().max(b.len()) > SHORT_LIST => {
            vec![list_difference(key, a, b)]
        }
        (Value::Object(_), Value::Null) => vec![format!("{key}, which only this study has")],
        (Value::Null, Value::Object(_)) => vec![format!("{key}, which only the other study has")],
        _ => vec![format!("{key} {} instead of {}", text(ours), text(theirs))],
    }
}

/// `[population] epochs` for a key of a section, `group[0].epochs` for one within a key.
fn inner_key(key: &str, inner: &str) -> String {
    let is_section = key.starts_with('[') && key.find(']') == Some(key.len() - 1);
    let separator = if is_section { " " } else { "." };
    format!("{key}{separator}{inner}")
}

/// The elements that one of two lists has alone.
fn list_difference(key: &str, ours: &[Value], theirs: &[Value]) -> String {
    let alone = |these: &[Value], others: &[Value]| {
        let alone = these.iter().filter(|value| !others.contains(value));
        let alone: Vec<String> = alone.map(text).collect();
        match alone.split_at_checked(MOST_NAMED) {
            Some((named, rest)) if !rest.is_empty() => {
                format!("{} and {} others", named.join(", "), rest.len())
            }
            _ => alone.join(", "),
        }
    };
    match (alone(ours, theirs), alone(theirs, ours)) {
        (with, without) if with.is_empty() && without.is_empty() => {
            format!("{key}, in another order")
        }
        (with, without) if without.is_empty() => format!("{key} with {with}"),
        (with, without) if with.is_empty() => format!("{key} without {without}"),
        (with, without) => format!("{key} with {with}, without {without}"),
    }
}

/// A value as it is written in a study file, shortened; `none` if it is not set.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    };
    if text.chars().count() > LONGEST {
        let start: String = text.chars().take(LONGEST).collect();
        format!("{start}...")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_options_that_differ_are_listed() {
        let ours = r#"{"options": {"bias": "link", "padding": "real"},
            "probe": "mnist-6k:train:50", "probe_digest": "1a"}"#;
        let theirs = r#"{"options": {"bias": "exclude", "padding": "real"}, "probe": null}"#;
        assert_eq!(
            option_differences(ours, theirs),
            [
                r#"bias "link" instead of "exclude""#,
                r#"probe "mnist-6k:train:50" instead of none"#
            ]
        );
    }

    #[test]
    fn a_section_names_the_keys_within_it() {
        let ours = json!({ "seed": 1, "group": [{ "runs": 3, "epochs": 2 }] });
        let theirs = json!({ "seed": 2, "group": [{ "runs": 4, "epochs": 2 }] });
        assert_eq!(
            value_differences("[population]", &ours, &theirs),
            [
                "[population] group[0].runs 3 instead of 4",
                "[population] seed 1 instead of 2"
            ]
        );
        assert_eq!(
            value_differences("[population]", &ours, &Value::Null),
            ["[population], which only this study has"]
        );
    }

    #[test]
    fn of_long_lists_only_the_elements_that_differ_are_named() {
        let ours = json!(["a", "b", "c", "d"]);
        let theirs = json!(["a", "b", "c", "e"]);
        assert_eq!(
            value_differences("metrics", &ours, &theirs),
            [r#"metrics with "d", without "e""#]
        );
    }
}
