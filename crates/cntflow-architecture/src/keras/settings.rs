//! Settings that several classes of layers share.

use serde::Deserialize;
use serde_json::Value;

/// One number for all dimensions, or one for each.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Sizes {
    /// One.
    All(usize),
    /// Each.
    Each(Vec<usize>),
}

impl Sizes {
    /// Rows and columns; of one dimension the columns, and `row` for the rows.
    pub(super) fn pair(&self, one_dimension: bool, row: usize) -> Result<[usize; 2], String> {
        match (self, one_dimension) {
            (Self::All(size), false) => Ok([*size, *size]),
            (Self::All(size), true) => Ok([row, *size]),
            (Self::Each(sizes), _) => match (sizes.as_slice(), one_dimension) {
                (&[size], true) => Ok([row, size]),
                (&[rows, columns], false) => Ok([rows, columns]),
                (sizes, _) => Err(format!("{} sizes {sizes:?} do not fit it", sizes.len())),
            },
        }
    }
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn ones() -> Sizes {
    Sizes::All(1)
}

/// The field's name of an activation: a name, or an object with one.
///
/// # Errors
/// It is of no kind that architectures have.
pub(super) fn activation(value: &Value) -> Result<&'static str, String> {
    let name = match value {
        Value::Null => "linear",
        Value::String(name) => name,
        Value::Object(object) => {
            let named = |key| object.get(key).and_then(Value::as_str);
            let named = named("config").or_else(|| named("class_name"));
            named.ok_or_else(|| format!("activation {value} has no name"))?
        }
        _ => return Err(format!("activation {value} has no name")),
    };
    Ok(match name {
        "linear" => "linear",
        "relu" => "relu",
        "elu" => "elu",
        "selu" => "selu",
        "gelu" => "gelu",
        "silu" | "swish" => "silu",
        "sigmoid" => "sigmoid",
        "tanh" => "tanh",
        "softplus" => "softplus",
        "hard_silu" | "hard_swish" => "hardswish",
        "softmax" => "softmax",
        other => return Err(format!("activation {other} cannot be expressed")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_told_by_name_or_object() {
        let told = |json: &str| activation(&serde_json::from_str(json).unwrap());
        assert_eq!(told("null").unwrap(), "linear");
        assert_eq!(told(r#""swish""#).unwrap(), "silu");
        let object = r#"{"module": "builtins", "class_name": "function", "config": "relu"}"#;
        assert_eq!(told(object).unwrap(), "relu");
        assert!(told(r#""mish""#).unwrap_err().contains("mish"));
        assert!(told("3").is_err());
    }
}
