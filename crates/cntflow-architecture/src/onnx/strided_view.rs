//! Data whose axes are split, merged and sliced, as exporters write attention: the origin of each
//! value is known.
//!
//! Every dimension is a list of factors, the last of them running fastest: examples of the batch,
//! steps, or units. Splitting a dimension of 24 units into 3 x 8 makes two factors of it, of
//! strides 8 and 1; picking index 1 of the first begins at unit 8. Nothing of size 1 is a factor,
//! and neither is the batch if the graph fixes its size to 1.

use super::axes::{Axis, index_from_start};
use super::symbolic::{SymbolicInt, product};
use crate::error::{Translated, unsupported};

/// The most dimensions that data may have.
pub(super) const MAX_RANK: usize = 16;

/// What a dimension, or a part of one, counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    /// Examples of the batch.
    Batch(SymbolicInt),
    /// Steps of a sequence.
    Steps(i64),
    /// Every `stride`-th of the units, `size` of them.
    Units { stride: i64, size: i64 },
}

impl Factor {
    fn size(self) -> SymbolicInt {
        match self {
            Self::Batch(size) => size,
            Self::Steps(size) | Self::Units { size, .. } => SymbolicInt::Fixed(size),
        }
    }
}

/// What makes the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewSource {
    /// The layer that was the last when there were so many.
    Layer(usize),
    /// A product with a kernel that is part of an attention or of a recurrence, by its index.
    Projection(usize),
    /// Values that an attention has mixed, by its index.
    Mixed(usize),
}

/// A view of data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StridedView {
    pub(super) source: ViewSource,
    /// The factors of each dimension, the last running fastest.
    pub(super) dims: Vec<Vec<Factor>>,
    /// The first unit of the view.
    pub(super) first_unit: i64,
    /// The one step of the view; `None` where it has all.
    pub(super) step: Option<i64>,
    /// What the values have been multiplied with.
    pub(super) scale: f64,
}

impl StridedView {
    /// All units of all steps of all inputs.
    pub(super) fn new(source: ViewSource, axes: &[Axis], batch: SymbolicInt) -> Translated<Self> {
        let dim = |&axis: &Axis| match axis {
            Axis::Batch if batch == SymbolicInt::Fixed(1) => Ok(Vec::new()),
            Axis::Batch => Ok(vec![Factor::Batch(batch)]),
            Axis::Steps(size) if size > 1 => Ok(vec![Factor::Steps(size)]),
            Axis::Units(size) if size > 1 => Ok(vec![Factor::Units { stride: 1, size }]),
            Axis::One | Axis::Units(_) => Ok(Vec::new()),
            other => Err(unsupported(format!(
                "data of {axes:?} is split, and {other:?} is no part of a sequence"
            ))),
        };
        Ok(Self {
            source,
            dims: axes.iter().map(dim).collect::<Translated<_>>()?,
            first_unit: 0,
            step: None,
            scale: 1.0,
        })
    }

    /// Size of every dimension.
    pub(super) fn sizes(&self) -> Option<Vec<SymbolicInt>> {
        let size = |dim: &Vec<Factor>| product(dim.iter().map(|factor| factor.size()));
        self.dims.iter().map(size).collect()
    }

    /// The same data in these dimensions, unless there are too many.
    fn with_dims(&self, dims: Vec<Vec<Factor>>) -> Option<Self> {
        (dims.len() <= MAX_RANK).then(|| Self {
            dims: dims.into_iter().map(merged).collect(),
            ..self.clone()
        })
    }

    /// The view with dimensions of other sizes, where they split and merge its factors.
    pub(super) fn reshaped(&self, target: &[SymbolicInt], zero_copies: bool) -> Option<Self> {
        let sizes = self.sizes()?;
        let target = closed_sizes(&sizes, target, zero_copies)?;
        let mut rest: Vec<Factor> = self.dims.iter().flatten().rev().copied().collect();
        let mut dims = Vec::new();
        for wanted in target {
            dims.push(split_off(&mut rest, wanted)?);
        }
        rest.is_empty().then(|| self.with_dims(dims))?
    }

