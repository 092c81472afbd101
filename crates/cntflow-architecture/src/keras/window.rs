//! Windows that slide over places, and the padding that Keras gives them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shape::{Places, Shape};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Padding {
    #[default]
    Valid,
    Same,
    Causal,
}

/// A window that slides along one dimension.
#[derive(Clone, Copy)]
pub(super) struct Slide {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
}

impl Slide {
    /// Places that the window covers.
    fn extent(self) -> Result<usize, String> {
        let gaps = self
            .kernel
            .checked_sub(1)
            .and_then(|gaps| gaps.checked_mul(self.dilation));
        let extent = gaps
            .and_then(|gaps| gaps.checked_add(1))
            .filter(|_| self.stride > 0);
        extent.ok_or_else(|| "its kernel or stride is zero or too large".to_owned())
    }

    /// Zeros before and after `n` places, and the number of places that come out.
    pub(super) fn over(self, n: usize, padding: Padding) -> Result<([usize; 2], usize), String> {
        let extent = self.extent()?;
        let pads = match padding {
            Padding::Valid => [0, 0],
            Padding::Causal => [extent - 1, 0],
            Padding::Same => {
                let last = (n.div_ceil(self.stride).max(1) - 1).saturating_mul(self.stride);
                let all = last.saturating_add(extent).saturating_sub(n);
                [all / 2, all - all / 2]
            }
        };
        let padded = n.checked_add(pads[0]).and_then(|n| n.checked_add(pads[1]));
        let free = padded.and_then(|padded| padded.checked_sub(extent));
        let free = free.ok_or_else(|| format!("its window covers {extent} places of {n}"))?;
        Ok((pads, free / self.stride + 1))
    }

    /// Places taken away before and after, places added at the end, and the number that come out of the transpose over `n`.
    pub(super) fn transposed(
        self,
        n: usize,
        padding: Padding,
        torch: bool,
    ) -> Result<([usize; 2], usize, usize), String> {
        let extent = self.extent()?;
        let surplus = extent.saturating_sub(self.stride);
        let added = self.stride.saturating_sub(extent);
        let (cut, added) = match padding {
            Padding::Same if torch && surplus % 2 == 1 => ([surplus / 2 + 1; 2], 1),
            Padding::Same => ([surplus / 2, surplus - surplus / 2], added),
            _ => ([0, 0], added),
        };
        let all = n.checked_sub(1).and_then(|n| n.checked_mul(self.stride));
        let all = all.and_then(|all| all.checked_add(extent)?.checked_add(added));
        let out = all.and_then(|all| all.checked_sub(cut[0] + cut[1]));
        let out = out.ok_or_else(|| format!("it makes too few or too many places of {n}"))?;
        Ok((cut, added, out))
    }
}

/// Paddings as an architecture has them: a number for each dimension where both sides have the same, else a pair.
pub(super) fn padding(pads: [[usize; 2]; 2], line: bool) -> Value {
    match (pads.iter().all(|[before, after]| before == after), line) {
        (true, true) => json!(pads[1][0]),
        (true, false) => json!([pads[0][0], pads[1][0]]),
        (false, true) => json!([pads[1]]),
        (false, false) => json!(pads),
    }
}

/// A pair as an architecture has it; of a line its columns alone.
pub(super) fn sizes(pair: [usize; 2], line: bool) -> Value {
    match line {
        true => json!(pair[1]),
        false => json!(pair),
    }
}

/// A window of a layer, along rows and columns.
pub(super) struct Window {
    pub(super) line: bool,
    pub(super) places: Places,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl Window {
    /// Along rows and columns; the one row of a line stays.
    pub(super) fn slides(&self) -> [Slide; 2] {
        [0, 1].map(|along| Slide {
            kernel: self.kernel[along],
            stride: self.stride[along],
            dilation: self.dilation[along],
        })
    }

    pub(super) fn shape(&self, sizes: [usize; 2], channels: usize) -> Shape {
        let places = Places { sizes, channels };
        match self.line {
            true => Shape::Line(places),
            false => Shape::Image(places),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(kernel: usize, stride: usize) -> Slide {
        Slide {
            kernel,
            stride,
            dilation: 1,
        }
    }

    #[test]
    fn same_padding_is_that_of_keras() {
        let same = |kernel, stride, n| slide(kernel, stride).over(n, Padding::Same).unwrap();
        assert_eq!(same(3, 1, 6), ([1, 1], 6));
        assert_eq!(same(3, 2, 6), ([0, 1], 3));
        assert_eq!(same(3, 2, 7), ([1, 1], 4));
        assert_eq!(same(2, 1, 5), ([0, 1], 5));
        assert_eq!(same(1, 2, 5), ([0, 0], 3));
        assert_eq!(slide(3, 1).over(6, Padding::Causal).unwrap(), ([2, 0], 6));
        assert!(
            slide(7, 1)
                .over(6, Padding::Valid)
                .unwrap_err()
                .contains("7 places of 6")
        );
        assert!(slide(3, 0).over(6, Padding::Same).is_err());
        assert!(slide(0, 1).over(6, Padding::Same).is_err());
        assert!(slide(usize::MAX, 1).over(6, Padding::Same).is_ok());
    }

    #[test]
    fn transposes_give_as_many_places_as_keras_says() {
        let made =
            |kernel, stride, padding, torch| slide(kernel, stride).transposed(4, padding, torch);
        assert_eq!(made(2, 2, Padding::Same, false), Ok(([0, 0], 0, 8)));
        assert_eq!(made(4, 2, Padding::Same, false), Ok(([1, 1], 0, 8)));
        assert_eq!(made(3, 2, Padding::Same, false), Ok(([0, 1], 0, 8)));
        assert_eq!(made(3, 2, Padding::Same, true), Ok(([1, 1], 1, 8)));
        assert_eq!(made(1, 2, Padding::Same, true), Ok(([0, 0], 1, 8)));
        assert_eq!(made(3, 2, Padding::Valid, false), Ok(([0, 0], 0, 9)));
        assert_eq!(made(2, 3, Padding::Valid, false), Ok(([0, 0], 1, 12)));
    }

    #[test]
    fn paddings_are_numbers_where_both_sides_have_the_same() {
        assert_eq!(padding([[1, 1], [2, 2]], false), json!([1, 2]));
        assert_eq!(padding([[0, 1], [2, 2]], false), json!([[0, 1], [2, 2]]));
        assert_eq!(padding([[0, 0], [2, 2]], true), json!(2));
        assert_eq!(padding([[0, 0], [2, 0]], true), json!([[2, 0]]));
    }
}
