//! Nodes that keep a part of their data: one step of a sequence, some units, a mean; and parts of weights.

use serde_json::json;

use super::axes::Axis;
use super::number::Number;
use super::shapes::{place_of, without};
use super::{Flow, Known, Path, Told};
use cntflow_formats::onnx::node::Node;

/// What a `Slice` keeps of one axis.
#[derive(Clone, Copy, Debug)]
struct Range {
    axis: i64,
    start: i64,
    end: i64,
}

impl Range {
    /// First index and one past the last, of so many.
    fn of(self, size: i64) -> (i64, i64) {
        let size = size.max(0);
        let at = |index: i64| match index < 0 {
            true => index.saturating_add(size),
            false => index,
        };
        (at(self.start).clamp(0, size), at(self.end).clamp(0, size))
    }

    fn is_all(self) -> bool {
        self.start == 0 && self.end >= i64::from(i32::MAX)
    }
}

impl<'m, 'a> Path<'m, 'a> {
    /// An embedding, one step of a sequence, or one place of an axis that has been split.
    pub(super) fn gather(&mut self, node: &'m Node<'a>) -> Told<()> {
        let axis = node.int("axis").unwrap_or(0);
        if let Known::Weight(weight) = self.known(node, 0)? {
            let weight = weight.clone();
            return self.embedding(node, weight, axis);
        }
        let index = match self.list(node, 1)?[..] {
            [index] => index,
            ref several => return Err(format!("it takes {} places", several.len())),
        };
        let keeps = match self.known(node, 1)? {
            Known::Weight(weight) => !weight.shape.is_empty(),
            _ => false,
        };
        if let Known::Seen(seen) = self.known(node, 0)? {
            let place = place_of(axis, seen.dims.len());
            let place = place.ok_or_else(|| format!("it has no axis {axis}"))?;
            let picked = seen.picked(place, index);
            let picked = match keeps {
                true => picked,
                false => picked.and_then(|picked| picked.squeezed(Some(&[place]))),
            };
            let picked = picked
                .ok_or_else(|| format!("it takes place {index} of {:?}", seen.dims[place]))?;
            let known = self.settled(picked);
            self.give(node, 0, known);
            return Ok(());
        }
        let flow = self.flow(node, 0)?;
        self.take(node, flow, (axis, index), keeps)
    }

    pub(super) fn slice(&mut self, node: &'m Node<'a>) -> Told<()> {
        let range = self.range(node)?;
        let beyond = || format!("it has no axis {}", range.axis);
        let known = match self.known(node, 0)?.clone() {
            Known::Seen(seen) => {
                let place = place_of(range.axis, seen.dims.len()).ok_or_else(beyond)?;
                let size = seen.sizes().and_then(|sizes| sizes[place].known());
                let cut = match size.map(|size| (size, range.of(size))) {
                    Some((size, (0, end))) if end == size => Some(seen.clone()),
                    Some((_, (start, end))) => seen.cut(place, start, end),
                    None => range.is_all().then(|| seen.clone()),
                };
                self.settled(cut.ok_or_else(|| format!("it keeps {range:?} of {:?}", seen.dims))?)
            }
            Known::Zeros(mut sizes) => {
                let place = place_of(range.axis, sizes.len()).ok_or_else(beyond)?;
                match sizes[place] {
                    Number::Known(size) => {
                        let (start, end) = range.of(size);
                        sizes[place] = Number::Known((end - start).max(0));
                    }
                    Number::Inputs(_) if range.is_all() => {}
                    open => return Err(format!("it keeps {range:?} of {open:?}")),
                }
                Known::Zeros(sizes)
            }
            Known::Weight(weight) => {
                let place = place_of(range.axis, weight.shape.len()).ok_or_else(beyond)?;
                let (start, end) = range.of(weight.shape[place] as i64);
                let cut = weight.cut(place, start as usize, end as usize);
                let cut = cut.ok_or_else(|| {
                    format!(
                        "it keeps {start}..{end} of axis {place} of a weight {:?}",
                        weight.shape
                    )
                })?;
                Known::Weight(cut)
            }
            _ => return self.slice_of_data(node, range),
        };
        self.give(node, 0, known);
        Ok(())
    }

    /// The one axis that a `Slice` names, and what it keeps of it.
    fn range(&self, node: &Node<'a>) -> Told<Range> {
        let one = |list: Vec<i64>| match list[..] {
            [one] => Ok(one),
            _ => Err("it slices several axes".to_owned()),
        };
        let [start, end, axis] = match self.has(node, 1) {
            true => [
                one(self.list(node, 1)?)?,
                one(self.list(node, 2)?)?,
                if self.has(node, 3) {
                    one(self.list(node, 3)?)?
                } else {
                    0
                },
            ],
            false => [
                one(node.ints("starts").unwrap_or_default())?,
                one(node.ints("ends").unwrap_or_default())?,
                one(node.ints("axes").unwrap_or_else(|| vec![0]))?,
            ],
        };
        if self.has(node, 4) && one(self.list(node, 4)?)? != 1 {
            return Err("it slices in steps".to_owned());
        }
        Ok(Range { axis, start, end })
    }

