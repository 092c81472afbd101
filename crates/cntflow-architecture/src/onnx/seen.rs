//! Data whose axes are split, merged and picked, as exporters write attention: what is known of it is where each value comes from.
//!
//! Every dimension is a row of factors, the last of them running fastest: inputs, steps, or units. Splitting a dimension of 24 units
//! into 3 x 8 makes two factors of it, of strides 8 and 1; picking place 1 of the first begins at unit 8. Nothing of size 1 is a
//! factor, neither is the batch where the graph fixes one input at a time.

use super::Told;
use super::axes::Axis;
use super::number::{Number, product};

/// Most dimensions of data.
pub(super) const MAX_RANK: usize = 16;

/// What a dimension counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    /// Inputs at a time.
    Batch(Number),
    Steps(i64),
    /// Every `stride`-th of the units, `size` of them.
    Units {
        stride: i64,
        size: i64,
    },
}

impl Factor {
    fn size(self) -> Number {
        match self {
            Self::Batch(size) => size,
            Self::Steps(size) | Self::Units { size, .. } => Number::Known(size),
        }
    }
}

/// What makes the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// So many layers.
    Layer(usize),
    /// A product with a kernel that is part of an attention or of a recurrence.
    Projection(usize),
    /// Values that an attention has mixed.
    Mix(usize),
}

/// Data seen in another way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) of: Source,
    pub(super) dims: Vec<Vec<Factor>>,
    /// The unit that those seen begin with.
    pub(super) first: i64,
    /// The step that has been picked.
    pub(super) step: Option<i64>,
    /// What it has been multiplied with.
    pub(super) scale: f64,
}

impl Seen {
    /// All units of all steps of all inputs.
    pub(super) fn new(of: Source, axes: &[Axis], batch: Number) -> Told<Self> {
        let dim = |&axis: &Axis| match axis {
            Axis::Batch if batch == Number::Known(1) => Ok(Vec::new()),
            Axis::Batch => Ok(vec![Factor::Batch(batch)]),
            Axis::Steps(size) if size > 1 => Ok(vec![Factor::Steps(size)]),
            Axis::Units(size) if size > 1 => Ok(vec![Factor::Units { stride: 1, size }]),
            Axis::One | Axis::Units(_) => Ok(Vec::new()),
            other => Err(format!(
                "data of {axes:?} is split, and {other:?} is no part of a sequence"
            )),
        };
        Ok(Self {
            of,
            dims: axes.iter().map(dim).collect::<Told<_>>()?,
            first: 0,
            step: None,
            scale: 1.0,
        })
    }

    pub(super) fn sizes(&self) -> Option<Vec<Number>> {
        let size = |dim: &Vec<Factor>| product(dim.iter().map(|factor| factor.size()));
        self.dims.iter().map(size).collect()
    }

    fn with(&self, dims: Vec<Vec<Factor>>) -> Option<Self> {
        (dims.len() <= MAX_RANK).then(|| Self {
            dims: dims.into_iter().map(merged).collect(),
            ..self.clone()
        })
    }

    /// The same with dimensions of other sizes, where they split and merge as its factors do.
    pub(super) fn reshaped(&self, target: &[Number], zero_copies: bool) -> Option<Self> {
        let sizes = self.sizes()?;
        let target = inferred(&sizes, target, zero_copies)?;
        let mut rest: Vec<Factor> = self.dims.iter().flatten().rev().copied().collect();
        let mut dims = Vec::new();
        for wanted in target {
            dims.push(taken_off(&mut rest, wanted)?);
        }
        rest.is_empty().then(|| self.with(dims))?
    }

