//! The geometry of operators that slide along rows and columns.

use cntflow_formats::onnx::node::Node;

use super::axes::{Axis, MAX_SIZE, checked_size};
use crate::error::{Translated, unsupported};

/// The channels of an image, or of the columns of a one-dimensional convolution, and the sizes to
/// slide along.
pub(super) struct SlidingInput {
    pub(super) channels: i64,
    /// Columns, or rows and columns.
    pub(super) sizes: Vec<i64>,
}

impl SlidingInput {
    /// Reads the axes of data.
    ///
    /// # Errors
    /// They are not those of channels of one or two dimensions.
    pub(super) fn of(axes: &[Axis]) -> Translated<Self> {
        let (channels, sizes) = match *axes {
            [
                Axis::Batch,
                Axis::Channels(channels),
                Axis::Columns(columns),
            ] => (channels, vec![columns]),
            [
                Axis::Batch,
                Axis::Channels(channels),
                Axis::Rows(rows),
                Axis::Columns(columns),
            ] => (channels, vec![rows, columns]),
            _ => return Err(unsupported(format!("it does not slide along {axes:?}"))),
        };
        Ok(Self { channels, sizes })
    }
}

/// Axes of channels with these columns, or rows and columns.
pub(super) fn axes_of_channels(channels: i64, sizes: &[i64]) -> Vec<Axis> {
    let mut axes = vec![Axis::Batch, Axis::Channels(channels)];
    if let [rows, _] = *sizes {
        axes.push(Axis::Rows(rows));
    }
    axes.extend(sizes.last().map(|&columns| Axis::Columns(columns)));
    axes
}

/// A sliding window, with one number for each of one or two axes. All numbers are positive, those
/// of the padding not negative.
pub(super) struct SlidingWindow {
    pub(super) kernel: Vec<i64>,
    pub(super) stride: Vec<i64>,
    pub(super) dilation: Vec<i64>,
    /// Padding before and after.
    pub(super) padding: Vec<[i64; 2]>,
}

impl SlidingWindow {
    /// Reads the attributes of a node that slides along these sizes.
    ///
    /// # Errors
    /// A list has another length than there are axes, or a number is out of range.
    pub(super) fn of(node: &Node<'_>, kernel: Vec<i64>, sizes: &[i64]) -> Translated<Self> {
        let n = sizes.len();
        let stride = attribute(node, "strides", vec![1; n])?;
        let dilation = attribute(node, "dilations", vec![1; n])?;
        let mut window = Self {
            stride: checked_sizes("strides", stride)?,
            dilation: checked_sizes("dilations", dilation)?,
            kernel: checked_sizes("kernel_shape", kernel)?,
            padding: Vec::new(),
        };
        // ONNX lists all paddings before, then all paddings behind.
        let pads = attribute(node, "pads", vec![0; 2 * n])?;
        window.padding = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" => (0..n).map(|axis| [pads[axis], pads[axis + n]]).collect(),
            "VALID" => vec![[0, 0]; n],
            "SAME_UPPER" => window.same_padding(sizes)?,
            "SAME_LOWER" => {
                let mut padding = window.same_padding(sizes)?;
                padding.iter_mut().for_each(|sides| sides.reverse());
                padding
            }
            other => return Err(unsupported(format!("its auto_pad is {other}"))),
        };
        for &pad in window.padding.as_flattened() {
            if !(0..MAX_SIZE).contains(&pad) {
                return Err(unsupported(format!("its padding is {pad}")));
            }
        }
        Ok(window)
    }

    /// Padding that gives one output per `stride` places; if its size is odd, the extra place comes
    /// after.
    fn same_padding(&self, sizes: &[i64]) -> Translated<Vec<[i64; 2]>> {
        let sides = sizes.iter().enumerate().map(|(axis, &size)| {
            let stride = self.stride[axis];
            let outputs = (size + stride - 1) / stride;
            let total = ((outputs - 1) * stride + self.covered(axis)? - size).max(0);
            Ok([total / 2, total - total / 2])
        });
        sides.collect()
    }

    /// Places that the kernel covers along an axis.
    fn covered(&self, axis: usize) -> Translated<i64> {
        let gaps = (self.kernel[axis] - 1).checked_mul(self.dilation[axis]);
        let covered = gaps.and_then(|gaps| gaps.checked_add(1));
        covered.ok_or_else(|| unsupported("its kernel is too large"))
    }

    /// Size of a convolution's, or a pooling's, output.
    pub(super) fn output(&self, axis: usize, size: i64) -> Translated<i64> {
        let [before, after] = self.padding[axis];
        let room = size.saturating_add(before).saturating_add(after) - self.covered(axis)?;
        if room < 0 {
            return Err(unsupported(format!(
                "its kernel covers more than {size} places and their padding"
            )));
        }
        checked_size("the size of its output", room / self.stride[axis] + 1)
    }

    /// Size of a transposed convolution's output.
    pub(super) fn transposed_output(
        &self,
        axis: usize,
        size: i64,
        output_padding: i64,
    ) -> Translated<i64> {
        let [before, after] = self.padding[axis];
        let covered = self.covered(axis).ok();
        let output = (size - 1)
            .checked_mul(self.stride[axis])
            .and_then(|size| size.checked_add(covered?))
            .and_then(|size| size.checked_add(output_padding))
            .and_then(|size| size.checked_sub(before)?.checked_sub(after));
        checked_size("the size of its output", output.unwrap_or(-1))
    }

    /// Padding along an axis.
    pub(super) fn sides(&self, axis: usize) -> [usize; 2] {
        self.padding[axis].map(|pad| pad as usize)
    }
}

/// A list of numbers, as many as its default has.
fn attribute(node: &Node<'_>, name: &str, default: Vec<i64>) -> Translated<Vec<i64>> {
    let n = default.len();
    let list = node.ints(name).unwrap_or(default);
    if list.len() != n {
        return Err(unsupported(format!(
            "its {name} are {list:?}, {n} numbers are needed"
        )));
    }
    Ok(list)
}

fn checked_sizes(name: &str, list: Vec<i64>) -> Translated<Vec<i64>> {
    let what = format!("one of its {name}");
    list.into_iter()
        .map(|size| checked_size(&what, size))
        .collect()
}

/// Rows and columns of numbers that are not negative; `None` if they are for one axis.
pub(super) fn rows_and_columns(list: &[i64]) -> Option<[usize; 2]> {
    match *list {
        [rows, columns] => Some([rows as usize, columns as usize]),
        _ => None,
    }
}

/// The last of a list of numbers that are not negative: that of the columns.
pub(super) fn columns(list: &[i64]) -> usize {
    list.last().map_or(0, |&columns| columns as usize)
}

#[cfg(test)]
mod tests {
    use cntflow_formats::onnx::wire::Message;

    use super::*;

    #[test]
    fn a_negative_padding_is_named_as_it_is() {
        // A node with one attribute `pads`, whose `ints` (field 8) are -3 and 0.
        let minus_three = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let mut attribute = b"\x0a\x04pads\x40".to_vec();
        attribute.extend(minus_three);
        attribute.extend([0x40, 0x00]);
        let mut bytes = vec![0x2a, attribute.len() as u8];
        bytes.extend(attribute);
        let node = Node::read(Message::whole(&bytes)).unwrap();
        let error = SlidingWindow::of(&node, vec![3], &[8]).err().unwrap();
        assert_eq!(error.to_string(), "its padding is -3");
    }
}
