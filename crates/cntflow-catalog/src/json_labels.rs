//! Labels from JSON as programs in Python write it: with `NaN` and `Infinity`, which JSON has no words for.

use serde_json::{Map, Value};

use crate::Label;

/// Stands before a word for a number that JSON does not have. No key or text of a file begins so by chance: it is a control sign.
const MARK: char = '\u{1}';

/// An object.
///
/// # Errors
/// The text is no JSON, or no object.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no UTF-8 text".to_owned())?;
    let value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&with_marks(text)))
        .map_err(|error| format!("it is no JSON: {error}"))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err("it is no JSON object".to_owned()),
    }
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside of strings as marked strings.
fn with_marks(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut within = false;
    while let Some(sign) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| !within && rest.starts_with(word));
        let length = match word {
            Some(word) => {
                marked.push_str(&format!("\"\\u0001{word}\""));
                word.len()
            }
            None if within && sign == '\\' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                marked.push_str(&rest[..1 + escaped]);
                1 + escaped
            }
            None => {
                within ^= sign == '"';
                marked.push(sign);
                sign.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    marked
}

/// The label that a number, a flag or a text is; `None` of null and of what is nested.
pub fn label(value: &Value) -> Option<Label> {
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

/// The label that a value is; what is nested as JSON text; `None` of null.
pub fn label_or_text(value: Value) -> Option<Label> {
    match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(Label::Text(value.to_string().into())),
        plain => label(&plain),
    }
}

/// The scalars of an object, those of nested objects under names joined by dots; lists and nulls are left out.
pub fn scalars(object: &Map<String, Value>) -> Vec<(String, Label)> {
    let mut found = Vec::new();
    // serde_json does not read what is nested deeper than 128 levels.
    gather("", object, &mut found);
    found
}

fn gather(before: &str, object: &Map<String, Value>, found: &mut Vec<(String, Label)>) {
    for (name, value) in object {
        let name = format!("{before}{name}");
        match value {
            Value::Object(inner) => gather(&format!("{name}."), inner, found),
            other => found.extend(label(other).map(|label| (name, label))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_are_read() {
        let text =
            br#"{"a": NaN, "b": -Infinity, "c": "NaN \" NaN", "d": [Infinity], "e": {"f": 1}}"#;
        let found = scalars(&object(text).unwrap());
        assert!(matches!(found[0].1, Label::Real(value) if value.is_nan()));
        assert_eq!(found[1], ("b".into(), Label::Real(f64::NEG_INFINITY)));
        assert_eq!(found[2], ("c".into(), Label::Text("NaN \" NaN".into())));
        assert_eq!(found[3], ("e.f".into(), Label::Integer(1)));
        assert_eq!(found.len(), 4);
        for broken in [&b"{\"a\": NaN"[..], b"[NaN]", b"\xFF", b"{\"a\\"] {
            assert!(object(broken).is_err());
        }
    }
}
