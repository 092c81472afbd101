//! Names of checkpoints: neighbours share most of their letters.

use serde_json::{Value, json};

/// For each name: the lengths that it shares with the start and with the end of the one before, in
/// UTF-16 units, and what is between.
pub(super) fn encode(names: &[String]) -> Value {
    let mut encoded = Vec::with_capacity(3 * names.len());
    let mut before = "";
    for name in names {
        let start = shared(before.chars(), name.chars());
        let (rest_before, rest) = (&before[start..], &name[start..]);
        let end = shared(rest_before.chars().rev(), rest.chars().rev());
        let middle = &rest[..rest.len() - end];
        let units = |text: &str| text.encode_utf16().count();
        encoded.extend([
            json!(units(&name[..start])),
            json!(units(&rest[middle.len()..])),
            json!(middle),
        ]);
        before = name;
    }
    Value::Array(encoded)
}

/// Bytes of the characters that two texts have in common at their beginning.
fn shared(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    let same = a.zip(b).take_while(|(a, b)| a == b);
    same.map(|(letter, _)| letter.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_documentation_are_encoded_as_it_says() {
        let names = [
            "zoo/run-000001/step-00100.pt",
            "zoo/run-000001/step-00200.pt",
            "zoo/run-000002/step-00100.pt",
        ];
        let encoded = encode(&names.map(str::to_owned));
        let expected = json!([0, 0, names[0], 22, 5, "2", 13, 5, "2/step-001"]);
        assert_eq!(encoded, expected);
    }

    #[test]
    fn starts_and_ends_do_not_overlap_and_letters_are_not_split() {
        let names = ["aaa", "aa", "a😀b", "a😁b", "", "網絡"].map(str::to_owned);
        let expected = json!([
            0, 0, "aaa", 2, 0, "", 1, 0, "😀b", 1, 1, "😁", 0, 0, "", 0, 0, "網絡"
        ]);
        assert_eq!(encode(&names), expected);
    }
}
