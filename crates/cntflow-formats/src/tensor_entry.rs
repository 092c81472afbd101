//! A tensor as a file lists it, and the bytes that its elements take.

use cntflow_storage::FormatError;

use crate::Element;

/// One tensor as a file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name; in nested dictionaries the keys joined by dots.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its elements.
    pub element: Element,
    /// Why it is no weight of the network, if the file shows it: `optimizer state`, say.
    pub excluded_because: Option<String>,
}

impl TensorEntry {
    /// Number of elements.
    ///
    /// Readers have checked that the product does not overflow.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Bytes that the elements of a shape take.
///
/// # Errors
/// The product overflows; the text names the tensor and the shape.
pub(crate) fn checked_bytes(
    tensor: &str,
    shape: &[usize],
    element: Element,
) -> Result<usize, FormatError> {
    let product = shape
        .iter()
        .try_fold(element.bytes(), |product, &size| product.checked_mul(size));
    // A zero makes the product 0 although the other sizes overflow. They are checked without it,
    // since a later reshape may multiply them alone.
    let without_zeros = shape
        .iter()
        .filter(|&&size| size > 0)
        .try_fold(element.bytes(), |product, &size| product.checked_mul(size));
    match (product, without_zeros) {
        (Some(product), Some(bytes)) if bytes <= isize::MAX as usize => Ok(product),
        _ => Err(FormatError::broken(format!(
            "tensor {tensor} has shape {shape:?}: more elements than a file can hold"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_overflow_are_named() {
        let huge = 1 << 62;
        assert_eq!(checked_bytes("a", &[2, 3], Element::F32), Ok(24));
        assert_eq!(checked_bytes("a", &[], Element::F64), Ok(8));
        assert_eq!(checked_bytes("a", &[0, 7], Element::F64), Ok(0));
        for shape in [vec![huge, 2], vec![huge, huge], vec![0, huge, huge]] {
            let text = checked_bytes("a", &shape, Element::F32).unwrap_err();
            assert!(text.to_string().contains("tensor a"), "{text}");
        }
    }
}
