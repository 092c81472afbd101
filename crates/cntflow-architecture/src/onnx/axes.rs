//! The meaning of each axis of the data, and how reshapes merge axes.

use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Input;

use crate::error::{Translated, unsupported};

/// One axis of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// The examples of a batch.
    Batch,
    /// An axis of size 1 without a meaning.
    One,
    /// Steps of a sequence.
    Steps(i64),
    /// Units of a layer.
    Units(i64),
    /// Channels of an image.
    Channels(i64),
    /// Rows of an image.
    Rows(i64),
    /// Columns of an image, or places of a one-dimensional convolution.
    Columns(i64),
    /// The two directions of a recurrent layer.
    Directions,
}

impl Axis {
    /// Its size; `None` for axes that are no part of a single example.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::Batch | Self::One => None,
            Self::Directions => Some(2),
            Self::Steps(n)
            | Self::Units(n)
            | Self::Channels(n)
            | Self::Rows(n)
            | Self::Columns(n) => usize::try_from(n).ok(),
        }
    }
}

/// Largest size, stride or number of channels that is read from a graph. The product of two fits an
/// `i64`.
pub(super) const MAX_SIZE: i64 = 1 << 31;

/// A size from 1 to [`MAX_SIZE`].
pub(super) fn checked_size(what: &str, size: i64) -> Translated<i64> {
    if (1..=MAX_SIZE).contains(&size) {
        Ok(size)
    } else {
        Err(unsupported(format!("{what} is {size}")))
    }
}

/// An index that may be counted from the end.
pub(super) fn index_from_start(index: i64, size: i64) -> Option<i64> {
    let index = if index < 0 {
        index.checked_add(size)?
    } else {
        index
    };
    (0..size).contains(&index).then_some(index)
}

/// The index of an axis that may be counted from the end.
///
/// # Errors
/// There is no such axis.
pub(super) fn axis_index(axis: i64, rank: usize) -> Translated<usize> {
    let index = i64::try_from(rank)
        .ok()
        .and_then(|rank| index_from_start(axis, rank))
        .and_then(|index| usize::try_from(index).ok());
    index.ok_or_else(|| unsupported(format!("it has no axis {axis}")))
}

/// Axes without those at some indices, or with ones in their stead.
pub(super) fn without(axes: &[Axis], dropped: &[usize], keep_ones: bool) -> Vec<Axis> {
    let axes = axes.iter().enumerate();
    axes.filter_map(|(index, &axis)| {
        if dropped.contains(&index) {
            keep_ones.then_some(Axis::One)
        } else {
            Some(axis)
        }
    })
    .collect()
}

/// Operators that slide along the places of channels.
const SLIDING: [&str; 5] = [
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "BatchNormalization",
];

/// The batch size, if it is fixed, and the axes of the graph's input, by its rank and the nodes
/// that take it. `open_size` stands for sizes that the graph leaves open.
///
/// # Errors
/// No architecture has an input of this rank, or a size other than the batch is open.
pub(super) fn of_input(
    input: &Input<'_>,
    consumers: &[&Node<'_>],
    open_size: Option<i64>,
) -> Translated<(Option<i64>, Vec<Axis>)> {
    let name = input.name;
    let is_sliding =
        |node: &&Node<'_>| SLIDING.contains(&node.operator) || node.operator.starts_with("Global");
    let takes_steps_first = |node: &&Node<'_>| {
        ["RNN", "LSTM", "GRU"].contains(&node.operator) && node.int("layout").unwrap_or(0) == 0
    };
    let size = |axis: usize| {
        let what = format!("dimension {axis} of the input {name}");
        let own = input.sizes[axis];
        // Some exporters write -1 for an open size.
        let size = match open_size {
            Some(open_size) => own.filter(|&size| size > 0).or(Some(open_size)),
            None => own,
        };
        let size = size.ok_or_else(|| unsupported(format!("{what} has no fixed size")))?;
        checked_size(&what, size)
    };
    let axes = match input.sizes.len() {
        2 => vec![Axis::Batch, Axis::Units(size(1)?)],
        3 if consumers.iter().any(is_sliding) => vec![
            Axis::Batch,
            Axis::Channels(size(1)?),
            Axis::Columns(size(2)?),
        ],
        3 if consumers.iter().any(takes_steps_first) => {
            vec![Axis::Steps(size(0)?), Axis::Batch, Axis::Units(size(2)?)]
        }
        3 => vec![Axis::Batch, Axis::Steps(size(1)?), Axis::Units(size(2)?)],
        4 => vec![
            Axis::Batch,
            Axis::Channels(size(1)?),
            Axis::Rows(size(2)?),
            Axis::Columns(size(3)?),
        ],
        rank => {
            let reason = format!("the input {name} has {rank} dimensions");
            return Err(unsupported(reason));
        }
    };
    let batch = axes.iter().position(|&axis| axis == Axis::Batch);
    let batch = batch.and_then(|batch| input.sizes[batch]);
    Ok((batch.filter(|&size| size > 0), axes))
}

/// What a reshape makes of axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reshaped {
    /// The axes afterwards.
    pub(super) axes: Vec<Axis>,
    /// Whether channels and places, or steps and units, have become units.
    pub(super) flattened: bool,
}

