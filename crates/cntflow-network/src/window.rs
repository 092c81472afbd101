//! Geometry of a kernel or window that slides over rows and columns. A *tap* is one entry of the
//! kernel's rows x columns. For each output, a tap sees one input, or padding.

use std::iter::StepBy;
use std::ops::Range;

use crate::Padding1d;

/// One axis of a [`Window`]. Output `o` sees input `o * stride + tap * dilation - padding` through
/// `tap`. If there is no such input, the tap sees padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Number of inputs.
    pub input: usize,
    /// Number of outputs:
    /// `floor((input + padding of both sides - dilation (kernel - 1) - 1) / stride) + 1`.
    pub output: usize,
    /// Number of taps of the kernel.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// Padding before the first input. Padding after the last shows only in the number of outputs.
    pub padding: usize,
    /// Distance from one tap to the next.
    pub dilation: usize,
}

impl Axis {
    /// The axis, with its number of outputs computed. `None` if the kernel does not fit, a size is
    /// zero, or the arithmetic overflows.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: impl Into<Padding1d>,
        dilation: usize,
    ) -> Option<Self> {
        let padding = padding.into();
        let padded = input
            .checked_add(padding.before)?
            .checked_add(padding.after)?;
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

    /// The axis with its number of outputs rounded up, as in the ceil mode of PyTorch's poolings.
    /// The last, incomplete window is added, unless it would begin in the padding after the last
    /// input. `after` is the size of that padding.
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
        let has_rest = !(padded - reach).is_multiple_of(self.stride);
        let more = has_rest && next < self.padding + self.input;
        Self {
            output: self.output + usize::from(more),
            ..self
        }
    }

    /// The same axis with its padding turned into inputs: `padding` before, `after` behind.
    pub(crate) fn with_padding_as_input(self, after: usize) -> Self {
        Self {
            input: self.padding + self.input + after,
            padding: 0,
            ..self
        }
    }

    /// Taps through which output `o` sees an input, not padding.
    ///
    /// ```
    /// let axis = cntflow_network::Axis::new(5, 3, 1, 1, 1).unwrap();
    /// assert_eq!(axis.output, 5);
    /// let taps = [0, 1, 4].map(|output| axis.taps_of_output(output));
    /// assert_eq!(taps, [1..3, 0..3, 0..2]);
    /// ```
    pub fn taps_of_output(&self, o: usize) -> Range<usize> {
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

    /// Taps through which some output sees input `i`, rising, [`Axis::tap_step`] apart. Each of
    /// them is a tap of a different output.
    pub fn taps_of_input(&self, i: usize) -> StepBy<Range<usize>> {
        let padded = i + self.padding;
        let last_start = (self.output - 1) * self.stride;
        // Smaller taps would belong to outputs after the last, larger ones to outputs before the
        // first.
        let smallest = padded.saturating_sub(last_start).div_ceil(self.dilation);
        let end = (padded / self.dilation + 1).min(self.kernel);
        // If tap t meets an output, so does t + step. So the first such tap is among `step` taps in
        // a row, or there is none.
        let step = self.tap_step();
        let meets = |tap: &usize| (padded - tap * self.dilation).is_multiple_of(self.stride);
        let mut candidates = smallest..end.min(smallest + step);
        let first = candidates.find(meets).unwrap_or(end);
        (first..end).step_by(step)
    }

    /// Distance between taps through which one input is seen: `stride / gcd(stride, dilation)`.
    pub fn tap_step(&self) -> usize {
        // Euclid's algorithm.
        let (mut a, mut b) = (self.stride, self.dilation);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        self.stride / a
    }

    /// Outputs that see an input through `tap`, not padding.
    pub fn outputs_of_tap(&self, tap: usize) -> Range<usize> {
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

    /// The input that output `o` sees through `tap`, which must not be padding.
    pub fn input_index(&self, o: usize, tap: usize) -> usize {
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
    /// Number of taps of the kernel: rows x columns.
    pub fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Number of outputs: rows x columns.
    pub fn outputs(&self) -> usize {
        self.rows.output * self.columns.output
    }

    /// Number of inputs: rows x columns.
    pub fn inputs(&self) -> usize {
        self.rows.input * self.columns.input
    }

    /// For every tap, row by row, the number of outputs that see an input through it.
    ///
    /// ```
    /// use cntflow_network::{Axis, Window};
    ///
    /// let axis = Axis::new(3, 3, 1, 1, 1).unwrap();
    /// let window = Window { rows: axis, columns: axis };
    /// assert_eq!(window.outputs_per_tap(), [4, 6, 4, 6, 9, 6, 4, 6, 4]);
    /// ```
    pub fn outputs_per_tap(&self) -> Vec<u64> {
        let count =
            |axis: Axis| (0..axis.kernel).map(move |tap| axis.outputs_of_tap(tap).len() as u64);
        count(self.rows)
            .flat_map(|rows| count(self.columns).map(move |columns| rows * columns))
            .collect()
    }

    /// For every output, row by row, the number of taps through which it sees an input.
    pub fn taps_per_output(&self) -> impl Iterator<Item = usize> {
        let along = |axis: Axis| (0..axis.output).map(move |o| axis.taps_of_output(o).len());
        let columns: Vec<usize> = along(self.columns).collect();
        along(self.rows).flat_map(move |rows| {
            let counts: Vec<usize> = columns.iter().map(|columns| rows * columns).collect();
            counts
        })
    }

    /// Whether no output sees padding.
    pub fn is_unpadded(&self) -> bool {
        self.n_connections() == self.outputs() as u64 * self.taps() as u64
    }

    /// Number of pairs of an output and an input that it sees, for one channel: the sum of
    /// [`Window::outputs_per_tap`].
    pub fn n_connections(&self) -> u64 {
        let count = |axis: Axis| (0..axis.output).map(move |o| axis.taps_of_output(o).len() as u64);
        count(self.rows).sum::<u64>() * count(self.columns).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All geometries of a few small sizes, against the definition.
    #[test]
    fn all_methods_of_an_axis_agree_on_its_pairs() {
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
                    let axis = Axis::new(input, kernel, stride, [padding, after], dilation);
                    if let Some(axis) = axis {
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
                let input = (o * axis.stride + tap * axis.dilation).checked_sub(axis.padding);
                let real = input.is_some_and(|input| input < axis.input);
                assert_eq!(
                    axis.taps_of_output(o).contains(&tap),
                    real,
                    "{axis:?} {o} {tap}"
                );
                assert_eq!(
                    axis.outputs_of_tap(tap).contains(&o),
                    real,
                    "{axis:?} {o} {tap}"
                );
                if real {
                    let input = axis.input_index(o, tap);
                    assert!(
                        axis.taps_of_input(input).any(|t| t == tap),
                        "{axis:?} {o} {tap}"
                    );
                    pairs += 1;
                }
            }
        }
        let from: usize = (0..axis.input).map(|i| axis.taps_of_input(i).count()).sum();
        assert_eq!(from, pairs, "{axis:?}");
    }

    #[test]
    fn hostile_sizes_make_no_axis() {
        assert_eq!(Axis::new(5, 3, 1, usize::MAX, 1), None);
        assert_eq!(Axis::new(5, 3, 1, [0, usize::MAX], 1), None);
        assert_eq!(Axis::new(5, usize::MAX, 1, 1, usize::MAX), None);
        assert_eq!(Axis::new(5, 0, 1, 0, 1), None);
        assert_eq!(Axis::new(5, 3, 0, 0, 1), None);
        assert_eq!(Axis::new(5, 6, 1, 0, 1), None);
    }
}
