//! What each axis of the data is, and how axes are merged.

use super::Told;
use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Input;

/// One axis of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// The inputs at a time.
    Batch,
    /// Of size 1.
    One,
    Steps(i64),
    Units(i64),
    Channels(i64),
    Rows(i64),
    Columns(i64),
    /// The two directions of a recurrent layer.
    Directions,
}

impl Axis {
    /// Its size where it is part of one input.
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

/// Most of any size: products of two do not overflow.
const MAX_SIZE: i64 = 1 << 31;

/// A size that is at least one and not beyond reason.
pub(super) fn sane(what: &str, size: i64) -> Told<i64> {
    match (1..=MAX_SIZE).contains(&size) {
        true => Ok(size),
        false => Err(format!("{what} is {size}")),
    }
}

/// Number of inputs at a time and axes of the graph's input, told by its rank and the nodes that take it.
pub(super) fn of_input(input: &Input<'_>, takers: &[&Node<'_>]) -> Told<(Option<i64>, Vec<Axis>)> {
    let name = input.name;
    let slides = takers.iter().any(|node| {
        let known = [
            "Conv",
            "ConvTranspose",
            "MaxPool",
            "AveragePool",
            "BatchNormalization",
        ];
        known.contains(&node.operator) || node.operator.starts_with("Global")
    });
    let steps_first = takers.iter().any(|node| {
        ["RNN", "LSTM", "GRU"].contains(&node.operator) && node.int("layout").unwrap_or(0) == 0
    });
    let size = |place: usize| {
        let size = input.sizes[place];
        let size = size.ok_or(format!(
            "dimension {place} of the input {name} has no fixed size"
        ))?;
        sane(&format!("dimension {place} of the input {name}"), size)
    };
    let (batch, axes) = match input.sizes.len() {
        2 => (0, vec![Axis::Batch, Axis::Units(size(1)?)]),
        3 if slides => {
            let places = [Axis::Channels(size(1)?), Axis::Columns(size(2)?)];
            (0, [&[Axis::Batch], &places[..]].concat())
        }
        3 if steps_first => {
            let axes = vec![Axis::Steps(size(0)?), Axis::Batch, Axis::Units(size(2)?)];
            (1, axes)
        }
        3 => {
            let axes = vec![Axis::Batch, Axis::Steps(size(1)?), Axis::Units(size(2)?)];
            (0, axes)
        }
        4 => {
            let places = [
                Axis::Channels(size(1)?),
                Axis::Rows(size(2)?),
                Axis::Columns(size(3)?),
            ];
            (0, [&[Axis::Batch], &places[..]].concat())
        }
        rank => return Err(format!("the input {name} has {rank} dimensions")),
    };
    Ok((input.sizes[batch].filter(|&size| size > 0), axes))
}

/// Axes after a reshape to `target`, where it only merges axes, adds or drops ones; the second says whether it flattened.
pub(super) fn reshaped(
    axes: &[Axis],
    target: &[i64],
    batch: Option<i64>,
    zero_copies: bool,
) -> Option<(Vec<Axis>, bool)> {
    let size = |axis: Axis| axis.size().map_or(1, |size| size as i64);
    let mut rest = axes;
    let mut made = Vec::new();
    let mut flattened = false;
    for (place, &wanted) in target.iter().enumerate() {
        let copied = axes.get(place).copied();
        let copies = wanted == 0 && zero_copies;
        let is_batch =
            wanted == -1 || Some(wanted) == batch || (copies && copied == Some(Axis::Batch));
        // A size of one is an axis of one, or one that is added here.
        if wanted == 1 && rest.first() != Some(&Axis::Batch) {
            let axis = rest.first().copied().filter(|&axis| size(axis) == 1);
            rest = &rest[usize::from(axis.is_some())..];
            made.push(axis.unwrap_or(Axis::One));
            continue;
        }
        while rest.first() == Some(&Axis::One) {
            rest = &rest[1..];
        }
        let mut later = target[place + 1..].iter();
        if rest.first() == Some(&Axis::Batch) && is_batch {
            made.push(Axis::Batch);
            rest = &rest[1..];
            continue;
        }
        let wanted = match wanted {
            0 if zero_copies => size(copied?),
            -1 => {
                let after = later.try_fold(1_i64, |product, &n| product.checked_mul(n))?;
                let all = rest
                    .iter()
                    .try_fold(1_i64, |product, &axis| product.checked_mul(size(axis)))?;
                all.checked_div(after).filter(|&n| n > 0)?
            }
            wanted => wanted,
        };
        let mut product = 1_i64;
        let mut n = 0;
        while product < wanted {
            let axis = *rest.get(n).filter(|&&axis| axis != Axis::Batch)?;
            product = product.checked_mul(size(axis))?;
            n += 1;
        }
        let merged: Vec<Axis> = rest[..n]
            .iter()
            .copied()
            .filter(|&axis| axis != Axis::One)
            .collect();
        rest = &rest[n..];
        if product != wanted {
            return None;
        }
        made.push(match merged[..] {
            [] => Axis::One,
            [axis] => axis,
            [Axis::Directions, Axis::Units(_)] => Axis::Units(product),
            [Axis::Steps(_), Axis::Units(_)] | [Axis::Channels(_), ..] => {
                flattened = true;
                Axis::Units(product)
            }
            _ => return None,
        });
    }
    rest.iter()
        .all(|&axis| axis != Axis::Batch && size(axis) == 1)
        .then_some((made, flattened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_merge_axes_and_nothing_else() {
        use Axis::{Batch, Channels, Columns, Directions, One, Rows, Steps, Units};
        let image = [Batch, Channels(3), Rows(4), Columns(5)];
        let check = |axes: &[Axis], target: &[i64], expected: Option<(Vec<Axis>, bool)>| {
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