/// Axes after a reshape to `target`; `None` if it does more than merge axes and add or drop axes of
/// size 1.
pub(super) fn reshaped(
    axes: &[Axis],
    target: &[i64],
    batch: Option<i64>,
    zero_copies: bool,
) -> Option<Reshaped> {
    let mut rest = axes;
    let mut result = Reshaped {
        axes: Vec::new(),
        flattened: false,
    };
    for (index, &wanted) in target.iter().enumerate() {
        let copied = axes.get(index).copied();
        let is_copy = wanted == 0 && zero_copies;
        // A wanted size of 1 matches the next axis if that has size 1; else an axis is added.
        if wanted == 1 && rest.first() != Some(&Axis::Batch) {
            let one = rest.first().copied().filter(|&axis| size_of(axis) == 1);
            rest = &rest[usize::from(one.is_some())..];
            result.axes.push(one.unwrap_or(Axis::One));
            continue;
        }
        while rest.first() == Some(&Axis::One) {
            rest = &rest[1..];
        }
        let is_batch =
            wanted == -1 || Some(wanted) == batch || (is_copy && copied == Some(Axis::Batch));
        if rest.first() == Some(&Axis::Batch) && is_batch {
            result.axes.push(Axis::Batch);
            rest = &rest[1..];
            continue;
        }
        let wanted = match wanted {
            0 if zero_copies => size_of(copied?),
            -1 => open_size(rest, &target[index + 1..])?,
            wanted => wanted,
        };
        let (merged, behind) = rest.split_at(n_factors(rest, wanted)?);
        rest = behind;
        let (axis, flattened) = merged_axis(merged, wanted)?;
        result.axes.push(axis);
        result.flattened |= flattened;
    }
    rest.iter()
        .all(|&axis| axis != Axis::Batch && size_of(axis) == 1)
        .then_some(result)
}

fn size_of(axis: Axis) -> i64 {
    axis.size().map_or(1, |size| size as i64)
}

/// The size that -1 stands for: what the sizes behind it leave of the axes.
fn open_size(rest: &[Axis], behind: &[i64]) -> Option<i64> {
    let behind = behind
        .iter()
        .try_fold(1_i64, |n, &size| n.checked_mul(size))?;
    let all = rest
        .iter()
        .try_fold(1_i64, |n, &axis| n.checked_mul(size_of(axis)))?;
    all.checked_div(behind).filter(|&n| n > 0)
}

/// How many of the first axes have this product; the batch is never merged.
fn n_factors(axes: &[Axis], wanted: i64) -> Option<usize> {
    let mut product = 1_i64;
    let mut n = 0;
    while product < wanted {
        let axis = *axes.get(n).filter(|&&axis| axis != Axis::Batch)?;
        product = product.checked_mul(size_of(axis))?;
        n += 1;
    }
    (product == wanted).then_some(n)
}

/// The axis that several become, and whether that flattens them.
fn merged_axis(axes: &[Axis], size: i64) -> Option<(Axis, bool)> {
    let axes: Vec<Axis> = axes
        .iter()
        .copied()
        .filter(|&axis| axis != Axis::One)
        .collect();
    match axes[..] {
        [] => Some((Axis::One, false)),
        [axis] => Some((axis, false)),
        // Outputs of both directions of a recurrent layer, side by side.
        [Axis::Directions, Axis::Units(_)] => Some((Axis::Units(size), false)),
        [Axis::Steps(_), Axis::Units(_)] | [Axis::Channels(_), ..] => {
            Some((Axis::Units(size), true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_merge_axes_and_nothing_else() {
        use Axis::{Batch, Channels, Columns, Directions, One, Rows, Steps, Units};
        let image = [Batch, Channels(3), Rows(4), Columns(5)];
        let check = |axes: &[Axis], target: &[i64], expected: Option<(Vec<Axis>, bool)>| {
            let expected = expected.map(|(axes, flattened)| Reshaped { axes, flattened });
            assert_eq!(
                reshaped(axes, target, Some(1), true),
                expected,
                "{target:?}"
            );
        };
        let flat = Some((vec![Batch, Units(60)], true));
        check(&image, &[-1, 60], flat.clone());
        check(&image, &[1, -1], flat.clone());
        check(&image, &[0, -1], flat);
        check(&image, &[1, 3, 20], None);
        check(&image, &[1, 7, 9], None);
        let places = [Batch, Channels(4), Rows(1), Columns(1)];
        check(&places, &[0, -1], Some((vec![Batch, Channels(4)], false)));
        check(
            &[Batch, Channels(1), Rows(2)],
            &[1, 1, 2],
            Some((vec![Batch, Channels(1), Rows(2)], false)),
        );
        let directions = [Steps(6), Batch, Directions, Units(5)];
        check(
            &directions,
            &[6, 1, 10],
            Some((vec![Steps(6), Batch, Units(10)], false)),
        );
        check(
            &directions,
            &[0, 0, -1],
            Some((vec![Steps(6), Batch, Units(10)], false)),
        );
        check(
            &[Batch, Channels(2), One, One],
            &[1, 2],
            Some((vec![Batch, Channels(2)], false)),
        );
        check(
            &[Steps(6), Batch, One, Units(5)],
            &[6, -1, 5],
            Some((vec![Steps(6), Batch, Units(5)], false)),
        );
    }
}