    pub(super) fn transposed(&self, order: &[i64]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.dims.len() as i64) {
            return None;
        }
        let dim = |&place: &i64| self.dims.get(usize::try_from(place).ok()?).cloned();
        self.with(order.iter().map(dim).collect::<Option<_>>()?)
    }

    /// One place of a dimension, which is then of size 1.
    pub(super) fn picked(&self, place: usize, index: i64) -> Option<Self> {
        let mut picked = self.clone();
        match self.dims.get(place)?[..] {
            [] if [0, -1].contains(&index) => {}
            [Factor::Units { stride, size }] => {
                let index = from_start(index, size)?;
                picked.first = picked.first.checked_add(index.checked_mul(stride)?)?;
            }
            [Factor::Steps(size)] if picked.step.is_none() => {
                picked.step = Some(from_start(index, size)?);
            }
            _ => return None,
        }
        picked.dims[place].clear();
        Some(picked)
    }

    /// Places `start..end` of a dimension.
    pub(super) fn cut(&self, place: usize, start: i64, end: i64) -> Option<Self> {
        if end.checked_sub(start)? == 1 {
            return self.picked(place, start);
        }
        let mut cut = self.clone();
        match cut.dims.get_mut(place)?[..] {
            [
                Factor::Units {
                    stride,
                    ref mut size,
                },
            ] if 0 <= start && start < end && end <= *size => {
                *size = end - start;
                cut.first = cut.first.checked_add(start.checked_mul(stride)?)?;
            }
            _ => return None,
        }
        Some(cut)
    }

    /// Without dimensions of size 1: some, or all.
    pub(super) fn squeezed(&self, dropped: Option<&[usize]>) -> Option<Self> {
        let mut dims = Vec::new();
        for (place, dim) in self.dims.iter().enumerate() {
            let drops = dropped.map_or(dim.is_empty(), |places| places.contains(&place));
            match drops {
                true if dim.is_empty() => {}
                true => return None,
                false => dims.push(dim.clone()),
            }
        }
        self.with(dims)
    }

    /// With dimensions of size 1 at these places of those that there are then, from the lowest.
    pub(super) fn unsqueezed(&self, added: &[usize]) -> Option<Self> {
        let mut dims = self.dims.clone();
        for &place in added {
            if place > dims.len() || dims.len() >= MAX_RANK {
                return None;
            }
            dims.insert(place, Vec::new());
        }
        self.with(dims)
    }

    /// With other units in the last dimension, which must have all there are.
    pub(super) fn with_units(&self, of: Source, units: i64) -> Self {
        let mut seen = Self {
            of,
            first: 0,
            scale: 1.0,
            ..self.clone()
        };
        if let Some(last) = seen.dims.last_mut() {
            *last = match units {
                1 => Vec::new(),
                size => vec![Factor::Units { stride: 1, size }],
            };
        }
        seen
    }

    /// What its axes are, where each is one thing.
    pub(super) fn axes(&self) -> Option<Vec<Axis>> {
        if self.first != 0 || self.step.is_some() || self.scale != 1.0 {
            return None;
        }
        let last = self.dims.len().checked_sub(1)?;
        let units = |factor: &Factor| matches!(factor, Factor::Units { .. });
        let has_units = self.dims.iter().flatten().any(units);
        let axis = |(place, dim): (usize, &Vec<Factor>)| match dim[..] {
            [] if place == last && !has_units => Some(Axis::Units(1)),
            [] => Some(Axis::One),
            [Factor::Batch(_)] => Some(Axis::Batch),
            [Factor::Steps(size)] => Some(Axis::Steps(size)),
            [Factor::Units { stride: 1, size }] => Some(Axis::Units(size)),
            _ => None,
        };
        let axes = self.dims.iter().enumerate().map(axis);
        let mut axes = axes.collect::<Option<Vec<Axis>>>()?;
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

/// An index that may be counted from the end.
pub(super) fn from_start(index: i64, size: i64) -> Option<i64> {
    let index = if index < 0 {
        index.checked_add(size)?
    } else {
        index
    };
    (0..size).contains(&index).then_some(index)
}

/// A reshape's sizes with copied and inferred ones.
fn inferred(sizes: &[Number], target: &[Number], zero_copies: bool) -> Option<Vec<Number>> {
    let mut wanted = Vec::new();
    let mut open = None;
    for (place, &size) in target.iter().enumerate() {
        wanted.push(match size {
            Number::Known(0) if zero_copies => *sizes.get(place)?,
            Number::Known(-1) if open.is_none() => {
                open = Some(place);
                Number::Known(1)
            }
            Number::Known(n) | Number::Inputs(n) if n < 1 => return None,
            size => size,
        });
    }
    if let Some(place) = open {
        let (all, others) = (
            product(sizes.iter().copied())?,
            product(wanted.iter().copied())?,
        );
        let left = all.over(others)?;
        wanted[place] = (left.times(others)? == all).then_some(left)?;
    }
    Some(wanted)
}

/// Factors of a size off the end of a list, the last first; units are split where they must be.
fn taken_off(rest: &mut Vec<Factor>, wanted: Number) -> Option<Vec<Factor>> {
    let mut taken = Vec::new();
    let mut left = wanted;
    while left != Number::Known(1) {
        let factor = rest.pop()?;
        let after = left.over(factor.size());
        match (after, factor) {
            (Some(after), _) if after.times(factor.size()) == Some(left) => {
                taken.push(factor);
                left = after;
            }
            (_, Factor::Units { stride, size }) => {
                let outer = left.known().filter(|&n| n > 1 && size % n == 0)?;
                let inner = size / outer;
                taken.push(Factor::Units {
                    stride: stride.checked_mul(inner)?,
                    size: outer,
                });
                rest.push(Factor::Units {
                    stride,
                    size: inner,
                });
                left = Number::Known(1);
            }
            _ => return None,
        }
    }
    Some(taken)
}

/// Neighbouring factors of units that go on in each other are one.
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
    use Number::{Inputs, Known};

    fn sequence(batch: Number) -> Seen {
        let axes = [Axis::Steps(6), Axis::Batch, Axis::Units(24)];
        Seen::new(Source::Projection(0), &axes, batch).unwrap()
    }

    #[test]
    fn queries_are_cut_out_of_a_joint_projection() {
        for (batch, one, heads) in [
            (Inputs(1), Inputs(1), Inputs(2)),
            (Known(1), Known(1), Known(2)),
            (Known(3), Known(3), Known(6)),
        ] {
            let seen = sequence(batch);
            let split = seen
                .reshaped(&[Known(6), one, Known(3), Known(8)], false)
                .unwrap();
            let keys = split
                .transposed(&[2, 0, 1, 3])
                .unwrap()
                .picked(0, 1)
                .unwrap();
            let keys = keys.squeezed(Some(&[0])).unwrap();
            let keys = keys.reshaped(&[Known(6), heads, Known(4)], false).unwrap();
            let mut expected = match batch {
                Known(1) => Vec::new(),
                batch => vec![Batch(batch)],
            };
            expected.push(Units { stride: 4, size: 2 });
            assert_eq!(keys.dims[1], expected);
            assert_eq!(keys.dims[2], [Units { stride: 1, size: 4 }]);
            assert_eq!(keys.first, 8);
        }
    }

    #[test]
    fn reshapes_that_tear_inputs_or_steps_apart_are_none() {
        let seen = sequence(Inputs(1));
        for target in [
            &[Known(3), Inputs(2), Known(24)][..],
            &[Inputs(6), Known(25)],
            &[Known(6), Known(-1), Known(-1)],
            &[Known(6), Inputs(1), Known(7), Known(-1)],
            &[Known(0), Known(0)],
        ] {
            assert_eq!(seen.reshaped(target, true), None, "{target:?}");
        }
        let flat = seen.reshaped(&[Known(-1), Known(24)], true).unwrap();
        assert_eq!(flat.dims[0], [Steps(6), Batch(Inputs(1))]);
        let back = flat
            .reshaped(&[Known(6), Known(-1), Known(24)], true)
            .unwrap();
        assert_eq!(back, seen);
        let other = flat.reshaped(&[Inputs(1), Known(6), Known(24)], true);
        assert_eq!(other, None, "inputs and steps change places");
    }

    #[test]
    fn units_in_another_order_are_not_merged() {
        let seen = sequence(Known(1));
        let split = seen
            .reshaped(&[Known(6), Known(1), Known(4), Known(6)], true)
            .unwrap();
        let turned = split.transposed(&[0, 1, 3, 2]).unwrap();
        let merged = turned
            .reshaped(&[Known(6), Known(1), Known(24)], true)
            .unwrap();
        assert_eq!(merged.dims[2].len(), 2);
        assert_eq!(merged.axes(), None);
        assert!(
            split
                .reshaped(&[Known(6), Known(1), Known(24)], true)
                .unwrap()
                .axes()
                .is_some()
        );
    }
}
