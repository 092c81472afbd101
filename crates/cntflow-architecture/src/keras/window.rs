//! Windows that slide over rows and columns, and the padding that Keras gives them.

use cntflow_network::{Padding1d, Padding2d};
use serde::Deserialize;

use super::shape::{Shape, SpatialShape};
use crate::error::{Translated, unsupported};

/// Numbers before and after the rows, and before and after the columns: of zeros added, or of
/// places cut off.
pub(super) type Sides = [[usize; 2]; 2];

/// How many dimensions a window slides along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimensions {
    /// Along columns: there is one row.
    One,
    /// Along rows and columns.
    Two,
}

/// Keras' modes of padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaddingMode {
    /// No zeros.
    #[default]
    Valid,
    /// As many zeros as it takes for one output per `stride` places; if their number is odd, the
    /// extra one comes after.
    Same,
    /// All zeros before the first place, so that no output sees later places.
    Causal,
}

/// A window along one dimension.
#[derive(Clone, Copy)]
pub(super) struct AxisWindow {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
}

/// What a transposed convolution does along one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransposedExtent {
    /// Places cut off before and after.
    pub(super) cut: [usize; 2],
    /// Places added at the end.
    pub(super) added: usize,
    /// Places of the output.
    pub(super) output: usize,
}

impl AxisWindow {
    /// Number of places that the window covers: `(kernel - 1) dilation + 1`.
    fn covered(self) -> Translated<usize> {
        let gaps = self.kernel.checked_sub(1);
        let gaps = gaps.and_then(|gaps| gaps.checked_mul(self.dilation));
        gaps.and_then(|gaps| gaps.checked_add(1))
            .filter(|_| self.stride > 0)
            .ok_or_else(|| unsupported("its kernel or stride is zero or too large"))
    }

    /// Zeros before and after `n` places, and the number of outputs.
    pub(super) fn padded(self, n: usize, mode: PaddingMode) -> Translated<([usize; 2], usize)> {
        let covered = self.covered()?;
        let zeros = match mode {
            PaddingMode::Valid => [0, 0],
            PaddingMode::Causal => [covered - 1, 0],
            PaddingMode::Same => {
                let last_start = (n.div_ceil(self.stride).max(1) - 1).saturating_mul(self.stride);
                let all = last_start.saturating_add(covered).saturating_sub(n);
                [all / 2, all - all / 2]
            }
        };
        let padded = n
            .checked_add(zeros[0])
            .and_then(|n| n.checked_add(zeros[1]));
        let free = padded.and_then(|padded| padded.checked_sub(covered));
        let free =
            free.ok_or_else(|| unsupported(format!("its window covers {covered} places of {n}")))?;
        Ok((zeros, free / self.stride + 1))
    }

    /// What a transposed convolution makes of `n` places.
    ///
    /// With "same" padding Keras wants `n * stride` outputs. TensorFlow and JAX cut off the
    /// surplus, the larger half at the end. PyTorch can only cut the same number from both sides:
    /// there Keras cuts the larger half from each and adds one place at the end.
    pub(super) fn transposed(
        self,
        n: usize,
        mode: PaddingMode,
        is_torch: bool,
    ) -> Translated<TransposedExtent> {
        let covered = self.covered()?;
        let surplus = covered.saturating_sub(self.stride);
        let missing = self.stride.saturating_sub(covered);
        let (cut, added) = match mode {
            PaddingMode::Same if is_torch && surplus % 2 == 1 => ([surplus / 2 + 1; 2], 1),
            PaddingMode::Same => ([surplus / 2, surplus - surplus / 2], missing),
            _ => ([0, 0], missing),
        };
        let strides = n.checked_sub(1).and_then(|n| n.checked_mul(self.stride));
        let all = strides.and_then(|strides| strides.checked_add(covered)?.checked_add(added));
        let output = all.and_then(|all| all.checked_sub(cut[0] + cut[1]));
        let output = output
            .ok_or_else(|| unsupported(format!("it makes too few or too many places of {n}")))?;
        Ok(TransposedExtent { cut, added, output })
    }
}

/// A window of a layer, along rows and columns; in one dimension there is one row, which stays.
pub(super) struct Window {
    pub(super) dimensions: Dimensions,
    /// What it slides over.
    pub(super) input: SpatialShape,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl Window {
    /// The window along rows and along columns.
    pub(super) fn axes(&self) -> [AxisWindow; 2] {
        [0, 1].map(|axis| AxisWindow {
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            dilation: self.dilation[axis],
        })
    }

    /// The shape of an output with these rows and columns.
    pub(super) fn output(&self, sizes: [usize; 2], channels: usize) -> Shape {
        let spatial = SpatialShape { sizes, channels };
        match self.dimensions {
            Dimensions::One => Shape::Line(spatial),
            Dimensions::Two => Shape::Image(spatial),
        }
    }
}

/// Padding of the columns alone, as a layer of one dimension has it.
pub(super) fn padding1d([_, columns]: Sides) -> Padding1d {
    columns.into()
}

/// Padding of rows and columns.
pub(super) fn padding2d(sides: Sides) -> Padding2d {
    sides.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize) -> AxisWindow {
        AxisWindow {
            kernel,
            stride,
            dilation: 1,
        }
    }

    #[test]
    fn same_padding_is_that_of_keras() {
        let same = |kernel, stride, n| {
            let window = window(kernel, stride);
            window.padded(n, PaddingMode::Same).unwrap()
        };
        assert_eq!(same(3, 1, 6), ([1, 1], 6));
        assert_eq!(same(3, 2, 6), ([0, 1], 3));
        assert_eq!(same(3, 2, 7), ([1, 1], 4));
        assert_eq!(same(2, 1, 5), ([0, 1], 5));
        assert_eq!(same(1, 2, 5), ([0, 0], 3));
        let causal = window(3, 1).padded(6, PaddingMode::Causal);
        assert_eq!(causal.unwrap(), ([2, 0], 6));
        let error = window(7, 1).padded(6, PaddingMode::Valid).unwrap_err();
        assert!(error.to_string().contains("7 places of 6"), "{error}");
        assert!(window(3, 0).padded(6, PaddingMode::Same).is_err());
        assert!(window(0, 1).padded(6, PaddingMode::Same).is_err());
        assert!(window(usize::MAX, 1).padded(6, PaddingMode::Same).is_ok());
    }

    #[test]
    fn transposed_convolutions_give_as_many_places_as_keras_says() {
        let check = |kernel, stride, mode, is_torch, (cut, added, output)| {
            let extent = window(kernel, stride).transposed(4, mode, is_torch);
            let expected = TransposedExtent { cut, added, output };
            assert_eq!(extent.unwrap(), expected);
        };
        check(2, 2, PaddingMode::Same, false, ([0, 0], 0, 8));
        check(4, 2, PaddingMode::Same, false, ([1, 1], 0, 8));
        check(3, 2, PaddingMode::Same, false, ([0, 1], 0, 8));
        check(3, 2, PaddingMode::Same, true, ([1, 1], 1, 8));
        check(1, 2, PaddingMode::Same, true, ([0, 0], 1, 8));
        check(3, 2, PaddingMode::Valid, false, ([0, 0], 0, 9));
        check(2, 3, PaddingMode::Valid, false, ([0, 0], 1, 12));
    }
}
