//! Settings that several classes of layers share.

use cntflow_network::Activation;
use serde::Deserialize;
use serde_json::Value;

use super::window::Dimensions;
use crate::error::{Translated, unsupported};

/// One number for all dimensions, or one for each.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Sizes {
    /// One for all.
    All(usize),
    /// One for each.
    Each(Vec<usize>),
}

impl Sizes {
    /// Sizes for rows and columns; in one dimension there is one row, for which the size is 1.
    pub(super) fn rows_and_columns(&self, dimensions: Dimensions) -> Translated<[usize; 2]> {
        match (self, dimensions) {
            (Self::All(size), Dimensions::Two) => Ok([*size, *size]),
            (Self::All(size), Dimensions::One) => Ok([1, *size]),
            (Self::Each(sizes), _) => match (sizes.as_slice(), dimensions) {
                (&[size], Dimensions::One) => Ok([1, size]),
                (&[rows, columns], Dimensions::Two) => Ok([rows, columns]),
                (sizes, _) => Err(unsupported(format!(
                    "its sizes {sizes:?} are not one for each dimension of its window"
                ))),
            },
        }
    }
}

/// The default of settings that are on unless the file says otherwise.
pub(super) fn yes() -> bool {
    true
}

/// The default of a stride and a dilation.
pub(super) fn ones() -> Sizes {
    Sizes::All(1)
}

/// An activation by its name in Keras: a text, or an object that holds one. `null` means linear.
///
/// # Errors
/// Architectures do not have it.
pub(super) fn activation(value: &Value) -> Translated<Activation> {
    let unnamed = || unsupported(format!("activation {value} has no name"));
    let name = match value {
        Value::Null => "linear",
        Value::String(name) => name,
        Value::Object(object) => {
            let text = |key| object.get(key).and_then(Value::as_str);
            let name = text("config").or_else(|| text("class_name"));
            name.ok_or_else(unnamed)?
        }
        _ => return Err(unnamed()),
    };
    Ok(match name {
        "linear" => Activation::Linear,
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        "elu" => Activation::Elu,
        "selu" => Activation::Selu,
        "gelu" => Activation::Gelu,
        "silu" | "swish" => Activation::Silu,
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        "softplus" => Activation::Softplus,
        "hard_silu" | "hard_swish" => Activation::Hardswish,
        "softmax" => Activation::Softmax,
        other => {
            let reason = format!("activation {other} cannot be expressed");
            return Err(unsupported(reason));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_read_from_a_name_or_an_object() {
        let read = |json: &str| activation(&serde_json::from_str(json).unwrap());
        assert_eq!(read("null").unwrap(), Activation::Linear);
        assert_eq!(read(r#""swish""#).unwrap(), Activation::Silu);
        let object = r#"{"module": "builtins", "class_name": "function", "config": "relu"}"#;
        assert_eq!(read(object).unwrap(), Activation::Relu);
        let error = read(r#""mish""#).unwrap_err().to_string();
        assert!(error.contains("mish"), "{error}");
        assert!(read("3").is_err());
    }
}
