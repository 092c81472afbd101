//! Labels from JSON as Python writes it: with `NaN` and `Infinity`, which are not JSON.

use serde_json::{Map, Value};

use crate::{JsonError, Label};

/// Begins the strings that replace `NaN` and the infinities, so that [`label_of`] can tell them
/// from the text "NaN". A control character: no real text begins with it.
const MARK: char = '\u{1}';

/// Parses a JSON object.
///
/// # Errors
/// The text is not JSON, or not an object.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let text = std::str::from_utf8(text).map_err(|_| JsonError::NotUtf8)?;
    let value = serde_json::from_str(text).or_else(|_| serde_json::from_str(&with_marks(text)))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside of strings replaced by marked strings.
fn with_marks(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(character) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| !in_string && rest.starts_with(word));
        let length = match word {
            Some(word) => {
                marked.push_str(&format!("\"\\u0001{word}\""));
                word.len()
            }
            None if in_string && character == '\\' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                marked.push_str(&rest[..1 + escaped]);
                1 + escaped
            }
            None => {
                in_string ^= character == '"';
                marked.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    marked
}

/// The label of a number, flag or text; `None` for null, lists and objects.
pub fn label_of(value: &Value) -> Option<Label> {
    match value {
        Value::Bool(flag) => Some(Label::Flag(*flag)),
        Value::Number(number) => number
            .as_i64()
            .map(Label::Integer)
            .or_else(|| number.as_f64().map(Label::Real)),
        Value::String(text) => Some(match text.strip_prefix(MARK) {
            Some("NaN") => Label::Real(f64::NAN),
            Some("Infinity") => Label::Real(f64::INFINITY),
            Some("-Infinity") => Label::Real(f64::NEG_INFINITY),
            _ => Label::Text(text.as_str().into()),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The label of a value: lists and objects as JSON text; `None` for null.
pub fn label_or_text(value: Value) -> Option<Label> {
    match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(Label::Text(value.to_string().into())),
        plain => label_of(&plain),
    }
}

/// The labels of an object's scalars, with the names of nested objects joined by dots. Lists and
/// nulls are left out.
pub fn scalars(object: &Map<String, Value>) -> Vec<(String, Label)> {
    let mut labels = Vec::new();
    // The recursion ends: serde_json refuses more than 128 levels.
    collect("", object, &mut labels);
    labels
}

fn collect(prefix: &str, object: &Map<String, Value>, labels: &mut Vec<(String, Label)>) {
    for (name, value) in object {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => collect(&format!("{name}."), inner, labels),
            other => labels.extend(label_of(other).map(|label| (name, label))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinity_are_read() {
        let text =
            br#"{"a": NaN, "b": -Infinity, "c": "NaN \" NaN", "d": [Infinity], "e": {"f": 1}}"#;
        let found = scalars(&parse_object(text).unwrap());
        assert!(matches!(found[0].1, Label::Real(value) if value.is_nan()));
        assert_eq!(found[1], ("b".into(), Label::Real(f64::NEG_INFINITY)));
        assert_eq!(found[2], ("c".into(), Label::Text("NaN \" NaN".into())));
        assert_eq!(found[3], ("e.f".into(), Label::Integer(1)));
        assert_eq!(found.len(), 4);
        for broken in [&b"{\"a\": NaN"[..], b"[NaN]", b"\xFF", b"{\"a\\"] {
            assert!(parse_object(broken).is_err());
        }
    }
}
