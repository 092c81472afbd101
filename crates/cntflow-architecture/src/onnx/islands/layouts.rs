//! What nodes make of weights: other shapes, parts of them, and several as one.

use super::known::Known;
use super::weights::Weights;
use super::wiring::Step;
use crate::onnx::constants::clamped_index;
use crate::onnx::weight::{Weight, n_values};

/// The most weights that are concatenated.
const MAX_PARTS: usize = 64;

impl<'m> Weights<'m> {
    pub(super) fn new_shape(&self, step: &Step<'m>, shape: &[usize]) -> Option<Vec<usize>> {
        let sizes = self.numbers(step, "shape", 1)?;
        let keeps_zeros = step.node.int("allowzero").unwrap_or(0) != 0;
        let mut new = Vec::new();
        let mut open = None;
        for (axis, &size) in sizes.iter().enumerate() {
            new.push(match size {
                -1 if open.is_none() => {
                    open = Some(axis);
                    1
                }
                0 if !keeps_zeros => *shape.get(axis)?,
                size => usize::try_from(size).ok()?,
            });
        }
        if let Some(axis) = open {
            let (whole, others) = (n_values(shape), n_values(&new));
            new[axis] = whole
                .checked_div(others)
                .filter(|size| size * others == whole)?;
        }
        Some(new)
    }

    pub(super) fn squeezed(&self, step: &Step<'m>, shape: &[usize]) -> Option<Vec<usize>> {
        let axes = self.numbers(step, "axes", 1);
        if axes.is_none() && step.input(1).is_some() {
            return None;
        }
        let axes = axes.map(|axes| indices(&axes, shape.len()));
        let dropped = match axes {
            Some(axes) => axes?,
            None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        };
        let kept = (0..shape.len()).filter(|axis| !dropped.contains(axis));
        Some(kept.map(|axis| shape[axis]).collect())
    }

    pub(super) fn unsqueezed(&self, step: &Step<'m>, shape: &[usize]) -> Option<Vec<usize>> {
        let axes = self.numbers(step, "axes", 1)?;
        let rank = shape.len() + axes.len();
        let added = indices(&axes, rank)?;
        let mut sizes = shape.iter().copied();
        let sizes = (0..rank).map(|axis| {
            if added.contains(&axis) {
                Some(1)
            } else {
                sizes.next()
            }
        });
        sizes.collect()
    }

    pub(super) fn slice(&self, step: &Step<'m>, known: Known<'m>) -> Option<Known<'m>> {
        let starts = self.numbers(step, "starts", 1)?;
        let ends = self.numbers(step, "ends", 2)?;
        let all_axes = || (0..starts.len() as i64).collect();
        let axes = self.numbers(step, "axes", 3).unwrap_or_else(all_axes);
        let steps = self.integers(step, 4).unwrap_or_default();
        if step.input(3).is_some() && self.integers(step, 3).is_none()
            || step.input(4).is_some() && steps.iter().any(|&step| step != 1)
            || starts.len() != ends.len()
            || starts.len() != axes.len()
        {
            return None;
        }
        let axes = indices(&axes, known.shape.len())?;
        let mut part = known;
        for ((&start, &end), &axis) in starts.iter().zip(&ends).zip(&axes) {
            let size = i64::try_from(part.shape[axis]).ok()?;
            let (start, end) = (clamped_index(start, size), clamped_index(end, size));
            part = part.part(axis, start, end)?;
        }
        Some(part)
    }

    pub(super) fn split(&self, step: &Step<'m>) -> Vec<Known<'m>> {
        let Some(known) = self.input(step, 0) else {
            return Vec::new();
        };
        let axis = indices(&[step.node.int("axis").unwrap_or(0)], known.shape.len());
        let Some(&[axis]) = axis.as_deref() else {
            return Vec::new();
        };
        let n = step.outputs.len();
        let size = known.shape[axis];
        let equal = || {
            let part = size.checked_div(n).filter(|part| part * n == size);
            part.map_or_else(Vec::new, |part| vec![part as i64; n])
        };
        let sizes = self.numbers(step, "split", 1).unwrap_or_else(equal);
        let mut start = 0;
        let parts = sizes.iter().map_while(|&size| {
            let end = usize::try_from(size).ok()?.checked_add(start)?;
            let part = known.part(axis, start, end)?;
            start = end;
            Some(part)
        });
        parts.collect()
    }

    pub(super) fn concatenated(&mut self, step: &Step<'m>) -> Option<Known<'m>> {
        // Whether all are known is asked before anything is copied.
        let mut inputs = 0..step.inputs.len();
        if inputs.len() > MAX_PARTS || inputs.any(|input| self.input(step, input).is_none()) {
            return None;
        }
        self.made += step.inputs.len();
        let parts = (0..step.inputs.len()).map(|input| {
            let known = self.input(step, input)?;
            known.is_plain().then(|| known.weight.clone())
        });
        let parts: Vec<Weight<'m>> = parts.collect::<Option<_>>()?;
        let rank = parts.first()?.shape.len();
        let axis = indices(&[step.node.int("axis").unwrap_or(0)], rank)?;
        Weight::concatenated(&parts, *axis.first()?).map(Known::new)
    }

    /// One index of the first axis.
    pub(super) fn row(&self, step: &Step<'m>, known: &Known<'m>) -> Option<Known<'m>> {
        let [index] = self.integers(step, 1)?[..] else {
            return None;
        };
        let is_scalar = step.input(1).is_some_and(|value| {
            let shape = self.value(value).map(|known| &known.shape);
            shape.is_none_or(Vec::is_empty)
        });
        let first = step.node.int("axis").unwrap_or(0) == 0;
        if !first || !is_scalar {
            return None;
        }
        let size = i64::try_from(*known.shape.first()?).ok()?;
        let index = usize::try_from(if index < 0 { index + size } else { index }).ok()?;
        let row = known.part(0, index, index.checked_add(1)?)?;
        row.reshaped(known.shape[1..].to_vec())
    }
}

/// Axes, which may be counted from the end; `None` if one does not exist.
pub(super) fn indices(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    let size = i64::try_from(rank).ok()?;
    let index = |&axis: &i64| {
        let axis = if axis < 0 {
            axis.checked_add(size)?
        } else {
            axis
        };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    };
    axes.iter().map(index).collect()
}