    /// The view with its dimensions in another order.
    pub(super) fn transposed(&self, order: &[i64]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.dims.len() as i64) {
            return None;
        }
        let dim = |&dim: &i64| self.dims.get(usize::try_from(dim).ok()?).cloned();
        self.with_dims(order.iter().map(dim).collect::<Option<_>>()?)
    }

    /// One index of a dimension, which has size 1 then.
    pub(super) fn picked(&self, dim: usize, index: i64) -> Option<Self> {
        let mut picked = self.clone();
        match self.dims.get(dim)?[..] {
            [] if [0, -1].contains(&index) => {}
            [Factor::Units { stride, size }] => {
                let index = index_from_start(index, size)?;
                picked.first_unit = picked.first_unit.checked_add(index.checked_mul(stride)?)?;
            }
            [Factor::Steps(size)] if picked.step.is_none() => {
                picked.step = Some(index_from_start(index, size)?);
            }
            _ => return None,
        }
        picked.dims[dim].clear();
        Some(picked)
    }

    /// Indices `start..end` of a dimension.
    pub(super) fn cut(&self, dim: usize, start: i64, end: i64) -> Option<Self> {
        if end.checked_sub(start)? == 1 {
            return self.picked(dim, start);
        }
        let mut cut = self.clone();
        match cut.dims.get_mut(dim)?[..] {
            [
                Factor::Units {
                    stride,
                    ref mut size,
                },
            ] if 0 <= start && start < end && end <= *size => {
                *size = end - start;
                cut.first_unit = cut.first_unit.checked_add(start.checked_mul(stride)?)?;
            }
            _ => return None,
        }
        Some(cut)
    }

    /// The view without some dimensions, which must have size 1, or without all of size 1.
    pub(super) fn squeezed(&self, dropped: Option<&[usize]>) -> Option<Self> {
        let mut dims = Vec::new();
        for (index, dim) in self.dims.iter().enumerate() {
            let is_dropped = dropped.map_or(dim.is_empty(), |dropped| dropped.contains(&index));
            if !is_dropped {
                dims.push(dim.clone());
            } else if !dim.is_empty() {
                return None;
            }
        }
        self.with_dims(dims)
    }

    /// The view with dimensions of size 1 added. The indices are those in the result, in ascending
    /// order.
    pub(super) fn unsqueezed(&self, added: &[usize]) -> Option<Self> {
        let mut dims = self.dims.clone();
        for &index in added {
            if index > dims.len() || dims.len() >= MAX_RANK {
                return None;
            }
            dims.insert(index, Vec::new());
        }
        self.with_dims(dims)
    }

    /// What a kernel makes of the view: other units in the last dimension, which held all units.
    pub(super) fn with_units(&self, source: ViewSource, units: i64) -> Self {
        let mut view = Self {
            source,
            first_unit: 0,
            scale: 1.0,
            ..self.clone()
        };
        if let Some(last) = view.dims.last_mut() {
            *last = all_units(units);
        }
        view
    }

    /// The meaning of its axes; `None` where some axis is split or merged, or not all of the data
    /// is there.
    pub(super) fn axes(&self) -> Option<Vec<Axis>> {
        if self.first_unit != 0 || self.step.is_some() || self.scale != 1.0 {
            return None;
        }
        let last = self.dims.len().checked_sub(1)?;
        let is_units = |factor: &Factor| matches!(factor, Factor::Units { .. });
        let has_units = self.dims.iter().flatten().any(is_units);
        let axis = |(index, dim): (usize, &Vec<Factor>)| match dim[..] {
            [] if index == last && !has_units => Some(Axis::Units(1)),
            [] => Some(Axis::One),
            [Factor::Batch(_)] => Some(Axis::Batch),
            [Factor::Steps(size)] => Some(Axis::Steps(size)),
            [Factor::Units { stride: 1, size }] => Some(Axis::Units(size)),
            _ => None,
        };
        let axes = self.dims.iter().enumerate().map(axis);
        let mut axes = axes.collect::<Option<Vec<Axis>>>()?;
        // A batch of one input is no factor: the first axis of size 1 is taken for it.
        if !axes.contains(&Axis::Batch) {
            let one = axes.iter_mut().find(|axis| **axis == Axis::One)?;
            *one = Axis::Batch;
        }
        Some(axes)
    }

    /// The number of its steps.
    pub(super) fn steps(&self) -> Option<i64> {
        self.dims.iter().flatten().find_map(|factor| match factor {
            Factor::Steps(size) => Some(*size),
            _ => None,
        })
    }
}

/// The factors of a dimension of all units.
pub(super) fn all_units(size: i64) -> Vec<Factor> {
    match size {
        1 => Vec::new(),
        size => vec![Factor::Units { stride: 1, size }],
    }
}

/// The sizes that a reshape asks for: 0 copies a size, and -1 is what the others leave.
fn closed_sizes(
    sizes: &[SymbolicInt],
    target: &[SymbolicInt],
    zero_copies: bool,
) -> Option<Vec<SymbolicInt>> {
    let mut closed = Vec::new();
    let mut open = None;
    for (index, &size) in target.iter().enumerate() {
        closed.push(match size {
            SymbolicInt::Fixed(0) if zero_copies => *sizes.get(index)?,
            SymbolicInt::Fixed(-1) if open.is_none() => {
                open = Some(index);
                SymbolicInt::Fixed(1)
            }
            SymbolicInt::Fixed(n) | SymbolicInt::BatchMultiple(n) if n < 1 => return None,
            size => size,
        });
    }
    if let Some(index) = open {
        let all = product(sizes.iter().copied())?;
        let others = product(closed.iter().copied())?;
        let left = all.over(others)?;
        closed[index] = (left.times(others)? == all).then_some(left)?;
    }
    Some(closed)
}

