//! Geometry of a kernel or window sliding over rows and columns: which tap of it meets which place of the input from which
//! place of the output.

use std::iter::StepBy;
use std::ops::Range;

use crate::Padding1d;

/// One direction of a [`Window`]: output `o` sees input `o * stride + tap * dilation - padding` through `tap`; where that is
/// no place of the input, the tap sees padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Places of the input.
    pub input: usize,
    /// Places of the output: `floor((input + padding of both sides - dilation (kernel - 1) - 1) / stride) + 1`.
    pub output: usize,
    /// Taps of the kernel.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// Places added before the first. Those after the last show in the number of outputs only.
    pub padding: usize,
    /// Distance from one tap to the next.
    pub dilation: usize,
}

impl Axis {
    /// The axis with its output worked out; `None` where the kernel does not fit, a size is zero, or the arithmetic overflows.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: impl Into<Padding1d>,
        dilation: usize,
    ) -> Option<Self> {
        let padding = padding.into();
        let padded = input.checked_add(padding.before)?;
        let padded = padded.checked_add(padding.after)?;
        let reach = kernel.checked_sub(1)?.checked_mul(dilation)?;
        let steps = padded.checked_sub(reach)?.checked_sub(1)?;
        let output = steps.checked_div(stride)?.checked_add(1)?;
        (input > 0 && dilation > 0).then_some(Self {
            input,
            output,
            kernel,
            stride,
            padding: padding.before,
            dilation,
        })
    }

    /// The same with one more output where padding after the last place leaves part of a step, unless it would begin in that
    /// padding: the ceil mode of PyTorch's poolings.
    ///
    /// ```
    /// use cntflow_network::Axis;
    ///
    /// let outputs = |input| Axis::new(input, 2, 2, 0, 1).unwrap().rounded_up(0).output;
    /// assert_eq!([outputs(4), outputs(5)], [2, 3]);
    /// ```
    #[must_use]
    pub fn rounded_up(self, after: usize) -> Self {
        let padded = self.padding + self.input + after;
        let reach = (self.kernel - 1) * self.dilation + 1;
        let next = self.output.saturating_mul(self.stride);
        let left = !(padded - reach).is_multiple_of(self.stride);
        let more = left && next < self.padding + self.input;
        Self {
            output: self.output + usize::from(more),
            ..self
        }
    }

    /// The axis whose padding, with `after` places at the end, is places like any other.
    pub(crate) fn with_padding_real(self, after: usize) -> Self {
        Self {
            input: self.padding + self.input + after,
            padding: 0,
            ..self
        }
    }

    /// Taps that meet a real place from output `o`.
    ///
    /// ```
    /// let axis = cntflow_network::Axis::new(5, 3, 1, 1, 1).unwrap();
    /// assert_eq!(axis.output, 5);
    /// assert_eq!([axis.taps_into(0), axis.taps_into(1), axis.taps_into(4)], [1..3, 0..3, 0..2]);
    /// ```
    pub fn taps_into(&self, o: usize) -> Range<usize> {
        let start = o * self.stride;
        let first = self
            .padding
            .saturating_sub(start)
            .div_ceil(self.dilation)
            .min(self.kernel);
        let end = (self.input + self.padding)
            .saturating_sub(start)
            .div_ceil(self.dilation)
            .min(self.kernel);
        first..end.max(first)
    }

    /// Taps through which input `i` is seen, in order, [`Axis::tap_step`] apart; each from an output of its own.
    pub fn taps_from(&self, i: usize) -> StepBy<Range<usize>> {
        let at = i + self.padding;
        let last = (self.output - 1) * self.stride;
        let first = at.saturating_sub(last).div_ceil(self.dilation);
        let end = (at / self.dilation + 1).min(self.kernel);
        let step = self.tap_step();
        let falls = |tap: &usize| (at - tap * self.dilation).is_multiple_of(self.stride);
        let first = (first..end.min(first + step)).find(falls).unwrap_or(end);
        (first..end).step_by(step)
    }

    /// Distance between taps through which one input is seen: `stride / gcd(stride, dilation)`.
    pub fn tap_step(&self) -> usize {
        let (mut a, mut b) = (self.stride, self.dilation);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        self.stride / a
    }

    /// Outputs from which `tap` meets a real place.
    pub fn outputs_of(&self, tap: usize) -> Range<usize> {
        let offset = tap * self.dilation;
        let first = self
            .padding
            .saturating_sub(offset)
            .div_ceil(self.stride)
            .min(self.output);
        let end = (self.input + self.padding)
            .saturating_sub(offset)
            .div_ceil(self.stride)
            .min(self.output);
        first..end.max(first)
    }

    /// The place of the input that output `o` sees through `tap`, which has to be a real one.
    pub fn place(&self, o: usize, tap: usize) -> usize {
        o * self.stride + tap * self.dilation - self.padding
    }
}