    fn slice_of_data(&mut self, node: &Node<'a>, range: Range) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let axis = range.axis;
        let place =
            place_of(axis, flow.axes.len()).ok_or_else(|| format!("it has no axis {axis}"))?;
        let size = match flow.axes[place] {
            Axis::Batch => self.batch,
            axis => Some(axis.size().unwrap_or(1) as i64),
        };
        match size.map(|size| (size, range.of(size))) {
            Some((size, (0, end))) if end == size => self.give(node, 0, Known::Flow(flow)),
            None if range.is_all() => self.give(node, 0, Known::Flow(flow)),
            Some((_, (start, end))) if end == start + 1 => {
                return self.take(node, flow, (axis, start), true);
            }
            _ => return Err(format!("it keeps {range:?} of {:?}", flow.axes[place])),
        }
        Ok(())
    }

    /// Queries, keys and values, or steps, out of what they were made together as; parts of a weight.
    pub(super) fn split(&mut self, node: &Node<'a>) -> Told<()> {
        let axis = node.int("axis").unwrap_or(0);
        let known = self.known(node, 0)?.clone();
        let (rank, sizes) = match &known {
            Known::Seen(seen) => (seen.dims.len(), seen.sizes()),
            Known::Weight(weight) => {
                let sizes = weight.shape.iter().map(|&size| Number::Known(size as i64));
                (weight.shape.len(), Some(sizes.collect()))
            }
            _ => return Err("it splits what is no part of an attention".to_owned()),
        };
        let place = place_of(axis, rank).ok_or_else(|| format!("it has no axis {axis}"))?;
        let size = sizes.and_then(|sizes| sizes[place].known());
        let size = size.ok_or("it splits an axis of no known size")?;
        let mut start = 0;
        for (output, part) in self.part_sizes(node, size)?.into_iter().enumerate() {
            let end = start + part;
            let made = match &known {
                Known::Seen(seen) => seen.cut(place, start, end).map(Known::Seen),
                Known::Weight(weight) => weight
                    .cut(place, start as usize, end as usize)
                    .map(Known::Weight),
                _ => None,
            };
            let made = made.ok_or_else(|| format!("it keeps {start}..{end} of {size}"))?;
            self.give(node, output, made);
            start = end;
        }
        Ok(())
    }

    /// The sizes of the parts of a `Split`, which are together as large as the whole.
    fn part_sizes(&self, node: &Node<'a>, size: i64) -> Told<Vec<i64>> {
        let n = node.outputs.len() as i64;
        let given = match self.has(node, 1) {
            true => Some(self.list(node, 1)?),
            false => node.ints("split"),
        };
        let parts = match given {
            Some(parts) => parts,
            None if n > 0 && size % n == 0 => vec![size / n; node.outputs.len()],
            None => return Err(format!("it splits {size} into {n} parts")),
        };
        let positive = parts.iter().all(|part| (1..=size).contains(part));
        let sum = parts
            .iter()
            .try_fold(0_i64, |sum, &part| sum.checked_add(part));
        match positive && sum == Some(size) && parts.len() == node.outputs.len() {
            true => Ok(parts),
            false => Err(format!("it splits {size} into {parts:?}, with {n} outputs")),
        }
    }

    fn take(
        &mut self,
        node: &Node<'a>,
        flow: Flow,
        (axis, index): (i64, i64),
        keeps: bool,
    ) -> Told<()> {
        let place =
            place_of(axis, flow.axes.len()).ok_or_else(|| format!("it has no axis {axis}"))?;
        if flow.axes[place] == Axis::One && [0, -1].contains(&index) {
            let axes = without(&flow.axes, &[place], keeps);
            let place = flow.place;
            self.give(node, 0, Known::Flow(Flow { place, axes }));
            return Ok(());
        }
        let Axis::Steps(steps) = flow.axes[place] else {
            return Err(format!("it takes one place of {:?}", flow.axes[place]));
        };
        let which = match index {
            0 => "first",
            index if index == -1 || index == steps - 1 => "last",
            other => {
                return Err(format!(
                    "it takes step {other}, neither the first nor the last"
                ));
            }
        };
        self.go_to(&flow)?;
        self.push(json!({"kind": "take_step", "which": which}))?;
        let axes = without(&flow.axes, &[place], keeps);
        self.give_flow(node, axes);
        Ok(())
    }

    /// The mean over the steps of a sequence, or over the places of channels.
    pub(super) fn mean(&mut self, node: &'m Node<'a>) -> Told<()> {
        if let Some(known) = self.composed_norm(node)? {
            return Ok(known);
        }
        let flow = self.flow(node, 0)?;
        let means = self.named_axes(node, flow.axes.len())?.unwrap_or_default();
        let over = means.iter().map(|&place| flow.axes[place]);
        let over: Vec<Axis> = over.filter(|axis| *axis != Axis::One).collect();
        let layer = match over[..] {
            [Axis::Steps(_)] => json!({"kind": "take_step", "which": "mean"}),
            [Axis::Rows(_), Axis::Columns(_)] | [Axis::Columns(_), Axis::Rows(_)] => {
                json!({"kind": "global_average_pool"})
            }
            [Axis::Columns(_)] if !flow.axes.iter().any(|axis| matches!(axis, Axis::Rows(_))) => {
                json!({"kind": "global_average_pool"})
            }
            _ => return Err(format!("it takes the mean over {over:?}")),
        };
        self.go_to(&flow)?;
        self.push(layer)?;
        let keeps = node.int("keepdims").unwrap_or(1) == 1;
        let axes = without(&flow.axes, &means, keeps);
        self.give_flow(node, axes);
        Ok(())
    }
}
