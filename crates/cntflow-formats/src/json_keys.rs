//! Repeated keys in JSON objects: they are counted and refused here, while a map would hide them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

/// Counts the keys of an object for which `counts` holds, repeated keys each time. The keys are not
/// kept, so that counting takes no memory.
///
/// # Errors
/// The text is no JSON object.
pub(crate) fn count_keys(text: &[u8], counts: impl Fn(&str) -> bool) -> serde_json::Result<u64> {
    struct Keys<F>(F);

    impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Keys<F> {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u64, A::Error> {
            let mut count = 0;
            while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                count += u64::from(self.0(&key));
            }
            Ok(count)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let count = deserializer.deserialize_map(Keys(counts))?;
    deserializer.end()?;
    Ok(count)
}

/// The first key of an object that repeats an earlier one.
pub(crate) fn repeated_key(text: &[u8]) -> Option<String> {
    struct Repeated;

    impl<'de> Visitor<'de> for Repeated {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = HashSet::new();
            let mut repeated = None;
            while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                if repeated.is_none() && !keys.insert(key.clone()) {
                    repeated = Some(key);
                }
            }
            Ok(repeated)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.deserialize_map(Repeated).ok().flatten()
}

/// Deserializes an object whose values are texts, and refuses a repeated key.
///
/// # Errors
/// It is something else, or repeats a key; the text names the key.
pub(crate) fn unique_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut texts = BTreeMap::new();
            while let Some((key, text)) = map.next_entry::<String, String>()? {
                if texts.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("key {key} is there twice")));
                }
                texts.insert(key, text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_map(Texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_are_counted_and_named() {
        let text = br#"{"a": 1, "b": {"a": 2}, "a": 3}"#;
        assert_eq!(count_keys(text, |key| key != "b").unwrap(), 2);
        assert!(count_keys(b"{} {}", |_| true).is_err());
        assert_eq!(repeated_key(text), Some("a".to_owned()));
        assert_eq!(repeated_key(br#"{"a": 1, "b": {"a": 2}}"#), None);
    }
}