/// A kernel or window of rows x columns sliding over an input of rows x columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Along the rows.
    pub rows: Axis,
    /// Along the columns.
    pub columns: Axis,
}

impl Window {
    /// Taps of the kernel: rows x columns.
    pub fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Places of the output: rows x columns.
    pub fn outputs(&self) -> usize {
        self.rows.output * self.columns.output
    }

    /// Places of the input: rows x columns.
    pub fn inputs(&self) -> usize {
        self.rows.input * self.columns.input
    }

    /// For every tap, row by row, the number of outputs from which it meets a real place.
    ///
    /// ```
    /// use cntflow_network::{Axis, Window};
    ///
    /// let axis = Axis::new(3, 3, 1, 1, 1).unwrap();
    /// let window = Window { rows: axis, columns: axis };
    /// assert_eq!(window.applied(), [4, 6, 4, 6, 9, 6, 4, 6, 4]);
    /// ```
    pub fn applied(&self) -> Vec<u64> {
        let count = |axis: Axis| (0..axis.kernel).map(move |tap| axis.outputs_of(tap).len() as u64);
        count(self.rows)
            .flat_map(|rows| count(self.columns).map(move |columns| rows * columns))
            .collect()
    }

    /// For every output, row by row, the number of taps that meet a real place.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        let along = |axis: Axis| (0..axis.output).map(move |o| axis.taps_into(o).len());
        let columns: Vec<usize> = along(self.columns).collect();
        along(self.rows).flat_map(move |rows| {
            let sizes: Vec<usize> = columns.iter().map(|columns| rows * columns).collect();
            sizes
        })
    }

    /// Whether every tap meets a real place from every output.
    pub fn is_whole(&self) -> bool {
        self.n_applied() == self.outputs() as u64 * self.taps() as u64
    }

    /// Pairs of an output and a tap that meet a real place, of one channel: the sum of [`Window::applied`].
    pub fn n_applied(&self) -> u64 {
        let count = |axis: Axis| (0..axis.output).map(move |o| axis.taps_into(o).len() as u64);
        count(self.rows).sum::<u64>() * count(self.columns).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All geometries of a few small sizes, against the definition.
    #[test]
    fn every_view_of_an_axis_tells_the_same_pairs() {
        for (input, kernel, stride) in [
            (7, 3, 1),
            (6, 2, 3),
            (5, 4, 2),
            (1, 1, 1),
            (2, 5, 6),
            (9, 7, 4),
        ] {
            for (padding, dilation) in [(0, 1), (1, 1), (2, 2), (3, 1), (4, 3), (5, 6)] {
                for after in [padding, 0, 1, 4] {
                    let made = Axis::new(input, kernel, stride, [padding, after], dilation);
                    if let Some(axis) = made {
                        check(axis);
                        check(axis.rounded_up(after));
                    }
                }
            }
        }
    }

    fn check(axis: Axis) {
        let mut pairs = 0;
        for o in 0..axis.output {
            for tap in 0..axis.kernel {
                let place = (o * axis.stride + tap * axis.dilation).checked_sub(axis.padding);
                let real = place.is_some_and(|place| place < axis.input);
                assert_eq!(axis.taps_into(o).contains(&tap), real, "{axis:?} {o} {tap}");
                assert_eq!(
                    axis.outputs_of(tap).contains(&o),
                    real,
                    "{axis:?} {o} {tap}"
                );
                if real {
                    let place = axis.place(o, tap);
                    assert!(
                        axis.taps_from(place).any(|t| t == tap),
                        "{axis:?} {o} {tap}"
                    );
                    pairs += 1;
                }
            }
        }
        let from: usize = (0..axis.input).map(|i| axis.taps_from(i).count()).sum();
        assert_eq!(from, pairs, "{axis:?}");
    }

    #[test]
    fn hostile_sizes_are_no_axis() {
        assert_eq!(Axis::new(5, 3, 1, usize::MAX, 1), None);
        assert_eq!(Axis::new(5, 3, 1, [0, usize::MAX], 1), None);
        assert_eq!(Axis::new(5, usize::MAX, 1, 1, usize::MAX), None);
        assert_eq!(Axis::new(5, 0, 1, 0, 1), None);
        assert_eq!(Axis::new(5, 3, 0, 0, 1), None);
        assert_eq!(Axis::new(5, 6, 1, 0, 1), None);
    }
}
