//! A kernel with its bias, as products take them.

use super::weight::Weight;
use crate::error::{Translated, unsupported};

/// What data is multiplied with, and what is added.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kernel<'a> {
    /// `[units, n_in]`.
    pub(super) weight: Weight<'a>,
    /// `[units]`, or `[1, units]`.
    pub(super) bias: Option<Weight<'a>>,
}

impl<'a> Kernel<'a> {
    /// Units and inputs.
    ///
    /// # Errors
    /// The weight is no matrix, or the bias is not that of its units.
    pub(super) fn sizes(&self) -> Translated<[usize; 2]> {
        let [units, n_in] = self.weight.shape[..] else {
            let shape = &self.weight.shape;
            let reason = format!("its kernel has shape {shape:?}, no matrix");
            return Err(unsupported(reason));
        };
        if let Some(bias) = &self.bias
            && bias.shape[..] != [units]
            && bias.shape[..] != [1, units]
        {
            return Err(unsupported(format!(
                "its bias has shape {:?}, its kernel {units} units",
                bias.shape
            )));
        }
        Ok([units, n_in])
    }

    /// Names of its tensors, the weight's first.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let tensors = [Some(&self.weight), self.bias.as_ref()];
        tensors.into_iter().flatten().map(Weight::name).collect()
    }
}