/// Takes factors whose sizes multiply to `wanted` off the end of `rest`. The list is reversed: its
/// end is the outermost factor.
///
/// Whole factors are taken as long as they divide what is left of the size. Units are split in two
/// where the size ends within them; batch and steps are never split.
fn split_off(rest: &mut Vec<Factor>, wanted: SymbolicInt) -> Option<Vec<Factor>> {
    let mut taken = Vec::new();
    let mut left = wanted;
    while left != SymbolicInt::Fixed(1) {
        let factor = rest.pop()?;
        let after = left.over(factor.size());
        match (after, factor) {
            (Some(after), _) if after.times(factor.size()) == Some(left) => {
                taken.push(factor);
                left = after;
            }
            (_, Factor::Units { stride, size }) => {
                let outer = left.fixed().filter(|&n| n > 1 && size % n == 0)?;
                let inner = size / outer;
                taken.push(Factor::Units {
                    stride: stride.checked_mul(inner)?,
                    size: outer,
                });
                rest.push(Factor::Units {
                    stride,
                    size: inner,
                });
                left = SymbolicInt::Fixed(1);
            }
            _ => return None,
        }
    }
    Some(taken)
}

/// Joins neighbouring factors of units where the outer one's stride is just what the inner one
/// spans.
fn merged(dim: Vec<Factor>) -> Vec<Factor> {
    let mut merged: Vec<Factor> = Vec::new();
    for factor in dim {
        match (merged.last_mut(), factor) {
            (
                Some(Factor::Units {
                    stride: outer,
                    size: n,
                }),
                Factor::Units { stride, size },
            ) if stride.checked_mul(size) == Some(*outer) => {
                (*outer, *n) = (stride, n.saturating_mul(size));
            }
            _ => merged.push(factor),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use Factor::{Batch, Steps, Units};
    use SymbolicInt::{BatchMultiple, Fixed};

    fn sequence(batch: SymbolicInt) -> StridedView {
        let axes = [Axis::Steps(6), Axis::Batch, Axis::Units(24)];
        StridedView::new(ViewSource::Projection(0), &axes, batch).unwrap()
    }

    #[test]
    fn queries_are_cut_out_of_a_joint_projection() {
        for (batch, one, heads) in [
            (BatchMultiple(1), BatchMultiple(1), BatchMultiple(2)),
            (Fixed(1), Fixed(1), Fixed(2)),
            (Fixed(3), Fixed(3), Fixed(6)),
        ] {
            let view = sequence(batch);
            let split = view
                .reshaped(&[Fixed(6), one, Fixed(3), Fixed(8)], false)
                .unwrap();
            let keys = split
                .transposed(&[2, 0, 1, 3])
                .unwrap()
                .picked(0, 1)
                .unwrap();
            let keys = keys.squeezed(Some(&[0])).unwrap();
            let keys = keys.reshaped(&[Fixed(6), heads, Fixed(4)], false).unwrap();
            let mut expected = match batch {
                Fixed(1) => Vec::new(),
                batch => vec![Batch(batch)],
            };
            expected.push(Units { stride: 4, size: 2 });
            assert_eq!(keys.dims[1], expected);
            assert_eq!(keys.dims[2], [Units { stride: 1, size: 4 }]);
            assert_eq!(keys.first_unit, 8);
        }
    }

    #[test]
    fn reshapes_that_split_inputs_or_steps_are_none() {
        let view = sequence(BatchMultiple(1));
        for target in [
            &[Fixed(3), BatchMultiple(2), Fixed(24)][..],
            &[BatchMultiple(6), Fixed(25)],
            &[Fixed(6), Fixed(-1), Fixed(-1)],
            &[Fixed(6), BatchMultiple(1), Fixed(7), Fixed(-1)],
            &[Fixed(0), Fixed(0)],
        ] {
            assert_eq!(view.reshaped(target, true), None, "{target:?}");
        }
        let flat = view.reshaped(&[Fixed(-1), Fixed(24)], true).unwrap();
        assert_eq!(flat.dims[0], [Steps(6), Batch(BatchMultiple(1))]);
        let back = flat
            .reshaped(&[Fixed(6), Fixed(-1), Fixed(24)], true)
            .unwrap();
        assert_eq!(back, view);
        let other = flat.reshaped(&[BatchMultiple(1), Fixed(6), Fixed(24)], true);
        assert_eq!(other, None, "inputs and steps change places");
    }

    #[test]
    fn units_in_another_order_are_not_merged() {
        let view = sequence(Fixed(1));
        let split = view
            .reshaped(&[Fixed(6), Fixed(1), Fixed(4), Fixed(6)], true)
            .unwrap();
        let turned = split.transposed(&[0, 1, 3, 2]).unwrap();
        let merged = turned
            .reshaped(&[Fixed(6), Fixed(1), Fixed(24)], true)
            .unwrap();
        assert_eq!(merged.dims[2].len(), 2);
        assert_eq!(merged.axes(), None);
        assert!(
            split
                .reshaped(&[Fixed(6), Fixed(1), Fixed(24)], true)
                .unwrap()
                .axes()
                .is_some()
        );
    }
}
